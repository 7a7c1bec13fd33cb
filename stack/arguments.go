package stack

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/containers"
	"github.com/elastic-service/elastic-service/database"
	"github.com/elastic-service/elastic-service/loadbalancing"
	"github.com/elastic-service/elastic-service/monitoring"
	"github.com/elastic-service/elastic-service/network"
	"github.com/elastic-service/elastic-service/scaling"
	"github.com/elastic-service/elastic-service/settings"
)

func (p *plan) network() *network.Args {
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

// endpoints are the AWS services that the instances talk to, beside S3.
func (p *plan) endpoints() []string {
	var names []string
	if p.settings.Compute.SessionManager {
		names = append(names, "ssm", "ssmmessages", "ec2messages")
	}
	if p.settings.Compute.MemoryMetric {
		names = append(names, "monitoring", "ec2")
	}
	if p.settings.Containers != nil {
		names = append(names, "ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr", "logs")
	}
	if p.settings.Database != nil {
		names = append(names, "secretsmanager")
	}
	return names
}

func (p *plan) acls() *network.ACLs {
	acls := &network.ACLs{}
	if p.settings.Balancer.Type == string(loadbalancing.Network) { // it passes its clients' own addresses on
		acls.Targets = []int{p.settings.TargetPort()}
	}
	for _, l := range p.settings.Balancer.Listeners {
		acls.Ports = append(acls.Ports, l.Port)
	}
	if bastion := p.settings.Compute.Bastion; bastion != nil {
		acls.SSHFrom = bastion.From
	} else {
		acls.SSHFrom = p.settings.Compute.SSHFrom
	}
	return acls
}

func (p *plan) database(s *parts) *database.Args {
	d := p.settings.Database
	return &database.Args{
		VPCID:         s.network.VPCID,
		SubnetIDs:     s.network.IsolatedSubnetIDs,
		Engine:        d.Engine,
		Version:       d.Version,
		InstanceClass: d.InstanceClass,
		StorageGiB:    d.StorageGiB,
		MultiAZ:       d.MultiAZ,
		Name:          d.Name,
		Username:      d.Username,
		BackupDays:    d.BackupDays,
		Protect:       p.settings.Protect,
		Tags:          p.tags,
	}
}

func (p *plan) template(s *parts) *compute.Args {
	c := p.settings.Compute
	args := &compute.Args{
		VPCID:              s.network.VPCID,
		ImageID:            pulumi.String(p.image.id),
		RootDevice:         pulumi.String(p.image.rootDevice),
		RootVolumeGiB:      c.RootVolumeGiB,
		InstanceType:       c.InstanceType,
		KeyName:            c.KeyName,
		SSHFrom:            c.SSHFrom,
		PublicAddress:      *c.PublicAddress,
		SessionManager:     c.SessionManager,
		MemoryMetric:       c.MemoryMetric,
		DetailedMonitoring: scaling.NeedsDetailedMonitoring(p.policies()),
		Software:           p.software,
		Tags:               p.tags,
	}
	if s.image != nil {
		args.ImageID = s.image.ID
	}
	if s.cluster != nil {
		args.Cluster = s.cluster.Name
	}
	if s.database != nil {
		args.Environment = p.databaseEnvironment(s)
		args.ReadSecret = s.database.SecretARN
	}
	return args
}

// databaseEnvironment is how a service learns of its database. The password is in the secret, to be read when it is
// needed: it changes.
func (p *plan) databaseEnvironment(s *parts) pulumi.StringMap {
	return pulumi.StringMap{
		"DATABASE_ADDRESS": s.database.Address,
		"DATABASE_PORT":    pulumi.String(strconv.Itoa(s.database.Port)),
		"DATABASE_NAME":    pulumi.String(p.settings.Database.Name),
		"DATABASE_SECRET":  s.database.SecretARN,
	}
}

func (p *plan) balancer(s *parts) *loadbalancing.Args {
	b := p.settings.Balancer
	args := &loadbalancing.Args{
		Kind:       loadbalancing.Kind(b.Type),
		VPCID:      s.network.VPCID,
		SubnetIDs:  s.network.PublicSubnetIDs,
		Internal:   b.Internal,
		TargetPort: p.settings.TargetPort(),
		Check:      p.settings.Health,
		From:       p.clients(),
		AccessLogs: b.AccessLogs,
		Protect:    p.settings.Protect,
		Tags:       p.tags,
	}
	for _, l := range b.Listeners {
		args.Listeners = append(args.Listeners, loadbalancing.Listener(l))
	}
	if b.Internal && p.settings.Network.Private {
		args.SubnetIDs = s.network.PrivateSubnetIDs
	}
	if b.Certificate != "" {
		args.CertificateARN = pulumi.String(b.Certificate)
	}
	if a := b.Alias; a != nil {
		args.Alias = &loadbalancing.Alias{Zone: a.Zone, Name: a.Name, CreateZone: a.CreateZone}
		if !a.CreateZone {
			args.Alias.ZoneID = pulumi.String(p.zoneID)
		}
	}
	return args
}

// clients are everybody, or the VPC where the balancer is internal.
func (p *plan) clients() []netip.Prefix {
	if p.settings.Balancer.Internal {
		return []netip.Prefix{p.settings.Network.CIDR}
	}
	return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
}

func (p *plan) bastion(s *parts) *compute.BastionArgs {
	return &compute.BastionArgs{
		VPCID:        s.network.VPCID,
		SubnetID:     s.network.PublicSubnetIDs.Index(pulumi.Int(0)),
		ImageID:      pulumi.String(p.bastionImage),
		InstanceType: p.settings.Compute.Bastion.InstanceType,
		KeyName:      p.settings.Compute.KeyName,
		From:         p.settings.Compute.Bastion.From,
		Tags:         p.tags,
	}
}

func (p *plan) group(s *parts) *scaling.Args {
	c := p.settings.Scaling
	args := &scaling.Args{
		SubnetIDs:       s.network.PublicSubnetIDs,
		TemplateID:      s.template.ID,
		TemplateVersion: s.template.LatestVersion,
		Min:             c.Min,
		Max:             c.Max,
		Grace:           c.Grace,
		Policies:        p.policies(),
		ContainerHosts:  s.cluster != nil,
		Tags:            p.tags,
	}
	if p.settings.Network.Private {
		args.SubnetIDs = s.network.PrivateSubnetIDs
	}
	if s.cluster == nil { // containers register themselves
		args.TargetGroupARNs = pulumi.StringArray{s.balancer.TargetGroupARN}
	}
	for _, schedule := range c.Schedules {
		args.Schedules = append(args.Schedules, scaling.Schedule(schedule))
	}
	for _, hook := range c.Hooks {
		args.Hooks = append(args.Hooks, scaling.Hook(hook))
	}
	for _, subscription := range c.Notify {
		args.Notify = append(args.Notify, scaling.Subscription(subscription))
	}
	return args
}

func (p *plan) policies() []scaling.Policy {
	var policies []scaling.Policy
	for _, policy := range p.settings.Scaling.Policies {
		policies = append(policies, scaling.Policy{
			TargetTracking: (*scaling.TargetTracking)(policy.TargetTracking),
			Step:           (*scaling.Step)(policy.Step),
		})
	}
	return policies
}

func (p *plan) containers(s *parts) *containers.Args {
	c := p.settings.Containers
	return &containers.Args{
		Cluster:        s.cluster.Name,
		ClusterARN:     s.cluster.ARN,
		GroupARN:       s.group.ARN,
		TargetGroupARN: s.balancer.TargetGroupARN,
		Region:         p.settings.Region,
		Image:          c.Image,
		Command:        c.Command,
		Environment:    c.Environment,
		Port:           c.Port,
		CPU:            c.CPU,
		Memory:         c.Memory,
		Min:            c.Min,
		Desired:        c.Desired,
		Max:            c.Max,
		TargetCPU:      c.TargetCPU,
		Wait:           c.Wait,
		Grace:          p.settings.Scaling.Grace,
		// ECS refuses a target group that no listener forwards to.
		After: slices.Concat(s.balancer.Ready, s.paths),
		Tags:  p.tags,
	}
}

func (p *plan) monitoring(s *parts) *monitoring.Args {
	args := &monitoring.Args{
		Region:               p.settings.Region,
		Kind:                 p.settings.Balancer.Type,
		BalancerARNSuffix:    s.balancer.ARNSuffix,
		TargetGroupARNSuffix: s.balancer.TargetGroupARNSuffix,
		GroupName:            s.group.Name,
		Min:                  p.settings.Scaling.Min,
		Dashboard:            p.settings.Monitoring.Dashboard,
		Alarms:               p.settings.Monitoring.Alarms,
		Memory:               p.settings.Compute.MemoryMetric,
		Tags:                 p.tags,
	}
	if s.containers != nil {
		args.Min = p.settings.Containers.Min
		args.Cluster, args.Service = s.cluster.Name, s.containers.Name
	}
	if len(p.settings.Scaling.Notify) > 0 {
		args.TopicARN = s.group.TopicARN
	}
	return args
}

// outputs are what people and other stacks ask a stack for.
func (p *plan) outputs(s *parts) pulumi.Map {
	first := p.settings.Balancer.Listeners[0]
	out := pulumi.Map{
		"address":     pulumi.Sprintf("%s:%d", s.balancer.DNSName, first.Port),
		"balancer":    s.balancer.ARN,
		"targetGroup": s.balancer.TargetGroupARN,
		"group":       s.group.Name,
		"vpc":         s.network.VPCID,
	}
	if scheme, port := p.scheme(); scheme != "" {
		out["url"] = pulumi.Sprintf("%s://%s%s", scheme, s.balancer.URLHost, port)
	}
	if alias := p.settings.Balancer.Alias; alias != nil && alias.CreateZone {
		out["nameServers"] = s.balancer.NameServers
	}
	if s.bastion != nil {
		out["bastion"] = s.bastion.PublicIP
	}
	if s.database != nil {
		out["database"], out["secret"] = s.database.Address, s.database.SecretARN
	}
	if s.containers != nil {
		out["cluster"], out["service"] = s.cluster.Name, s.containers.Name
	}
	if len(p.settings.Scaling.Notify) > 0 {
		out["topic"] = s.group.TopicARN
	}
	if p.settings.Monitoring.Dashboard {
		out["dashboard"] = s.monitoring.DashboardName
	}
	return out
}

// scheme is how a browser reaches the balancer, HTTPS before HTTP, with the port where it isn't the scheme's own.
func (p *plan) scheme() (scheme, port string) {
	for _, known := range []struct {
		protocol, scheme string
		port             int
	}{{"HTTPS", "https", 443}, {"HTTP", "http", 80}} {
		at := slices.IndexFunc(p.settings.Balancer.Listeners, func(l settings.Listener) bool { return l.Protocol == known.protocol })
		if at < 0 {
			continue
		}
		if given := p.settings.Balancer.Listeners[at].Port; given != known.port {
			return known.scheme, fmt.Sprintf(":%d", given)
		}
		return known.scheme, ""
	}
	return "", ""
}
