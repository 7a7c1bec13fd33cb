// Package guest runs the instances and containers of the emulated cloud as processes of this machine. It knows neither Pulumi nor
// AWS's resources: a controller drives it.
//
//	user data ──Boot──▶ Instance ── units as systemd's ──▶ unchanged programs, at 127.168.0.57
//
// [Boot] reads a cloud-config document, writes its files below the instance's own folder and starts its systemd units
// with their order, conditions and restarts. What needs a whole machine (packages, users, sandboxing) is not done:
// [Instance.Skipped] lists it. Programs are the ones that run on AWS, byte for byte. They are ordinary processes of the
// emulator's user: an instance is a place to run, not a sandbox. Package loopback gives them their address.
//
// [Capture] makes an image of an instance's files. An instance that boots with the image starts its enabled units without user
// data. [RunContainer] runs a container's command with this machine's programs, at an address of its own, and [Forward]
// leads a port of its instance there.
//
// # Ends
//
// Nothing outlives the emulator. The kernel kills a service when the emulator ends (PR_SET_PDEATHSIG). Processes that a service
// has forked carry a mark in their environment: a watchdog waits for the emulator's end and kills every process with the mark. A
// process that both leaves its process group and wipes its environment escapes.
package guest
