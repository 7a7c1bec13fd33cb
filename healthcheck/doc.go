// Package healthcheck says when a target is healthy, and answers for it.
//
// A [Check] is what the balancer does: how it asks, how often, and how many answers in a row change its mind. Over HTTP a
// web service answers for itself, on the port on which it serves.
//
// Over TCP a Responder (on Linux) answers on the instance. The service may be single-threaded, so nobody asks it anything:
// the responder accepts on a port of its own, drops the connection at once, and keeps that port open exactly as long
// as the service listens on its port, which it reads from the kernel's table of sockets.
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
// While the service does not listen, connections to the health port are refused, and the balancer sees it at its next
// check. The port itself stays reserved, so that nothing else can answer in the responder's place.
package healthcheck
