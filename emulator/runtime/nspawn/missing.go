package nspawn

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/internal/thread"
)

// keyring has Debian's signing keys. Debian has them, Ubuntu does not.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// Missing says in one sentence what this computer lacks to boot machines, or returns "" if it lacks nothing. Packages have
// their names in Debian and Ubuntu.
func Missing() string {
	if os.Geteuid() != 0 {
		return "booting machines needs root"
	}
	var missing []string
	for _, needed := range [][2]string{
		{"systemd-nspawn", "systemd-container"}, {"ip", "iproute2"}, {"nsenter", "util-linux"},
	} {
		if _, err := exec.LookPath(needed[0]); err != nil {
			missing = append(missing, "the package "+needed[1])
		}
	}
	missing = append(missing, missingForBase()...)
	if len(missing) == 0 {
		if err := thread.Run(tryKernel); err != nil {
			missing = append(missing, "a kernel and privileges for it: "+err.Error())
		}
	}
	if len(missing) == 0 {
		return ""
	}
	return "booting machines needs " + strings.Join(missing, ", ")
}

// missingForBase lists what this computer lacks to build the root. A root that is built already needs nothing.
func missingForBase() []string {
	folder, err := baseFolder(nil)
	if err != nil {
		return []string{err.Error()}
	}
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	var missing []string
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		missing = append(missing, "the package mmdebstrap")
	}
	if _, err := os.Stat(keyring); errors.Is(err, fs.ErrNotExist) {
		missing = append(missing, "the package debian-archive-keyring")
	}
	return missing
}

// tryKernel tries what the boot of a machine does. The caller throws its thread away.
func tryKernel() error {
	root, err := hierarchy()
	if err != nil {
		return err
	}
	probe, err := os.MkdirTemp(root, cgroupPrefix+"probe")
	if err != nil {
		return fmt.Errorf("making a cgroup: %w", err)
	}
	defer os.Remove(probe)
	if _, err := os.Stat(filepath.Join(probe, "cgroup.kill")); err != nil {
		return errors.New("cgroups that can be killed (Linux 5.14)")
	}
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS | unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("new namespaces: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	return tryOverlay()
}

func tryOverlay() error {
	folder, err := os.MkdirTemp("", "elastic-service-overlay")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	for _, name := range []string{"lower", upperFolder, workFolder, rootFolder} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o700); err != nil {
			return err
		}
	}
	at := filepath.Join(folder, rootFolder)
	if err := overlay(at, filepath.Join(folder, "lower"), filepath.Join(folder, upperFolder), filepath.Join(folder, workFolder)); err != nil {
		return err
	}
	return unix.Unmount(at, 0)
}
