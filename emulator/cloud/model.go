package cloud

import (
	"net/netip"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/elastic-service/elastic-service/emulator/cloud/acm"
	"github.com/elastic-service/elastic-service/emulator/cloud/analyzer"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/events"
	"github.com/elastic-service/elastic-service/emulator/cloud/fault"
	"github.com/elastic-service/elastic-service/emulator/cloud/iam"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/cloud/route53"
	"github.com/elastic-service/elastic-service/emulator/cloud/s3"
	"github.com/elastic-service/elastic-service/emulator/cloud/secretsmanager"
	"github.com/elastic-service/elastic-service/emulator/cloud/ssm"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// Model is the services of a region. It is used under the lock of [Cloud], see [Cloud.Change].
type Model struct {
	VPC         *vpc.Store
	IAM         *iam.Store
	S3          *s3.Store
	SSM         *ssm.Store
	Secrets     *secretsmanager.Store
	RDS         *rds.Store
	Route53     *route53.Store
	ACM         *acm.Store
	EC2         *ec2.Store
	ELB         *elb.Store
	Events      *events.Store
	CloudWatch  *cloudwatch.Store
	AutoScaling *autoscaling.Store
	ECS         *ecs.Store
	Fault       *fault.Store
	Analyzer    *analyzer.Store

	// Region is the region of the resources. Some belong to no region, such as roles.
	Region aws.Region
	// Clock is the injected clock: methods take the time at which they are called.
	Clock clockwork.Clock
}

// newModel wires the services: each is given those that it uses, and hands functions to them where they need to know of it.
func newModel(region aws.Region, clock clockwork.Clock, free func(netip.Addr) bool) *Model {
	m := &Model{Region: region, Clock: clock}
	m.VPC = vpc.New(region, free)
	m.IAM = iam.New()
	m.S3 = s3.New()
	m.SSM = ssm.New(region)
	m.Secrets = secretsmanager.New(region)
	m.RDS = rds.New(region, m.VPC, m.Secrets)
	m.Route53 = route53.New()
	m.ACM = acm.New(region, m.Route53)
	m.EC2 = ec2.New(m.VPC, m.IAM, m.S3)
	m.ELB = elb.New(region, free, m.VPC, m.EC2, m.ACM, m.S3)
	m.Events = events.New(region)
	m.CloudWatch = cloudwatch.New(region, m.VPC, m.IAM, m.EC2, m.ELB, m.Events, m.RDS, m.ACM)
	m.AutoScaling = autoscaling.New(region, m.VPC, m.EC2, m.ELB, m.Events, m.CloudWatch)
	m.ECS = ecs.New(region, free, m.VPC, m.IAM, m.EC2, m.ELB, m.CloudWatch, m.AutoScaling)
	m.Fault = fault.New(region, m.VPC, m.EC2, m.RDS, m.AutoScaling, m.ECS)
	m.Analyzer = analyzer.New(m.VPC, m.EC2, m.ELB, m.RDS)
	return m
}

// reconcile moves the services on. The order is that in which one's result is the next one's cause: a fault ends, an alarm
// goes off, a group changes its members, targets drain, tasks follow their instances.
func (m *Model) reconcile(now time.Time) bool {
	changed := m.Fault.Reconcile(now)
	changed = m.CloudWatch.Reconcile(now) || changed
	changed = m.AutoScaling.Reconcile(now) || changed
	changed = m.ELB.Reconcile(now) || changed
	changed = m.RDS.Reconcile(now) || changed
	changed = m.ECS.Reconcile(now) || changed
	changed = m.Secrets.Reconcile(now) || changed
	changed = m.S3.Reconcile(now) || changed
	return m.EC2.Reconcile(now) || changed
}
