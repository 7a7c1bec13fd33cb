package guest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/userdata"
)

// bucket has the objects of an instance by their keys.
type bucket map[string][]byte

func (b bucket) fetch(_ context.Context, _, key string) (io.ReadCloser, error) {
	content, found := b[key]
	if !found {
		return nil, errors.New("no such key")
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

// artifact returns the artifact whose content is the object key.
func (b bucket) artifact(path, key string) userdata.Artifact {
	sum := sha256.Sum256(b[key])
	return userdata.Artifact{Path: path, Bucket: "artifacts", Key: key, SHA256: hex.EncodeToString(sum[:])}
}

// rendered returns the user data of a bootstrap.
func rendered(t *testing.T, b userdata.Bootstrap) string {
	t.Helper()
	b.Region = "us-east-1"
	document, err := b.Render()
	require.NoError(t, err)
	return string(document)
}

// logged returns what a unit has written.
func (r *rig) logged(unit string) string {
	text, _ := os.ReadFile(filepath.Join(r.machine.Directory, "log", unit+".log"))
	return string(text)
}

// reader prints the file that its argument names, or that there is none, and stays.
const reader = `#!/bin/sh
file=${1#--config=}
if test -e "$file"; then cat "$file"; else echo DEFAULTS; fi
exec sleep 1000
`

// A service whose configuration is named within an argument must not start with its defaults while the file is on its way.
func TestServiceWaitsForAFileThatIsNamedWithinAnArgument(t *testing.T) {
	objects := bucket{"reader": []byte(reader), "app.conf": []byte("mode=production\n")}
	m := newMachine(t, "10.1.2.10", rendered(t, userdata.Bootstrap{
		Artifacts: []userdata.Artifact{
			objects.artifact("/usr/local/bin/reader", "reader"), objects.artifact("/opt/reader/app.conf", "app.conf"),
		},
		Services: []userdata.Service{{Name: "reader", Command: []string{"/usr/local/bin/reader", "--config=/opt/reader/app.conf"}}},
	}))
	var asked atomic.Int32
	m.Fetch = func(ctx context.Context, name, key string) (io.ReadCloser, error) {
		if key == "app.conf" && asked.Add(1) < 3 {
			return nil, errors.New("access denied")
		}
		return objects.fetch(ctx, name, key)
	}
	r := boot(t, m)
	require.Eventually(t, func() bool { return r.logged("reader") != "" }, 10*time.Second, time.Millisecond)
	assert.Equal(t, "mode=production\n", r.logged("reader"))
	assert.Equal(t, int32(3), asked.Load(), "the fetch was repeated, and the service waited")
}

// packed is a folder as the program packs it.
func packed(t *testing.T, files map[string]string) []byte {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	folder := t.TempDir()
	for name, content := range files {
		file := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o755))
	}
	require.NoError(t, os.Symlink("bin/app", filepath.Join(folder, "app")))
	archive, err := compute.PackFolder(folder)
	require.NoError(t, err)
	content, err := os.ReadFile(archive)
	require.NoError(t, err)
	return content
}

// prepared is a machine with an application in a folder, files and a setup whose second command fails until its third try.
func prepared(t *testing.T) (bucket, userdata.Bootstrap) {
	t.Helper()
	const app = "#!/bin/sh\ncat \"$1\"; echo \"started after: $(tr '\\n' ' ' < $HOME/log)\"; exec sleep 1000\n"
	objects := bucket{
		"app": packed(t, map[string]string{"bin/app": app, "static/a.css": "a"}), "large": bytes.Repeat([]byte("large\n"), 1000),
	}
	folder, large := objects.artifact("/srv/app", "app"), objects.artifact("/etc/app/large.conf", "large")
	folder.Archive = true
	return objects, userdata.Bootstrap{
		Packages:  []string{"none-that-is-needed"},
		Artifacts: []userdata.Artifact{folder},
		Files: []userdata.File{
			{Path: "/etc/app/app.conf", Content: []byte("mode=production\n")},
			{Path: "/srv/app/.env", Content: []byte("\x00odd\r\n"), Mode: "0600", Owner: "app", Group: "app"},
			{Path: large.Path, Bucket: large.Bucket, Key: large.Key, SHA256: large.SHA256},
		},
		Setup: []userdata.Setup{
			{Name: "first", Command: []string{"/bin/sh", "-c", "echo first >> log"}, Directory: "/var/lib/app"},
			{Name: "second", User: "app", Directory: "/var/lib/app", Command: []string{
				"/bin/sh", "-c", "echo second >> log; echo try >> tries; test $(wc -l < tries) -ge 3",
			}},
		},
		Services: []userdata.Service{{
			Name: "app", User: "app", Command: []string{"/srv/app/app", "/etc/app/app.conf"},
			Before: [][]string{{"/bin/sh", "-c", "echo before >> $HOME/log"}}, Limits: userdata.Limits{OpenFiles: 300, MemoryMiB: 64},
		}},
	}
}

func TestFilesFoldersAndSetupAreDoneOnceAndInOrder(t *testing.T) {
	objects, b := prepared(t)
	m := newMachine(t, "10.1.2.11", rendered(t, b))
	m.Fetch = objects.fetch
	r := boot(t, m)
	const want = "mode=production\nstarted after: first second second second before \n"
	require.Eventually(t, func() bool { return r.logged("app") == want }, 10*time.Second, time.Millisecond, r.logged("app"))
	assert.Equal(t, 2, r.status("setup-second").Restarts, "a command that fails is repeated, and the services wait")
	for path, want := range map[string]struct {
		content string
		mode    os.FileMode
	}{
		"/etc/app/app.conf": {"mode=production\n", 0o644}, "/srv/app/.env": {"\x00odd\r\n", 0o600},
		"/etc/app/large.conf": {strings.Repeat("large\n", 1000), 0o644}, "/srv/app/static/a.css": {"a", 0o755},
	} {
		file := m.Directory + "/root" + path
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, want.content, string(content), path)
		info, err := os.Stat(file)
		require.NoError(t, err)
		assert.Equal(t, want.mode, info.Mode(), path)
	}
	assert.NoDirExists(t, m.Directory+"/root/srv/app.new")

	t.Run("a reboot does nothing of it again", func(t *testing.T) {
		require.NoError(t, os.WriteFile(m.Directory+"/root/etc/app/app.conf", []byte("changed\n"), 0o600))
		require.NoError(t, r.Shutdown(t.Context()))
		again := boot(t, m)
		const want = want + "changed\nstarted after: first second second second before before \n"
		require.Eventually(t, func() bool { return again.logged("app") == want }, 10*time.Second, time.Millisecond, again.logged("app"))
	})
}

func TestASetupThatFailsIsSeenAndKeepsTheServicesFromStarting(t *testing.T) {
	r := boot(t, newMachine(t, "10.1.2.12", rendered(t, userdata.Bootstrap{
		Setup: []userdata.Setup{
			{Name: "migrate", Command: []string{"/bin/sh", "-c", "echo no database; exit 7"}},
			{Name: "later", Command: []string{"/bin/sh", "-c", "echo later"}},
		},
		Services: []userdata.Service{{Name: "web", Command: []string{"/bin/sleep", "1000"}}},
	})))
	require.Eventually(t, func() bool { return r.status("setup-migrate").Restarts > 1 }, 10*time.Second, time.Millisecond)
	assert.Contains(t, r.status("setup-migrate").LastExit, "exit status 7")
	assert.Contains(t, r.logged("setup-migrate"), "no database")
	assert.Equal(t, "not started, because setup-migrate.service is required and failed", r.status("web").LastExit)
	assert.Equal(t, guest.Stopped, r.status("web").State)
	assert.Empty(t, r.logged("setup-later"), "the order is kept")
}

func TestASetupThatTakesTooLongIsEndedAndRepeated(t *testing.T) {
	r := boot(t, newMachine(t, "10.1.2.13", rendered(t, userdata.Bootstrap{
		Setup:    []userdata.Setup{{Name: "slow", Command: []string{"/bin/sleep", "1000"}, Timeout: 2 * time.Second}},
		Services: []userdata.Service{{Name: "web", Command: []string{"/bin/sleep", "1000"}}},
	})))
	require.Eventually(t, func() bool { return r.status("setup-slow").Restarts > 0 }, 10*time.Second, time.Millisecond)
	assert.Contains(t, r.status("setup-slow").LastExit, "timeout after 2s")
}

func TestWhatARealMachineRefusesIsSaidFirst(t *testing.T) {
	objects, b := prepared(t)
	b.Services = append(b.Services,
		userdata.Service{Name: "eased", Command: []string{"/bin/sleep", "1000"}, Sandbox: userdata.Standard},
		userdata.Service{Name: "free", Command: []string{"/bin/sleep", "1000"}, Sandbox: userdata.Off, User: "free"},
	)
	m := newMachine(t, "10.1.2.14", rendered(t, b))
	m.Fetch = objects.fetch
	skipped := boot(t, m).Skipped()
	const outside = "CALL FILTER NOT APPLIED: on AWS a call outside of "
	assert.Equal(t, []string{
		outside + `"@system-service ~@privileged @resources" fails, which ends some programs; booted machines show it (app)`,
		outside + `"@system-service" fails, which ends some programs; booted machines show it (eased)`,
	}, skipped[:2])
	assert.Contains(t, skipped, "MemoryMax=64M is not enforced (app.service)")
	assert.Contains(t, skipped, "users: app is not created: processes run as the emulator's user")
	for _, line := range skipped {
		assert.NotContains(t, line, "is not supported")
	}
}

func TestOpenFilesAreLimitedAsTheUnitSays(t *testing.T) {
	r := boot(t, newMachine(t, "10.1.2.15", rendered(t, userdata.Bootstrap{Services: []userdata.Service{
		{Name: "few", Command: []string{"/bin/sh", "-c", "sleep 0.1; ulimit -n; exec sleep 1000"}, Limits: userdata.Limits{OpenFiles: 300}},
	}})))
	require.Eventually(t, func() bool { return r.logged("few") == "300\n" }, 10*time.Second, time.Millisecond, r.logged("few"))
}

func TestCompressedUserDataIsRead(t *testing.T) {
	objects, b := prepared(t)
	b.Files = append(b.Files, userdata.File{Path: "/etc/app/more", Content: bytes.Repeat([]byte("more\n"), 4000)})
	document := rendered(t, b)
	require.True(t, userdata.IsCompressed([]byte(document)))
	m := newMachine(t, "10.1.2.16", document)
	m.Fetch = objects.fetch
	r := boot(t, m)
	require.Eventually(t, func() bool { return r.status("app").State == guest.Running }, 10*time.Second, time.Millisecond)
	assert.FileExists(t, m.Directory+"/root/etc/app/more")

	m = newMachine(t, "10.1.2.17", document[:len(document)/2])
	_, err := guest.Boot(t.Context(), m)
	require.ErrorContains(t, err, "user data: unexpected EOF")
}
