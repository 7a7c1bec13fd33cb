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

// releaseVariable is what the environment of a service has to name for the rehearsal to roll a new release out.
const releaseVariable = "RELEASE"

const nextRelease = "2"

// release gives the services that name their release a new one, and sees it rolled out without a failed request.
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

// nextRelease changes the settings, if a service names its release.
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

// askRelease wants the answers to come from the new release, where they say so at all.
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
