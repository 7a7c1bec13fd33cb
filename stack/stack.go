// Package stack composes a service out of its components.
//
//	settings ──▶ plan (zones, images, artifacts): reports the problems of both before anything is registered
//	               │
//	               ▼            ┌──▶ template (instances) ◀─┐
//	            network (VPC) ──┤                           │ paths: service, health
//	               │            └──▶ balancer ──────────────┘
//	               │                  └ target group ◀── group of instances made from the template
//	               └─▶ if the settings ask for them: bastion, database, containers, monitoring
//
// Balancer and group are created in parallel: the group needs the target group, which exists within seconds, and not the
// balancer, which takes minutes. Containers wait for both.
//
// A stack's outputs are
//
//	address       where clients connect: DNS name and port of the first listener
//	balancer      ARN of the load balancer
//	targetGroup   ARN of the target group, for its targets' health
//	group         name of the Auto Scaling group
//	vpc           ID of the VPC
//
// and, if the stack has them,
//
//	url           the address for a browser, with the alias if there is one
//	nameServers   of the hosted zone that was created, for the delegation
//	bastion       public address of the bastion
//	database      host name of the database
//	secret        ARN of the secret with the database's password
//	cluster       name of the ECS cluster
//	service       name of the ECS service
//	topic         ARN of the topic of notifications
//	dashboard     name of the CloudWatch dashboard
package stack

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/settings"
)

// Deploy is the program of every stack.
func Deploy(ctx *pulumi.Context) error {
	p, err := load(ctx)
	if err != nil {
		return err
	}
	outputs, err := p.wire(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		ctx.Export(name, outputs[name])
	}
	return nil
}

// load reads the settings and plans with them as far as they can be read, so that one run shows every problem. Problems that
// the plan finds with a setting that is already reported are left out.
func load(ctx *pulumi.Context) (*plan, error) {
	s, err := settings.Load(ctx)
	var problems, found invalid.List
	problems.Include("", err)
	known := problems.Problems()
	if s == nil || slices.ContainsFunc(known, func(k invalid.Problem) bool { return k.Path == "aws:region" }) {
		return nil, err // without a region, zones and images cannot be looked up
	}
	p := newPlan(ctx, s, &found)
	found.Include("", p.validate(slices.Concat(known, found.Problems())))
	for _, f := range found.Problems() {
		if !slices.ContainsFunc(known, func(k invalid.Problem) bool { return k.Path == f.Path }) {
			problems.Include("", f)
		}
	}
	return p, problems.Err()
}
