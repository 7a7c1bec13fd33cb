package nspawn_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/runtime/nspawn"
	"github.com/elastic-service/elastic-service/internal/project"
	"github.com/elastic-service/elastic-service/internal/userdatatest"
)

// bare is a machine without user data, to try documents on.
func bare(t *testing.T) *nspawn.Machine {
	t.Helper()
	v := newVPC(t)
	m := boot(t, v, software{}.spec(t, zoneA))
	assertBootedCleanly(t, m)
	return m
}

// schema is what `cloud-init schema` says of a document. Without --annotate: with it, it ends well on whatever it finds.
func schema(t *testing.T, m *nspawn.Machine, document []byte) nspawn.Result {
	t.Helper()
	require.NoError(t, m.Write(t.Context(), "/run/document", document))
	return attempt(t, m, "cloud-init", "schema", "--config-file", "/run/document")
}

// everyStack is the user data of all stack files.
func everyStack(t *testing.T) map[string][]byte {
	t.Helper()
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	stacks, err := project.Stacks(root)
	require.NoError(t, err)
	require.Subset(t, stacks, []string{"dev", "prod", "cardweb", "swiftcode", "flask", "lamp"})
	documents := map[string][]byte{}
	for _, stack := range stacks {
		documents[stack] = deployed(t, stack, nil).userData
	}
	return documents
}

// mutation makes a document bad.
type mutation struct {
	from, to string // a text of stack dev's document, and what it becomes: the first of them
	want     string // the refusal, in part
	refused  bool   // by cloud-init, too, when asked for the document's schema: at a boot it asks nobody
}

const unitFile = "/etc/systemd/system/musicguru.service\n"

var mutations = map[string]mutation{
	"no header": {
		"#cloud-config\n", "", `user data is no cloud-config: its first line is "write_files:", not "#cloud-config"`, true,
	},
	"a header with a blank":   {"#cloud-config\n", "# cloud-config\n", `its first line is "# cloud-config"`, true},
	"YAML that doesn't parse": {"write_files:\n", "write_files: [\n", "user data: yaml: ", true},
	"a tab for blanks":        {"    permissions: ", "\tpermissions: ", "user data: yaml: ", true},
	"two documents":           {"runcmd:\n", "---\nruncmd:\n", "more than one YAML document", true},
	"an unknown key":          {"runcmd:\n", "run_cmd:\n", "run_cmd: is not known", false},
	"a key twice":             {"runcmd:\n", "runcmd: []\nruncmd:\n", "runcmd: is there twice", false},
	"an unknown field of a file": {
		"    content: |\n", "    contents: |\n", "write_files[0].contents: is not known", true,
	},
	"a number for a mode": {`permissions: "0644"`, `permissions: 0644`, "write_files[0].permissions: is not text", true},
	"a mode of three digits": {
		`permissions: "0644"`, `permissions: "644"`, `write_files[0].permissions: "644" is not a mode such as "0644"`, false,
	},
	"a mode that is none":   {`permissions: "0644"`, `permissions: "rw"`, `"rw" is not a mode`, false},
	"a file without a path": {"  - path: /etc/elastic", "  - owner: /etc/elastic", "write_files[0].path: must be set", true},
	"a relative path": {
		"path: /etc/elastic", "path: etc/elastic", "is not an absolute path", false,
	},
	"a command that is no list": {"  - - systemctl\n    - daemon-reload\n", "  - 7\n", "runcmd[0]: is not a list", true},
	"a command with a number":   {"    - daemon-reload\n", "    - 7\n", "runcmd[0][1]: is not text", true},
	"a list that is a mapping":  {"runcmd:\n", "runcmd:\n  a: b\nx:\n", "runcmd: is not a list", true},
	"a unit that isn't enabled": {"    - musicguru.service\n", "", "musicguru.service: is not enabled by runcmd", false},
	"a unit that isn't there": {
		"    - musicguru.service\n", "    - musicgru.service\n", `"musicgru.service" is no unit of the document`, false,
	},
	"a unit under another name": {unitFile, "/etc/systemd/system/musicguru.servce\n", "is not the file of a service", false},
	"an unknown directive": {
		"      NoNewPrivileges=yes\n", "      NoNewPrivilege=yes\n", "Service.NoNewPrivilege: is not known", false,
	},
	"a directive of no section": {"      [Service]\n", "", "Unit.Type: is not known", false},
	"an unknown section":        {"      [Install]\n", "      [Instal]\n", "Instal.WantedBy: is not known", false},
	"a value that is none": {
		"      ProtectHome=yes\n", "      ProtectHome=maybe\n", `ProtectHome: "maybe" is not a value of it`, false,
	},
	"a relative command":          {"ExecStart=/usr/bin/aws", "ExecStart=aws", "Service.ExecStart: ", false},
	"a unit without a command":    {"      ExecStart=/usr/local/bin/musicguru serve\n", "", "Service.ExecStart: must be set", false},
	"a unit that runs as root":    {"      DynamicUser=yes\n", "", "services run unprivileged", false},
	"a unit that isn't restarted": {"      Restart=always\n", "", "Service.Restart: must be set", false},
	"a unit that nothing wants":   {"      WantedBy=multi-user.target\n", "", "Install.WantedBy: must be set", false},
	"a requirement that isn't met": {
		"Requires=artifact-musicguru.service", "Requires=artifact-music.service",
		`Unit.Requires: "artifact-music.service" is no unit of the document`, false,
	},
	"an artifact without a checksum": {
		"/etc/elastic-service/musicguru.sha256\n    perm", "/etc/elastic-service/music.sha256\n    perm",
		"artifact-musicguru.service: has no checksum", false,
	},
	"a checksum cut short": {
		"sha256\n    permissions: \"0644\"\n    content: |\n      ", "sha256\n    permissions: \"0644\"\n    content: |\n      f",
		"is not a SHA-256", false,
	},
	"a byte that is no text": {"Description=Service musicguru", "Description=\xff", "user data is not text in UTF-8", true},
	"too large": {
		"write_files:\n", "write_files:\n" + strings.Repeat("# filling\n", 1500), "EC2 takes 16384 at most", false,
	},
}

// mutate changes dev's document. The text must be there, or the mutation would be none.
func (c mutation) mutate(t *testing.T, document []byte) []byte {
	t.Helper()
	require.Contains(t, string(document), c.from)
	return bytes.Replace(document, []byte(c.from), []byte(c.to), 1)
}

func TestEveryStacksUserDataPassesOurCheck(t *testing.T) {
	for stack, document := range everyStack(t) {
		assert.NoError(t, userdatatest.Check(document), stack)
	}
}

func TestBadDocumentsAreRefused(t *testing.T) {
	document := devSoftware(t).userData
	require.NoError(t, userdatatest.Check(document))
	for name, c := range mutations {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, userdatatest.Check(c.mutate(t, document)), c.want)
		})
	}
}

func TestCloudInitsSchema(t *testing.T) {
	needMachines(t)
	stacks, document := everyStack(t), devSoftware(t).userData
	m := bare(t)
	t.Run("accepts every stack's user data", func(t *testing.T) {
		for stack, document := range stacks {
			r := schema(t, m, document)
			assert.Zero(t, r.Code, "%s: %s%s", stack, r.Stdout, r.Stderr)
			assert.Empty(t, r.Stderr, stack)
		}
	})
	// Why there is a check of our own.
	t.Run("accepts most bad documents, too", func(t *testing.T) {
		silent := 0
		for name, c := range mutations {
			r := schema(t, m, c.mutate(t, document))
			assert.Equal(t, c.refused, r.Code != 0, "%s: status %d: %s%s", name, r.Code, r.Stdout, r.Stderr)
			if r.Code == 0 {
				silent++
			}
		}
		t.Logf("of %d bad documents, cloud-init schema accepts %d", len(mutations), silent)
	})
}

// TestCloudInitEndsWellOnWhatItCannotRead boots with a document that isn't YAML.
func TestCloudInitEndsWellOnWhatItCannotRead(t *testing.T) {
	v := newVPC(t)
	s := software{userData: []byte("#cloud-config\nwrite_files: [\n")}
	require.Error(t, userdatatest.Check(s.userData))
	m := boot(t, v, s.spec(t, zoneA))
	assert.Contains(t, command(t, m, "cloud-init", "status", "--wait", "--long"), "status: done")
	log := command(t, m, "grep", "WARNING", "/var/log/cloud-init.log")
	assert.Contains(t, log, "Failed loading yaml blob")
}
