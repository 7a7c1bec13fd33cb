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
			want:   `artifacts[1].path: "/opt/musicguru" has the file name of artifacts[0] (/usr/local/bin/musicguru)`,
		},
		{
			name:   "artifact below another",
			change: func(b *Bootstrap) { b.Artifacts[1].Path = "/usr/local/bin/musicguru/inner" },
			want:   `artifacts[1].path: "/usr/local/bin/musicguru/inner" is below the path of artifacts[0] (/usr/local/bin/musicguru)`,
		},
		{
			name:   "artifact above another",
			change: func(b *Bootstrap) { b.Artifacts[0].Path, b.Artifacts[1].Path = "/opt/a/b/c", "/opt/a" },
			want:   `artifacts[1].path: "/opt/a" is a folder in the path of artifacts[0] (/opt/a/b/c)`,
		},
		{
			name:   "artifact at the place of another before it is complete",
			change: func(b *Bootstrap) { b.Artifacts[1].Path = "/usr/local/bin/musicguru.new" },
			want: `artifacts[1].path: "/usr/local/bin/musicguru.new" is where a file is installed first, with the ending .new, by ` +
				`artifacts[0] (/usr/local/bin/musicguru)`,
		},
		{
			name:   "artifact that is a template",
			change: func(b *Bootstrap) { b.Artifacts[1].Path = "/opt/x@" },
			want: `artifacts[1].path: "/opt/x@" has an @ in its file name, with which systemd takes the unit that fetches the file for a ` +
				`template`,
		},
		{
			name:   "artifact that is an instance of a template",
			change: func(b *Bootstrap) { b.Artifacts[1].Path = "/opt/x@y" },
			want: `artifacts[1].path: "/opt/x@y" has an @ in its file name, with which systemd takes the unit that fetches the file for a ` +
				`template`,
		},
		{
			name:   "artifact in the place of a folder",
			change: func(b *Bootstrap) { b.Artifacts[1].Path = "/usr/local/bin" },
			want:   `artifacts[1].path: "/usr/local/bin" is a folder of the image: add the name of the file`,
		},
		{
			name:   "artifact of a name too long",
			change: func(b *Bootstrap) { b.Artifacts[1].Path = "/opt/" + strings.Repeat("n", 239) },
			want: `artifacts[1].path: "/opt/` + strings.Repeat("n", 239) + `" has a file name of 239 characters: 238 at most, because ` +
				`systemd allows the unit that fetches it 255`,
		},
		{
			name:   "artifact of a path too long",
			change: func(b *Bootstrap) { b.Artifacts[1].Path = "/opt" + strings.Repeat("/n", 126) },
			want:   `artifacts[1].path: "/opt` + strings.Repeat("/n", 126) + `" has 256 characters: 255 at most`,
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
			want:   `artifacts[0].key: "a\nb" is not a key: at most 1024 letters, digits and ._+@=/-`,
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
			want:   `services[1].name: "artifact-x" is the name of a unit of the system, which the service would replace: choose another name`,
		},
		{
			name:   "service with the artifacts' state",
			change: func(b *Bootstrap) { b.Services[1].Name = "elastic-service" },
			want: `services[1].name: "elastic-service" is the name of a folder of the system in /var/lib, which the service would own: ` +
				`choose another name`,
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
			name:   "user that administrators log in as",
			change: func(b *Bootstrap) { b.Services[0].User = "ec2-user" },
			want:   `services[0].user: "ec2-user" is an account of the system, whose rights are not for a service: choose another name`,
		},
		{
			name:   "dynamic user that exists",
			change: func(b *Bootstrap) { b.Services[1].Name = "ubuntu" },
			want:   `services[1].name: "ubuntu" is an account of the system, as which the service would run: choose another name`,
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
			name:   "a log group with a space",
			change: func(b *Bootstrap) { b.LogGroup = "a b" },
			want:   `logGroup: "a b" is not the name of a log group: at most 512 letters, digits and ._/#-`,
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

func TestNamesOfTheSystemAreRefused(t *testing.T) {
	for _, name := range []string{
		"auditd", "rsyslog", "crond", "cron", "firewalld", "docker", "ecs", "acpid", "postfix", "nfs", "nfs-server", "network", "networking",
		"systemd", "systemd-journald", "multi-user", "update-motd", "rc-local", "amazon-ssm-agent", "cloud-init", "chronyd", "dbus",
		"dbus-broker", "sshd", "ssh", "sssd", "getty", "user", "udev", "policy-routes", "hibinit-agent", "snapd", "unattended-upgrades",
		"cloud", "rpm", "private", "machines", "shiplogs",
	} {
		b := dev()
		b.Services[1].Name = name
		require.ErrorContains(t, b.Validate(), "of the system", name)
	}
	for _, user := range []string{
		"toor", "ec2-user", "ubuntu", "admin", "debian", "ssm-user", "nobody", "daemon", "bin", "wheel", "disk", "systemd-network",
	} {
		b := dev()
		b.Services[1].User = user
		require.ErrorContains(t, b.Validate(), "is an account of the system", user)
	}
}

func TestNamesOfServersAreAccepted(t *testing.T) {
	for _, name := range []string{
		"web", "app", "api", "worker", "cron_er", "frontend", "nginx", "redis", "network-monitor", "user-service", "cloudy",
	} {
		b := dev()
		b.Services[1].Name, b.Services[1].User = name, name
		require.NoError(t, b.Validate(), name)
	}
	b := dev()
	b.Services[1].User = "www-data"
	require.NoError(t, b.Validate())
}
