package nspawn

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// builder is the version of what is built below, and part of its name: a change needs a higher number.
const builder = 2

const suite = "bookworm"

// MirrorVariable names the environment variable with the mirror that the base root comes from. Without it, the packages come
// from Debian with its updates and security updates.
const MirrorVariable = "ELASTIC_SERVICE_DEBIAN_MIRROR"

// basePackages are added to the minimal system: what Amazon Linux 2023 has too (systemd, networkd, cloud-init, aws, sudo, an
// SSH server), and what cloud-init needs to ask for its address.
var basePackages = []string{
	"systemd", "systemd-sysv", "libpam-systemd", "dbus", "cloud-init", "isc-dhcp-client", "iproute2", "python3",
	"ca-certificates", "awscli", "sudo", "openssh-server", "procps", "curl",
}

// baseFiles replace files of the packages.
var baseFiles = map[string]string{
	"etc/default/locale": "LANG=C.UTF-8\n",
	// Nothing leads to a mirror. The packages of the user data are in the root already, so that apt has nothing to fetch.
	"etc/apt/sources.list": "",
	// The VPC's resolver; the machine needs no other that manages the file.
	"etc/resolv.conf": "nameserver 169.254.169.253\n",
	// systemd-machine-id-setup fills it in at the first boot.
	"etc/machine-id": "",
	// cloud-init finds the data source by asking for the hypervisor, which a container does not have.
	"etc/cloud/cloud.cfg.d/90_datasource.cfg": "datasource_list: [Ec2]\n",
	// netplan and ifupdown ask udev, which a container does not have.
	"etc/cloud/cloud.cfg.d/80_network.cfg": "system_info:\n  network:\n    renderers: [networkd]\n    activators: [networkd]\n",
	// networkd waits 13 s for an IPv6 router that a VPC without IPv6 does not have.
	"etc/systemd/network/10-cloud-init-ens5.network.d/no-ipv6.conf": "[Network]\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n",
}

// baseHooks run in the new root. They switch off the timers that maintain a machine over weeks.
var baseHooks = []string{
	`rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/hostname "$1"/etc/resolv.conf`,
	`chroot "$1" systemctl enable systemd-networkd.service`,
	`chroot "$1" systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service ` +
		`dpkg-db-backup.timer fstrim.timer`,
}

// baseOptions returns mmdebstrap's options for a root with more packages, without suite, target and mirror.
func baseOptions(packages []string) []string {
	options := []string{
		"--mode=root", "--variant=minbase", "--include=" + strings.Join(slices.Concat(basePackages, packages), ","),
		`--aptopt=Acquire::Languages "none"`,
		"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=force-unsafe-io",
		// Packages with alternatives, such as Java's, do not install without the folder of the manual pages that are left out.
		`--essential-hook=mkdir -p "$1"/usr/share/man/man1`,
	}
	for _, hook := range baseHooks {
		options = append(options, "--customize-hook="+hook)
	}
	return options
}

// baseFolder returns the folder of a root, built or not. Its name has a hash of everything that the root is made from.
func baseFolder(packages []string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("the user's cache folder: %w", err)
	}
	hash := sha256.New()
	fmt.Fprintln(hash, builder, suite, os.Getenv(MirrorVariable), baseOptions(packages), baseFiles)
	return filepath.Join(cache, "elastic-service", "machine-"+hex.EncodeToString(hash.Sum(nil))[:16]), nil
}

// Base returns the folder of the root that all machines with the same packages of their user data share. It builds the root if there is
// none, which takes a minute or more and needs the network. The folder may be deleted while no machine runs.
func Base(ctx context.Context, log *slog.Logger, packages ...string) (string, error) {
	folder, err := baseFolder(nil)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(filepath.Dir(folder), "machine.lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	folder, err = findOrBuild(ctx, log, slices.Compact(slices.Sorted(slices.Values(packages))))
	if err != nil {
		return "", fmt.Errorf("building the root of machines: %w", err)
	}
	return folder, nil
}

// notFound matches what apt says of a package that the mirror does not have.
var notFound = regexp.MustCompile(`E: Unable to locate package (\S+)`)

// findOrBuild returns the folder of a root. A package that Debian does not have is left out: a machine goes on booting without it, as on
// AWS, where cloud-init reports that it is missing. A link from the folder's name then leads to the root without the package.
func findOrBuild(ctx context.Context, log *slog.Logger, packages []string) (string, error) {
	folder, err := baseFolder(packages)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return folder, err
	}
	start := time.Now()
	log.Info("building the root of machines, once", "folder", folder, "packages", strings.Join(packages, " "))
	err = build(ctx, folder+".partial", packages)
	if err == nil {
		log.Info("built the root of machines", "took", time.Since(start).Round(time.Second))
		return folder, os.Rename(folder+".partial", folder)
	}
	var missing []string
	for _, found := range notFound.FindAllStringSubmatch(err.Error(), -1) {
		missing = append(missing, found[1])
	}
	there := slices.DeleteFunc(slices.Clone(packages), func(name string) bool { return slices.Contains(missing, name) })
	if len(there) == len(packages) {
		return "", err
	}
	log.Warn("packages are not in Debian "+suite, "packages", strings.Join(missing, " "))
	root, err := findOrBuild(ctx, log, there)
	if err != nil {
		return "", err
	}
	if err := os.Remove(folder); err != nil && !errors.Is(err, fs.ErrNotExist) { // a link to a root that was deleted
		return "", err
	}
	return folder, os.Symlink(filepath.Base(root), folder)
}

// lock takes a lock, for which it waits until no other process has it.
func lock(name string) (unlock func(), err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		_ = file.Close()
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}

func build(ctx context.Context, folder string, packages []string) error {
	if err := os.RemoveAll(folder); err != nil { // left by a build that was interrupted
		return err
	}
	arguments := append(baseOptions(packages), suite, folder)
	if mirror := os.Getenv(MirrorVariable); mirror != "" {
		arguments = append(arguments, mirror)
	}
	if err := run(exec.CommandContext(ctx, "mmdebstrap", arguments...)); err != nil { //nolint:gosec // no argument comes from outside
		return err
	}
	for name, content := range baseFiles {
		if err := writeBelow(folder, name, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writeBelow writes a file of a machine. Its mode does not depend on the umask of this process, because the machine's users must
// be able to reach it.
func writeBelow(folder, name string, content []byte, mode fs.FileMode) error {
	file := filepath.Join(folder, name)
	if err := makeFolders(folder, filepath.Dir(name)); err != nil {
		return err
	}
	if err := os.WriteFile(file, content, mode); err != nil {
		return err
	}
	return os.Chmod(file, mode)
}

func makeFolders(folder, name string) error {
	at := folder
	for part := range strings.SplitSeq(name, "/") {
		at = filepath.Join(at, part)
		if err := os.Mkdir(at, 0o755); errors.Is(err, fs.ErrExist) { //nolint:gosec // a machine's folders are for its users
			continue
		} else if err != nil {
			return err
		}
		if err := os.Chmod(at, 0o755); err != nil { //nolint:gosec // likewise
			return err
		}
	}
	return nil
}
