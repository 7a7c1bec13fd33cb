package userdata

import (
	"slices"
)

// Sandbox is how much the unit of a service takes away from its processes. They never run as root.
type Sandbox string

const (
	// Strict removes what a server does not need. Its processes write to the folder of the service and to a /tmp of their own. A call of
	// @privileged or @resources fails: setuid, setgroups and chown to one's own user as well as nice and sched_setaffinity.
	Strict Sandbox = "strict"

	// Standard runs the servers that distributions have: it allows all calls of @system-service and namespaces, and makes only /usr, /boot
	// and /etc read-only for a service with a user of its own.
	Standard Sandbox = "standard"

	// Off removes nothing but what a dynamic user implies.
	Off Sandbox = "off"
)

// hardening are the directives of the sandboxes. A sandbox leaves out a directive without values. MemoryDenyWriteExecute is in none: it
// breaks languages that compile at run time.
var hardening = []struct {
	name             string
	strict, standard []string
}{
	{"NoNewPrivileges", yes, yes},
	{"ProtectSystem", []string{"strict"}, []string{"full"}},
	{"ProtectHome", yes, yes},
	{"PrivateDevices", yes, yes},
	{"PrivateTmp", yes, yes},
	{"ProtectClock", yes, yes},
	{"ProtectControlGroups", yes, yes},
	{"ProtectHostname", yes, yes},
	{"ProtectKernelLogs", yes, yes},
	{"ProtectKernelModules", yes, yes},
	{"ProtectKernelTunables", yes, yes},
	{"ProtectProc", []string{"invisible"}, nil},
	{"LockPersonality", yes, yes},
	{"RestrictNamespaces", yes, nil},
	{"RestrictRealtime", yes, yes},
	{"RestrictSUIDSGID", yes, nil},
	{"RestrictAddressFamilies", families, families},
	{"SystemCallArchitectures", []string{"native"}, []string{"native"}},
	{"SystemCallFilter", []string{"@system-service", "~@privileged @resources"}, []string{"@system-service"}},
	// A forbidden call fails instead of killing the process: many programs ask for more than they need.
	{"SystemCallErrorNumber", []string{"EPERM"}, []string{"EPERM"}},
}

var (
	yes      = []string{"yes"}
	families = []string{"AF_INET AF_INET6 AF_UNIX AF_NETLINK"}
)

// Directives that a unit has whether they are left out or not.
var (
	// The others imply it for a service without privileges (systemd.exec(5), NoNewPrivileges=).
	alwaysImplied = []string{"NoNewPrivileges", "SystemCallErrorNumber"}
	// A dynamic user does (systemd.exec(5), DynamicUser=).
	impliedByDynamicUser = []string{"ProtectSystem", "PrivateTmp", "RestrictSUIDSGID"}
)

// values returns the values of a directive in a sandbox.
func (s Sandbox) values(strict, standard []string) []string {
	switch s {
	case Off:
		return nil
	case Standard:
		return standard
	default:
		return strict
	}
}

// Relaxable returns the directives of a sandbox that a service can do without.
func (s Sandbox) Relaxable() []string {
	var names []string
	for _, d := range hardening {
		if len(s.values(d.strict, d.standard)) > 0 && !slices.Contains(alwaysImplied, d.name) {
			names = append(names, d.name)
		}
	}
	return names
}

// harden adds the directives of a sandbox.
func (o *options) harden(sandbox Sandbox, relaxed ...string) {
	for _, d := range hardening {
		if !slices.Contains(relaxed, d.name) {
			o.add("Service", d.name, sandbox.values(d.strict, d.standard)...)
		}
	}
}
