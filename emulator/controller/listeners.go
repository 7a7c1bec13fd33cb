package controller

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/acm"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
	"github.com/elastic-service/elastic-service/emulator/proxy"
)

// listener is a port of a balancer that takes connections: flows of a network balancer or requests of an application
// balancer.
type listener struct {
	flows    *proxy.Listener     // of a network balancer; nil while it cannot be opened
	requests *proxy.HTTPListener // of an application balancer; nil while it cannot be opened
	opening  opening
	forward  atomic.Pointer[elb.Forward] // where flows may go now
	route    atomic.Pointer[proxy.Route] // the same for requests
	failure  string
}

// opening is what a listener is opened with. When it changes, the listener is closed and opened again.
type opening struct {
	address     netip.AddrPort
	certificate string // ARN; "" without encryption
}

func openingOf(forward elb.Forward) opening {
	return opening{forward.Address, forward.Certificate}
}

func (l *listener) isOpen() bool { return l.flows != nil || l.requests != nil }

func (l *listener) close() {
	if l.flows != nil {
		_ = l.flows.Close() // fails only when the port is closed already
	}
	if l.requests != nil {
		_ = l.requests.Close()
	}
}

// point directs flows and requests to the targets that the model has now.
func (l *listener) point(forward elb.Forward) {
	l.forward.Store(&forward)
	route := proxy.Route{Blocked: forward.Blocked != nil, Choice: choices[forward.Algorithm]}
	if r := forward.Redirect; r != nil {
		route.Redirect = &proxy.Redirect{Protocol: r.Protocol, Port: r.Port, StatusCode: r.StatusCode}
	}
	for _, t := range forward.Targets {
		route.Targets = append(route.Targets, proxy.Target{ID: t.ID, Address: t.Address, Dropped: t.Blocked != nil})
	}
	l.route.Store(&route)
	switch {
	case l.flows != nil:
		l.flows.SetIdleTimeout(forward.IdleTimeout)
	case l.requests != nil:
		l.requests.SetIdleTimeout(forward.IdleTimeout)
	}
	l.stall(forward)
}

// choices are the proxy's by ELB's algorithms.
var choices = map[string]proxy.Choice{elb.LeastOutstandingRequests: proxy.Fewest, elb.WeightedRandom: proxy.AtRandom}

// stall stops the open flows whose packets get lost now. A rule of a security group decides on new flows only: its removal leaves
// open flows alone (EC2: "Security group connection tracking").
func (l *listener) stall(forward elb.Forward) {
	if l.flows == nil {
		return
	}
	var lost []string
	for _, t := range forward.Targets {
		if isLost(forward.Blocked) || isLost(t.Blocked) {
			lost = append(lost, t.ID)
		}
	}
	l.flows.Stall(lost...)
}

func isLost(b *vpc.Blocked) bool { return b != nil && b.Code != "ENI_SG_RULES_MISMATCH" }

// reconcileListeners opens, directs and closes the balancers' ports.
func (c *Controller) reconcileListeners() {
	c.mu.Lock()
	defer c.mu.Unlock()
	wanted := map[string]bool{}
	for _, forward := range cloud.Get(c.cloud, func(m *cloud.Model) []elb.Forward { return m.ELB.Forwards() }) {
		wanted[forward.Listener] = true
		l := c.listeners[forward.Listener]
		if l != nil && l.opening != openingOf(forward) {
			l.close()
			l = nil
		}
		if l == nil {
			l = &listener{opening: openingOf(forward)}
			c.listeners[forward.Listener] = l
		}
		l.point(forward)
		if !l.isOpen() {
			c.open(l)
		}
	}
	for arn, l := range c.listeners {
		if !wanted[arn] {
			l.close()
			delete(c.listeners, arn)
		}
	}
}

func (c *Controller) open(l *listener) {
	err := c.listen(l)
	if err == nil {
		l.failure = ""
		return
	}
	if l.failure != err.Error() {
		l.failure = err.Error()
		c.log.Error("balancer cannot listen", "address", l.opening.address, "error", err)
	}
}

// listen opens a listener for flows or for requests, depending on the kind of its balancer.
func (c *Controller) listen(l *listener) error {
	forward := l.forward.Load()
	options := []proxy.ListenerOption{
		proxy.WithClock(c.clock), proxy.WithLog(c.log), proxy.WithDialer(c.runtime.Dial), proxy.WithIdleTimeout(forward.IdleTimeout),
	}
	if l.opening.certificate != "" {
		certificate, err := c.certificate(l.opening)
		if err != nil {
			return err
		}
		options = append(options, proxy.WithCertificate(certificate))
	}
	if forward.Kind != elb.Application {
		flows, err := proxy.Listen(l.opening.address, l.pick, options...)
		if err != nil {
			return err
		}
		l.flows = flows
		return nil
	}
	requests, err := proxy.ListenHTTP(l.opening.address, func() proxy.Route { return *l.route.Load() }, options...)
	if err != nil {
		return err
	}
	l.requests = requests
	return nil
}

// certificate returns a certificate of the emulator's own authority for the names in the listener's certificate.
func (c *Controller) certificate(o opening) (*tls.Certificate, error) {
	issued, found := cloud.Find(c.cloud, func(m *cloud.Model) (acm.Certificate, bool) { return m.ACM.Certificate(o.certificate) })
	if !found {
		return nil, fmt.Errorf("certificate %q does not exist", o.certificate)
	}
	return c.options.Authority.Certificate(append([]string{o.address.Addr().String()}, issued.Domains...)...)
}

// seed makes the spread of flows differ between two runs, as it does on AWS.
var seed = maphash.MakeSeed()

// pick chooses a target for a flow by a hash of the client's address and port. With cross-zone load balancing off, the hash first
// chooses the node that takes the flow, and only targets in the node's zone are eligible.
func (l *listener) pick(client netip.AddrPort) (proxy.Target, bool) {
	forward := l.forward.Load()
	if forward.Blocked != nil {
		return proxy.Target{Dropped: true}, false
	}
	address := client.Addr().As16()
	hash := maphash.Bytes(seed, binary.BigEndian.AppendUint16(address[:], client.Port()))
	targets := forward.Targets
	if !forward.CrossZone {
		node := forward.Nodes[hash%uint64(len(forward.Nodes))]
		targets = slices.DeleteFunc(slices.Clone(targets), func(t elb.ForwardTarget) bool { return t.Zone != node })
		hash /= uint64(len(forward.Nodes))
	}
	if len(targets) == 0 {
		return proxy.Target{}, false
	}
	target := targets[hash%uint64(len(targets))]
	return proxy.Target{ID: target.ID, Address: target.Address, Dropped: target.Blocked != nil}, true
}
