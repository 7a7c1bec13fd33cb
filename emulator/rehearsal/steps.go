package rehearsal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/load"
	"github.com/elastic-service/elastic-service/emulator/session"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// clientInterval is the time between two questions of the clients that go on asking while something happens.
const clientInterval = 50 * time.Millisecond

// deploy deploys the stack and reports how long that took.
func (r *Rehearsal) deploy(ctx context.Context) error {
	d := r.deployment
	r.say("rehearsal", "stack %s at speed %g: an emulated minute takes %.1f s", d.Session.Options().Stack, d.Speed(), 60/d.Speed())
	if err := d.Deploy(ctx); err != nil {
		return err
	}
	waited := d.Result.Took["aws:autoscaling/group:Group"]
	r.sayResult("up", "%s: %.1f s for the resources, %.1f s more until the group was healthy", d.Result,
		(d.Result.Duration - waited).Seconds(), waited.Seconds())
	for _, line := range d.Result.DescribeKinds() {
		r.say("", "%s", line)
	}
	return nil
}

// awaitHealthy waits until all instances and containers are healthy, and lists them with what the emulator leaves out.
func (r *Rehearsal) awaitHealthy(ctx context.Context) error {
	if err := r.deployment.AwaitHealthy(ctx); err != nil {
		return err
	}
	status := r.deployment.Status()
	for _, i := range status.Instances {
		if i.State == "running" {
			r.say(cmp.Or(i.Target, "running"), "%s in %s, %s (on this machine %s): %s", i.ID, i.Zone, i.Address, i.Loopback, runningServices(i))
		}
	}
	for _, t := range r.deployment.servingTasks() {
		r.say("healthy", "%s", describeTask(t))
	}
	for _, line := range status.Skipped {
		r.say("skipped", "%s", line)
	}
	for _, line := range status.Moved {
		r.say("moved", "%s", line)
	}
	return nil
}

// runningServices names the services of an instance that run.
func runningServices(i api.Instance) string {
	var names []string
	for _, s := range i.Services {
		if s.State == api.ServiceRunning && s.PID > 0 {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return "no service of its own"
	}
	return strings.Join(names, ", ")
}

// targetNames describes the targets that the balancer may choose now, by the IDs under which it counts.
func (d *Deployment) targetNames() map[string]string {
	names := map[string]string{}
	if d.Settings.Containers != nil {
		for _, t := range d.servingTasks() {
			names[fmt.Sprintf("%s:%d", t.Instance, t.HostPort)] = describeTask(t)
		}
		return names
	}
	for _, i := range d.Healthy() {
		names[i.ID] = i.ID + " in " + i.Zone
	}
	return names
}

// countAnswers counts what each target has answered so far.
func (d *Deployment) countAnswers() map[string]uint64 {
	counts := map[string]uint64{}
	for _, b := range d.Status().Balancers {
		for target, flows := range b.Flows {
			counts[target] += flows.Total
		}
	}
	return counts
}

// askEveryTarget asks until every target has answered, at most a hundred times, and counts the answers of each. An application
// balancer must have chosen its targets in turn.
func (r *Rehearsal) askEveryTarget(ctx context.Context) error {
	targets, before := r.deployment.targetNames(), r.deployment.countAnswers()
	silent := func() []string {
		now := r.deployment.countAnswers()
		return slices.DeleteFunc(slices.Sorted(maps.Keys(targets)), func(id string) bool { return now[id] > before[id] })
	}
	const least, most = 20, 100
	asked := 0
	for ; asked < most && (asked < least || len(silent()) > 0); asked++ {
		answer, err := r.deployment.Service.Ask(ctx)
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
	now := r.deployment.countAnswers()
	fewest, highest := uint64(asked), uint64(0)
	for _, id := range slices.Sorted(maps.Keys(targets)) {
		count := now[id] - before[id]
		fewest, highest = min(fewest, count), max(highest, count)
		r.say("answered", "%s: %d of %d", targets[id], count, asked)
	}
	if r.deployment.Settings.Balancer.Type == "application" && highest-fewest > 1 {
		return fmt.Errorf("a target answered %d requests and another %d: the balancer did not choose them in turn", fewest, highest)
	}
	return nil
}

// deployAgain runs the program once more, which must change nothing.
func (r *Rehearsal) deployAgain(ctx context.Context) error {
	result, err := r.deployment.Up(ctx)
	if err != nil {
		return fmt.Errorf("the second up failed:\n%w", err)
	}
	if result.Changes() > 0 {
		return fmt.Errorf("the second up changed something: %s", result)
	}
	r.sayResult("up again", "%s", result)
	return nil
}

// startClients asks the service again and again, until they are stopped.
func (r *Rehearsal) startClients(ctx context.Context) *load.Clients {
	return load.StartClients(ctx, clientInterval, func(ctx context.Context) error {
		_, err := r.deployment.Service.Ask(ctx)
		return err
	})
}

// loseInstance terminates an instance and waits for its replacement, while clients go on asking.
func (r *Rehearsal) loseInstance(ctx context.Context) error {
	before := r.deployment.Healthy()
	if len(before) == 0 {
		return errors.New("there is no healthy instance to terminate")
	}
	victim := before[0]
	clients := r.startClients(ctx)
	defer clients.Stop()
	start := time.Now()
	if err := r.deployment.Session.Emulator.TerminateInstance(victim.ID); err != nil {
		return err
	}
	r.say("terminate", "%s in %s", victim.ID, victim.Zone)
	var replacement api.Instance
	err := session.Poll(ctx, r.deployment.Real(15*time.Minute), func() bool {
		now := r.deployment.Healthy()
		for _, i := range now {
			if !slices.ContainsFunc(before, func(b api.Instance) bool { return b.ID == i.ID }) {
				replacement = i
			}
		}
		return replacement.ID != "" && len(now) >= len(before)
	})
	if err != nil {
		return fmt.Errorf("waiting for a replacement of %s: %w", victim.ID, err)
	}
	took, counts := r.took(start), clients.Stop()
	r.report.add(Entry{Step: "replaced", Took: took, Text: fmt.Sprintf(
		"by %s in %s after %v (on AWS, starting a machine and registering it takes longer)", replacement.ID, replacement.Zone, took)})
	r.report.add(Entry{Text: "clients meanwhile: " + counts.String(), Clients: &counts})
	return nil
}

// destroy destroys the stack.
func (r *Rehearsal) destroy(ctx context.Context) error {
	r.say("destroy", "begun: the group drains its instances before it terminates them")
	result, err := r.deployment.Destroy(ctx)
	if err != nil {
		return err
	}
	r.sayResult("", "%s", result)
	for _, name := range r.deployment.snapshots() {
		r.say("kept", "the database's last snapshot, %s: on AWS it costs money until it is deleted", name)
	}
	return nil
}

// snapshots lists the snapshots of databases, which stay when the databases are gone.
func (d *Deployment) snapshots() []string {
	return cloud.Get(d.Cloud(), func(m *cloud.Model) []string { return aws.Keys(m.RDS.Snapshots) })
}
