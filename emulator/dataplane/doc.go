// Package dataplane is the part of the emulated cloud that is real: an instance's and a container's processes and sockets,
// a balancer's flows and requests, a health probe's connections. It knows neither Pulumi nor AWS's resources; a controller
// drives it.
//
//	user data ──Boot──▶ Instance            Listen ──▶ Listener 127.255.0.1:5000
//	                     │ units as systemd's              │ a flow stays on its target
//	                     ▼                                 ▼
//	            unchanged programs ── bind 0.0.0.0:5000 ─▶ 127.168.0.57:5000 ◀── Probe
//
// # Instances
//
// [Boot] reads a cloud-config document, writes its files below the instance's own folder and starts its systemd units
// with their order, conditions and restarts. What needs a whole machine (packages, users, sandboxing) is not done and
// [Instance.Skipped] says so. Programs are the ones that run on AWS, byte for byte. They are ordinary processes of the
// emulator's user: the instance is a place to run, not a sandbox.
//
// [Capture] makes an image of an instance's files, with which another one boots: its enabled units start without user
// data. [RunContainer] runs a container's command with this machine's programs, at an address of its own, and [Forward]
// leads a port of its instance there.
//
// # Addresses
//
// The instance with the private address 192.168.0.57 lives at 127.168.0.57 ([Loopback]). All its programs may bind the
// wildcard, as on a machine of their own: the bind(2) and connect(2) of its processes are held by a seccomp filter and
// carried out by the emulator with the instance's address in place of
//
//	0.0.0.0, ::, 127.0.0.1, ::1, 192.168.0.57
//
// so that, within an instance, localhost is the instance. Port 53 of localhost is left to the host's resolver. A socket
// for IPv6 alone is bound where nobody reaches it. Not covered: datagrams sent without connect(2), programs for another
// architecture than the emulator's (i386 on amd64), io_uring. This needs Linux 5.9 on amd64 or arm64 and no privilege.
// Where pidfd_getfd is denied, as by Docker's default profile, the address is changed in the program's memory instead; then
// a socket for IPv6 alone is refused the wildcard and keeps the host's ::1.
//
// Ports below 1024 that only root may have are moved for another user ([Port]): what binds, connects to, listens at,
// forwards to or probes port 80 meets at 8080. Programs see that where they ask a socket, or the kernel's table of sockets,
// for its port.
//
// # TLS
//
// A listener with a certificate, for which an [Authority] is here, ends TLS: [ListenHTTP] speaks HTTPS, and [Listen] carries
// plain bytes between its targets and clients of TLS 1.2 or later. A client has 10 s, real time, for its handshake; the target
// is chosen when it connects, and connected to when the handshake is over. One that fails is dropped, and counts as refused
// under the empty ID: neither as a flow nor as refused by a target. Ends of either direction pass through, close_notify to FIN
// and FIN to close_notify, which a FIN follows.
//
// # Ends
//
// Nothing outlives the emulator. A service dies with it by the kernel's hand (PR_SET_PDEATHSIG); what a service has
// forked carries a mark in its environment, and a watchdog that waits for the emulator's end kills whoever has it. A
// process that both leaves its process group and wipes its environment escapes.
package dataplane
