// Package release ends a deployment: `pulumi up` returns when what it deployed serves, and fails when it does not.
//
//	launch template, version 8 ─┐
//	group, of version 7 ────────┼─▶ Release: a record "version 8", and before it is written
//	target groups, listeners ───┘      first deployment  wait until the minimum is healthy
//	                                   new version       instance refresh to 8 ──▶ healthy ──▶ the group is of version 8
//	                                                              └──▶ not healthy, alarm ──▶ back to 7, `up` fails
//
// The record is a parameter of Systems Manager, free of charge, which says what was released last. Its resource hooks do the
// work: a hook that fails before the record is written fails the deployment and leaves the former record, so that the next
// `pulumi up` tries again.
//
// AWS moves the group to the new version when the refresh has succeeded, not before: whatever is launched meanwhile, or after
// a rollback, is of the version that works.
package release

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ssm"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Strategy says how a group's instances are replaced.
type Strategy struct {
	// MinHealthy and MaxHealthy bound the instances in service meanwhile, in percent of the desired capacity: 100 and 150
	// keep all of it and launch first. MaxHealthy is from 100 to 200, and at most 100 above MinHealthy.
	MinHealthy, MaxHealthy int

	// Checkpoints are percentages, rising, each from 1 to 100: the replacement pauses at each for CheckpointDelay. None
	// when empty.
	Checkpoints []int

	// CheckpointDelay is up to 48 h, in whole seconds.
	CheckpointDelay time.Duration

	// Bake is for how long the alarms are watched after the last replacement, up to 48 h, in whole seconds.
	Bake time.Duration

	// Timeout is how long the release waits for progress before it goes back, or gives up: the longest time from a
	// launch to a healthy target, with some reserve.
	Timeout time.Duration
}

// Args describes a release.
type Args struct {
	// Service names the record: /SERVICE/STACK/release.
	Service string

	// GroupName is the Auto Scaling group's.
	GroupName pulumi.StringInput

	// TemplateID and TemplateVersion are the launch template's. The version is a number, as text.
	TemplateID, TemplateVersion pulumi.StringInput

	// TargetGroups are where the instances must be healthy, in each of them. Empty: the group's own checks are all.
	TargetGroups []TargetGroup

	// Ports are those on which the instances answer health checks: the services', and the responders'.
	Ports []int

	// Bucket has the artifacts, and Objects are the keys of those that the new version uses. Nil: there are none.
	Bucket  pulumi.StringInput
	Objects []string

	// AlarmNames are CloudWatch alarms that end a release and take it back. None when empty.
	AlarmNames pulumi.StringArray

	// Strategy of the replacement.
	Strategy Strategy

	// Instances says where instances that do not get healthy tell why.
	Instances Instances

	// Tags are put on the record.
	Tags map[string]string
}

// TargetGroup is a target group of the instances.
type TargetGroup struct {
	ARN pulumi.StringInput

	// Check is its health check. On a target group that exists the release changes it, once the instances are of the new version.
	Check healthcheck.Check
}

// most is the longest delay and bake time (Auto Scaling API: RefreshPreferences).
const most = 48 * time.Hour

// Validate reports every problem of the arguments, as paths below a release.
func (a *Args) Validate() error {
	var problems invalid.List
	problems.Need("service", a.Service != "")
	problems.Need("groupName", a.GroupName != nil)
	problems.Need("templateId", a.TemplateID != nil)
	problems.Need("templateVersion", a.TemplateVersion != nil)
	for i, group := range a.TargetGroups {
		problems.Need(fmt.Sprintf("targetGroups[%d].arn", i), group.ARN != nil)
	}
	problems.Include("", a.Strategy.Validate())
	return problems.Err()
}

// Validate reports every problem of the strategy.
func (s Strategy) Validate() error {
	var problems invalid.List
	if s.MinHealthy < 0 || s.MinHealthy > 100 {
		problems.Add("minHealthy", s.MinHealthy, "is not from 0 to 100")
	}
	if s.MaxHealthy < 100 || s.MaxHealthy > 200 {
		problems.Add("maxHealthy", s.MaxHealthy, "is not from 100 to 200")
	}
	if s.MaxHealthy-s.MinHealthy > 100 {
		problems.Add("maxHealthy", s.MaxHealthy, "is more than 100 above minHealthy (%d)", s.MinHealthy)
	}
	before := 0
	for i, percentage := range s.Checkpoints {
		path := fmt.Sprintf("checkpoints[%d]", i)
		switch {
		case percentage < 1 || percentage > 100:
			problems.Add(path, percentage, "is not from 1 to 100")
		case percentage <= before:
			problems.Add(path, percentage, "is not above the one before it (%d)", before)
		}
		before = percentage
	}
	for path, d := range map[string]time.Duration{"checkpointDelay": s.CheckpointDelay, "bake": s.Bake} {
		if d < 0 || d > most || d%time.Second != 0 {
			problems.Add(path, d, "is not a number of whole seconds up to %v", most)
		}
	}
	if s.Timeout < time.Minute {
		problems.Add("timeout", s.Timeout, "is below a minute, in which no instance gets healthy")
	}
	return problems.Err()
}

// Record is what was released, as the record's JSON value.
type Record struct {
	Group        string   `json:"group"`
	Template     string   `json:"template"`
	Version      string   `json:"version"`
	TargetGroups []string `json:"targetGroups"`
	Alarms       []string `json:"alarms,omitempty"`
	Check        Check    `json:"check"`                // of the first target group
	Checks       []Check  `json:"moreChecks,omitempty"` // of the others, in their order
	Ports        []int    `json:"ports"`
	Bucket       string   `json:"bucket,omitempty"`
	Objects      []string `json:"objects,omitempty"`
}

// Release is the end of a group's deployment.
type Release struct {
	pulumi.ResourceState

	// Name is the record's name.
	Name pulumi.StringOutput
}

// New registers a release. It must depend on everything that serving takes: the group, the listeners, the paths between
// balancer and instances, and the alarms.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Release, error) {
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("release %s: %w", name, err)
	}
	r := &Release{}
	if err := ctx.RegisterComponentResource("elastic-service:release:Release", name, r, opts...); err != nil {
		return nil, fmt.Errorf("release %s: %w", name, err)
	}
	if err := r.record(ctx, name, args); err != nil {
		return nil, fmt.Errorf("release %s: %w", name, err)
	}
	return r, ctx.RegisterResourceOutputs(r, pulumi.Map{"name": r.Name})
}

func (r *Release) record(ctx *pulumi.Context, name string, args *Args) error {
	settings, err := readProviderSettings(ctx)
	if err != nil {
		return err
	}
	hook, err := ctx.RegisterResourceHook(name+"-release", func(a *pulumi.ResourceHookArgs) error {
		return r.run(ctx, settings, args, a)
	}, nil)
	if err != nil {
		return err
	}
	before := []*pulumi.ResourceHook{hook}
	parameter, err := ssm.NewParameter(ctx, name+"-release", &ssm.ParameterArgs{
		Name:          pulumi.Sprintf("/%s/%s/release", args.Service, ctx.Stack()),
		Description:   pulumi.String("What was released last, written by Pulumi"),
		Type:          pulumi.String("String"),
		InsecureValue: value(args), // no secret: a preview shows the version

		Tags: pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(r), pulumi.ResourceHooks(&pulumi.ResourceHookBinding{BeforeCreate: before, BeforeUpdate: before}))
	if err != nil {
		return err
	}
	r.Name = parameter.Name
	return nil
}

// value is the record's JSON, see [Record].
func value(args *Args) pulumi.StringOutput {
	arns, checks := pulumi.StringArray{}, []Check{}
	for _, group := range args.TargetGroups {
		arns, checks = append(arns, group.ARN), append(checks, recorded(group.Check))
	}
	record := pulumi.Map{
		"group": args.GroupName, "template": args.TemplateID, "version": args.TemplateVersion,
		"targetGroups": arns, "alarms": args.AlarmNames, "ports": pulumi.ToIntArray(args.Ports),
	}
	if len(checks) > 0 {
		record["check"] = pulumi.Any(checks[0])
	}
	if len(checks) > 1 {
		record["moreChecks"] = pulumi.Any(checks[1:])
	}
	if args.Bucket != nil {
		record["bucket"], record["objects"] = args.Bucket, pulumi.ToStringArray(args.Objects)
	}
	return record.ToMapOutput().ApplyT(func(record map[string]any) (string, error) {
		text, err := json.Marshal(record)
		return string(text), err
	}).(pulumi.StringOutput)
}

// poll is how often AWS is asked. Its API allows much more.
const poll = time.Second

// run is the hook: it brings what the record is about to say about.
func (r *Release) run(ctx *pulumi.Context, settings providerSettings, args *Args, a *pulumi.ResourceHookArgs) error {
	record, err := recordOf(a.NewInputs)
	if err != nil {
		return err
	}
	waiting, stop := signal.NotifyContext(ctx.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	clients, err := settings.connect(waiting)
	if err != nil {
		return err
	}
	waiting, engineGone := context.WithCancel(waiting)
	defer engineGone()
	o := &rollout{clients: clients, poll: poll, how: args.Strategy, instances: &args.Instances, tell: func(progress string) {
		if err := ctx.Log.Info(progress, &pulumi.LogArgs{Resource: r, Ephemeral: true}); err != nil {
			engineGone() // nobody waits any more
		}
	}}
	bring := o.deploy
	if a.OldInputs == nil {
		bring = o.launch
	}
	if err := bring(waiting, record); err != nil {
		return fmt.Errorf("release of %s: %s", a.Name, strings.TrimSpace(err.Error()))
	}
	if err := o.markFormer(waiting, record); err != nil {
		return ctx.Log.Warn(fmt.Sprintf("the artifacts of former releases will not expire: %v", err), &pulumi.LogArgs{Resource: r})
	}
	return nil
}

func recordOf(inputs resource.PropertyMap) (Record, error) {
	var record Record
	text := inputs["insecureValue"]
	if text.IsOutput() {
		text = text.OutputValue().Element
	}
	if !text.IsString() {
		return record, fmt.Errorf("the release's record has no value, but %v", text)
	}
	return record, json.Unmarshal([]byte(text.StringValue()), &record)
}
