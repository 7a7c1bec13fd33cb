// Package monitoring watches a service: a CloudWatch dashboard of the balancer, its targets and the group, and alarms that
// publish to a topic.
//
//	balancer, target group, group ──metrics──┬─▶ dashboard
//	                                         └─▶ alarms ──▶ SNS topic
//	                                             ├─ unhealthy targets
//	                                             ├─ too few healthy targets
//	                                             ├─ errors: 5xx of an application balancer, resets of a network balancer
//	                                             ├─ slow answers, if a limit is set
//	                                             ├─ a group that can grow no more, CPU credits that cost
//	                                             ├─ a certificate that is not renewed
//	                                             ├─ a balancer or a NAT gateway that takes no more connections
//	                                             └─ a database that is full or too busy
//
// The dashboard has what the console shows on the Monitoring tabs of balancer, target group and Auto Scaling group.
package monitoring

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// The kinds of balancers whose metrics are known.
const (
	network     = "network"
	application = "application"
)

// maxName is the longest name of a dashboard.
const maxName = 255

// Args describes what is watched, and how.
type Args struct {
	// Region is where the metrics are, such as us-east-1. Needed for Dashboard.
	Region string

	// Kind is the balancer's: "network" or "application".
	Kind string

	// BalancerARNSuffix is the last part of the ARN, as metrics have it: net/web/0123.
	BalancerARNSuffix pulumi.StringInput

	// TargetGroups are the groups of the balancer's targets, at least one.
	TargetGroups []TargetGroup

	// GroupName is the Auto Scaling group's.
	GroupName pulumi.StringInput

	// Min is how many targets must be healthy, at least 1. Needed for Alarms.
	Min int

	// Max is the size at which the group can grow no more; 0: no policy makes it grow. For Alarms.
	Max int

	// Latency is the time to the first byte of an answer, in seconds, that one request in a hundred may exceed; 0: no alarm.
	// Needs an application balancer.
	Latency float64

	// SurplusCredits tells that AWS charges for CPU time beyond what the instances earn: burstable ones in unlimited mode.
	SurplusCredits bool

	// CertificateARN is the certificate of the listeners; nil: there is none.
	CertificateARN pulumi.StringInput

	// NATGatewayIDs are the NAT gateways of the network.
	NATGatewayIDs []pulumi.StringInput

	// Database is the service's database; nil: it has none.
	Database *Database

	// Dashboard makes a dashboard, Alarms the alarms.
	Dashboard, Alarms bool

	// Memory adds the instances' use of memory, which their CloudWatch agents report by group.
	Memory bool

	// Cluster and Service name an ECS service to include. Both are given, or neither.
	Cluster, Service pulumi.StringInput

	// TopicARN is the SNS topic to which alarms publish when they begin and end; nil: alarms publish nothing.
	TopicARN pulumi.StringInput

	// Tags are put on the alarms. A dashboard takes none.
	Tags map[string]string
}

// Database is a database of RDS that is watched.
type Database struct {
	// ID is the instance's identifier.
	ID pulumi.StringInput

	// StorageGiB is the storage that it began with.
	StorageGiB int

	// MaxConnections is about how many connections it takes; 0: that is not known, and there is no alarm for it.
	MaxConnections int
}

// TargetGroup is a group of targets.
type TargetGroup struct {
	// Name tells the group from the others; empty for the first.
	Name string

	// ARNSuffix is the last part of the ARN, as metrics have it: targetgroup/web/0123.
	ARNSuffix pulumi.StringInput
}

// titled returns a text about the group.
func (g TargetGroup) titled(text string) string { return titled(text, g.Name) }

// titled returns a text about the target group of a name, which the first has not.
func titled(text, name string) string {
	if name == "" {
		return text
	}
	return text + ": " + name
}

// role returns the part of a resource's name that says what it is to the group.
func (g TargetGroup) role(of string) string {
	if g.Name == "" {
		return of
	}
	return g.Name + "-" + of
}

// Validate reports every problem of the arguments.
func (a *Args) Validate() error {
	var problems invalid.List
	if a.Kind != network && a.Kind != application {
		problems.Add("kind", a.Kind, "is neither %s nor %s", network, application)
	}
	problems.Need("balancerArnSuffix", a.BalancerARNSuffix != nil)
	problems.Need("targetGroups", len(a.TargetGroups) > 0)
	for i, group := range a.TargetGroups {
		problems.Need(fmt.Sprintf("targetGroups[%d].arnSuffix", i), group.ARNSuffix != nil)
	}
	problems.Need("groupName", a.GroupName != nil)
	if a.Dashboard && a.Region == "" {
		problems.Missing("region", "a dashboard needs the region of its metrics")
	}
	if a.Alarms && a.Min < 1 {
		problems.Add("min", a.Min, "is below 1")
	}
	if a.Latency < 0 || a.Latency > 0 && a.Kind != application {
		problems.Add("latency", a.Latency, "is below 0, or not of an application balancer")
	}
	for i, id := range a.NATGatewayIDs {
		problems.Need(fmt.Sprintf("natGatewayIds[%d]", i), id != nil)
	}
	if d := a.Database; d != nil {
		problems.Need("database.id", d.ID != nil)
		if d.StorageGiB < 1 {
			problems.Add("database.storageGiB", d.StorageGiB, "is below 1")
		}
	}
	if (a.Cluster == nil) != (a.Service == nil) {
		problems.Missing("service", "a service and its cluster are given together")
	}
	return problems.Err()
}

// Monitoring is a dashboard and alarms, as far as they were asked for.
type Monitoring struct {
	pulumi.ResourceState

	// DashboardName is the dashboard's name in the CloudWatch console. Unset, with a nil OutputState, without Dashboard.
	DashboardName pulumi.StringOutput

	// AlarmNames are the names of the alarms that a bad release sets off, empty without Alarms.
	AlarmNames pulumi.StringArray
}

// New registers the monitoring of a service.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Monitoring, error) {
	var problems invalid.List
	if called := dashboardName(name, ctx.Stack()); len(called) > maxName {
		problems.Add("name", called, "is longer than %d characters", maxName)
	}
	problems.Include("", args.Validate())
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("monitoring %s: %w", name, err)
	}
	m := &Monitoring{}
	if err := ctx.RegisterComponentResource("elastic-service:monitoring:Monitoring", name, m, opts...); err != nil {
		return nil, fmt.Errorf("monitoring %s: %w", name, err)
	}
	outputs := pulumi.Map{}
	if args.Dashboard {
		if err := m.dashboard(ctx, name, args); err != nil {
			return nil, fmt.Errorf("monitoring %s: %w", name, err)
		}
		outputs["dashboardName"] = m.DashboardName
	}
	if args.Alarms {
		if err := m.alarms(ctx, name, args); err != nil {
			return nil, fmt.Errorf("monitoring %s: %w", name, err)
		}
	}
	return m, ctx.RegisterResourceOutputs(m, outputs)
}

// dashboard creates the dashboard. Its name is set explicitly, because Pulumi does not name dashboards. The stack is part of
// the name: PutDashboard overwrites a dashboard of the same name.
func (m *Monitoring) dashboard(ctx *pulumi.Context, name string, args *Args) error {
	known := pulumi.StringMap{"balancer": args.BalancerARNSuffix, "group": args.GroupName}
	var names []string
	for _, group := range args.TargetGroups {
		names = append(names, group.Name)
		known["targets:"+group.Name] = group.ARNSuffix
	}
	if args.Service != nil {
		known["cluster"], known["service"] = args.Cluster, args.Service
	}
	if args.Database != nil {
		known["database"] = args.Database.ID
	}
	region, kind, memory := args.Region, args.Kind, args.Memory
	body := known.ToStringMapOutput().ApplyT(func(known map[string]string) (string, error) {
		v := view{
			region: region, kind: kind, memory: memory,
			balancer: known["balancer"], group: known["group"],
			cluster: known["cluster"], service: known["service"], database: known["database"],
		}
		for _, name := range names {
			v.targets = append(v.targets, targets{name, known["targets:"+name]})
		}
		return dashboardBody(v)
	}).(pulumi.StringOutput)
	dashboard, err := cloudwatch.NewDashboard(ctx, name+"-dashboard", &cloudwatch.DashboardArgs{
		DashboardName: pulumi.String(dashboardName(name, ctx.Stack())),
		DashboardBody: body,
	}, pulumi.Parent(m))
	if err != nil {
		return err
	}
	m.DashboardName = dashboard.DashboardName
	return nil
}

// dashboardName returns the name with characters that dashboards' names may have: a stack's name may have dots.
func dashboardName(name, stack string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		default:
			return '-'
		}
	}, name+"-"+stack)
}
