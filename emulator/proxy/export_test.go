package proxy

import "time"

// WithHandshakeTime has a client's handshake end sooner.
func WithHandshakeTime(d time.Duration) ListenerOption {
	return func(o *listenerOptions) { o.handshake = d }
}
