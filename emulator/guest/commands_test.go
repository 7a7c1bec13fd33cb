package guest

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const sumOfHi = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4" // of "hi"

// shell runs command lines on an instance's files.
func shell(t *testing.T) (*Instance, func(line string) error) {
	t.Helper()
	in := &Instance{root: root(t.TempDir()), spec: Spec{
		Fetch: func(_ context.Context, bucket, _ string) (io.ReadCloser, error) {
			if bucket != "mine" {
				return nil, errors.New("access denied")
			}
			return io.NopCloser(strings.NewReader("hi")), nil
		},
	}}
	return in, func(line string) error {
		words := strings.Fields(line)
		run := builtinCommand(words[0])
		require.NotNil(t, run, line)
		return run(t.Context(), in, words[1:])
	}
}

func TestCommandsWorkOnTheInstancesFiles(t *testing.T) {
	in, run := shell(t)
	require.NoError(t, os.WriteFile(in.root.path("/sums"), []byte(sumOfHi+"  /var/new/app\n"+sumOfHi+" */var/new/app\n"), 0o600))
	for _, line := range []string{
		"/usr/bin/aws s3 cp --only-show-errors --no-progress --region eu-west-1 s3://mine/a/b /var/new/app",
		"/usr/bin/sha256sum --check --status --strict /sums",
		"/usr/bin/install -D -m 0750 /var/new/app /usr/local/bin/.app",
		"/usr/bin/sync /usr/local/bin/.app",
		"/usr/bin/mv -T /usr/local/bin/.app /usr/local/bin/app",
		"/bin/mkdir -p /srv/a/b",
		"/bin/mv -f /var/new/app /srv/a",
		"/usr/bin/mkdir -p -m 0711 /opt/x",
		"/bin/rm -f /nowhere",
		"/bin/rm -rf /srv/a/b",
		"/usr/local/bin/aws s3 cp s3://mine/a/named /srv",
	} {
		require.NoError(t, run(line), line)
	}
	for file, mode := range map[string]os.FileMode{
		"/usr/local/bin/app": 0o750, "/srv/a/app": 0o644, "/opt/x": os.ModeDir | 0o711, "/srv/named": 0o644,
	} {
		info, err := os.Stat(in.root.path(file))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode(), file)
	}
	assert.NoDirExists(t, in.root.path("/srv/a/b"))
	left, err := filepath.Glob(in.root.path("/usr/local/bin") + "/.*app*")
	require.NoError(t, err)
	assert.Empty(t, left, "nothing half-done stays")
}

func TestCommandsFailAsTheRealOnesDo(t *testing.T) {
	in, run := shell(t)
	for name, content := range map[string]string{
		"app": "hi", "other": strings.Repeat("0", 64) + "  /app\n", "gone": sumOfHi + "  /gone\n", "bad": "nonsense\n", "empty": "",
	} {
		require.NoError(t, os.WriteFile(in.root.path(name), []byte(content), 0o600))
	}
	require.NoError(t, os.Mkdir(in.root.path("/folder"), 0o755))
	for line, want := range map[string]string{
		"/usr/bin/aws s3 cp s3://other/a /a":           "download failed: s3://other/a: access denied",
		"/usr/bin/aws s3 cp /a s3://mine/a":            "not s3://BUCKET/KEY",
		"/usr/bin/aws s3 cp s3://mine /a":              "not s3://BUCKET/KEY",
		"/usr/bin/aws s3 sync s3://mine/a /a":          "`aws s3 cp` from a bucket",
		"/usr/bin/aws s3 cp --recursive s3://mine/a /": "unknown option --recursive",
		"/usr/bin/sha256sum /app":                      "only `sha256sum --check`",
		"/usr/bin/sha256sum --check /nowhere":          "/nowhere: no such file",
		"/usr/bin/sha256sum --check /other":            "/app: FAILED: its SHA-256 is " + sumOfHi,
		"/usr/bin/sha256sum --check /bad":              "line 1: improperly formatted",
		"/usr/bin/sha256sum --check /empty":            "no properly formatted",
		"/usr/bin/sha256sum --check":                   "operands",
		"/usr/bin/sha256sum --magic /app":              "flag provided but not defined: -magic",
		"/usr/bin/install /app /no/folder":             "/no/folder",
		"/usr/bin/install -m u+x /app /b":              `mode "u+x" is not octal`,
		"/usr/bin/install /nowhere /b":                 "/nowhere: no such file",
		"/usr/bin/install /app":                        "operands",
		"/bin/mv /nowhere /b":                          "/nowhere to /b: no such file",
		"/bin/mv -T /app /folder":                      "/app to /folder: file exists",
		"/bin/rm /nowhere":                             "/nowhere: no such file",
		"/bin/mkdir /no/folder":                        "/no/folder: no such file",
		"/bin/mkdir /folder":                           "file exists",
	} {
		require.ErrorContains(t, run(line), want, line)
	}
	assert.Nil(t, builtinCommand("/opt/bin/aws"))
	assert.Nil(t, builtinCommand("/usr/bin/curl"))
}
