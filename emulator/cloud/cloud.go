// Package cloud is the model of AWS behind the emulator: what exists, what is allowed, and what happens next.
//
//	provider, API, data plane ──▶ Cloud: the lock, the clock, Reconcile, Save
//	                                │ Change, View
//	                                ▼
//	Model   fault, analyzer         what can go wrong; whether a connection is possible
//	        ecs                     services, tasks
//	        autoscaling             groups: launch, replace, refresh, scale
//	        cloudwatch              alarms, metrics
//	        events                  rules, topics
//	        elb                     load balancers, targets: health, draining
//	        ec2   rds               instances, templates; databases
//	        vpc   s3   acm          networks, interfaces, paths; buckets; certificates
//	        iam   route53           roles; hosted zones
//	        aws                     errors, ARNs, IDs, the region
//
// Each service of AWS is a package: its saved State, the methods of its API, and Reconcile if something happens in it by
// itself. A service calls services of lower layers. It hears of higher ones only by functions that they hand in, such as the
// metrics of a group or the capacity that a fault takes away; see newModel. The services have no lock. They are used within
// [Cloud.Change] and [Cloud.View].
//
// The model only decides. It starts no process, opens no socket and asks no clock but the one it was given, so that a test
// moves it through hours in microseconds. The data plane carries out what the model decides, and reports back what really
// happened: an instance runs because it booted, and a target is healthy because a probe was accepted.
//
// Refusals carry the codes of the AWS APIs, see [aws.Error].
package cloud

import (
	"net/netip"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Cloud is one region of one account. Its methods are safe for concurrent use.
type Cloud struct {
	region  aws.Region
	clock   clockwork.Clock
	mu      sync.Mutex
	model   *Model
	version uint64        // grows with every change, so that a caller sees whether it has to save
	changed chan struct{} // closed and replaced by every change
}

// New returns an empty region, or an error for a region that is not in the catalogue. It gives out only addresses that
// free finds free: private ones to instances, 127.255.0.N to balancers.
func New(region string, clock clockwork.Clock, free func(netip.Addr) bool) (*Cloud, error) {
	r := aws.Region(region)
	if err := r.Check(); err != nil {
		return nil, err
	}
	return &Cloud{region: r, clock: clock, model: newModel(r, clock, free), changed: make(chan struct{})}, nil
}

// Region returns the region.
func (c *Cloud) Region() aws.Region { return c.region }

// Now returns the time of the injected clock.
func (c *Cloud) Now() time.Time { return c.clock.Now() }

// Changed returns a channel that is closed at the next change of anything.
func (c *Cloud) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Version counts the changes so far.
func (c *Cloud) Version() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.version
}

// View runs f, which must not change anything, under the lock. Nothing of the model may be used after f has returned, but
// for the copies that its methods return.
func (c *Cloud) View(f func(m *Model)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c.model)
}

// Change runs f under the lock and, unless it fails, wakes those that wait for a change. An f that fails must not have
// changed anything.
func (c *Cloud) Change(f func(m *Model) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := f(c.model); err != nil {
		return err
	}
	c.markChanged()
	return nil
}

// Update runs f under the lock and, if it reports a change, wakes those that wait for it.
func (c *Cloud) Update(f func(m *Model) (changed bool)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := f(c.model)
	if changed {
		c.markChanged()
	}
	return changed
}

func (c *Cloud) markChanged() {
	c.version++
	close(c.changed)
	c.changed = make(chan struct{})
}

// Reconcile moves everything on that depends on time or on what the data plane reported, see [Model.reconcile]. It reports
// whether anything changed; nothing else does between two calls.
func (c *Cloud) Reconcile() bool {
	return c.Update(func(m *Model) bool { return m.reconcile(c.clock.Now()) })
}

// Get returns what f reads.
func Get[T any](c *Cloud, f func(m *Model) T) T {
	var found T
	c.View(func(m *Model) { found = f(m) })
	return found
}

// Find returns what f reads, and whether it exists or why not.
func Find[T, R any](c *Cloud, f func(m *Model) (T, R)) (T, R) {
	var found T
	var result R
	c.View(func(m *Model) { found, result = f(m) })
	return found, result
}

// Make changes the model as [Cloud.Change] does and returns what f makes.
func Make[T any](c *Cloud, f func(m *Model) (T, error)) (T, error) {
	var made T
	err := c.Change(func(m *Model) (err error) {
		made, err = f(m)
		return err
	})
	return made, err
}
