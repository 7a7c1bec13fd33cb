package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/dataplane"
	"github.com/elastic-service/elastic-service/emulator/engine"
)

// often is how often the clients ask that go on while something happens.
const often = 50 * time.Millisecond

func (r *rehearsal) deploy(ctx context.Context) error {
	r.say("rehearsal", "stack %s, at speed %g: %.1f s here are a minute there", r.stack, r.speed, 60/r.speed)
	result, err := r.up(ctx)
	if err != nil {
		return fmt.Errorf("up failed:\n%w", err)
	}
	r.deployed = result
	waited := result.Took["aws:autoscaling/group:Group"]
	r.say("up", "%s: %.1f s of it the engine's, %.1f s until the group was healthy", describe(result),
		(result.Duration - waited).Seconds(), waited.Seconds())
	for _, line := range kinds(result) {
		r.say("", "%s", line)
	}
	return r.meet(result.Outputs["address"])
}

func (r *rehearsal) up(ctx context.Context) (engine.Result, error) {
	e, err := r.pulumi(ctx)
	if err != nil {
		return engine.Result{}, err
	}
	return e.Up(ctx)
}

// meet finds out how the service is asked: pages are asked for over HTTP, lines are sent over TCP, either over TLS where
// the first listener ends it. The address is that listener's.
func (r *rehearsal) meet(address string) error {
	if at, err := netip.ParseAddrPort(address); err == nil {
		r.addresses = append(r.addresses, at.Addr())
	}
	question := r.question
	if question == "" {
		question = standardQuestion(r.settings)
	}
	var err error
	r.service, err = newService(address, r.settings.Balancer.Listeners[0].Protocol, question, r.cloud.Status().Authority)
	if err != nil {
		return err
	}
	// Through a network balancer a connection stays with its target, so that each question has one of its own.
	r.service.oneEach(r.settings.Balancer.Type == "network")
	return nil
}

// awaitHealthy waits until every member of every group is healthy, and every container.
func (r *rehearsal) awaitHealthy(ctx context.Context) error {
	err := poll(ctx, r.real(10*time.Minute), func() bool {
		s := r.cloud.Status()
		for _, g := range s.Groups {
			if g.Healthy < g.Desired {
				return false
			}
		}
		for _, service := range r.cloud.Cloud.Services() {
			if !service.Steady {
				return false
			}
		}
		return len(s.Groups) > 0
	})
	if err != nil {
		return fmt.Errorf("waiting for healthy instances: %w", err)
	}
	for _, i := range r.cloud.Status().Instances {
		if i.State == "running" {
			r.remember(i.Loopback)
			r.say(word(i.Target, "running"), "%s in %s, %s (here %s): %s", i.ID, i.Zone, i.Address, i.Loopback, running(i))
		}
	}
	for _, t := range r.tasks() {
		r.say("healthy", "%s", r.describeTask(t))
	}
	for _, line := range r.cloud.Status().Skipped {
		r.say("skipped", "%s", line)
	}
	for _, line := range r.cloud.Status().Moved {
		r.say("moved", "%s", line)
	}
	return nil
}

// running lists an instance's processes.
func running(i emulator.InstanceStatus) string {
	var names []string
	for _, s := range i.Services {
		if s.State == dataplane.Running && s.PID > 0 {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return "no process of its own"
	}
	return strings.Join(names, ", ")
}

func word(given, otherwise string) string {
	if given == "" {
		return otherwise
	}
	return given
}

func (r *rehearsal) remember(address netip.Addr) {
	if !slices.Contains(r.addresses, address) {
		r.addresses = append(r.addresses, address)
	}
}

// healthy lists the instances that the balancer finds healthy, and remembers where they listen.
func (r *rehearsal) healthy() []emulator.InstanceStatus {
	var found []emulator.InstanceStatus
	for _, i := range r.cloud.Status().Instances {
		if i.Target == "healthy" {
			found = append(found, i)
			r.remember(i.Loopback)
		}
	}
	return found
}

// targets are the names of what the balancer may ask now, by the IDs that it counts by.
func (r *rehearsal) targets() map[string]string {
	names := map[string]string{}
	if r.settings.Containers != nil {
		for _, t := range r.tasks() {
			names[fmt.Sprintf("%s:%d", t.Instance, t.HostPort)] = r.describeTask(t)
		}
		return names
	}
	for _, i := range r.healthy() {
		names[i.ID] = i.ID + " in " + i.Zone
	}
	return names
}

// answered counts what each target has answered so far.
func (r *rehearsal) answered() map[string]uint64 {
	counts := map[string]uint64{}
	for _, b := range r.cloud.Status().Balancers {
		for target, flows := range b.Flows {
			counts[target] += flows.Total
		}
	}
	return counts
}

// askEveryTarget asks until every target has answered, a hundred times at most, and counts who did. An application
// balancer asks them in turn.
func (r *rehearsal) askEveryTarget(ctx context.Context) error {
	targets, before := r.targets(), r.answered()
	silent := func() []string {
		now := r.answered()
		return slices.DeleteFunc(slices.Sorted(maps.Keys(targets)), func(id string) bool { return now[id] > before[id] })
	}
	const least, most = 20, 100
	asked := 0
	for ; asked < most && (asked < least || len(silent()) > 0); asked++ {
		answer, err := r.service.ask(ctx)
		if err != nil {
			return fmt.Errorf("asking: %w", err)
		}
		if asked < 3 {
			r.say("ask", "%s", answer)
		}
	}
	if left := silent(); len(left) > 0 {
		return fmt.Errorf("%s answered none of %d requests", targets[left[0]], asked)
	}
	now := r.answered()
	least64, most64 := uint64(asked), uint64(0)
	for _, id := range slices.Sorted(maps.Keys(targets)) {
		count := now[id] - before[id]
		least64, most64 = min(least64, count), max(most64, count)
		r.say("answered", "%s: %d of %d", targets[id], count, asked)
	}
	if r.settings.Balancer.Type == "application" && most64-least64 > 1 {
		return fmt.Errorf("%d answers and %d: the balancer did not ask in turn", least64, most64)
	}
	return nil
}

func (r *rehearsal) deployAgain(ctx context.Context) error {
	result, err := r.up(ctx)
	if err != nil {
		return fmt.Errorf("the second up failed:\n%w", err)
	}
	if result.Changes() > 0 {
		return fmt.Errorf("the second up changed something: %s", describe(result))
	}
	r.say("up again", "%s", describe(result))
	return nil
}

// startClients asks the service all the time.
func (r *rehearsal) startClients(ctx context.Context) *clients {
	return startClients(ctx, often, func(ctx context.Context) error {
		_, err := r.service.ask(ctx)
		return err
	})
}

// loseAnInstance terminates one and waits for its replacement, while clients go on asking.
func (r *rehearsal) loseAnInstance(ctx context.Context) error {
	before := r.healthy()
	if len(before) == 0 {
		return errors.New("no healthy instance is there to be terminated")
	}
	victim := before[0]
	clients := r.startClients(ctx)
	defer clients.stop()
	start := time.Now()
	if err := r.cloud.Cloud.TerminateInstance(victim.ID); err != nil {
		return err
	}
	r.say("terminate", "%s in %s", victim.ID, victim.Zone)
	var replacement emulator.InstanceStatus
	err := poll(ctx, r.real(15*time.Minute), func() bool {
		now := r.healthy()
		for _, i := range now {
			if !slices.ContainsFunc(before, func(b emulator.InstanceStatus) bool { return b.ID == i.ID }) {
				replacement = i
			}
		}
		return replacement.ID != "" && len(now) >= len(before)
	})
	if err != nil {
		return fmt.Errorf("waiting for a replacement of %s: %w", victim.ID, err)
	}
	took := time.Since(start)
	r.say("replaced", "by %s in %s after %.1f s here, %.0f s there (AWS adds what it takes to start a machine and to register it)",
		replacement.ID, replacement.Zone, took.Seconds(), took.Seconds()*r.speed)
	r.say("", "%s", clients.stop())
	return nil
}

// refuseDestruction shows that a protected stack can't be destroyed, and takes its protection away.
func (r *rehearsal) refuseDestruction(ctx context.Context) error {
	if !r.settings.Protect {
		return nil
	}
	e, err := r.pulumi(ctx)
	if err != nil {
		return err
	}
	result, err := e.Destroy(ctx)
	if err == nil || result.Deleted > 0 {
		return fmt.Errorf("a protected stack was destroyed: %s", describe(result))
	}
	reason, _, _ := strings.Cut(strings.Join(strings.Fields(err.Error()), " "), ". ")
	r.say("protected", "destroy is refused: %s", reason)
	if err := r.set(false, "protect"); err != nil {
		return err
	}
	if result, err = r.up(ctx); err != nil {
		return fmt.Errorf("taking the protection away failed:\n%w", err)
	}
	r.say("", "with protect: false, %s", describe(result))
	return nil
}

func (r *rehearsal) destroy(ctx context.Context) error {
	e, err := r.pulumi(ctx)
	if err != nil {
		return err
	}
	r.say("destroy", "begun: the group drains its instances before it terminates them")
	result, err := e.Destroy(ctx)
	if err != nil {
		return fmt.Errorf("destroy failed:\n%w", err)
	}
	r.say("", "%s", describe(result))
	if left := r.cloud.Cloud.Left(); len(left) > 0 {
		return fmt.Errorf("after the destroy there is still: %s", strings.Join(left, ", "))
	}
	return nil
}
