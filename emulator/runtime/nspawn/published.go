package nspawn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/elastic-service/elastic-service/emulator/runtime"
)

// published is a server that the machines reach at its private address. It runs in this machine's own network, to which connections are
// passed on.
type published struct {
	server   runtime.Server
	listener net.Listener
}

// route says where a connection from a machine leads, see [runtime.Host].
type route func(from netip.Addr, to netip.AddrPort) (netip.AddrPort, bool)

// publish lets the machines reach the servers, by name and private address, and no others.
func (v *VPC) publish(servers []runtime.Server, route route) error {
	wanted := map[netip.AddrPort]runtime.Server{}
	for _, s := range servers {
		wanted[s.Address] = s
	}
	var problems error
	for address, have := range v.published {
		if wanted[address] != have.server {
			problems = errors.Join(problems, v.unpublish(have))
			delete(v.published, address)
		}
	}
	for address, s := range wanted {
		if v.published[address] != nil {
			continue
		}
		v.SetName(s.Name, address.Addr())
		if err := v.space.ip(context.Background(), []string{fmt.Sprintf("address replace %s/32 dev lo", address.Addr())}); err != nil {
			problems = errors.Join(problems, err)
			continue
		}
		listener, err := v.space.listen("tcp4", address.String())
		if err != nil {
			problems = errors.Join(problems, err)
			continue
		}
		v.published[address] = &published{s, listener}
		go passOn(listener, s, route)
	}
	return problems
}

func (v *VPC) unpublish(p *published) error {
	return errors.Join(
		p.listener.Close(),
		v.space.ip(context.Background(), []string{fmt.Sprintf("address delete %s/32 dev lo", p.server.Address.Addr())}),
	)
}

// passOn passes connections on to a server until the listener is closed.
func passOn(listener net.Listener, s runtime.Server, route route) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			from := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
			if to, known := route(from, s.Address); !known || to != s.Host {
				_, _ = io.Copy(io.Discard, conn) // nothing answers, as where packets are dropped
				return
			}
			splice(conn, s.Host)
		}()
	}
}

// passTime is the longest time in which a server of this machine takes a connection.
const passTime = 5 * time.Second

// splice copies what comes from either end to the other, until one of them closes.
func splice(conn net.Conn, to netip.AddrPort) {
	server, err := net.DialTimeout("tcp", to.String(), passTime)
	if err != nil {
		return
	}
	defer server.Close()
	done := make(chan struct{}, 2)
	for _, ends := range [][2]net.Conn{{conn, server}, {server, conn}} {
		go func() {
			_, _ = io.Copy(ends[0], ends[1])
			done <- struct{}{}
		}()
	}
	<-done
}
