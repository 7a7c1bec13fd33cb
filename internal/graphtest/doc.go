// Package graphtest runs a Pulumi program without Pulumi's engine and without AWS, and keeps what it registered as a [Graph]
// for tests to look at.
//
//	program ──▶ recorder (answers like AWS, refuses what it does not know) ──▶ Graph
//	configuration of a stack ─┘                                                  ├─ OfType, Find, Inputs …
//	                                                                             ├─ Reaches, CriticalPath
//	                                                                             └─ Golden
//
// Assertions belong after [Run] has returned: the program registers resources concurrently.
package graphtest
