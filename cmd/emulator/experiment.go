package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/elastic-service/elastic-service/internal/project"
	"github.com/elastic-service/elastic-service/settings"
)

// experiments answer a question by measurement, each in clouds of its own; docs/experiments.md has what they found.
var experiments = map[string]func(context.Context, *options) error{
	"answers":     experimentAnswers,
	"terminate":   experimentTerminate,
	"replacement": experimentReplacement,
	"scale":       experimentScale,
}

// sizes are the flags of experiments.
type sizes struct {
	count     int // instances that are terminated at once
	instances int
	resources int
}

const mostInstances, mostResources = 200, 250

func (s *sizes) flags(flags *flag.FlagSet) {
	flags.IntVar(&s.count, "count", 1, "experiment terminate: how many instances at once")
	flags.IntVar(&s.instances, "instances", 2, fmt.Sprintf("experiment scale: size of the group, up to %d", mostInstances))
	flags.IntVar(&s.resources, "resources", 0, fmt.Sprintf("experiment scale: at least so many resources, up to %d (the stack's own)", mostResources))
}

func (s *sizes) check() error {
	switch {
	case s.count < 1 || s.count > mostInstances:
		return fmt.Errorf("%w: -count %d is not between 1 and %d", errUsage, s.count, mostInstances)
	case s.instances < 1 || s.instances > mostInstances:
		return fmt.Errorf("%w: -instances %d is not between 1 and %d", errUsage, s.instances, mostInstances)
	case s.resources < 0 || s.resources > mostResources:
		return fmt.Errorf("%w: -resources %d is not between 0 and %d", errUsage, s.resources, mostResources)
	}
	return nil
}

func experiment(ctx context.Context, o *options, args []string) error {
	names := strings.Join(slices.Sorted(maps.Keys(experiments)), ", ")
	if len(args) != 1 {
		return fmt.Errorf("%w: name one experiment: %s", errUsage, names)
	}
	run, ok := experiments[args[0]]
	if !ok {
		return fmt.Errorf("%w: there is no experiment %q; there is %s", errUsage, args[0], names)
	}
	if err := o.sizes.check(); err != nil {
		return err
	}
	return run(ctx, o)
}

// laboratory is a stack that was deployed for an experiment, to be changed and broken.
type laboratory struct {
	*rehearsal
	report io.Writer // what the experiment found; the rehearsal's own words are left out
}

// change is a setting's value at a path, which begins with its key.
type change struct {
	value any
	key   string
	path  []any
}

func setting(value any, key string, path ...any) change { return change{value, key, path} }

// inLaboratory deploys a copy of the stack with changed settings to a cloud of its own, waits until it is healthy, calls f
// and lets go of everything: with the cloud, not resource by resource.
func (o *options) inLaboratory(ctx context.Context, changes []change, f func(*laboratory) error) error {
	root, err := enter(o.stack)
	if err != nil {
		return err
	}
	folder, err := ownFolder(root, "experiment-"+o.stack)
	if err != nil {
		return err
	}
	err = o.laboratoryIn(ctx, root, folder, changes, f)
	return errors.Join(err, removeIf(true, folder))
}

func (o *options) laboratoryIn(ctx context.Context, root, folder string, changes []change, f func(*laboratory) error) error {
	silent := *o
	silent.out = io.Discard
	r, err := silent.begin(ctx, root, folder, changes...)
	if err != nil {
		return err
	}
	err = r.deploy(ctx)
	if err == nil {
		err = r.awaitHealthy(ctx)
	}
	if err == nil {
		err = f(&laboratory{rehearsal: r, report: o.out})
	}
	if err := errors.Join(err, r.close()); err != nil {
		return err
	}
	return awaitNothingLeft(ctx, r.addresses)
}

// sized are the settings of a group that has so many instances and stays so.
func sized(instances int) []change {
	return []change{setting(instances, "scaling", "min"), setting(instances, "scaling", "max")}
}

// kindOfBalancer is network or application.
func (o *options) kindOfBalancer() (string, error) {
	root, err := enter(o.stack)
	if err != nil {
		return "", err
	}
	config, err := project.Config(root, o.stack)
	if err != nil {
		return "", err
	}
	s, err := settings.Parse(config)
	if err != nil {
		return "", err
	}
	return s.Balancer.Type, nil
}

// table prints rows, the first of which names the columns.
func table(out io.Writer, rows [][]string) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
	}
	_ = w.Flush()
}
