package cloud

// The old names, for callers that are still to be moved to the services' packages.

import (
	"net/netip"

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
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

type ACLRule = vpc.ACLRule

const Abandon = autoscaling.Abandon

const Account = aws.Account

type Activity = autoscaling.Activity

type Alarm = cloudwatch.Alarm

const AlarmAlarm = cloudwatch.AlarmAlarm

const AlarmInsufficient = cloudwatch.AlarmInsufficient

const AlarmOK = cloudwatch.AlarmOK

type AlarmSpec = cloudwatch.AlarmSpec

const ApplicationBalancer = elb.Application

const Average = cloudwatch.Average

type Balance = autoscaling.Rebalance

type Blocked = vpc.Blocked

type Bounds = autoscaling.Bounds

type Breaker = ecs.Breaker

type Bucket = s3.Bucket

type CapacityProvider = ecs.CapacityProvider

type CapacityProviderSpec = ecs.CapacityProviderSpec

type Certificate = acm.Certificate

const ChangeInCapacity = autoscaling.ChangeInCapacity

var CheckDashboard = cloudwatch.CheckDashboard

type Cluster = ecs.Cluster

type ContainerDefinition = ecs.ContainerDefinition

type ContainerInstance = ecs.ContainerInstance

const Continue = autoscaling.Continue

type Database = rds.Database

type DatabaseSpec = rds.DatabaseSpec

type Deployment = ecs.Deployment

type ElasticIP = vpc.ElasticIP

type EndpointSpec = vpc.EndpointSpec

type Error = aws.Error

type Event = ecs.Event

const EventLaunch = autoscaling.EventLaunch

const EventLaunchError = autoscaling.EventLaunchError

const EventRefreshCancelled = autoscaling.EventRefreshCancelled

const EventRefreshFailed = autoscaling.EventRefreshFailed

const EventRefreshStarted = autoscaling.EventRefreshStarted

const EventRefreshSucceeded = autoscaling.EventRefreshSucceeded

type EventRule = events.Rule

const EventTerminate = autoscaling.EventTerminate

const EventTerminateError = autoscaling.EventTerminateError

const ExactCapacity = autoscaling.ExactCapacity

type Fault = fault.Fault

type FaultAction = fault.Action

var FaultActions = fault.Actions

const FaultCapacity = fault.InsufficientCapacity

const FaultKill = fault.KillProcess

const FaultNetwork = fault.DisruptConnectivity

type FaultParameter = fault.Parameter

const FaultPower = fault.PowerInterruption

type FaultSpec = fault.Spec

const FaultStopTask = fault.StopTask

const FaultStress = fault.StressCPU

const FaultTerminate = fault.TerminateInstances

type Forward = elb.Forward

type ForwardTarget = elb.ForwardTarget

const Greater = cloudwatch.Greater

const GreaterOrEqual = cloudwatch.GreaterOrEqual

type Group = autoscaling.Group

type GroupSpec = autoscaling.GroupSpec

type HealthCheck = elb.HealthCheck

type Hook = autoscaling.Hook

type Hop = vpc.Hop

type Image = ec2.Image

type Instance = ec2.Instance

type InstanceSpec = ec2.InstanceSpec

type InstanceState = ec2.InstanceState

type Interface = vpc.Interface

var Internet = vpc.Internet

type InternetGateway = vpc.InternetGateway

type KeyValue = ecs.KeyValue

const KindGroup = fault.KindGroup

const KindInstance = fault.KindInstance

const KindSubnet = fault.KindSubnet

const KindTask = fault.KindTask

const KindZone = fault.KindZone

type LaunchTemplate = ec2.LaunchTemplate

const Launching = autoscaling.Launching

const Less = cloudwatch.Less

const LessOrEqual = cloudwatch.LessOrEqual

type Lifecycle = ec2.Lifecycle

const LifecycleInService = ec2.LifecycleInService

const LifecyclePending = ec2.LifecyclePending

const LifecyclePendingWait = ec2.LifecyclePendingWait

const LifecycleTerminating = ec2.LifecycleTerminating

const LifecycleTerminatingWait = ec2.LifecycleTerminatingWait

type LinuxParameters = ecs.LinuxParameters

type Listener = elb.Listener

type LoadBalancer = elb.LoadBalancer

type LoadBalancerSpec = elb.LoadBalancerSpec

type LogGroup = cloudwatch.LogGroup

type LogSettings = ecs.LogSettings

type ManagedScaling = ecs.ManagedScaling

const Maximum = cloudwatch.Maximum

const Minimum = cloudwatch.Minimum

const MissingIsBreaching = cloudwatch.MissingIsBreaching

const MissingIsIgnored = cloudwatch.MissingIsIgnored

const MissingIsMissing = cloudwatch.MissingIsMissing

const MissingIsNotBreaching = cloudwatch.MissingIsNotBreaching

type NATGateway = vpc.NATGateway

var NameServers = route53.NameServers

type NamedAlarm = autoscaling.NamedAlarm

type NetworkACL = vpc.NetworkACL

const NetworkBalancer = elb.Network

type Notification = events.Notification

type Object = s3.Object

type Owner = vpc.Owner

const OwnerBalancer = vpc.OwnerBalancer

const OwnerDatabase = vpc.OwnerDatabase

const OwnerEndpoint = vpc.OwnerEndpoint

const OwnerInstance = vpc.OwnerInstance

const OwnerNAT = vpc.OwnerNAT

const ParameterCPU = fault.ParameterCPU

const ParameterLoad = fault.ParameterLoad

const ParameterProcess = fault.ParameterProcess

const ParameterScope = fault.ParameterScope

const ParameterSignal = fault.ParameterSignal

const ParameterZones = fault.ParameterZones

var ParseContainers = ecs.ParseContainers

type Path = analyzer.Path

type Peer = vpc.Peer

const Pending = ec2.Pending

const PercentChangeInCapacity = autoscaling.PercentChangeInCapacity

type Placement = ecs.Placement

type Policy = autoscaling.Policy

type PortMapping = ecs.PortMapping

type ProbeFault = elb.ProbeFault

type ProbeTarget = elb.ProbeTarget

type Profile = iam.Profile

type ProviderStrategy = ecs.ProviderStrategy

const ReasonFailed = elb.ReasonFailed

const ReasonMismatch = elb.ReasonMismatch

const ReasonTimeout = elb.ReasonTimeout

type Redirect = elb.Redirect

type Refresh = autoscaling.Refresh

const RefreshCancelled = autoscaling.RefreshCancelled

const RefreshFailed = autoscaling.RefreshFailed

const RefreshInProgress = autoscaling.RefreshInProgress

const RefreshPending = autoscaling.RefreshPending

type RefreshSpec = autoscaling.RefreshSpec

const RefreshSuccessful = autoscaling.RefreshSuccessful

type Role = iam.Role

const RolloutCompleted = ecs.RolloutCompleted

const RolloutFailed = ecs.RolloutFailed

const RolloutInProgress = ecs.RolloutInProgress

type RouteTable = vpc.RouteTable

type Rule = vpc.Rule

const Running = ec2.Running

type Sample = cloudwatch.Sample

const SampleCount = cloudwatch.SampleCount

type ScalableTarget = ecs.ScalableTarget

type Schedule = autoscaling.Schedule

type SecurityGroup = vpc.SecurityGroup

type Service = ecs.Service

const ServiceActive = ecs.ServiceActive

type ServiceBalancer = ecs.ServiceBalancer

const ServiceDraining = ecs.ServiceDraining

type ServicePolicy = ecs.ServicePolicy

type ServiceSpec = ecs.ServiceSpec

type ServiceStatus = ecs.ServiceStatus

const ShuttingDown = ec2.ShuttingDown

type Step = autoscaling.Step

const StepScaling = autoscaling.StepScaling

type Subnet = vpc.Subnet

type SubnetGroup = rds.SubnetGroup

type Subscription = events.Subscription

const Sum = cloudwatch.Sum

type Target = elb.Target

const TargetDraining = elb.TargetDraining

type TargetGroup = elb.TargetGroup

type TargetGroupSpec = elb.TargetGroupSpec

type TargetHealth = elb.TargetHealth

const TargetHealthy = elb.TargetHealthy

const TargetInitial = elb.TargetInitial

type TargetState = elb.TargetState

const TargetTracking = autoscaling.TargetTracking

const TargetUnhealthy = elb.TargetUnhealthy

const TargetUnused = elb.TargetUnused

type Task = ecs.Task

const TaskDeactivating = ecs.TaskDeactivating

type TaskDefinition = ecs.TaskDefinition

type TaskDefinitionSpec = ecs.TaskDefinitionSpec

const TaskPending = ecs.TaskPending

const TaskRunning = ecs.TaskRunning

type TaskState = ecs.TaskState

const TaskStopped = ecs.TaskStopped

const TaskStopping = ecs.TaskStopping

type TemplateData = ec2.TemplateData

const Terminated = ec2.Terminated

const Terminating = autoscaling.Terminating

type Topic = events.Topic

type Transition = cloudwatch.Transition

type VPC = vpc.VPC

type VPCEndpoint = vpc.Endpoint

type ValidationRecord = acm.ValidationRecord

var VirtualCPUs = ec2.VirtualCPUs

type Zone = route53.HostedZone

func (c *Cloud) CreateACL(vpc string) (NetworkACL, error) {
	return Make(c, func(m *Model) (NetworkACL, error) { return m.VPC.CreateACL(vpc) })
}

func (c *Cloud) DeleteACL(id string) error {
	return c.Change(func(m *Model) error { return m.VPC.DeleteACL(id) })
}

func (c *Cloud) PutACLRule(id string, rule ACLRule) error {
	return c.Change(func(m *Model) error { return m.VPC.PutACLRule(id, rule) })
}

func (c *Cloud) DeleteACLRule(id string, number int, egress bool) error {
	return c.Change(func(m *Model) error { return m.VPC.DeleteACLRule(id, number, egress) })
}

func (c *Cloud) AssociateACL(id string, subnet string) (string, error) {
	return Make(c, func(m *Model) (string, error) { return m.VPC.AssociateACL(id, subnet) })
}

func (c *Cloud) DisassociateACL(association string) error {
	return c.Change(func(m *Model) error { return m.VPC.DisassociateACL(association) })
}

func (c *Cloud) ReleaseACL(id string, subnets ...string) error {
	return c.Change(func(m *Model) error { return m.VPC.ReleaseACL(id, subnets...) })
}

func (c *Cloud) PutAlarm(spec AlarmSpec) (Alarm, error) {
	return Make(c, func(m *Model) (Alarm, error) { return m.CloudWatch.PutAlarm(spec, m.Clock.Now()) })
}

func (c *Cloud) DeleteAlarm(name string) error {
	return c.Change(func(m *Model) error { return m.CloudWatch.DeleteAlarm(name) })
}

func (c *Cloud) Alarms() []Alarm {
	return Get(c, func(m *Model) []Alarm { return m.CloudWatch.DescribeAlarms() })
}

func (c *Cloud) CreateBalancer(spec LoadBalancerSpec) (LoadBalancer, error) {
	return Make(c, func(m *Model) (LoadBalancer, error) { return m.ELB.CreateLoadBalancer(spec, m.Clock.Now()) })
}

func (c *Cloud) UpdateBalancer(arn string, spec LoadBalancerSpec) error {
	return c.Change(func(m *Model) error { return m.ELB.UpdateLoadBalancer(arn, spec) })
}

func (c *Cloud) DeleteBalancer(arn string) error {
	return c.Change(func(m *Model) error { return m.ELB.DeleteLoadBalancer(arn) })
}

func (c *Cloud) CreateSubnetGroup(group SubnetGroup) error {
	return c.Change(func(m *Model) error { return m.RDS.CreateSubnetGroup(group) })
}

func (c *Cloud) UpdateSubnetGroup(group SubnetGroup) error {
	return c.Change(func(m *Model) error { return m.RDS.UpdateSubnetGroup(group) })
}

func (c *Cloud) DeleteSubnetGroup(name string) error {
	return c.Change(func(m *Model) error { return m.RDS.DeleteSubnetGroup(name) })
}

func (c *Cloud) CheckParameterGroupUnused(name string) error {
	return Get(c, func(m *Model) error { return m.RDS.CheckParameterGroupUnused(name) })
}

func (c *Cloud) CreateDatabase(spec DatabaseSpec) (Database, error) {
	return Make(c, func(m *Model) (Database, error) { return m.RDS.CreateDatabase(spec) })
}

func (c *Cloud) UpdateDatabase(id string, spec DatabaseSpec) error {
	return c.Change(func(m *Model) error { return m.RDS.UpdateDatabase(id, spec) })
}

func (c *Cloud) DeleteDatabase(id string, snapshot string) error {
	return c.Change(func(m *Model) error { return m.RDS.DeleteDatabase(id, snapshot) })
}

func (c *Cloud) DatabaseAddress(spec DatabaseSpec) string {
	return Get(c, func(m *Model) string { return m.RDS.DatabaseAddress(spec) })
}

func (c *Cloud) LoadBalancers() []LoadBalancer {
	return Get(c, func(m *Model) []LoadBalancer { return m.ELB.DescribeLoadBalancers() })
}

func (c *Cloud) TargetGroups() []TargetGroup {
	return Get(c, func(m *Model) []TargetGroup { return m.ELB.DescribeTargetGroups() })
}

func (c *Cloud) CreateZone(name string) (Zone, error) {
	return Make(c, func(m *Model) (Zone, error) { return m.Route53.CreateHostedZone(name) })
}

func (c *Cloud) DeleteZone(id string, force bool) error {
	return c.Change(func(m *Model) error { return m.Route53.DeleteHostedZone(id, force) })
}

func (c *Cloud) ZoneByName(name string) (Zone, error) {
	return Find(c, func(m *Model) (Zone, error) { return m.Route53.HostedZoneByName(name) })
}

func (c *Cloud) CreateRecord(zone string, name string, kind string, values []string, overwrite bool) (string, error) {
	return Make(c, func(m *Model) (string, error) { return m.Route53.CreateRecord(zone, name, kind, values, overwrite) })
}

func (c *Cloud) ReplaceRecord(zone string, full string, old string, kind string, values []string) error {
	return c.Change(func(m *Model) error { return m.Route53.ReplaceRecord(zone, full, old, kind, values) })
}

func (c *Cloud) DeleteRecord(zone string, full string, kind string) error {
	return c.Change(func(m *Model) error { return m.Route53.DeleteRecord(zone, full, kind) })
}

func (c *Cloud) RequestCertificate(domains ...string) (Certificate, error) {
	return Make(c, func(m *Model) (Certificate, error) { return m.ACM.RequestCertificate(domains...) })
}

func (c *Cloud) ValidateCertificate(arn string) error {
	return c.Change(func(m *Model) error { return m.ACM.ValidateCertificate(arn) })
}

func (c *Cloud) Certificate(arn string) (Certificate, bool) {
	return Find(c, func(m *Model) (Certificate, bool) { return m.ACM.Certificate(arn) })
}

func (c *Cloud) DeleteCertificate(arn string) error {
	return c.Change(func(m *Model) error { return m.ACM.DeleteCertificate(arn) })
}

func (c *Cloud) CreateCluster(name string) (Cluster, error) {
	return Make(c, func(m *Model) (Cluster, error) { return m.ECS.CreateCluster(name) })
}

func (c *Cloud) DeleteCluster(name string) error {
	return c.Change(func(m *Model) error { return m.ECS.DeleteCluster(name) })
}

func (c *Cloud) CreateCapacityProvider(spec CapacityProviderSpec) (CapacityProvider, error) {
	return Make(c, func(m *Model) (CapacityProvider, error) { return m.ECS.CreateCapacityProvider(spec) })
}

func (c *Cloud) UpdateCapacityProvider(spec CapacityProviderSpec) error {
	return c.Change(func(m *Model) error { return m.ECS.UpdateCapacityProvider(spec) })
}

func (c *Cloud) DeleteCapacityProvider(name string) error {
	return c.Change(func(m *Model) error { return m.ECS.DeleteCapacityProvider(name) })
}

func (c *Cloud) PutClusterCapacityProviders(cluster string, providers []string, strategy []ProviderStrategy) error {
	return c.Change(func(m *Model) error { return m.ECS.PutClusterCapacityProviders(cluster, providers, strategy) })
}

func (c *Cloud) RegisterTaskDefinition(spec TaskDefinitionSpec) (TaskDefinition, error) {
	return Make(c, func(m *Model) (TaskDefinition, error) { return m.ECS.RegisterTaskDefinition(spec) })
}

func (c *Cloud) DeregisterTaskDefinition(arn string) error {
	return c.Change(func(m *Model) error { return m.ECS.DeregisterTaskDefinition(arn) })
}

func (c *Cloud) ContainerInstances(cluster string) []ContainerInstance {
	return Get(c, func(m *Model) []ContainerInstance { return m.ECS.DescribeContainerInstances(cluster) })
}

func (c *Cloud) RegisterScalableTarget(namespace string, resource string, dimension string, lowest int, highest int) (ScalableTarget, error) {
	return Make(c, func(m *Model) (ScalableTarget, error) {
		return m.ECS.RegisterScalableTarget(namespace, resource, dimension, lowest, highest, m.Clock.Now())
	})
}

func (c *Cloud) DeregisterScalableTarget(resource string) error {
	return c.Change(func(m *Model) error { return m.ECS.DeregisterScalableTarget(resource) })
}

func (c *Cloud) PutServicePolicy(namespace string, resource string, dimension string, p ServicePolicy) (string, []string, error) {
	made, err := Make(c, func(m *Model) (ServicePolicy, error) {
		return m.ECS.PutServicePolicy(namespace, resource, dimension, p, m.Clock.Now())
	})
	return made.ARN, made.Alarms, err
}

func (c *Cloud) DeleteServicePolicy(resource string, name string) error {
	return c.Change(func(m *Model) error { return m.ECS.DeleteServicePolicy(resource, name) })
}

func (c *Cloud) CreateService(spec ServiceSpec) (Service, error) {
	return Make(c, func(m *Model) (Service, error) { return m.ECS.CreateService(spec, m.Clock.Now()) })
}

func (c *Cloud) UpdateService(arn string, spec ServiceSpec, force bool) error {
	return c.Change(func(m *Model) error { return m.ECS.UpdateService(arn, spec, force, m.Clock.Now()) })
}

func (c *Cloud) SetDesiredCount(arn string, desired int) error {
	return c.Change(func(m *Model) error { return m.ECS.SetDesiredCount(arn, desired) })
}

func (c *Cloud) DeleteService(arn string, force bool) error {
	return c.Change(func(m *Model) error { return m.ECS.DeleteService(arn, force) })
}

func (c *Cloud) Services() []ServiceStatus {
	return Get(c, func(m *Model) []ServiceStatus { return m.ECS.DescribeServices() })
}

func (c *Cloud) Service(arn string) (ServiceStatus, bool) {
	return Find(c, func(m *Model) (ServiceStatus, bool) { return m.ECS.DescribeService(arn) })
}

func (c *Cloud) Tasks() []Task { return Get(c, func(m *Model) []Task { return m.ECS.DescribeTasks() }) }

func (c *Cloud) TaskRunning(id string) {
	c.Update(func(m *Model) bool { return m.ECS.TaskRunning(id, m.Clock.Now()) })
}

func (c *Cloud) TaskEnded(id string, exitCode int, reason string) {
	c.Update(func(m *Model) bool { return m.ECS.TaskEnded(id, exitCode, reason, m.Clock.Now()) })
}

func (c *Cloud) StopTask(id string, reason string) error {
	return c.Change(func(m *Model) error { return m.ECS.StopTask(id, reason, m.Clock.Now()) })
}

func (c *Cloud) RecordTaskCPU(id string, percent float64) {
	c.Update(func(m *Model) bool { return m.ECS.RecordTaskCPU(id, percent, m.Clock.Now()) })
}

func (c *Cloud) CreateEndpoint(spec EndpointSpec) (VPCEndpoint, error) {
	return Make(c, func(m *Model) (VPCEndpoint, error) { return m.VPC.CreateEndpoint(spec) })
}

func (c *Cloud) UpdateEndpoint(id string, spec EndpointSpec) error {
	return c.Change(func(m *Model) error { return m.VPC.UpdateEndpoint(id, spec) })
}

func (c *Cloud) DeleteEndpoint(id string) error {
	return c.Change(func(m *Model) error { return m.VPC.DeleteEndpoint(id) })
}

func (c *Cloud) PutEventRule(name string, pattern string, disabled bool) (string, error) {
	return Make(c, func(m *Model) (string, error) { return m.Events.PutRule(name, pattern, disabled) })
}

func (c *Cloud) DeleteEventRule(name string) error {
	return c.Change(func(m *Model) error { return m.Events.DeleteRule(name) })
}

func (c *Cloud) PutEventTarget(rule string, id string, topic string) error {
	return c.Change(func(m *Model) error { return m.Events.PutTarget(rule, id, topic) })
}

func (c *Cloud) DeleteEventTarget(rule string, id string) error {
	return c.Change(func(m *Model) error { return m.Events.DeleteTarget(rule, id) })
}

func (c *Cloud) StartFault(spec FaultSpec) (Fault, error) {
	return Make(c, func(m *Model) (Fault, error) { return m.Fault.Start(spec, m.Clock.Now()) })
}

func (c *Cloud) StopFault(id string) error {
	return c.Change(func(m *Model) error { return m.Fault.Stop(id) })
}

func (c *Cloud) Faults() []Fault { return Get(c, func(m *Model) []Fault { return m.Fault.List() }) }

func (c *Cloud) CreateGroup(spec GroupSpec) (Group, error) {
	return Make(c, func(m *Model) (Group, error) { return m.AutoScaling.CreateGroup(spec, m.Clock.Now()) })
}

func (c *Cloud) UpdateGroup(spec GroupSpec, roll bool) error {
	return c.Change(func(m *Model) error { return m.AutoScaling.UpdateGroup(spec, roll, m.Clock.Now()) })
}

func (c *Cloud) DeleteGroup(name string) error {
	return c.Change(func(m *Model) error { return m.AutoScaling.DeleteGroup(name, m.Clock.Now()) })
}

func (c *Cloud) Group(name string) (Group, []Instance, bool) {
	g, found := Find(c, func(m *Model) (Group, bool) { return m.AutoScaling.Group(name) })
	return g, g.Members, found
}

func (c *Cloud) GroupNames() []string {
	return Get(c, func(m *Model) []string { return m.AutoScaling.GroupNames() })
}

func (c *Cloud) Capacity(name string) int {
	return Get(c, func(m *Model) int { return m.AutoScaling.Capacity(name) })
}

func (c *Cloud) Diagnose(name string) string {
	return Get(c, func(m *Model) string { return m.AutoScaling.Diagnose(name) })
}

func (c *Cloud) PutHook(group string, hook Hook) error {
	return c.Change(func(m *Model) error { return m.AutoScaling.PutHook(group, hook) })
}

func (c *Cloud) DeleteHook(group string, name string) error {
	return c.Change(func(m *Model) error { return m.AutoScaling.DeleteHook(group, name) })
}

func (c *Cloud) CompleteHook(group string, hook string, instance string, result string) error {
	return c.Change(func(m *Model) error { return m.AutoScaling.CompleteHook(group, hook, instance, result) })
}

func (c *Cloud) CreateImage(name string, instance string) (Image, error) {
	return Make(c, func(m *Model) (Image, error) { return m.EC2.CreateImage(name, instance) })
}

func (c *Cloud) DeleteImage(id string) error {
	return c.Change(func(m *Model) error { return m.EC2.DeleteImage(id) })
}

func (c *Cloud) Images() []Image {
	return Get(c, func(m *Model) []Image { return m.EC2.DescribeImages() })
}

func (c *Cloud) ImageByID(id string) (Image, error) {
	return Find(c, func(m *Model) (Image, error) { return m.EC2.ImageByID(id) })
}

func (c *Cloud) Instances() []Instance {
	return Get(c, func(m *Model) []Instance { return m.EC2.DescribeInstances() })
}

func (c *Cloud) InstanceRunning(id string) {
	c.Update(func(m *Model) bool { return m.EC2.InstanceRunning(id) })
}

func (c *Cloud) InstanceEnded(id string, reason string) {
	c.Update(func(m *Model) bool { return m.EC2.InstanceEnded(id, reason, m.Clock.Now()) })
}

func (c *Cloud) TerminateInstance(id string) error {
	return c.Change(func(m *Model) error { return m.EC2.TerminateInstance(id) })
}

func (c *Cloud) RecordCPU(id string, percent float64) {
	c.Update(func(m *Model) bool { return m.EC2.RecordCPU(id, percent, m.Clock.Now()) })
}

func (c *Cloud) CreateListener(listener Listener) (Listener, error) {
	return Make(c, func(m *Model) (Listener, error) { return m.ELB.CreateListener(listener) })
}

func (c *Cloud) UpdateListener(listener Listener) error {
	return c.Change(func(m *Model) error { return m.ELB.UpdateListener(listener) })
}

func (c *Cloud) DeleteListener(arn string) error {
	return c.Change(func(m *Model) error { return m.ELB.DeleteListener(arn) })
}

func (c *Cloud) Forwards() []Forward {
	return Get(c, func(m *Model) []Forward { return m.ELB.Forwards() })
}

func (c *Cloud) AttachRolePolicy(role string, arn string) error {
	return c.Change(func(m *Model) error { return m.IAM.AttachRolePolicy(role, arn) })
}

func (c *Cloud) DetachRolePolicy(role string, arn string) error {
	return c.Change(func(m *Model) error { return m.IAM.DetachRolePolicy(role, arn) })
}

func (c *Cloud) AllocateAddress() (ElasticIP, error) {
	return Make(c, func(m *Model) (ElasticIP, error) { return m.VPC.AllocateAddress() })
}

func (c *Cloud) ReleaseAddress(id string) error {
	return c.Change(func(m *Model) error { return m.VPC.ReleaseAddress(id) })
}

func (c *Cloud) CreateNAT(subnet string, eip string) (NATGateway, error) {
	return Make(c, func(m *Model) (NATGateway, error) { return m.VPC.CreateNAT(subnet, eip) })
}

func (c *Cloud) DeleteNAT(id string) error {
	return c.Change(func(m *Model) error { return m.VPC.DeleteNAT(id) })
}

func (c *Cloud) PublicAddress(nat NATGateway) netip.Addr {
	return Get(c, func(m *Model) netip.Addr { return m.VPC.PublicAddress(nat) })
}

func (c *Cloud) CreateVPC(cidr string) (VPC, error) {
	return Make(c, func(m *Model) (VPC, error) { return m.VPC.CreateVPC(cidr) })
}

func (c *Cloud) DeleteVPC(id string) error {
	return c.Change(func(m *Model) error { return m.VPC.DeleteVPC(id) })
}

func (c *Cloud) CreateGateway(vpc string) (InternetGateway, error) {
	return Make(c, func(m *Model) (InternetGateway, error) { return m.VPC.CreateGateway(vpc) })
}

func (c *Cloud) DeleteGateway(id string) error {
	return c.Change(func(m *Model) error { return m.VPC.DeleteGateway(id) })
}

func (c *Cloud) MoveGateway(id string, vpc string) error {
	return c.Change(func(m *Model) error { return m.VPC.MoveGateway(id, vpc) })
}

func (c *Cloud) CreateSubnet(vpc string, cidr string, zone string, mapPublicIP bool) (Subnet, error) {
	return Make(c, func(m *Model) (Subnet, error) { return m.VPC.CreateSubnet(vpc, cidr, zone, mapPublicIP) })
}

func (c *Cloud) UpdateSubnet(id string, mapPublicIP bool) error {
	return c.Change(func(m *Model) error { return m.VPC.UpdateSubnet(id, mapPublicIP) })
}

func (c *Cloud) DeleteSubnet(id string) error {
	return c.Change(func(m *Model) error { return m.VPC.DeleteSubnet(id) })
}

func (c *Cloud) CreateRouteTable(vpc string) (RouteTable, error) {
	return Make(c, func(m *Model) (RouteTable, error) { return m.VPC.CreateRouteTable(vpc) })
}

func (c *Cloud) DeleteRouteTable(id string) error {
	return c.Change(func(m *Model) error { return m.VPC.DeleteRouteTable(id) })
}

func (c *Cloud) CreateRoute(table string, destination string, gateway string) error {
	return c.Change(func(m *Model) error { return m.VPC.CreateRoute(table, destination, gateway) })
}

func (c *Cloud) ReplaceRoute(table string, destination string, gateway string) error {
	return c.Change(func(m *Model) error { return m.VPC.ReplaceRoute(table, destination, gateway) })
}

func (c *Cloud) DeleteRoute(table string, destination string) error {
	return c.Change(func(m *Model) error { return m.VPC.DeleteRoute(table, destination) })
}

func (c *Cloud) Associate(table string, subnet string) (string, error) {
	return Make(c, func(m *Model) (string, error) { return m.VPC.Associate(table, subnet) })
}

func (c *Cloud) ReplaceAssociation(association string, table string) error {
	return c.Change(func(m *Model) error { return m.VPC.ReplaceAssociation(association, table) })
}

func (c *Cloud) Disassociate(association string) error {
	return c.Change(func(m *Model) error { return m.VPC.Disassociate(association) })
}


func (c *Cloud) NetworkOf(subnet string) (VPC, []Subnet) {
	return Find(c, func(m *Model) (VPC, []Subnet) { return m.VPC.NetworkOf(subnet) })
}

func (c *Cloud) Notifications() []Notification {
	return Get(c, func(m *Model) []Notification { return m.Events.ListNotifications() })
}

func (c *Cloud) PutPolicy(group string, policy Policy) (string, error) {
	return Make(c, func(m *Model) (string, error) { return m.AutoScaling.PutPolicy(group, policy, m.Clock.Now()) })
}

func (c *Cloud) DeletePolicy(group string, name string) error {
	return c.Change(func(m *Model) error { return m.AutoScaling.DeletePolicy(group, name) })
}

func (c *Cloud) RunInstance(spec InstanceSpec) (Instance, error) {
	return Make(c, func(m *Model) (Instance, error) { return m.EC2.RunInstance(spec, m.Clock.Now()) })
}

func (c *Cloud) UpdateInstance(id string, groups []string, profile string, tags map[string]string, protected bool) error {
	return c.Change(func(m *Model) error { return m.EC2.UpdateInstance(id, groups, profile, tags, protected) })
}

func (c *Cloud) Instance(id string) (Instance, error) {
	return Find(c, func(m *Model) (Instance, error) { return m.EC2.Instance(id) })
}

func (c *Cloud) PublicByDefault(subnet string) bool {
	return Get(c, func(m *Model) bool { return m.VPC.PublicByDefault(subnet) })
}

func (c *Cloud) TableOf(subnet string) (RouteTable, error) {
	return Find(c, func(m *Model) (RouteTable, error) { return m.VPC.TableOf(subnet) })
}

func (c *Cloud) RouteTable(id string) (RouteTable, error) {
	return Find(c, func(m *Model) (RouteTable, error) { return m.VPC.RouteTable(id) })
}

func (c *Cloud) PutSchedule(group string, schedule Schedule) (string, error) {
	return Make(c, func(m *Model) (string, error) { return m.AutoScaling.PutSchedule(group, schedule, m.Clock.Now()) })
}

func (c *Cloud) DeleteSchedule(group string, name string) error {
	return c.Change(func(m *Model) error { return m.AutoScaling.DeleteSchedule(group, name) })
}

func (c *Cloud) CreateSecurityGroup(name string, vpc string) (SecurityGroup, error) {
	return Make(c, func(m *Model) (SecurityGroup, error) { return m.VPC.CreateSecurityGroup(name, vpc) })
}

func (c *Cloud) DeleteSecurityGroup(id string) error {
	return c.Change(func(m *Model) error { return m.VPC.DeleteSecurityGroup(id) })
}

func (c *Cloud) CreateRule(rule Rule) (Rule, error) {
	return Make(c, func(m *Model) (Rule, error) { return m.VPC.CreateRule(rule) })
}

func (c *Cloud) UpdateRule(id string, rule Rule) error {
	return c.Change(func(m *Model) error { return m.VPC.UpdateRule(id, rule) })
}

func (c *Cloud) DeleteRule(id string) error {
	return c.Change(func(m *Model) error { return m.VPC.DeleteRule(id) })
}

func (c *Cloud) CreateBucket(name string) error {
	return c.Change(func(m *Model) error { return m.S3.CreateBucket(name) })
}

func (c *Cloud) DeleteBucket(name string, force bool) error {
	return c.Change(func(m *Model) error { return m.S3.DeleteBucket(name, force) })
}

func (c *Cloud) PutBucketPolicy(bucket string, document string) error {
	return c.Change(func(m *Model) error { return m.S3.PutBucketPolicy(bucket, document) })
}

func (c *Cloud) DeleteBucketPolicy(bucket string) error {
	return c.Change(func(m *Model) error { return m.S3.DeleteBucketPolicy(bucket) })
}

func (c *Cloud) PutObject(bucket string, object Object) error {
	return c.Change(func(m *Model) error { return m.S3.PutObject(bucket, object) })
}

func (c *Cloud) DeleteObject(bucket string, key string) error {
	return c.Change(func(m *Model) error { return m.S3.DeleteObject(bucket, key) })
}

func (c *Cloud) Object(instance string, bucket string, key string) (Object, error) {
	return Find(c, func(m *Model) (Object, error) { return m.EC2.Object(instance, bucket, key) })
}

func (c *Cloud) CreateRole(name string, trust string) error {
	return c.Change(func(m *Model) error { return m.IAM.CreateRole(name, trust) })
}

func (c *Cloud) UpdateTrust(role string, trust string) error {
	return c.Change(func(m *Model) error { return m.IAM.UpdateTrust(role, trust) })
}

func (c *Cloud) DeleteRole(name string) error {
	return c.Change(func(m *Model) error { return m.IAM.DeleteRole(name) })
}

func (c *Cloud) PutRolePolicy(role string, name string, document string) error {
	return c.Change(func(m *Model) error { return m.IAM.PutRolePolicy(role, name, document) })
}

func (c *Cloud) DeleteRolePolicy(role string, name string) error {
	return c.Change(func(m *Model) error { return m.IAM.DeleteRolePolicy(role, name) })
}

func (c *Cloud) CreateProfile(name string, role string) error {
	return c.Change(func(m *Model) error { return m.IAM.CreateProfile(name, role) })
}

func (c *Cloud) UpdateProfile(name string, role string) error {
	return c.Change(func(m *Model) error { return m.IAM.UpdateProfile(name, role) })
}

func (c *Cloud) DeleteProfile(name string) error {
	return c.Change(func(m *Model) error { return m.IAM.DeleteProfile(name) })
}

func (c *Cloud) CreateTargetGroup(spec TargetGroupSpec) (TargetGroup, error) {
	return Make(c, func(m *Model) (TargetGroup, error) { return m.ELB.CreateTargetGroup(spec) })
}

func (c *Cloud) UpdateTargetGroup(arn string, spec TargetGroupSpec) error {
	return c.Change(func(m *Model) error { return m.ELB.UpdateTargetGroup(arn, spec) })
}

func (c *Cloud) DeleteTargetGroup(arn string) error {
	return c.Change(func(m *Model) error { return m.ELB.DeleteTargetGroup(arn) })
}

func (c *Cloud) Probe(targetGroup string, incarnation string, result error) {
	c.Update(func(m *Model) bool { return m.ELB.Probe(targetGroup, incarnation, result, m.Clock.Now()) })
}

func (c *Cloud) ProbeTargets() []ProbeTarget {
	return Get(c, func(m *Model) []ProbeTarget { return m.ELB.ProbeTargets() })
}

func (c *Cloud) TargetHealth() []TargetHealth {
	return Get(c, func(m *Model) []TargetHealth { return m.ELB.DescribeTargetHealth() })
}

func (c *Cloud) ImageByParameter(name string) (Image, error) {
	return Find(c, func(m *Model) (Image, error) { return m.EC2.ImageByParameter(name) })
}

func (c *Cloud) CreateTemplate(name string, data TemplateData) (LaunchTemplate, error) {
	return Make(c, func(m *Model) (LaunchTemplate, error) { return m.EC2.CreateLaunchTemplate(name, data) })
}

func (c *Cloud) UpdateTemplate(id string, data TemplateData, makeDefault bool) (LaunchTemplate, error) {
	return Make(c, func(m *Model) (LaunchTemplate, error) { return m.EC2.UpdateLaunchTemplate(id, data, makeDefault) })
}

func (c *Cloud) DeleteTemplate(id string) error {
	return c.Change(func(m *Model) error { return m.EC2.DeleteLaunchTemplate(id) })
}

func (c *Cloud) CreateTopic(name string) (Topic, error) {
	return Make(c, func(m *Model) (Topic, error) { return m.Events.CreateTopic(name) })
}

func (c *Cloud) DeleteTopic(arn string) error {
	return c.Change(func(m *Model) error { return m.Events.DeleteTopic(arn) })
}

func (c *Cloud) Subscribe(topic string, subscription Subscription) (string, error) {
	return Make(c, func(m *Model) (string, error) { return m.Events.Subscribe(topic, subscription) })
}

func (c *Cloud) Unsubscribe(topic string, arn string) error {
	return c.Change(func(m *Model) error { return m.Events.Unsubscribe(topic, arn) })
}

func (c *Cloud) CreateLogGroup(group LogGroup) error {
	return c.Change(func(m *Model) error { return m.CloudWatch.CreateLogGroup(group) })
}

func (c *Cloud) UpdateLogGroup(group LogGroup) error {
	return c.Change(func(m *Model) error { return m.CloudWatch.UpdateLogGroup(group) })
}

func (c *Cloud) DeleteLogGroup(name string) error {
	return c.Change(func(m *Model) error { return m.CloudWatch.DeleteLogGroup(name) })
}

func (c *Cloud) CreateFlowLog(vpc string, subnet string, group string, role string) (string, error) {
	return Make(c, func(m *Model) (string, error) { return m.CloudWatch.CreateFlowLog(vpc, subnet, group, role) })
}

func (c *Cloud) SetTopicPolicy(topic string, document string) error {
	return c.Change(func(m *Model) error { return m.Events.SetTopicPolicy(topic, document) })
}

func (c *Cloud) ResetTopicPolicy(topic string) error {
	return c.Change(func(m *Model) error { return m.Events.ResetTopicPolicy(topic) })
}

func (c *Cloud) Trace(from string, to string, port int) (Path, error) {
	return Find(c, func(m *Model) (Path, error) { return m.Analyzer.Trace(from, to, port) })
}

func (c *Cloud) Analyze(from string, to string, port int) *Blocked {
	return Get(c, func(m *Model) *Blocked { return m.Analyzer.Analyze(from, to, port) })
}

func (c *Cloud) Zones() []string { return c.region.Zones() }

func (c *Cloud) ARN(service, resource string) string { return c.region.ARN(service, resource) }
