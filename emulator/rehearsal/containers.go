package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// servingTasks lists the containers that run and that the balancer finds healthy.
func (d *Deployment) servingTasks() []ecs.Task {
	healthy := map[string]bool{}
	for _, t := range cloud.Get(d.Cloud(), func(m *cloud.Model) []elb.TargetHealth { return m.ELB.DescribeTargetHealth() }) {
		healthy[fmt.Sprintf("%s:%d", t.Instance, t.Port)] = t.State == elb.TargetHealthy
	}
	return slices.DeleteFunc(cloud.Get(d.Cloud(), func(m *cloud.Model) []ecs.Task { return m.ECS.DescribeTasks() }), func(t ecs.Task) bool {
		return t.State != ecs.TaskRunning || !healthy[fmt.Sprintf("%s:%d", t.Instance, t.HostPort)]
	})
}

// describeTask describes a task for people.
func describeTask(t ecs.Task) string {
	return fmt.Sprintf("task %s (%s:%d) on %s, whose port %d is port %d of the container", t.ID[:8], t.Family, t.Revision, t.Instance,
		t.HostPort, t.ContainerPort)
}

// awaitTasks waits until so many containers serve.
func (r *Rehearsal) awaitTasks(ctx context.Context, count int) error {
	d := r.deployment
	err := session.Poll(ctx, d.Real(15*time.Minute), func() bool { return len(d.servingTasks()) == count && d.isSteady() })
	if err != nil {
		return fmt.Errorf("waiting for %d containers: %w", count, err)
	}
	return nil
}

// scaleContainers loads the service until it has its highest number of containers.
func (r *Rehearsal) scaleContainers(ctx context.Context) error {
	c := r.deployment.Settings.Containers
	if c.TargetCPU == 0 || c.Desired >= c.Max || !r.answersLoad(ctx) {
		return nil
	}
	clients := r.startLoad(ctx)
	defer clients.Stop()
	full := func() bool { return len(r.deployment.servingTasks()) >= c.Max && r.deployment.isSteady() }
	if err := r.awaitSize(ctx, "load", full); err != nil {
		return err
	}
	counts := clients.Stop()
	r.report.add(Entry{Text: "load: " + counts.String(), Clients: &counts})
	for _, t := range r.deployment.servingTasks() {
		r.say("healthy", "%s", describeTask(t))
	}
	return r.askEveryTarget(ctx)
}

// loseTask stops a task and waits for its replacement, while clients go on asking.
func (r *Rehearsal) loseTask(ctx context.Context) error {
	before := r.deployment.servingTasks()
	if len(before) == 0 {
		return errors.New("there is no healthy container to stop")
	}
	clients := r.startClients(ctx)
	defer clients.Stop()
	start := time.Now()
	if err := r.deployment.Cloud().Change(func(m *cloud.Model) error {
		return m.ECS.StopTask(before[0].ID, "Task stopped by user", m.Clock.Now())
	}); err != nil {
		return err
	}
	r.say("stop", "%s", describeTask(before[0]))
	var replacement ecs.Task
	err := session.Poll(ctx, r.deployment.Real(15*time.Minute), func() bool {
		for _, t := range r.deployment.servingTasks() {
			if !slices.ContainsFunc(before, func(b ecs.Task) bool { return b.ID == t.ID }) {
				replacement = t
			}
		}
		return replacement.ID != "" && r.deployment.isSteady()
	})
	if err != nil {
		return fmt.Errorf("waiting for a replacement of %s: %w", before[0].ID, err)
	}
	took, counts := r.took(start), clients.Stop()
	r.report.add(Entry{Step: "replaced", Text: fmt.Sprintf("by %s after %v", describeTask(replacement), took), Took: took})
	r.report.add(Entry{Text: "clients meanwhile: " + counts.String(), Clients: &counts})
	return nil
}
