package guest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/guest"
)

const wanted = "Environment=SERVE=:5000\n[Install]\nWantedBy=multi-user.target"

func TestImageOfAnInstanceServesWithoutUserData(t *testing.T) {
	source := boot(t, newMachine(t, "10.5.0.10", document(service("web", "", wanted))))
	source.ask(5000, "who")
	root := filepath.Join(source.machine.Directory, "root")
	require.NoError(t, os.WriteFile(filepath.Join(root, "root/release"), []byte("7"), 0o640))
	require.NoError(t, os.Symlink("release", filepath.Join(root, "root/link")))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "run/web"), 0o750))
	require.NoError(t, unix.Mkfifo(filepath.Join(root, "root/pipe"), 0o600))

	image := filepath.Join(t.TempDir(), "images", "ami-1")
	require.NoError(t, guest.Capture(source.machine.Directory, image))
	require.ErrorIs(t, guest.Capture(source.machine.Directory, image), os.ErrExist)
	source.Kill()

	m := newMachine(t, "10.5.0.11", "")
	m.Image = image
	copied := boot(t, m)
	assert.Equal(t, "web 127.5.0.11:5000", copied.ask(5000, "who"))
	text, err := os.ReadFile(filepath.Join(m.Directory, "root/root/link"))
	require.NoError(t, err)
	assert.Equal(t, "7", string(text))
	info, err := os.Stat(filepath.Join(m.Directory, "root/root/release"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	assert.NoDirExists(t, filepath.Join(m.Directory, "root/run"))
	assert.NoFileExists(t, filepath.Join(m.Directory, "root/root/pipe"))
	entries, err := os.ReadDir(filepath.Dir(image))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing unfinished stays")

	t.Run("what an instance changes stays its own, over a reboot too", func(t *testing.T) {
		require.NoError(t, os.WriteFile(filepath.Join(m.Directory, "root/root/release"), []byte("8"), 0o600))
		copied.Kill()
		again := boot(t, m)
		again.ask(5000, "who")
		text, err := os.ReadFile(filepath.Join(m.Directory, "root/root/release"))
		require.NoError(t, err)
		assert.Equal(t, "8", string(text))
		text, err = os.ReadFile(filepath.Join(image, "root/release"))
		require.NoError(t, err)
		assert.Equal(t, "7", string(text))
	})
}

func TestUserDataGoesOverTheImage(t *testing.T) {
	source := boot(t, newMachine(t, "10.5.0.12", document(service("web", "", wanted), service("more", "", "Environment=SERVE=:5001"))))
	source.ask(5000, "who")
	source.ask(5001, "who")
	image := filepath.Join(t.TempDir(), "ami-2")
	require.NoError(t, guest.Capture(source.machine.Directory, image))
	m := newMachine(t, "10.5.0.13", document(service("web", "", "Environment=SERVE=:6000")))
	m.Image = image
	r := boot(t, m)
	assert.Equal(t, "web 127.5.0.13:6000", r.ask(6000, "who"))
	assert.Equal(t, guest.Stopped, r.status("more").State, "it was started, not enabled")
}

func TestMachineWithoutUserDataRunsNothing(t *testing.T) {
	r := boot(t, newMachine(t, "10.5.0.14", ""))
	assert.Empty(t, r.Services())
	assert.Empty(t, r.Skipped())
	require.NoError(t, r.Shutdown(t.Context()))
}

func TestMissingImageFailsTheBoot(t *testing.T) {
	m := newMachine(t, "10.5.0.15", "")
	m.Image = filepath.Join(t.TempDir(), "gone")
	_, err := guest.Boot(t.Context(), m)
	require.ErrorContains(t, err, "boot i-10x5x0x15: image: ")
	require.ErrorIs(t, err, os.ErrNotExist)
}
