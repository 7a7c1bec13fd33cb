package proxy

import (
	"context"
	"net"
	"net/netip"
)

// Dialer opens a TCP connection to an address that a target or a probe names.
type Dialer func(ctx context.Context, address netip.AddrPort) (net.Conn, error)

// text is the dialer as HTTP's transport has it.
func (d Dialer) text(ctx context.Context, _, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	return d(ctx, to)
}
