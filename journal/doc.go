// Package journal sends what the services of an instance and its boot have written to CloudWatch Logs.
//
//	journal of systemd ── journalctl ──▶ Reader ── entries ──▶ cloudwatch.Shipper ── batches ──▶ a stream for each instance
//	      ▲                                                            │
//	      └──────────────── cursor of the last entry that was sent ◀───┘
//
// What is to be sent stays in the journal, whose size systemd limits, and never in the memory of the program: while CloudWatch Logs cannot
// be reached, nothing further is read. After a power cut, entries may be sent twice.
package journal

import "time"

// Path is where the program that ships the journal is installed on an instance.
const Path = "/usr/local/bin/shiplogs"

// UnitName is the name of its unit, without .service.
const UnitName = "shiplogs"

// Retentions are the numbers of days for which a log group can keep its events (CloudWatch Logs API: PutRetentionPolicy).
var Retentions = []int{
	1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
}

// Entry is a line in the journal.
type Entry struct {
	Time   time.Time
	Source string // the unit without .service, or systemd for what it says about a unit
	Text   string
	Cursor string // its place in the journal
}

// GroupName returns the name of the log group of a stack's instances.
func GroupName(service, stack string) string { return "/" + service + "/" + stack + "/instances" }
