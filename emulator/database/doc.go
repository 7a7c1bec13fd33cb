// Package database runs the servers of RDS's databases: PostgreSQL and MariaDB of this machine.
//
//	Start ──▶ files, if there are none ──▶ process at the primary's loopback address ──▶ master user, database
//	Kill  ──▶ the process ends as in a power cut; its files stay
//	Freeze ─▶ the process stands still while its files are copied: a snapshot
//
// A server speaks TLS with a certificate for the endpoint's name. Its superuser, rdsadmin, is the emulator's: the master user has the
// rights that RDS leaves it.
//
// The storage is that of both zones: what a client was told to be committed is in the file system's memory, and survives the end of the
// process. It does not survive the end of this machine, since nothing is flushed to its disk.
package database
