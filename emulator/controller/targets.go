package controller

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/proxy"
)

// prober checks the health of one target for as long as the target is registered.
type prober struct {
	cancel context.CancelFunc
	target atomic.Pointer[elb.ProbeTarget]
}

// reconcileTargets starts and stops probers, and ends the connections of targets that must not have any.
func (c *Controller) reconcileTargets(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wanted := map[string]bool{}
	for _, target := range cloud.Get(c.cloud, func(m *cloud.Model) []elb.ProbeTarget { return m.ELB.ProbeTargets() }) {
		wanted[target.Incarnation] = true
		p := c.probers[target.Incarnation]
		if p == nil {
			ctx, cancel := context.WithCancel(ctx)
			p = &prober{cancel: cancel}
			p.target.Store(&target)
			c.probers[target.Incarnation] = p
			c.work.Go(func() { c.probe(ctx, p) })
		}
		p.target.Store(&target)
	}
	for incarnation, p := range c.probers {
		if !wanted[incarnation] {
			p.cancel()
			delete(c.probers, incarnation)
		}
	}
	c.endConnectionsLocked()
}

// probe checks a target's health at every interval.
func (c *Controller) probe(ctx context.Context, p *prober) {
	for ctx.Err() == nil {
		target := p.target.Load()
		next := c.clock.After(target.Check.Interval)
		result := c.ask(ctx, target)
		if ctx.Err() != nil {
			return
		}
		c.cloud.Update(func(m *cloud.Model) bool {
			return m.ELB.Probe(target.TargetGroup, target.Incarnation, result, m.Clock.Now())
		})
		select {
		case <-next:
		case <-ctx.Done():
		}
	}
}

func (c *Controller) ask(ctx context.Context, target *elb.ProbeTarget) error {
	if target.Blocked != nil { // its packets are dropped: nothing answers until the timeout
		select {
		case <-c.clock.After(target.Check.Timeout):
		case <-ctx.Done():
		}
		return target.Blocked
	}
	err := c.connect(ctx, target)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return probeFault(target, err)
}

// probeFault describes a failure in ELB's words, and adds what ELB leaves out: the port and path that were asked, and the cause.
func probeFault(target *elb.ProbeTarget, err error) error {
	asked := fmt.Sprintf("%s %d%s", target.Check.Protocol, target.Port, target.Check.Path)
	late := errors.Is(err, context.DeadlineExceeded)
	switch {
	case errors.As(err, new(proxy.StatusError)):
		return &elb.ProbeFault{Reason: elb.ReasonMismatch, Description: err.Error()}
	case late && target.Check.Protocol == "HTTP":
		return &elb.ProbeFault{
			Reason: elb.ReasonTimeout, Description: fmt.Sprintf("Request timed out: %s, after %v", asked, target.Check.Timeout),
		}
	case late:
		err = proxy.TimeoutError(target.Check.Timeout) // the configured timeout, not the real time that passed
	}
	return fmt.Errorf("%s: %w", asked, err)
}

func (c *Controller) connect(ctx context.Context, target *elb.ProbeTarget) error {
	at := netip.AddrPortFrom(target.Address, uint16(target.Port))
	timeout := c.real(target.Check.Timeout)
	if target.Check.Protocol == "HTTP" {
		return proxy.ProbeHTTP(ctx, c.runtime.Dial, at, target.Check.Path, target.Check.Matcher, timeout)
	}
	return proxy.Probe(ctx, c.runtime.Dial, at, timeout)
}

// registration is a registered target, remembered so that its connections are ended once.
type registration struct {
	group, target string
	unhealthy     bool
}

// endConnectionsLocked resets the flows of targets that have become unhealthy, as a network balancer does, and the requests of
// targets whose draining is over, as an application balancer does.
func (c *Controller) endConnectionsLocked() {
	now := map[string]registration{}
	registered := map[registration]bool{}
	for _, t := range cloud.Get(c.cloud, func(m *cloud.Model) []elb.TargetHealth { return m.ELB.DescribeTargetHealth() }) {
		r := registration{t.TargetGroup, t.ID, t.State == elb.TargetUnhealthy}
		now[t.Incarnation] = r
		registered[registration{group: r.group, target: r.target}] = true
		if r.unhealthy && !c.registered[t.Incarnation].unhealthy {
			c.eachListenerLocked(r.group, func(l *listener) {
				if l.flows != nil {
					l.flows.Reset(r.target)
				}
			})
		}
	}
	for incarnation, r := range c.registered {
		if _, still := now[incarnation]; still || registered[registration{group: r.group, target: r.target}] {
			continue
		}
		c.eachListenerLocked(r.group, func(l *listener) {
			if l.requests != nil {
				l.requests.Reset(r.target)
			}
		})
	}
	c.registered = now
}

// eachListenerLocked calls f with the listeners that forward to a target group.
func (c *Controller) eachListenerLocked(group string, f func(*listener)) {
	for _, l := range c.listeners {
		if l.forward.Load().TargetGroup == group {
			f(l)
		}
	}
}
