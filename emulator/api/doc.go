// Package api is the control API of a running emulator: its wire types, a server and a client.
//
//	emulator status, faults, … ──▶ Client ──HTTP──▶ Server ──▶ Backend (the emulator)
//	browser ─────────────────────────────────────────┘ └─────▶ dashboard
//
// All bodies are JSON objects with names in lower camel case, durations in seconds and times in RFC 3339. A request that is
// refused is answered with a status of 400 or above and the reason as plain text.
//
//	GET    /status                                what the emulator runs: [Status]
//	GET    /environment                           how to deploy to it: [Attachment]
//	GET    /path?from=…&to=…&port=…               whether a connection can be opened: [Path]
//	GET    /faults                                what can go wrong, and what does: [Faults]
//	POST   /faults                                starts a [FaultRequest], returns the [Fault]
//	DELETE /faults/{id}                           ends a fault
//	POST   /instances/{id}/terminate              terminates an instance
//	POST   /instances/{id}/services/{name}/stop   stops a service of an instance
//	POST   /tasks/{id}/stop                       stops a task of ECS
//	POST   /stacks/{stack}/orphans/delete         takes the [Resource] list that the engine knows, returns what it deleted
//	POST   /stop                                  ends the emulator
//	GET    /                                      the dashboard, and at /events its stream
package api
