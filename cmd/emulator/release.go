package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/internal/project"
	"github.com/elastic-service/elastic-service/settings"
)

// releaseVariable is what the environment of a service has to name for the rehearsal to roll a new release out.
const releaseVariable = "RELEASE"

const nextRelease = "2"

// standardQuestion is a page where a browser would ask, and otherwise MusicGuru's random year.
func standardQuestion(s *settings.Settings) string {
	web := func(l settings.Listener) bool { return l.Port == 80 }
	if s.Balancer.Type == "application" || slices.ContainsFunc(s.Balancer.Listeners, web) {
		return "/"
	}
	return "0"
}

// set changes a setting of the rehearsal's copy.
func (r *rehearsal) set(value any, key string, path ...any) error {
	return project.Set(r.root, r.stack, value, "elastic-service:"+key, path...)
}

// release gives the services that name their release a new one, and sees it rolled out without a failed request.
func (r *rehearsal) release(ctx context.Context) error {
	changed, err := r.nextRelease()
	if !changed || err != nil {
		return err
	}
	clients := r.startClients(ctx)
	defer clients.stop()
	start := time.Now()
	result, err := r.up(ctx)
	if err != nil {
		return fmt.Errorf("deploying the new release failed:\n%w", err)
	}
	r.say("release", "%s", describe(result))
	if r.settings.Containers == nil {
		err = r.awaitRefresh(ctx, result.Outputs["group"])
	} else {
		err = r.awaitTasks(ctx, len(r.tasks()))
	}
	if err != nil {
		return err
	}
	took := time.Since(start)
	report := clients.stop()
	r.say("", "rolled out after %.1f s here, %.0f s there; %s", took.Seconds(), took.Seconds()*r.speed, report)
	if n := clients.failures(); n > 0 {
		return fmt.Errorf("%d requests failed while the release was rolled out", n)
	}
	return r.askRelease(ctx)
}

// nextRelease changes the settings, if a service names its release.
func (r *rehearsal) nextRelease() (bool, error) {
	if c := r.settings.Containers; c != nil {
		if _, ok := c.Environment[releaseVariable]; !ok {
			return false, nil
		}
		return true, r.set(nextRelease, "containers", "environment", releaseVariable)
	}
	changed := false
	for i, service := range r.settings.App.Services {
		if _, ok := service.Environment[releaseVariable]; !ok {
			continue
		}
		changed = true
		if err := r.set(nextRelease, "app", "services", i, "environment", releaseVariable); err != nil {
			return false, err
		}
	}
	return changed, nil
}

// awaitRefresh follows a group's instance refresh to its end.
func (r *rehearsal) awaitRefresh(ctx context.Context, group string) error {
	var last cloud.Refresh
	err := poll(ctx, r.real(time.Hour), func() bool {
		g, _, _ := r.cloud.Cloud.Group(group)
		if len(g.Refreshes) > 0 {
			last = g.Refreshes[len(g.Refreshes)-1]
		}
		return !last.End.IsZero()
	})
	switch {
	case err != nil:
		return fmt.Errorf("waiting for the instance refresh: %w", err)
	case last.Status != cloud.RefreshSuccessful:
		return fmt.Errorf("the instance refresh is %s: %s", last.Status, last.Reason)
	}
	return nil
}

// askRelease wants the answers to come from the new release, where they say so at all.
func (r *rehearsal) askRelease(ctx context.Context) error {
	for range 4 {
		answer, err := r.service.ask(ctx)
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
