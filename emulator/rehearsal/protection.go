package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/engine"
)

// tryProtection tries to take a protected stack away in several ways, each of which must be refused and leave every resource
// and every target. A release must go through. Then it lifts the protection.
func (r *Rehearsal) tryProtection(ctx context.Context) error {
	if !r.deployment.Settings.Protect {
		return nil
	}
	if err := r.deployment.AwaitHealthy(ctx); err != nil {
		return err
	}
	for _, attempt := range r.attempts() {
		if err := errors.Join(r.refused(ctx, attempt), r.restore(ctx, attempt)); err != nil {
			return fmt.Errorf("%s: %w", attempt.name, err)
		}
	}
	if err := r.releaseProtected(ctx); err != nil {
		return err
	}
	if err := r.deployment.Set(false, "protect"); err != nil {
		return err
	}
	result, err := r.deployment.Up(ctx)
	if err != nil {
		return fmt.Errorf("lifting the protection failed:\n%w", err)
	}
	r.sayResult("", "with protect: false, %s", result)
	return nil
}

// attempt is a way to take a stack away, or a part of it.
type attempt struct {
	name    string
	do      func(*engine.Engine, context.Context) (engine.Result, error)
	reason  string // what the refusal says
	changed *Setting
	before  any  // the setting's value
	alarms  bool // it takes alarms away, which are not protected
}

func (r *Rehearsal) attempts() []attempt {
	s := r.deployment.Settings
	tries := []attempt{
		{name: "destroy", do: (*engine.Engine).Destroy, reason: "cannot be deleted"},
		{name: "destroy without a preview", do: (*engine.Engine).DestroyUnseen, reason: "cannot be deleted"},
		{
			name: "another app.port, which replaces the target group,", do: (*engine.Engine).Up, reason: "unable to replace",
			changed: &Setting{Value: s.App.Port + 100, Key: "app", Path: []any{"port"}}, before: s.App.Port,
		},
	}
	if s.Network.NAT == "perZone" {
		tries = append(tries, attempt{
			name: "a single NAT gateway", do: (*engine.Engine).Up, reason: "cannot be deleted",
			changed: &Setting{Value: "single", Key: "network", Path: []any{"nat"}}, before: s.Network.NAT, alarms: true,
		})
	}
	return tries
}

// refused makes an attempt, which must fail for its reason, and counts what is left.
func (r *Rehearsal) refused(ctx context.Context, a attempt) error {
	d := r.deployment
	before, targets := d.Session.Emulator.Left(), len(d.Healthy())
	if a.alarms {
		before = slices.DeleteFunc(before, func(r string) bool { return strings.HasPrefix(r, "alarm ") })
	}
	if a.changed != nil {
		if err := d.Set(a.changed.Value, a.changed.Key, a.changed.Path...); err != nil {
			return err
		}
	}
	e, err := d.Session.Pulumi(ctx)
	if err != nil {
		return err
	}
	result, err := a.do(e, ctx)
	switch {
	case err == nil:
		return fmt.Errorf("was not refused: %s", result)
	case !strings.Contains(err.Error(), a.reason):
		return fmt.Errorf("was refused for another reason: %w", err)
	}
	left := d.Session.Emulator.Left()
	if gone := slices.DeleteFunc(slices.Clone(before), func(r string) bool { return slices.Contains(left, r) }); len(gone) > 0 {
		return fmt.Errorf("took away %s", strings.Join(gone, ", "))
	}
	if now := len(d.Healthy()); now < targets {
		return fmt.Errorf("left %d of %d healthy targets", now, targets)
	}
	if answer, err := d.Service.Ask(ctx); err != nil {
		return errors.Join(fmt.Errorf("the service does not answer: %s", answer), err)
	}
	r.say("protected", "%s is refused, %d of %d resources are left, %d targets healthy: %s",
		a.name, len(before), len(before), targets, shortReason(err))
	return nil
}

// releaseProtected replaces the instances of the protected stack by those of a new version.
func (r *Rehearsal) releaseProtected(ctx context.Context) error {
	if len(r.deployment.Settings.App.Services) == 0 {
		return nil
	}
	if err := r.deployment.Set(nextRelease, "app", "services", 0, "environment", releaseVariable); err != nil {
		return err
	}
	result, err := r.deployment.Up(ctx)
	if err != nil {
		return fmt.Errorf("a release of the protected stack failed:\n%w", err)
	}
	r.sayResult("", "a release goes through: %s", result)
	return nil
}

// restore puts an attempt's setting back and deploys the stack.
func (r *Rehearsal) restore(ctx context.Context, a attempt) error {
	if a.changed == nil {
		return nil
	}
	if err := r.deployment.Set(a.before, a.changed.Key, a.changed.Path...); err != nil {
		return err
	}
	if _, err := r.deployment.Up(ctx); err != nil {
		return fmt.Errorf("putting the setting back failed:\n%w", err)
	}
	return nil
}

// shortReason returns the first sentence of a refusal.
func shortReason(err error) string {
	reason, _, _ := strings.Cut(strings.Join(strings.Fields(err.Error()), " "), ". ")
	return reason
}
