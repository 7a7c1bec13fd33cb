package userdata

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEachRuleNamesPathAndValue(t *testing.T) {
	const plainPathRule = `is not an absolute path of letters, digits and ._+@-, without . and .. as folders`
	for _, c := range []struct {
		name   string
		change func(*Bootstrap)
		want   string
	}{
		{name: "no region", change: func(b *Bootstrap) { b.Region = "" }, want: `region: "" is not a region such as us-east-1`},
		{
			name:   "region with a newline",
			change: func(b *Bootstrap) { b.Region = "us-east-1\n" },
			want:   `region: "us-east-1\n" is not a region such as us-east-1`,
		},
		{
			name:   "package with a newline",
			change: func(b *Bootstrap) { b.Packages = []string{"a\nb"} },
			want:   `packages[0]: "a\nb" is not the name of a package`,
		},
		{name: "package twice", change: func(b *Bootstrap) { b.Packages = []string{"a", "b", "a"} }, want: `packages[2]: "a" is listed twice`},
		{
			name:   "relative artifact",
			change: func(b *Bootstrap) { b.Artifacts[1].Path = "bin/x" },
			want:   `artifacts[1].path: "bin/x" ` + plainPathRule,
		},
		{
			name:   "artifact up a folder",
			change: func(b *Bootstrap) { b.Artifacts[1].Path = "/opt/../x" },
			want:   `artifacts[1].path: "/opt/../x" ` + plainPathRule,
		},
		{
			name:   "artifact with a space",
			change: func(b *Bootstrap) { b.Artifacts[1].Path = "/opt/a b" },
			want:   `artifacts[1].path: "/opt/a b" ` + plainPathRule,
		},
		{
			name:   "artifact that is a root",
			change: func(b *Bootstrap) { b.Artifacts[1].Path = "/opt" },
			want:   `artifacts[1].path: "/opt" is not below /usr/local, /opt, /srv`,
		},
		{
			name:   "artifact in the system",
			change: func(b *Bootstrap) { b.Artifacts[1].Path = "/etc/passwd" },
			want:   `artifacts[1].path: "/etc/passwd" is not below /usr/local, /opt, /srv`,
		},
		{
			name:   "artifacts of a name",
			change: func(b *Bootstrap) { b.Artifacts[1].Path = "/opt/musicguru" },
			want:   `artifacts[1].path: "/opt/musicguru" has the file name of artifacts[0]`,
		},
		{name: "no artifact path", change: func(b *Bootstrap) { b.Artifacts[0].Path = "" }, want: `artifacts[0].path: must be set`},
		{
			name:   "bucket with capitals",
			change: func(b *Bootstrap) { b.Artifacts[0].Bucket = "B" },
			want:   `artifacts[0].bucket: "B" is not the name of a bucket`,
		},
		{
			name:   "key with a newline",
			change: func(b *Bootstrap) { b.Artifacts[0].Key = "a\nb" },
			want:   `artifacts[0].key: "a\nb" is not a key: at most 255 letters, digits and ._+@=/-`,
		},
		{
			name:   "short checksum",
			change: func(b *Bootstrap) { b.Artifacts[0].SHA256 = "ab" },
			want:   `artifacts[0].sha256: "ab" is not a SHA-256 in 64 lower-case hex digits`,
		},
		{name: "no services", change: func(b *Bootstrap) { b.Services = nil }, want: `services: needs at least one`},
		{name: "no service name", change: func(b *Bootstrap) { b.Services[1].Name = "" }, want: `services[1].name: must be set`},
		{
			name:   "service with a slash",
			change: func(b *Bootstrap) { b.Services[1].Name = "a/b" },
			want:   `services[1].name: "a/b" is not the name of a unit: at most 64 of a–z, 0–9, _ and -, beginning with a letter`,
		},
		{
			name:   "service like an artifact's",
			change: func(b *Bootstrap) { b.Services[1].Name = "artifact-x" },
			want:   `services[1].name: "artifact-x" belongs to the system`,
		},
		{
			name:   "service with the artifacts' state",
			change: func(b *Bootstrap) { b.Services[1].Name = "elastic-service" },
			want:   `services[1].name: "elastic-service" belongs to the system`,
		},
		{
			name:   "services of a name",
			change: func(b *Bootstrap) { b.Services[1].Name, b.Services[1].After = "musicguru", nil },
			want:   `services[1].name: "musicguru" is the name of services[0]`,
		},
		{
			name:   "description of two lines",
			change: func(b *Bootstrap) { b.Services[0].Description = "a\nUser=root" },
			want:   `services[0].description: "a\nUser=root" has a line break or another control character`,
		},
		{
			name:   "no command",
			change: func(b *Bootstrap) { b.Services[0].Command = nil },
			want:   `services[0].command: must be set: an absolute path and its arguments`,
		},
		{
			name:   "relative command",
			change: func(b *Bootstrap) { b.Services[0].Command[0] = "serve" },
			want:   `services[0].command[0]: "serve" ` + plainPathRule,
		},
		{
			name:   "command with a prefix",
			change: func(b *Bootstrap) { b.Services[0].Command[0] = "+/bin/x" },
			want:   `services[0].command[0]: "+/bin/x" ` + plainPathRule,
		},
		{
			name:   "argument with a newline",
			change: func(b *Bootstrap) { b.Services[0].Command[1] = "a\nUser=root" },
			want:   `services[0].command[1]: "a\nUser=root" has a line break or another control character`,
		},
		{
			name:   "argument with a return",
			change: func(b *Bootstrap) { b.Services[0].Command[1] = "a\r" },
			want:   `services[0].command[1]: "a\r" has a line break or another control character`,
		},
		{
			name:   "argument that is no UTF-8",
			change: func(b *Bootstrap) { b.Services[0].Command[1] = "\xff" },
			want:   `services[0].command[1]: "\xff" is not text in UTF-8`,
		},
		{
			name:   "argument of no character",
			change: func(b *Bootstrap) { b.Services[0].Command[1] = "\ufffe" },
			want:   `services[0].command[1]: "\ufffe" is not text in UTF-8`,
		},
		{
			name:   "root",
			change: func(b *Bootstrap) { b.Services[0].User = "root" },
			want:   `services[0].user: "root" is refused: services run unprivileged`,
		},
		{
			name:   "user of two lines",
			change: func(b *Bootstrap) { b.Services[0].User = "a\nb" },
			want:   `services[0].user: "a\nb" is not a user: at most 31 of a–z, 0–9, _ and -, not beginning with a digit`,
		},
		{
			name:   "relative directory",
			change: func(b *Bootstrap) { b.Services[0].Directory = "srv" },
			want:   `services[0].directory: "srv" ` + plainPathRule,
		},
		{
			name:   "variable with a space",
			change: func(b *Bootstrap) { b.Services[0].Environment = map[string]string{"A B": ""} },
			want:   `services[0].environment: "A B" is not the name of a variable: letters, digits and _`,
		},
		{
			name:   "variable of two lines",
			change: func(b *Bootstrap) { b.Services[0].Environment = map[string]string{"A": "\n"} },
			want:   `services[0].environment.A: "\n" has a line break or another control character`,
		},
		{
			name:   "negative port",
			change: func(b *Bootstrap) { b.Services[0].Port = -1 },
			want:   `services[0].port: -1 is not from 1 to 65535, or 0 for none`,
		},
		{
			name:   "port too high",
			change: func(b *Bootstrap) { b.Services[0].Port = 65536 },
			want:   `services[0].port: 65536 is not from 1 to 65535, or 0 for none`,
		},
		{
			name:   "cluster with a newline",
			change: func(b *Bootstrap) { b.Cluster = "a\nECS_DISABLE_PRIVILEGED=false" },
			want:   `cluster: "a\nECS_DISABLE_PRIVILEGED=false" is not the name of a cluster: at most 255 letters, digits, _ and -`,
		},
		{
			name:   "after an unknown service",
			change: func(b *Bootstrap) { b.Services[1].After = []string{"x"} },
			want:   `services[1].after[0]: "x" is not a service here`,
		},
		{
			name:   "after itself",
			change: func(b *Bootstrap) { b.Services[0].After = []string{"musicguru"} },
			want:   `services[0].after[0]: "musicguru" starts after musicguru itself`,
		},
		{
			name:   "after one that comes after",
			change: func(b *Bootstrap) { b.Services[0].After = []string{"healthcheck"} },
			want: `services[0].after[0]: "healthcheck" starts after musicguru itself` + "\n" +
				`services[1].after[0]: "musicguru" starts after healthcheck itself`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := dev()
			c.change(&b)
			require.EqualError(t, b.Validate(), c.want)
			document, err := b.Render()
			require.EqualError(t, err, c.want)
			assert.Nil(t, document)
		})
	}
}

func TestFaultsAreReportedTogether(t *testing.T) {
	b := dev()
	b.Region, b.Artifacts[0].SHA256, b.Services[0].Name = "", "", "A"
	b.Services[1].After = nil
	assert.Len(t, strings.Split(b.Validate().Error(), "\n"), 3)
}

func TestMachineIsValidBeforeItsArtifactsAreInABucket(t *testing.T) {
	b := dev()
	b.Region = ""
	for i := range b.Artifacts {
		b.Artifacts[i] = Artifact{Path: b.Artifacts[i].Path}
	}
	require.NoError(t, b.ValidateMachine())
	require.Error(t, b.Validate())
}
