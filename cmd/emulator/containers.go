package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

// tasks lists the containers that serve: they run, and the balancer finds them healthy.
func (r *rehearsal) tasks() []cloud.Task {
	healthy := map[string]bool{}
	for _, t := range r.cloud.Cloud.TargetHealth() {
		healthy[fmt.Sprintf("%s:%d", t.Instance, t.Port)] = t.State == cloud.TargetHealthy
	}
	return slices.DeleteFunc(r.cloud.Cloud.Tasks(), func(t cloud.Task) bool {
		return t.State != cloud.TaskRunning || !healthy[fmt.Sprintf("%s:%d", t.Instance, t.HostPort)]
	})
}

func (r *rehearsal) describeTask(t cloud.Task) string {
	return fmt.Sprintf("task %s (%s:%d) on %s, port %d there is %d of the container", t.ID[:8], t.Family, t.Revision, t.Instance,
		t.HostPort, t.ContainerPort)
}

// awaitTasks waits until so many containers serve.
func (r *rehearsal) awaitTasks(ctx context.Context, count int) error {
	if err := poll(ctx, r.real(15*time.Minute), func() bool { return len(r.tasks()) == count && r.steady() }); err != nil {
		return fmt.Errorf("waiting for %d containers: %w", count, err)
	}
	return nil
}

func (r *rehearsal) steady() bool {
	return !slices.ContainsFunc(r.cloud.Cloud.Services(), func(s cloud.ServiceStatus) bool { return !s.Steady })
}

// scaleContainers loads the service until it has as many containers as it may have.
func (r *rehearsal) scaleContainers(ctx context.Context) error {
	c := r.settings.Containers
	if c.TargetCPU == 0 || c.Desired >= c.Max || !r.loads(ctx) {
		return nil
	}
	load := r.startLoad(ctx)
	defer load.stop()
	if err := r.awaitSize(ctx, "load", func() bool { return len(r.tasks()) >= c.Max && r.steady() }); err != nil {
		return err
	}
	r.say("", "load: %s", load.stop())
	for _, t := range r.tasks() {
		r.say("healthy", "%s", r.describeTask(t))
	}
	return r.askEveryTarget(ctx)
}

// loseATask stops one and waits for its replacement, while clients go on asking.
func (r *rehearsal) loseATask(ctx context.Context) error {
	before := r.tasks()
	if len(before) == 0 {
		return errors.New("no healthy container is there to be stopped")
	}
	clients := r.startClients(ctx)
	defer clients.stop()
	start := time.Now()
	if err := r.cloud.Cloud.StopTask(before[0].ID, "Task stopped by user"); err != nil {
		return err
	}
	r.say("stop", "%s", r.describeTask(before[0]))
	var replacement cloud.Task
	err := poll(ctx, r.real(15*time.Minute), func() bool {
		for _, t := range r.tasks() {
			if !slices.ContainsFunc(before, func(b cloud.Task) bool { return b.ID == t.ID }) {
				replacement = t
			}
		}
		return replacement.ID != "" && r.steady()
	})
	if err != nil {
		return fmt.Errorf("waiting for a replacement of %s: %w", before[0].ID, err)
	}
	took := time.Since(start)
	r.say("replaced", "by %s, after %.1f s here, %.0f s there", r.describeTask(replacement), took.Seconds(), took.Seconds()*r.speed)
	r.say("", "%s", clients.stop())
	return nil
}
