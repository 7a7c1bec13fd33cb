// Package healthcheck describes the health check of a target, and answers TCP checks on an instance.
//
// A [Check] describes what the balancer does: how it checks, how often, and how many results in a row change a target's state.
// A web service answers HTTP checks itself, on the port on which it serves.
//
// A Responder (on Linux) answers TCP checks on the instance. The service may be single-threaded, so that no check may connect to
// it: the responder accepts connections on a port of its own, drops each at once, and keeps that port open exactly as long as
// the service listens on its port, which it reads from the kernel's table of sockets.
//
//	            instance
//	          ┌──────────────────────────────────────────┐
//	clients ──┼─▶ 5000  service                          │
//	          │    ▲                                     │
//	          │    ┊ listens? (the kernel's table)       │
//	          │    ┊                                     │
//	balancer ─┼─▶ 5001  responder: accept, close         │
//	          └──────────────────────────────────────────┘
//
// While the service does not listen, connections to the health port are refused, and the balancer notices at its next
// check. The port stays reserved meanwhile, so that no other process can answer in the responder's place.
package healthcheck
