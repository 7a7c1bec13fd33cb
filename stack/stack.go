// Package stack composes a service out of its components.
//
//	settings ──▶ plan (zones, images, artifacts): every problem of both, before anything is registered
//	               │
//	               ▼            ┌──▶ template (instances) ◀─┐
//	            network (VPC) ──┤                           │ paths: service, health
//	               │            └──▶ balancer ──────────────┘
//	               │                  └ target group ◀── group of instances made from the template
//	               └─▶ where they are asked for: bastion, database, containers, monitoring
//
// Balancer and group are created side by side: the group needs the target group, which is there within seconds, and
// not the balancer, which takes minutes. Containers wait for both.
//
// A stack's outputs are
//
//	address       where clients connect: DNS name and port of the first listener
//	balancer      ARN of the load balancer
//	targetGroup   ARN of the target group, for its targets' health
//	group         name of the Auto Scaling group
//	vpc           ID of the VPC
//
// and, where there are such things,
//
//	url           the address as a browser takes it, with the alias if there is one
//	nameServers   of the hosted zone that was made, to be delegated to
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

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/containers"
	"github.com/elastic-service/elastic-service/database"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/loadbalancing"
	"github.com/elastic-service/elastic-service/monitoring"
	"github.com/elastic-service/elastic-service/network"
	"github.com/elastic-service/elastic-service/scaling"
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

// load reads the settings and plans with them as far as they can be read, so that one run shows every problem. What the
// plan has against a setting that is faulty by itself adds nothing.
func load(ctx *pulumi.Context) (*plan, error) {
	s, err := settings.Load(ctx)
	var problems, found invalid.List
	problems.Include("", err)
	known := problems.Problems()
	if s == nil || slices.ContainsFunc(known, func(k invalid.Problem) bool { return k.Path == "aws:region" }) {
		return nil, err // there is nobody to ask for zones and images
	}
	p := newPlan(ctx, s, &found)
	if err == nil && found.Err() == nil { // components know arguments, which are no settings where those have problems
		found.Include("", p.validate())
	}
	for _, f := range found.Problems() {
		if !slices.ContainsFunc(known, func(k invalid.Problem) bool { return k.Path == f.Path }) {
			problems.Include("", f)
		}
	}
	return p, problems.Err()
}

// parts are the components of a stack; what isn't asked for is nil.
type parts struct {
	network    *network.Network
	database   *database.Database
	cluster    *containers.Cluster
	image      *compute.Image
	template   *compute.Template
	balancer   *loadbalancing.Balancer
	paths      []pulumi.Resource
	bastion    *compute.Bastion
	group      *scaling.Group
	containers *containers.Service
	monitoring *monitoring.Monitoring
}

// wire registers the components, each after those that it takes something from, and returns the stack's outputs.
func (p *plan) wire(ctx *pulumi.Context) (pulumi.Map, error) {
	s := &parts{}
	for _, step := range []func(*pulumi.Context, *parts) error{
		p.addNetwork, p.addDatabase, p.addCluster, p.addImage, p.addTemplate, p.addBalancer, p.addPaths, p.addBastion,
		p.addGroup, p.addContainers, p.addMonitoring,
	} {
		if err := step(ctx, s); err != nil {
			return nil, err
		}
	}
	return p.outputs(s), nil
}

func (p *plan) addNetwork(ctx *pulumi.Context, s *parts) (err error) {
	s.network, err = network.New(ctx, p.settings.Service, p.network())
	return err
}

func (p *plan) addDatabase(ctx *pulumi.Context, s *parts) (err error) {
	if p.settings.Database != nil {
		s.database, err = database.New(ctx, p.settings.Service, p.database(s))
	}
	return err
}

func (p *plan) addCluster(ctx *pulumi.Context, s *parts) (err error) {
	if p.settings.Containers != nil {
		s.cluster, err = containers.NewCluster(ctx, p.settings.Service, &containers.ClusterArgs{Tags: p.tags})
	}
	return err
}

func (p *plan) addImage(ctx *pulumi.Context, s *parts) (err error) {
	if p.image.source != "" {
		s.image, err = compute.NewImage(ctx, p.settings.Service, &compute.ImageArgs{
			SourceInstanceID: p.image.source, Reboot: p.settings.Image.Reboot, Tags: p.tags,
		})
	}
	return err
}

func (p *plan) addTemplate(ctx *pulumi.Context, s *parts) (err error) {
	s.template, err = compute.New(ctx, p.settings.Service, p.template(s))
	return err
}

// addBalancer has it wait for the gateway, of which subnets' IDs say nothing, and which cannot be detached while a public
// address is mapped.
func (p *plan) addBalancer(ctx *pulumi.Context, s *parts) (err error) {
	s.balancer, err = loadbalancing.New(ctx, p.settings.Service, p.balancer(s), pulumi.DependsOn(s.network.Gateway))
	return err
}

// path is a TCP port, or a range of them, from one security group to another.
type path struct {
	name        string
	parent      pulumi.Resource
	from, to    pulumi.StringInput
	port, last  int
	description string
}

// ECS takes the host's port of a container from this range (ECS: "PortMapping").
const (
	firstDynamicPort = 32768
	lastDynamicPort  = 65535
)

// addPaths lets the balancer reach the instances, for the service and for the health check, and the instances the
// database.
func (p *plan) addPaths(ctx *pulumi.Context, s *parts) error {
	from, to := s.balancer.SecurityGroupID, s.template.SecurityGroupID
	service := path{name: "service", parent: s.balancer, from: from, to: to, description: "Connections of clients"}
	service.port = p.settings.TargetPort()
	if p.settings.Containers != nil {
		service.port, service.last = firstDynamicPort, lastDynamicPort
	}
	paths := []path{service}
	if port := p.settings.Health.Port; port != 0 && port != service.port {
		paths = append(paths, path{"health", s.balancer, from, to, port, 0, "Health checks"})
	}
	if s.database != nil {
		paths = append(paths, path{
			"database", s.database, s.template.SecurityGroupID, s.database.SecurityGroupID, s.database.Port, 0, "Queries",
		})
	}
	return p.allow(ctx, s, paths...)
}

func (p *plan) allow(ctx *pulumi.Context, s *parts, paths ...path) error {
	for _, path := range paths {
		pair, err := network.Allow(ctx, p.settings.Service+"-"+path.name, &network.AllowArgs{
			From: path.from, To: path.to, Port: path.port, ToPort: path.last,
			Description: path.description, Tags: p.tags,
		}, pulumi.Parent(path.parent))
		if err != nil {
			return err
		}
		s.paths = append(s.paths, pair...)
	}
	return nil
}

func (p *plan) addBastion(ctx *pulumi.Context, s *parts) (err error) {
	if p.settings.Compute.Bastion == nil {
		return nil
	}
	s.bastion, err = compute.NewBastion(ctx, p.settings.Service, p.bastion(s), pulumi.DependsOn(s.network.Gateway))
	if err != nil {
		return err
	}
	return p.allow(ctx, s, path{
		"ssh", s.bastion, s.bastion.SecurityGroupID, s.template.SecurityGroupID, 22, 0, "SSH from the bastion",
	})
}

// addGroup has the group made beside the balancer, whose targets are healthy in time for it, unless nobody knows when.
func (p *plan) addGroup(ctx *pulumi.Context, s *parts) (err error) {
	needs := slices.Concat(s.network.Ready, s.template.Ready, s.paths)
	if s.balancer.Late {
		needs = append(needs, s.balancer.Ready...)
	}
	s.group, err = scaling.New(ctx, p.settings.Service, p.group(s), pulumi.DependsOn(needs))
	return err
}

func (p *plan) addContainers(ctx *pulumi.Context, s *parts) (err error) {
	if p.settings.Containers == nil {
		return nil
	}
	s.containers, err = containers.New(ctx, p.settings.Service, p.containers(s))
	return err
}

func (p *plan) addMonitoring(ctx *pulumi.Context, s *parts) (err error) {
	if m := p.settings.Monitoring; m.Dashboard || m.Alarms {
		s.monitoring, err = monitoring.New(ctx, p.settings.Service, p.monitoring(s))
	}
	return err
}
