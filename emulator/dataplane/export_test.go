package dataplane

import "time"

// CanBorrow tells tests whether this machine allows pidfd_getfd.
var CanBorrow = canBorrow

// WithHandshakeTime has a client's handshake end sooner.
func WithHandshakeTime(d time.Duration) ListenerOption {
	return func(o *listenerOptions) { o.handshake = d }
}
