package experiments

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/rehearsal"
	"github.com/elastic-service/elastic-service/emulator/session"
	"github.com/elastic-service/elastic-service/internal/project"
	"github.com/elastic-service/elastic-service/settings"
)

// laboratory is a stack that was deployed for an experiment, to be changed and broken.
type laboratory struct {
	stack *rehearsal.Deployment
	found func(Finding)
}

// inLaboratory deploys a copy of the stack with changed settings to an emulator of its own, waits until it is healthy and calls
// f. Then it ends the emulator, without destroying the stack resource by resource.
func inLaboratory(ctx context.Context, o Options, changes []rehearsal.Setting, f func(*laboratory) error) error {
	folder, err := session.NewFolder(o.Session.Root, "experiment-"+o.Session.Stack)
	if err != nil {
		return err
	}
	o.Session.Folder = folder
	return errors.Join(inFolder(ctx, o, changes, f), session.RemoveFolder(folder))
}

func inFolder(ctx context.Context, o Options, changes []rehearsal.Setting, f func(*laboratory) error) error {
	d, err := rehearsal.Open(ctx, o.Session, o.Question, changes...)
	if err != nil {
		return err
	}
	err = d.Deploy(ctx)
	if err == nil {
		err = d.AwaitHealthy(ctx)
	}
	if err == nil {
		err = f(&laboratory{stack: d, found: o.Found})
	}
	if err := errors.Join(err, d.Close()); err != nil {
		return err
	}
	return d.AwaitNothingLeft(ctx)
}

// cloud returns the model of the laboratory's cloud.
func (l *laboratory) cloud() *cloud.Cloud { return l.stack.Cloud() }

// await waits until f returns true, for so much emulated time.
func (l *laboratory) await(ctx context.Context, emulated time.Duration, f func() bool) error {
	return session.Poll(ctx, l.stack.Real(emulated), f)
}

// replacements lists the healthy instances that were not there before.
func (l *laboratory) replacements(before []api.Instance) []api.Instance {
	return slices.DeleteFunc(l.stack.Healthy(), func(i api.Instance) bool {
		return slices.ContainsFunc(before, func(b api.Instance) bool { return b.ID == i.ID })
	})
}

func setting(value any, key string, path ...any) rehearsal.Setting {
	return rehearsal.Setting{Value: value, Key: key, Path: path}
}

// fixedSize returns the settings of a group that keeps so many instances.
func fixedSize(instances int) []rehearsal.Setting {
	return []rehearsal.Setting{setting(instances, "scaling", "min"), setting(instances, "scaling", "max")}
}

// balancerType returns network or application.
func balancerType(o session.Options) (string, error) {
	config, err := project.Config(o.Root, o.Stack)
	if err != nil {
		return "", err
	}
	s, err := settings.Parse(config)
	if err != nil {
		return "", err
	}
	return s.Balancer.Type, nil
}
