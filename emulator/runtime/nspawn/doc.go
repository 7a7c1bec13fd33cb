// Package nspawn boots machines that are very close to an EC2 instance, and proves with them what user data does: Debian with systemd
// and cloud-init in systemd-nspawn, in network namespaces of its own, over an overlay of one read-only root.
//
//	VPC's network namespace                                              a machine's
//	┌──────────────────────────────────────────────────────┐            ┌──────────────────────────┐
//	│ 169.254.169.254  metadata, IMDSv2, user data         │   subnet0  │ ens5 192.168.0.57 (DHCP) │
//	│ 169.254.169.253  DNS: s3.REGION.amazonaws.com …      │─── .1 ─────│ systemd ▶ cloud-init     │
//	│ 198.51.100.53    S3 over HTTPS, signatures verified  │   bridge   │   ▶ units ▶ service      │
//	│ .1 of a subnet   router, DHCP                        │            └──────────────────────────┘
//	│ VPC.Dial         what a balancer in the VPC sees     │─── .1 ───── …
//	└──────────────────────────────────────────────────────┘   subnet1
//
// No interface leads out of the namespaces: nothing leaves them, and addresses cannot collide with the host's.
//
// What a machine holds of the host (its namespaces, mounts and interfaces) lives as long as its processes, which are all in
// one cgroup. When the process that booted the machine ends, for whatever reason, a guard kills them. If the guard has been
// killed too, the next [NewVPC] finds the cgroup by its name.
//
// [Runtime] makes a runtime of the emulator from it. It needs root and some packages: [Missing] says what is not there.
package nspawn
