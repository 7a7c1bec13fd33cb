package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/experiments"
	"github.com/elastic-service/elastic-service/emulator/rehearsal"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// rehearse rehearses the stack on an emulator of its own.
func rehearse(ctx context.Context, o *options, args []string) error {
	if err := noArguments(args); err != nil {
		return err
	}
	root, err := session.EnterProject(o.stack)
	if err != nil {
		return err
	}
	return rehearsal.Run(ctx, rehearsal.Options{Session: o.session(root, ""), Question: o.question, LoadPath: o.load, Out: o.out})
}

// experiment answers a question by measurement.
func experiment(ctx context.Context, o *options, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: name one experiment: %s", session.ErrUsage, strings.Join(experiments.Names(), ", "))
	}
	if err := experiments.Check(args[0], o.sizes); err != nil {
		return err
	}
	root, err := session.EnterProject(o.stack)
	if err != nil {
		return err
	}
	return experiments.Run(ctx, args[0], experiments.Options{
		Session: o.session(root, ""), Question: o.question, Out: o.out,
		Count: o.sizes.Count, Instances: o.sizes.Instances, Resources: o.sizes.Resources,
	})
}
