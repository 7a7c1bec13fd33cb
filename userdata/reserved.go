package userdata

import (
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/journal"
)

// Names that Amazon Linux 2023, Debian 12 and Ubuntu 24.04 use on their images for EC2. Each list is sorted by what the names belong to.

// systemPrefixes begin the names of units of the system. The first are those of this package's own units.
var systemPrefixes = []string{
	"artifact-", setupPrefix, journal.UnitName,
	"amazon-", "ec2-", "hibinit-",
	"apt-", "dnf-", "dpkg-", "packagekit", "snapd", "unattended-",
	"auditd", "selinux-",
	"chrony", "cloud-", "dbus", "getty", "serial-getty", "ssh", "sssd", "systemd",
	"cryptdisks", "dracut-", "e2scrub", "initrd-", "lvm2-",
	"firewalld", "ip6tables", "iptables", "nftables",
	"nfs", "rpc-", "rpcbind", "rsyslog", "sysstat",
}

// systemUnits are the other names of units of the system: of services, and of targets, which a service of the same name is easily taken
// for.
var systemUnits = []string{
	"acpid", "anacron", "apparmor", "apport", "atd", "augenrules", "autovt", "console-getty", "console-setup", "container-getty", "cron",
	"crond", "debug-shell", "fstrim", "gpm", "grub-common", "gssproxy", "haveged", "hwclock", "import-state", "irqbalance", "kdump",
	"keyboard-setup", "kmod", "kmod-static-nodes", "ldconfig", "libstoragemgmt", "logrotate", "man-db", "mdmonitor", "modprobe", "motd-news",
	"multipathd", "netplan", "network", "network-online", "network-pre", "networkd-dispatcher", "networking", "nis-domainname", "ntp", "ntpd",
	"ntpsec", "open-iscsi", "pam_namespace", "plymouth", "policy-routes", "polkit", "procps", "psacct", "quotacheck", "quotaon", "rc-local",
	"refresh-policy-routes", "rngd", "rsync", "smartd", "sudo", "syslog", "udev", "udisks2", "ufw", "update-motd", "user",
	"user-runtime-dir", "uuidd", "wpa_supplicant", "x11-common",

	"containerd", "docker", "ecs", "ecs-init",
	"exim4", "postfix", "sendmail",

	"basic", "boot-complete", "default", "emergency", "final", "graphical", "halt", "hibernate", "hybrid-sleep", "kexec", "local-fs",
	"multi-user", "nss-lookup", "nss-user-lookup", "paths", "poweroff", "reboot", "remote-fs", "rescue", "runlevel", "shutdown", "sigpwr",
	"sleep", "slices", "sockets", "suspend", "swap", "sysinit", "time-set", "time-sync", "timers", "umount",
}

// systemFolders are folders in /var/lib that the image and this package use. The state directory of a service is /var/lib/NAME, and
// systemd makes a service the owner of the whole of it.
var systemFolders = []string{
	"alternatives", "amazon", "apt", "audit", "authselect", "aws", "boltd", "chrony", "cloud", "color", "dhclient", "dhcp", "dhcpcd", "dnf",
	"dpkg", "elastic-service", "fwupd", "git", "grub", "initramfs", "initramfs-tools", "machines", "mlocate", "misc", "os-prober", "pam",
	"pki", "polkit-1", "portables", "private", "python", "rpm", "rpm-state", "selinux", "shiplogs", "sss", "swcatalog", "tpm", "tuned", "ucf",
	"vim", "yum",
}

// fileRoots are the folders that files go to: those of configuration and of what servers serve.
var fileRoots = []string{"/etc", "/opt", "/srv", "/usr/local", "/var/lib", "/var/www"}

// systemConfiguration are folders of /etc whose files decide who may log in, what runs as root and whether the machine starts, and the
// folder of this package. The files of /etc/default and /etc/sysconfig configure the units of packages, which services replace.
var systemConfiguration = []string{
	"alternatives", "amazon", "apparmor", "apparmor.d", "audit", "authselect", "binfmt.d", "chrony", "cloud", "credstore",
	"credstore.encrypted", "dbus-1", "default", "dhcp", "dracut.conf.d", "ec2", "ecs", "elastic-service", "gss", "grub.d", "init.d",
	"initramfs-tools", "kernel", "ld.so.conf.d", "lvm", "modprobe.d", "modules-load.d", "netplan", "network", "NetworkManager",
	"networkd-dispatcher", "pam.d", "polkit-1", "rc.d", "rc0.d", "rc1.d", "rc2.d", "rc3.d", "rc4.d", "rc5.d", "rc6.d", "rcS.d", "rpm",
	"security", "selinux", "ssh", "sssd", "sudoers.d", "sysconfig", "systemd", "tmpfiles.d", "udev", "update-motd.d", "xdg",
}

// systemFiles are files of /etc that are not for a program's configuration. Backups of accounts end with a dash.
var systemFiles = []string{
	"adjtime", "anacrontab", "bash.bashrc", "bashrc", "crontab", "crypttab", "environment", "fstab", "group", "group-", "gshadow", "gshadow-",
	"host.conf", "hostname", "hosts", "hosts.allow", "hosts.deny", "inittab", "ld.so.cache", "ld.so.conf", "ld.so.preload", "locale.conf",
	"localtime", "login.defs", "machine-id", "machine-info", "modules", "mtab", "networks", "nsswitch.conf", "os-release", "pam.conf",
	"passwd", "passwd-", "profile", "protocols", "resolv.conf", "rpc", "securetty", "services", "shadow", "shadow-", "shells",
	"subgid", "subgid-", "subuid", "subuid-", "sudo.conf", "sudo_logsrvd.conf", "sudoers", "system-release", "timezone", "vconsole.conf",
}

// whoseFile returns whose a file is that must not be replaced; "" if it is free.
func whoseFile(name string) string {
	first, _, inside := strings.Cut(strings.TrimPrefix(name, "/etc/"), "/")
	state, _, _ := strings.Cut(strings.TrimPrefix(name, "/var/lib/"), "/")
	switch {
	case name == "/etc/"+first && slices.Contains(systemFiles, first):
		return "is a file of the system"
	case strings.HasPrefix(name, "/etc/") && slices.Contains(systemConfiguration, first):
		if inside {
			return "is in /etc/" + first + ", a folder of the system"
		}
		return "is a folder of the system"
	case strings.HasPrefix(name, "/var/lib/") && (slices.Contains(systemFolders, state) || strings.HasPrefix(state, "systemd")):
		return "is in /var/lib/" + state + ", a folder of the system"
	}
	return ""
}

// systemAccounts are users of the system, users that log in to an image, and groups of the system. A user that cloud-init creates gets a
// group of its own name, which must not exist. Left out are users that only exist for servers, such as www-data and nginx.
var systemAccounts = []string{
	"root", "toor", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy", "backup", "list", "irc", "gnats",
	"_apt", "nobody", "nogroup", "adm", "shutdown", "halt", "operator", "ftp", "tss", "rpc", "rpcuser", "messagebus", "polkitd", "syslog",
	"libstoragemgmt", "pollinate", "landscape", "fwupd-refresh", "uuidd", "tcpdump", "lxd", "usbmux",

	"ec2-user", "ec2-instance-connect", "ssm-user", "ubuntu", "debian", "admin", "fedora", "centos", "rocky", "almalinux", "cloud-user",
	"bitnami", "opc", "core",

	"wheel", "sudo", "tty", "disk", "kmem", "dialout", "fax", "voice", "cdrom", "floppy", "tape", "audio", "dip", "src", "shadow", "utmp",
	"utempter", "video", "sasl", "plugdev", "staff", "users", "input", "render", "kvm", "sgx", "ssh_keys", "mem", "lock", "crontab", "netdev",
	"cdrw", "docker",
}

// ofSystem returns what of the system a service's name belongs to and what the service would do to it; empty if the name is free.
func ofSystem(name string) string {
	switch {
	case slices.Contains(systemUnits, name) || slices.ContainsFunc(systemPrefixes, func(p string) bool { return strings.HasPrefix(name, p) }):
		return "is the name of a unit of the system, which the service would replace"
	case slices.Contains(systemFolders, name):
		return "is the name of a folder of the system in /var/lib, which the service would own"
	}
	return ""
}

// isSystemAccount reports whether a user's name is that of an account of the system.
func isSystemAccount(name string) bool {
	return slices.Contains(systemAccounts, name) || slices.ContainsFunc([]string{"systemd-", "ec2-"}, func(p string) bool {
		return strings.HasPrefix(name, p)
	})
}
