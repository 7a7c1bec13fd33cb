package emulator

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/dataplane"
)

// listener is a port of a balancer that takes connections.
type listener struct {
	proxy   *dataplane.Listener // nil while it could not be opened
	address netip.AddrPort
	forward atomic.Pointer[cloud.Forward] // where flows may go now
	failure string
}

func (l *listener) close() {
	if l.proxy != nil {
		_ = l.proxy.Close() // it only reports that its port is gone
	}
}

// followListeners opens, points and closes the balancers' ports.
func (e *Emulator) followListeners() {
	e.mu.Lock()
	defer e.mu.Unlock()
	wanted := map[string]bool{}
	for _, forward := range e.Cloud.Forwards() {
		wanted[forward.Listener] = true
		l := e.listeners[forward.Listener]
		if l != nil && l.address != forward.Address {
			l.close()
			l = nil
		}
		if l == nil {
			l = &listener{address: forward.Address}
			e.listeners[forward.Listener] = l
		}
		l.forward.Store(&forward)
		if l.proxy == nil {
			e.open(l)
		}
	}
	for arn, l := range e.listeners {
		if !wanted[arn] {
			l.close()
			delete(e.listeners, arn)
		}
	}
}

func (e *Emulator) open(l *listener) {
	proxy, err := dataplane.Listen(l.address, l.pick, dataplane.WithClock(e.clock), dataplane.WithLog(e.options.Log))
	if err != nil {
		if l.failure != err.Error() {
			l.failure = err.Error()
			e.options.Log.Error("balancer cannot listen", "address", l.address, "error", err)
		}
		return
	}
	l.proxy, l.failure = proxy, ""
}

// seed makes flows spread differently in every process, as they do on AWS.
var seed = maphash.MakeSeed()

// pick chooses a target for a flow by a hash of where it comes from. With cross-zone off only targets in the zone of the
// balancer's node that took the flow are eligible, and a client reaches any node.
func (l *listener) pick(client netip.AddrPort) (dataplane.Target, bool) {
	forward := l.forward.Load()
	if forward.Blocked != nil {
		return dataplane.Target{}, false
	}
	address := client.Addr().As16()
	hash := maphash.Bytes(seed, binary.BigEndian.AppendUint16(address[:], client.Port()))
	targets := forward.Targets
	if !forward.CrossZone {
		node := forward.Zones[hash%uint64(len(forward.Zones))]
		targets = slices.DeleteFunc(slices.Clone(targets), func(t cloud.ForwardTarget) bool { return t.Zone != node })
		hash /= uint64(len(forward.Zones))
	}
	if len(targets) == 0 {
		return dataplane.Target{}, false
	}
	target := targets[hash%uint64(len(targets))]
	if target.Blocked != nil {
		return dataplane.Target{}, false
	}
	return dataplane.Target{ID: target.Instance, Address: local(target.Address)}, true
}

// local is where a private address is found on this machine.
func local(at netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(dataplane.Loopback(at.Addr()), at.Port())
}

// prober asks one registered target for its health, as long as it is registered.
type prober struct {
	cancel context.CancelFunc
	target atomic.Pointer[cloud.ProbeTarget]
}

// followTargets starts and stops probers, and resets the flows of targets that turned unhealthy.
func (e *Emulator) followTargets(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	wanted := map[string]bool{}
	for _, target := range e.Cloud.ProbeTargets() {
		wanted[target.Incarnation] = true
		p := e.probers[target.Incarnation]
		if p == nil {
			ctx, cancel := context.WithCancel(ctx)
			p = &prober{cancel: cancel}
			p.target.Store(&target)
			e.probers[target.Incarnation] = p
			e.work.Add(1)
			go func() {
				defer e.work.Done()
				e.probe(ctx, p)
			}()
		}
		p.target.Store(&target)
	}
	for incarnation, p := range e.probers {
		if !wanted[incarnation] {
			p.cancel()
			delete(e.probers, incarnation)
		}
	}
	e.resetUnhealthy()
}

// probe asks for a target's health every interval.
func (e *Emulator) probe(ctx context.Context, p *prober) {
	for ctx.Err() == nil {
		target := p.target.Load()
		next := e.clock.After(target.Check.Interval)
		result := e.ask(ctx, target)
		if ctx.Err() != nil {
			return
		}
		e.Cloud.Probe(target.TargetGroup, target.Incarnation, result)
		select {
		case <-next:
		case <-ctx.Done():
		}
	}
}

func (e *Emulator) ask(ctx context.Context, target *cloud.ProbeTarget) error {
	if target.Blocked != nil { // dropped packets: nobody says no, the time runs out
		select {
		case <-e.clock.After(target.Check.Timeout):
		case <-ctx.Done():
		}
		return target.Blocked
	}
	at := netip.AddrPortFrom(target.Address, uint16(target.Port))
	err := dataplane.Probe(ctx, local(at), e.real(target.Check.Timeout))
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case errors.Is(err, context.DeadlineExceeded):
		err = dataplane.TimeoutError(target.Check.Timeout) // what was configured, not what passed here
	}
	return fmt.Errorf("TCP %d: %w", target.Port, err)
}

// resetUnhealthy resets the flows of targets that turned unhealthy: a network load balancer does. The lock is held.
func (e *Emulator) resetUnhealthy() {
	now := map[string]bool{}
	for _, t := range e.Cloud.TargetHealth() {
		if t.State != cloud.TargetUnhealthy {
			continue
		}
		now[t.Incarnation] = true
		if e.unhealthy[t.Incarnation] {
			continue
		}
		for _, l := range e.listeners {
			if l.proxy != nil && l.forward.Load().TargetGroup == t.TargetGroup {
				l.proxy.Reset(t.Instance)
			}
		}
	}
	e.unhealthy = now
}
