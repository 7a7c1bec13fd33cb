// Package proxy has the two kinds of load balancer listener and the health checks that go with them.
//
// [Listen] passes TCP connections on, as a listener of a Network Load Balancer does. A function picks the target of each connection:
//
//	targets := []proxy.Target{{ID: "a", Address: a}, {ID: "b", Address: b}}
//	pick := func(client netip.AddrPort) (proxy.Target, bool) {
//		return targets[rand.IntN(len(targets))], true
//	}
//	listener, err := proxy.Listen(netip.MustParseAddrPort("127.255.0.1:5000"), pick)
//	…
//	defer listener.Close()
//
// A connection and the connection to its target are a flow. A flow stays on its target; half-closes and resets pass through it. Flows that
// carry nothing for [IdleTimeout] are reset.
//
//	client ──── TCP or TLS ────▶ Listener ──── TCP ────▶ target
//	       ◀─── FIN, RST ───────          ◀─── FIN, RST ──
//
// [ListenHTTP] answers HTTP requests, as a listener of an Application Load Balancer does. A function returns the present [Route]: a
// redirect, or the targets that take requests in turn.
//
// [Probe] and [ProbeHTTP] are the health checks of both.
//
// The functions decide everything: the package knows neither target groups nor their health. All timeouts but those of a probe and a TLS
// handshake run on a clock that [WithClock] sets.
//
// # TLS
//
// [WithCertificate] makes a listener end TLS 1.2 or later: [ListenHTTP] speaks HTTPS then, and [Listen] carries decrypted bytes. The
// target of a flow is picked when the client connects, and connected to when the client's handshake is over. A handshake may take 10 s. A
// flow whose handshake fails is closed, and counts as refused under the empty ID.
//
// The end of either direction passes through: close_notify becomes FIN, and FIN becomes close_notify followed by FIN.
package proxy
