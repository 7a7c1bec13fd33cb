package stack

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/loadbalancing"
	"github.com/elastic-service/elastic-service/network"
)

// networkComponent is the VPC with its subnets.
var networkComponent = component{
	section: "network",
	reads:   []string{"compute", "app", "containers", "balancer", "health"},
	look: func(p *plan, ctx *pulumi.Context, problems *invalid.List) {
		p.findNetwork(ctx, problems)
		for i, id := range p.settings.Compute.SecurityGroups {
			p.findGroup(ctx, fmt.Sprintf("compute.securityGroups[%d]", i), id, problems)
		}
	},
	validate: (*plan).validateNetwork,
	add:      (*plan).addNetwork,
	outputs:  func(_ *plan, c *components) pulumi.Map { return pulumi.Map{"vpc": c.network.VPCID} },
}

// validateNetwork names the problems of the network's ACLs as the settings do.
func (p *plan) validateNetwork() error {
	if p.settings.Network.Existing != nil {
		return nil
	}
	var found, problems invalid.List
	found.Include("", p.networkArgs().Validate())
	for _, f := range found.Problems() {
		if rest, ok := strings.CutPrefix(f.Path, "acls"); ok {
			f.Path = "acl" + rest
		}
		problems.Include("", f)
	}
	return problems.Err()
}

func (p *plan) networkArgs() *network.Args {
	n := p.settings.Network
	args := &network.Args{
		CIDR:     n.CIDR,
		Zones:    p.zones,
		Subnets:  n.Subnets,
		Private:  n.Private,
		Isolated: p.settings.Database != nil,
		NAT:      network.NAT(n.NAT),
		Region:   p.settings.Region,
		FlowLogs: n.FlowLogs,
		Tags:     p.tags,
	}
	if n.Endpoints {
		args.Endpoints = p.endpoints()
	}
	if n.ACL {
		args.ACLs = p.acls()
	}
	return args
}

// endpoints returns the AWS services that the instances talk to, beside S3.
func (p *plan) endpoints() []string {
	var names []string
	if p.settings.Compute.SessionManager {
		names = append(names, "ssm", "ssmmessages") // ec2messages is for Run Command, and new regions do not have it
	}
	if p.settings.Compute.MemoryMetric {
		names = append(names, "monitoring", "ec2")
	}
	if p.settings.Containers != nil {
		names = append(names, "ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr", "logs")
	}
	if p.shipsLogs() {
		names = append(names, "logs")
	}
	secretsManager, parameters := p.readFrom()
	if p.settings.Database != nil || secretsManager {
		names = append(names, "secretsmanager")
	}
	if parameters && !slices.Contains(names, "ssm") {
		names = append(names, "ssm")
	}
	return names
}

func (p *plan) acls() *network.ACLs {
	acls := &network.ACLs{}
	if p.settings.Balancer.Type == string(loadbalancing.Network) { // it passes on the addresses of its clients
		for _, t := range p.settings.AllTargets() {
			acls.Targets = append(acls.Targets, t.Port)
		}
	}
	for _, l := range p.settings.Balancer.Listeners {
		acls.Ports = append(acls.Ports, l.Port)
	}
	if len(p.settings.Balancer.From) > 0 {
		acls.Clients, _, _ = p.clients()
	}
	for _, e := range p.settings.Network.Egress {
		if to, isRange := e.Range(); isRange {
			acls.Out = append(acls.Out, network.Out{To: to, Port: e.Port, Last: e.Last(), UDP: e.Protocol == "udp"})
		}
	}
	if bastion := p.settings.Compute.Bastion; bastion != nil {
		acls.SSHFrom = bastion.From
	} else {
		acls.SSHFrom = p.settings.Compute.SSHFrom
	}
	return acls
}
