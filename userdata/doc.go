// Package userdata renders what a machine does at its first boot into one cloud-config document: the user data of an EC2
// instance.
//
// The document leaves systemd units behind. cloud-init runs once in a machine's life; the units run at every boot, so
// that nothing else (no crontab with @reboot) is needed to come back after a reboot, and nothing but systemd to come back
// after a crash:
//
//	first boot    cloud-init ─▶ users, packages, units ─▶ systemctl enable --now
//	                                                             │
//	every boot    multi-user.target ─────────────────────────────┤
//	                                                             ▼
//	              artifact-NAME.service ── file there already? ─ yes ──────────────┐
//	                     │ no                                                      │
//	                     ▼                                                         ▼
//	              fetch from S3 ▶ SHA-256 right? ▶ rename into place ─ OnSuccess ▶ NAME.service
//	                     ▲                │ no                                     ▲        │
//	                     └──── 5 s ───────┘                                        └── 1 s ─┘ ended, crashed
//
// A file is never at its path before its content is verified and on the disk, so the path is the proof: a later boot
// needs neither network nor bucket. A fetch that fails is tried again for ever, because a role's permissions arrive
// seconds after the role. A wrong checksum stays visible as a unit that fails.
//
// A service requires the units of all artifacts, whether its command names them or not: it never serves with half of its
// files. On systemd 252 (Amazon Linux 2023, Debian 12) a
// first attempt that fails also fails the start of what requires it, and the retry that succeeds does not repeat that
// start; OnSuccess= does.
//
// Beside services of its own, or instead of them, a machine can run the containers of an ECS cluster; and it can report
// how much of its memory is used. AWS's own agents do that: the document writes their files and installs and starts the
// one that is not in every image.
package userdata
