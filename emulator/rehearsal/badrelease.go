package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// failVariable makes MusicGuru and the web server of this project fail what clients ask, but not the health checks.
const failVariable = "FAIL"

// badRelease is a release that has to go back by itself.
type badRelease struct {
	name   string
	change func(*Rehearsal) error // of the settings
	felt   bool                   // clients may notice it until it goes back
	alarm  bool                   // needs monitoring.alarms
}

// badReleases are the ways in which a release can be bad.
var badReleases = []badRelease{
	{name: "a release that never gets healthy", change: func(r *Rehearsal) error {
		return r.setCommand("/bin/sh", "-c", "exec sleep infinity")
	}},
	{name: "a release whose service dies after a minute", felt: true, change: func(r *Rehearsal) error {
		minute := fmt.Sprintf("%.2f", time.Minute.Seconds()/r.deployment.Speed()) // processes run in real time
		first := r.deployment.Settings.App.Services[0].Command
		return r.setCommand(append([]string{"/bin/sh", "-c", `timeout ` + minute + ` "$@"; exec sleep infinity`, "sh"}, first...)...)
	}},
	{name: "a release that sets off an alarm", felt: true, alarm: true, change: func(r *Rehearsal) error {
		if err := r.setCommand(r.deployment.Settings.App.Services[0].Command...); err != nil {
			return err
		}
		return r.deployment.Set("1", "app", "services", 0, "environment", failVariable)
	}},
}

func (r *Rehearsal) setCommand(command ...string) error {
	return r.deployment.Set(command, "app", "services", 0, "command")
}

// releaseBadly releases bad versions, each of which has to fail, to go back, and to leave a group that launches the version that
// worked. Then it releases the former settings.
func (r *Rehearsal) releaseBadly(ctx context.Context) error {
	if r.deployment.Settings.App == nil {
		return errors.New("bad releases are of services in app.services, which the stack has not")
	}
	good := r.versions()
	for _, bad := range badReleases {
		if bad.alarm && !r.deployment.Settings.Monitoring.Alarms {
			continue
		}
		if err := r.releaseOne(ctx, bad, good); err != nil {
			return fmt.Errorf("%s: %w", bad.name, err)
		}
	}
	first := r.deployment.Settings.App.Services[0]
	if err := r.deployment.Set(first.Environment, "app", "services", 0, "environment"); err != nil {
		return err
	}
	if err := r.setCommand(first.Command...); err != nil {
		return err
	}
	result, err := r.deployment.Up(ctx)
	if err != nil {
		return fmt.Errorf("releasing the former settings failed:\n%w", err)
	}
	r.sayResult("", "with the former settings, %s", result)
	return nil
}

func (r *Rehearsal) releaseOne(ctx context.Context, bad badRelease, good map[int]int) error {
	clients := r.startClients(ctx)
	defer clients.Stop()
	if err := bad.change(r); err != nil {
		return err
	}
	start := time.Now()
	_, err := r.deployment.Up(ctx)
	if err == nil {
		return errors.New("it was released")
	}
	if ctx.Err() != nil {
		return err
	}
	took := r.took(start)
	r.report.add(Entry{Step: "bad", Text: fmt.Sprintf("%s failed after %v:", bad.name, took), Took: took})
	for line := range strings.Lines(err.Error()) {
		r.say("", "  %s", strings.TrimRight(line, "\n"))
	}
	if !strings.Contains(err.Error(), "the group is back at its former version") {
		return errors.New("it did not go back")
	}
	if err := r.comeBack(ctx, good); err != nil {
		return err
	}
	counts := clients.Stop()
	r.report.add(Entry{Text: "clients meanwhile: " + counts.String(), Clients: &counts})
	if counts.Failed > 0 && !bad.felt {
		return fmt.Errorf("%d requests failed", counts.Failed)
	}
	return nil
}

// comeBack checks that all healthy instances are of the version that worked, terminates one, and waits for its replacement, which has
// to be of that version too.
func (r *Rehearsal) comeBack(ctx context.Context, good map[int]int) error {
	if now := r.versions(); !maps.Equal(now, good) {
		return fmt.Errorf("healthy instances by version were %v before and are %v", good, now)
	}
	victim := r.deployment.Healthy()[0]
	if err := r.deployment.Session.Emulator.TerminateInstance(victim.ID); err != nil {
		return err
	}
	err := session.Poll(ctx, r.deployment.Real(15*time.Minute), func() bool {
		gone := !slices.ContainsFunc(r.deployment.Healthy(), func(i api.Instance) bool { return i.ID == victim.ID })
		return gone && maps.Equal(r.versions(), good)
	})
	if err != nil {
		return fmt.Errorf("waiting for a replacement of %s of the version that worked (%v): %w; healthy are %v",
			victim.ID, good, err, r.versions())
	}
	r.say("", "the group is what it was: %s was terminated, and its replacement is of the former version", victim.ID)
	return nil
}

// versions counts the healthy instances by the version of their launch template.
func (r *Rehearsal) versions() map[int]int {
	count := map[int]int{}
	for _, i := range r.deployment.Healthy() {
		count[i.Version]++
	}
	return count
}
