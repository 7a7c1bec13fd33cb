package proxy

import (
	"context"
	"net"
	"net/netip"
)

// Dialer opens a TCP connection to the address of a target or a probe. [loopback.Dial] is the default.
type Dialer func(ctx context.Context, address netip.AddrPort) (net.Conn, error)

// dialText dials as a DialContext of http.Transport.
func (d Dialer) dialText(ctx context.Context, _, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	return d(ctx, to)
}
