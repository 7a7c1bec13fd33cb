package guest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPathsOfTheInstanceAreFoundWithinAText(t *testing.T) {
	r := root(t.TempDir())
	for _, name := range []string{"/opt/a", "/opt/b.conf", "/srv/x=y:z", "/etc/mine"} {
		require.NoError(t, r.write(file{path: name, mode: 0o644}))
	}
	at := func(name string) string { return string(r) + name }
	for text, want := range map[string]string{
		"/opt/a":                        at("/opt/a"),
		"/opt/a/":                       at("/opt/a"),
		"--config=/opt/b.conf":          "--config=" + at("/opt/b.conf"),
		"file:/opt/b.conf":              "file:" + at("/opt/b.conf"),
		"file:///opt/b.conf":            "file:" + at("/opt/b.conf"),
		"-javaagent:/opt/a=/opt/b.conf": "-javaagent:" + at("/opt/a") + "=" + at("/opt/b.conf"),
		"/opt/a:/usr/bin:/opt/b.conf":   at("/opt/a") + ":/usr/bin:" + at("/opt/b.conf"),
		"access /opt/a, please":         "access " + at("/opt/a") + ", please",
		"/srv/x=y:z":                    at("/srv/x=y:z"),
		"@/opt/a":                       "@" + at("/opt/a"),
		"http://host/opt/a":             "http://host/opt/a",
		"x/opt/a":                       "x/opt/a",
		"echo > /opt/new":               "echo > " + at("/opt/new"),
		"/opt/absent/new":               "/opt/absent/new",
		"/etc/hosts":                    "/etc/hosts",
		"/":                             "/",
		"path=/":                        "path=/",
		"":                              "",
	} {
		assert.Equal(t, want, r.translate(text), text)
	}
}
