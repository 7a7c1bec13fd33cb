package rehearsal

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// releaseVariable is the environment variable with a service's release. A service without it gets no new release.
const releaseVariable = "RELEASE"

const nextRelease = "2"

// release gives a new release to the services that have releaseVariable, and waits until it is rolled out. No request may fail.
func (r *Rehearsal) release(ctx context.Context) error {
	changed, err := r.nextRelease()
	if !changed || err != nil {
		return err
	}
	clients := r.startClients(ctx)
	defer clients.Stop()
	start := time.Now()
	result, err := r.deployment.Up(ctx)
	if err != nil {
		return fmt.Errorf("deploying the new release failed:\n%w", err)
	}
	r.sayResult("release", "%s", result)
	if r.deployment.Settings.Containers == nil {
		err = r.awaitRefresh(ctx, result.Outputs["group"])
	} else {
		err = r.awaitTasks(ctx, len(r.deployment.servingTasks()))
	}
	if err != nil {
		return err
	}
	took, counts := r.took(start), clients.Stop()
	r.report.add(Entry{Text: fmt.Sprintf("rolled out after %v; clients meanwhile: %v", took, counts), Took: took, Clients: &counts})
	if counts.Failed > 0 {
		return fmt.Errorf("%d requests failed while the release was rolled out", counts.Failed)
	}
	return r.askRelease(ctx)
}

// nextRelease changes the settings. It returns false if no service has releaseVariable.
func (r *Rehearsal) nextRelease() (bool, error) {
	if c := r.deployment.Settings.Containers; c != nil {
		if _, ok := c.Environment[releaseVariable]; !ok {
			return false, nil
		}
		return true, r.deployment.Set(nextRelease, "containers", "environment", releaseVariable)
	}
	changed := false
	for i, service := range r.deployment.Settings.App.Services {
		if _, ok := service.Environment[releaseVariable]; !ok {
			continue
		}
		changed = true
		if err := r.deployment.Set(nextRelease, "app", "services", i, "environment", releaseVariable); err != nil {
			return false, err
		}
	}
	return changed, nil
}

// awaitRefresh follows a group's instance refresh to its end.
func (r *Rehearsal) awaitRefresh(ctx context.Context, group string) error {
	var last autoscaling.Refresh
	err := session.Poll(ctx, r.deployment.Real(time.Hour), func() bool {
		g, _ := cloud.Find(r.deployment.Cloud(), func(m *cloud.Model) (autoscaling.Group, bool) { return m.AutoScaling.Group(group) })
		if len(g.Refreshes) > 0 {
			last = g.Refreshes[len(g.Refreshes)-1]
		}
		return !last.End.IsZero()
	})
	switch {
	case err != nil:
		return fmt.Errorf("waiting for the instance refresh: %w", err)
	case last.Status != autoscaling.RefreshSuccessful:
		return fmt.Errorf("the instance refresh is %s: %s", last.Status, last.Reason)
	}
	return nil
}

// askRelease checks that no answer comes from the former release. MusicGuru's answers do not name their release.
func (r *Rehearsal) askRelease(ctx context.Context) error {
	for range 4 {
		answer, err := r.deployment.Service.Ask(ctx)
		if err != nil {
			return err
		}
		if strings.Contains(answer, "release 1") {
			return fmt.Errorf("the former release still answers: %s", answer)
		}
		r.say("ask", "%s", answer)
	}
	return nil
}
