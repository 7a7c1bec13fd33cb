// Package cloud is the model of AWS behind the emulator: what exists, what is allowed, and what happens next.
//
//	provider ──▶ create, update, delete ─┐
//	                                     ▼
//	                    Cloud: networks, templates, balancers, groups
//	                                     │ Reconcile(now): groups, refreshes, draining
//	data plane ──▶ what happened ────────┘ ──▶ what should run: instances, targets, listeners
//
// The model only decides. It starts no process, opens no socket and asks no clock but the one it was given, so that a
// test moves it through hours in microseconds. What it decides is carried out by the data plane, which reports back
// what really happened: an instance runs because it booted, and a target is healthy because a probe was accepted.
//
// Methods are safe for concurrent use. Errors carry the codes of the AWS APIs, see [Error].
package cloud

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// Account is the AWS account that everything belongs to: the one of AWS's own examples.
const Account = "123456789012"

// Error is a refusal, as an AWS API words it.
type Error struct {
	Code    string // as in the API's list of errors, e.g. DependencyViolation
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func refuse(code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Cloud is one region of one account.
type Cloud struct {
	clock   clockwork.Clock
	mu      sync.Mutex
	state   state
	version uint64        // grows with every change, so that a caller sees whether it has to save
	changed chan struct{} // closed and replaced by every change
}

// New returns an empty region, or an error for a region that is not in the catalogue. It gives out only addresses that
// free finds free: private ones to instances, 127.255.0.N to balancers.
func New(region string, clock clockwork.Clock, free func(netip.Addr) bool) (*Cloud, error) {
	if _, err := zonesOf(region); err != nil {
		return nil, err
	}
	c := &Cloud{clock: clock, state: newState(), changed: make(chan struct{})}
	c.state.region, c.state.free = region, free
	return c, nil
}

// Region is the region's name, e.g. us-east-1.
func (c *Cloud) Region() string { return c.state.region }

// Now is the time of the injected clock.
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

// change runs f under the lock and, unless it fails, tells everybody who waits that something changed. A failing f must
// not have changed anything.
func (c *Cloud) change(f func(s *state) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := f(&c.state); err != nil {
		return err
	}
	c.touch()
	return nil
}

// touch marks a change. The lock is held.
func (c *Cloud) touch() {
	c.version++
	close(c.changed)
	c.changed = make(chan struct{})
}

// view runs f under the lock; f must not change anything.
func (c *Cloud) view(f func(s *state)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.state)
}

// newID returns an identifier in the form of EC2: a prefix and 17 hexadecimal digits.
func newID(prefix string) string { return prefix + "-0" + randomHex(8) }

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return hex.EncodeToString(b)
}

// ARN returns the name of a resource of this region, e.g. ARN("ec2", "vpc/vpc-1").
func (c *Cloud) ARN(service, resource string) string { return c.state.ARN(service, resource) }

// ARN returns the name of a resource of this region, e.g. ARN("ec2", "vpc/vpc-1").
func (s *state) ARN(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, s.region, Account, resource)
}

// zones lists the availability zones of the regions that are enabled by default, by their letters (AWS: "Regions and
// Availability Zones").
var zones = map[string]string{
	"us-east-1": "abcdef", "us-east-2": "abc", "us-west-1": "ac", "us-west-2": "abcd",
	"ca-central-1": "abd", "sa-east-1": "abc",
	"eu-central-1": "abc", "eu-west-1": "abc", "eu-west-2": "abc", "eu-west-3": "abc", "eu-north-1": "abc",
	"ap-south-1": "abc", "ap-northeast-1": "acd", "ap-northeast-2": "abcd", "ap-northeast-3": "abc",
	"ap-southeast-1": "abc", "ap-southeast-2": "abc",
}

func zonesOf(region string) ([]string, error) {
	letters, ok := zones[region]
	if !ok {
		return nil, refuse("InvalidParameterValue", "aws:region: %q is not one of those that AWS enables by default", region)
	}
	var names []string
	for _, letter := range letters {
		names = append(names, region+string(letter))
	}
	return names, nil
}

// Zones returns the names of the region's availability zones, sorted.
func (c *Cloud) Zones() []string { return c.state.zones() }

func (s *state) zones() []string {
	names, _ := zonesOf(s.region) // checked by New
	return names
}
