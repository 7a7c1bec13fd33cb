package release

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheUnitThatFailedIsNamedWithItsLastLines(t *testing.T) {
	instances := Instances{LogGroup: "/web/prod/instances", Setup: []Setup{
		{Name: "folders", Command: []string{"/usr/bin/mkdir", "/srv/a"}}, {Name: "migrate", Command: []string{"/usr/local/bin/web", "migrate"}},
	}}
	failed := func(unit, exit, result string) []string {
		says := "systemd: " + unit + ".service: "
		return []string{says + "Main process exited, " + exit, says + "Failed with result '" + result + "'."}
	}
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"a setup command": {
			slices.Concat([]string{"setup-migrate: no database"}, failed("setup-migrate", "code=exited, status=3/NOTIMPLEMENTED", "exit-code")),
			"\n  i-1: setup command 2, migrate (/usr/local/bin/web migrate), failed: exit status 3\n    | no database",
		},
		"a setup command before services": {
			slices.Concat(
				failed("setup-folders", "code=exited, status=1/FAILURE", "exit-code"), failed("web", "code=killed, status=9/KILL", "signal"),
			),
			"\n  i-1: setup command 1, folders (/usr/bin/mkdir /srv/a), failed: exit status 1",
		},
		"a service": {
			slices.Concat([]string{"web: a", "setup-folders: b"}, failed("web", "code=killed, status=9/KILL", "signal")),
			"\n  i-1: the unit web failed: ended by signal 9 KILL\n    | a",
		},
		"a time limit": {
			[]string{"systemd: setup-migrate.service: Failed with result 'timeout'."},
			"\n  i-1: setup command 2, migrate (/usr/local/bin/web migrate), failed: timeout",
		},
		"no unit":     {[]string{"web: a", "web: b"}, "\n  i-1 wrote last:\n    | web: a\n    | web: b"},
		"nothing":     {nil, "\n  i-1 has sent nothing to the log group /web/prod/instances: it did not get that far"},
		"a long line": {[]string{"web: " + strings.Repeat("ä", 400)}, "\n  i-1 wrote last:\n    | web: " + strings.Repeat("ä", 295) + "…"},
		"many lines": {
			strings.Fields("1 2 3 4 5 6 7 8 9"),
			"\n  i-1 wrote last:\n    | " + strings.Join(strings.Fields("2 3 4 5 6 7 8 9"), "\n    | "),
		},
	} {
		t.Run(name, func(t *testing.T) {
			text, found := instances.explain("i-1", c.lines)
			assert.Equal(t, c.want, text)
			assert.Equal(t, strings.Contains(c.want, "failed"), found)
		})
	}
}
