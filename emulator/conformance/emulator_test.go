package conformance_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/analyzer"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/fault"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
	"github.com/elastic-service/elastic-service/emulator/conformance"
	"github.com/elastic-service/elastic-service/emulator/metric"
	"github.com/elastic-service/elastic-service/internal/docstest"
)

// The test binary is also what runs on the instances.
func TestMain(m *testing.M) {
	switch os.Getenv("BEHAVIOUR") {
	case "service":
		listen(":5000", answer)
	case "responder":
		listen(":5001", func(c net.Conn) { _ = c.Close() })
	}
	os.Exit(m.Run())
}

func listen(address string, serve func(net.Conn)) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { os.Exit(0) })
	for {
		c, err := listener.Accept()
		if err != nil {
			os.Exit(1)
		}
		go serve(c)
	}
}

// answer says for each line which address the instance has.
func answer(c net.Conn) {
	defer c.Close()
	for lines := bufio.NewScanner(c); lines.Scan(); {
		if _, err := fmt.Fprintln(c, c.LocalAddr()); err != nil {
			return
		}
	}
}

// The suite against the emulator: real processes, sockets and probes, in a time that runs as much faster.
func TestTheEmulatorBehavesAsAWS(t *testing.T) {
	conformance.Suite(t, newEmulated)
}

func TestTheDocumentListsTheCases(t *testing.T) {
	var rows [][]string
	for _, c := range conformance.Cases() {
		rows = append(rows, []string{c.Name, c.States, c.Document})
	}
	docstest.Section(t, "../../docs/behaviour.md", "cases", docstest.Table([]string{"case", "what AWS does", "according to"}, rows))
}

const (
	speed               = 20
	servicePort, health = 5000, 5001
	name                = "behaviour"
)

// emulated is the emulator as a cloud under test.
type emulated struct {
	*emulator.Emulator

	t         *testing.T
	shape     conformance.Shape
	spec      autoscaling.GroupSpec
	template  string
	data      ec2.TemplateData
	version   int
	group, lb string // security groups
	inbound   string // rule for health checks
}

func newEmulated(t *testing.T) conformance.Cloud {
	t.Helper()
	e, err := emulator.Open(emulator.Options{
		Folder: t.TempDir(), Region: "us-east-1", Speed: speed, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
	})
	return &emulated{Emulator: e, t: t}
}

func (e *emulated) Now() time.Time { return e.Cloud.Now() }

// Slack is for a machine that is busy: a second and a half of it.
func (e *emulated) Slack() time.Duration { return 30 * time.Second }

func (e *emulated) Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d / speed):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// networks counts the VPCs: instances of one address would meet on this machine.
var networks atomic.Int32

func (e *emulated) Create(ctx context.Context, shape conformance.Shape) error {
	e.shape, e.version = shape, 1
	vpc, subnets := e.network()
	e.security(vpc)
	targets := e.balancer(vpc, subnets)
	e.data = e.machine()
	template := must(cloud.Make(e.Cloud, func(m *cloud.Model) (ec2.LaunchTemplate, error) {
		return m.EC2.CreateLaunchTemplate(name, e.data)
	}))(e.t)
	e.template = template.ID
	e.spec = autoscaling.GroupSpec{
		Name: name, Min: shape.Min, Max: shape.Max, Subnets: subnets, Template: template.ID, Version: "1", TargetGroups: []string{targets},
		HealthType: shape.HealthType, Grace: shape.Grace, Refresh: &autoscaling.RefreshSpec{
			Bounds: autoscaling.Bounds{MinHealthy: shape.Refresh.MinHealthy, MaxHealthy: shape.Refresh.MaxHealthy}, Warmup: shape.Refresh.Warmup,
		},
	}
	if shape.Maintenance {
		e.spec.Maintenance = &e.spec.Refresh.Bounds
	}
	if e.spec.HealthType == "" {
		e.spec.HealthType = "ELB"
	}
	must(cloud.Make(e.Cloud, func(m *cloud.Model) (autoscaling.Group, error) {
		return m.AutoScaling.CreateGroup(e.spec, m.Clock.Now())
	}))(e.t)
	e.policies()
	for cloud.Get(e.Cloud, func(m *cloud.Model) int { return m.AutoScaling.Capacity(name) }) < shape.Min {
		if err := e.Pause(ctx, time.Second); err != nil {
			return fmt.Errorf("%w: %s", err, cloud.Get(e.Cloud, func(m *cloud.Model) string { return m.AutoScaling.Diagnose(name) }))
		}
	}
	return nil
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		require.NoError(t, err)
		return value
	}
}

func (e *emulated) network() (network string, subnets []string) {
	second := 100 + int(networks.Add(1))
	network = must(cloud.Make(e.Cloud, func(m *cloud.Model) (vpc.VPC, error) {
		return m.VPC.CreateVPC(fmt.Sprintf("10.%d.0.0/23", second))
	}))(e.t).ID
	gateway := must(cloud.Make(e.Cloud, func(m *cloud.Model) (vpc.InternetGateway, error) { return m.VPC.CreateGateway(network) }))(e.t).ID
	for n := range 2 {
		subnet := must(cloud.Make(e.Cloud, func(m *cloud.Model) (vpc.Subnet, error) {
			return m.VPC.CreateSubnet(network, fmt.Sprintf("10.%d.%d.0/24", second, n), e.Cloud.Region().Zones()[n], true)
		}))(e.t).ID
		table := must(cloud.Make(e.Cloud, func(m *cloud.Model) (vpc.RouteTable, error) { return m.VPC.CreateRouteTable(network) }))(e.t).ID
		must(cloud.Make(e.Cloud, func(m *cloud.Model) (string, error) { return m.VPC.Associate(table, subnet) }))(e.t)
		require.NoError(e.t, e.Cloud.Change(func(m *cloud.Model) error { return m.VPC.CreateRoute(table, "0.0.0.0/0", gateway) }))
		subnets = append(subnets, subnet)
	}
	return network, subnets
}

func (e *emulated) security(network string) {
	e.lb = must(cloud.Make(e.Cloud, func(m *cloud.Model) (vpc.SecurityGroup, error) {
		return m.VPC.CreateSecurityGroup("balancer", network)
	}))(e.t).ID
	e.group = must(cloud.Make(e.Cloud, func(m *cloud.Model) (vpc.SecurityGroup, error) {
		return m.VPC.CreateSecurityGroup("instances", network)
	}))(e.t).ID
	rule := func(r vpc.Rule, port int) string {
		r.Protocol, r.From, r.To = "tcp", port, port
		return must(cloud.Make(e.Cloud, func(m *cloud.Model) (vpc.Rule, error) { return m.VPC.CreateRule(r) }))(e.t).ID
	}
	rule(vpc.Rule{Group: e.lb, CIDR: "0.0.0.0/0"}, servicePort)
	rule(vpc.Rule{Group: e.lb, Egress: true, Peer: e.group}, servicePort)
	rule(vpc.Rule{Group: e.lb, Egress: true, Peer: e.group}, health)
	rule(vpc.Rule{Group: e.group, Peer: e.lb}, servicePort)
	e.inbound = rule(vpc.Rule{Group: e.group, Peer: e.lb}, health)
}

func (e *emulated) balancer(vpc string, subnets []string) string {
	b := must(cloud.Make(e.Cloud, func(m *cloud.Model) (elb.LoadBalancer, error) {
		return m.ELB.CreateLoadBalancer(elb.LoadBalancerSpec{
			Name: name, Subnets: subnets, SecurityGroups: []string{e.lb}, CrossZone: true,
		}, m.Clock.Now())
	}))(e.t)
	targets := must(cloud.Make(e.Cloud, func(m *cloud.Model) (elb.TargetGroup, error) {
		return m.ELB.CreateTargetGroup(elb.TargetGroupSpec{
			Name: name, Port: servicePort, Protocol: "TCP", VPC: vpc, DeregistrationDelay: e.shape.Draining, Check: elb.HealthCheck{
				Protocol: "TCP", Port: strconv.Itoa(health), Interval: e.shape.Interval, Timeout: e.shape.Timeout,
				Healthy: e.shape.Healthy, Unhealthy: e.shape.Unhealthy,
			},
		})
	}))(e.t).ARN
	must(cloud.Make(e.Cloud, func(m *cloud.Model) (elb.Listener, error) {
		return m.ELB.CreateListener(elb.Listener{Balancer: b.ARN, Port: servicePort, Protocol: "TCP", TargetGroup: targets})
	}))(e.t)
	return targets
}

// machine is an instance with both processes.
func (e *emulated) machine() ec2.TemplateData {
	program := must(os.Executable())(e.t)
	var document strings.Builder
	document.WriteString("#cloud-config\nwrite_files:\n")
	for _, unit := range []string{"service", "responder"} {
		document.WriteString("- path: /bin/" + unit + "\n  permissions: '0755'\n  content: |\n    #!/bin/sh\n    exec " + program + "\n" +
			"- path: /etc/systemd/system/" + unit + ".service\n  content: |\n    [Service]\n    ExecStart=/bin/" + unit +
			"\n    Environment=BEHAVIOUR=" + unit + "\n    [Install]\n    WantedBy=multi-user.target\n")
	}
	document.WriteString("runcmd:\n- [systemctl, enable, --now, service.service, responder.service]\n")
	image := must(cloud.Find(e.Cloud, func(m *cloud.Model) (ec2.Image, error) {
		return m.EC2.ImageByParameter("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64")
	}))(e.t)
	return ec2.TemplateData{
		ImageID: image.ID, InstanceType: "t3.micro", UserData: base64.StdEncoding.EncodeToString([]byte(document.String())),
		SecurityGroups: []string{e.group}, Public: true, Detailed: true,
	}
}

func (e *emulated) policies() {
	if t := e.shape.Tracking; t != nil {
		must(cloud.Make(e.Cloud, func(m *cloud.Model) (string, error) {
			return m.AutoScaling.PutPolicy(name, autoscaling.Policy{
				Name: "cpu", Type: autoscaling.TargetTracking, Target: t.Target, Warmup: &t.Warmup,
			}, m.Clock.Now())
		}))(e.t)
	}
	if s := e.shape.Steps; s != nil {
		zero, wide := 0.0, s.Wide
		arn := must(cloud.Make(e.Cloud, func(m *cloud.Model) (string, error) {
			return m.AutoScaling.PutPolicy(name, autoscaling.Policy{
				Name: "out", Type: autoscaling.StepScaling, Adjustment: autoscaling.ChangeInCapacity, Warmup: &s.Warmup,
				Steps: []autoscaling.Step{{Lower: &zero, Upper: &wide, Adjustment: s.Small}, {Lower: &wide, Adjustment: s.Large}},
			}, m.Clock.Now())
		}))(e.t)
		must(cloud.Make(e.Cloud, func(m *cloud.Model) (cloudwatch.Alarm, error) {
			return m.CloudWatch.PutAlarm(cloudwatch.AlarmSpec{
				Name: "high", Namespace: "AWS/EC2", Metric: "CPUUtilization", Dimensions: map[string]string{"AutoScalingGroupName": name},
				Statistic: metric.Average, Period: time.Minute, EvaluationPeriods: 1, Threshold: s.Threshold, Comparison: cloudwatch.Greater,
				Actions: []string{arn},
			}, m.Clock.Now())
		}))(e.t)
	}
}

var errGone = errors.New("the group is gone")

func (e *emulated) Group(context.Context) (conformance.Group, error) {
	g, found := cloud.Find(e.Cloud, func(m *cloud.Model) (autoscaling.Group, bool) { return m.AutoScaling.Group(name) })
	members := g.Members
	if !found {
		return conformance.Group{}, errGone
	}
	group := conformance.Group{Min: g.Spec.Min, Desired: g.Desired, Max: g.Spec.Max, Version: g.Spec.Version}
	for _, i := range members {
		if i.State != ec2.Terminated {
			group.Members = append(group.Members, conformance.Member{
				ID: i.ID, Zone: i.Zone, Lifecycle: string(i.Lifecycle), Version: strconv.Itoa(i.Version),
			})
		}
	}
	return group, nil
}

func (e *emulated) Targets(context.Context) ([]conformance.Target, error) {
	var targets []conformance.Target
	for _, t := range cloud.Get(e.Cloud, func(m *cloud.Model) []elb.TargetHealth { return m.ELB.DescribeTargetHealth() }) {
		targets = append(targets, conformance.Target{ID: t.Instance, State: string(t.State), Reason: t.Reason, Description: t.Description})
	}
	return targets, nil
}

func (e *emulated) Activities(context.Context) ([]conformance.Activity, error) {
	g, _ := cloud.Find(e.Cloud, func(m *cloud.Model) (autoscaling.Group, bool) { return m.AutoScaling.Group(name) })
	var activities []conformance.Activity
	for _, a := range g.Activities {
		activities = append(activities, conformance.Activity{Description: a.Description, Cause: a.Cause, Status: a.Status})
	}
	return activities, nil
}

func (e *emulated) Alarms(context.Context) ([]conformance.Alarm, error) {
	var alarms []conformance.Alarm
	for _, a := range cloud.Get(e.Cloud, func(m *cloud.Model) []cloudwatch.Alarm { return m.CloudWatch.DescribeAlarms() }) {
		alarms = append(alarms, conformance.Alarm{Name: a.Spec.Name, State: a.State})
	}
	return alarms, nil
}

func (e *emulated) Metric(_ context.Context, metric, statistic string, since time.Time) ([]float64, error) {
	points, err := cloud.Find(e.Cloud, func(m *cloud.Model) ([]cloudwatch.Point, error) {
		_, balancer, _ := strings.Cut(m.ELB.DescribeLoadBalancers()[0].ARN, ":loadbalancer/")
		of := map[string]string{"LoadBalancer": balancer}
		if strings.HasSuffix(metric, "HostCount") {
			arn := m.ELB.DescribeTargetGroups()[0].ARN
			of["TargetGroup"] = arn[strings.LastIndex(arn, ":")+1:]
		}
		watched := cloudwatch.Metric{Namespace: "AWS/NetworkELB", Name: metric, Dimensions: of}
		return m.CloudWatch.Points(watched, statistic, time.Minute, since, m.Clock.Now())
	})
	var values []float64
	for _, p := range points {
		values = append(values, p.Value)
	}
	return values, err
}

func (e *emulated) Refreshes(context.Context) ([]conformance.RefreshStatus, error) {
	g, _ := cloud.Find(e.Cloud, func(m *cloud.Model) (autoscaling.Group, bool) { return m.AutoScaling.Group(name) })
	var refreshes []conformance.RefreshStatus
	for _, r := range g.Refreshes {
		refreshes = append(refreshes, conformance.RefreshStatus{ID: r.ID, Status: r.Status})
	}
	return refreshes, nil
}

func (e *emulated) SetSizes(_ context.Context, lowest, highest int) error {
	e.spec.Min, e.spec.Max = lowest, highest
	return e.Cloud.Change(func(m *cloud.Model) error { return m.AutoScaling.UpdateGroup(e.spec, false, m.Clock.Now()) })
}

func (e *emulated) SetDesired(_ context.Context, desired int) error {
	e.spec.Desired = &desired
	return e.Cloud.Change(func(m *cloud.Model) error { return m.AutoScaling.UpdateGroup(e.spec, false, m.Clock.Now()) })
}

// newVersion adds a version to the launch template.
func (e *emulated) newVersion(data ec2.TemplateData) error {
	e.version++
	data.Tags = map[string]string{"Release": strconv.Itoa(e.version)}
	_, err := cloud.Make(e.Cloud, func(m *cloud.Model) (ec2.LaunchTemplate, error) {
		return m.EC2.UpdateLaunchTemplate(e.template, data, true)
	})
	return err
}

func (e *emulated) Release(_ context.Context, release conformance.Release) error {
	data := e.data
	if release.Broken {
		data.UserData = ""
	}
	if err := e.newVersion(data); err != nil {
		return err
	}
	spec := *e.spec.Refresh
	spec.AutoRollback, spec.SkipMatching, spec.Bake = true, true, release.Bake
	return e.Cloud.Change(func(m *cloud.Model) error {
		_, err := m.AutoScaling.StartRefresh(name, &autoscaling.TemplateVersion{
			Template: e.template, Version: strconv.Itoa(e.version),
		}, spec, m.Clock.Now())
		return err
	})
}

func (e *emulated) RollBack(context.Context) error {
	return e.Cloud.Change(func(m *cloud.Model) error {
		_, err := m.AutoScaling.RollbackRefresh(name, m.Clock.Now())
		return err
	})
}

func (e *emulated) StartRefresh(context.Context) error {
	if err := e.newVersion(e.data); err != nil {
		return err
	}
	e.spec.Version = strconv.Itoa(e.version)
	return e.Cloud.Change(func(m *cloud.Model) error { return m.AutoScaling.UpdateGroup(e.spec, true, m.Clock.Now()) })
}

func (e *emulated) Terminate(_ context.Context, instance string) error {
	return e.Cloud.Change(func(m *cloud.Model) error { return m.EC2.TerminateInstance(instance) })
}

func (e *emulated) StopResponder(_ context.Context, instance string) error {
	return e.StopService(instance, "responder")
}

func (e *emulated) Burn(_ context.Context, instance string, percent int, d time.Duration) error {
	_, err := e.StartFault(api.FaultRequest{
		Action: fault.StressCPU, Target: instance, Duration: d.Seconds(),
		Parameters: map[string]string{fault.ParameterLoad: strconv.Itoa(percent)},
	})
	return err
}

func (e *emulated) DenyHealth(context.Context) error {
	return e.Cloud.Change(func(m *cloud.Model) error { return m.VPC.DeleteRule(e.inbound) })
}

func (e *emulated) AllowHealth(context.Context) error {
	_, err := cloud.Make(e.Cloud, func(m *cloud.Model) (vpc.Rule, error) {
		return m.VPC.CreateRule(vpc.Rule{Group: e.group, Protocol: "tcp", From: health, To: health, Peer: e.lb})
	})
	return err
}

func (e *emulated) Explain(_ context.Context, instance string) (string, error) {
	path, err := cloud.Find(e.Cloud, func(m *cloud.Model) (analyzer.Path, error) { return m.Analyzer.Trace(name, instance, health) })
	if err != nil || path.Blocked == nil {
		return "", err
	}
	return path.Blocked.Code, nil
}

// patience is for an answer on a busy machine.
const patience = 5 * time.Second

func (e *emulated) Open(ctx context.Context) (conformance.Flow, error) {
	balancers := e.Status().Balancers
	if len(balancers) == 0 {
		return nil, errGone
	}
	c, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", balancers[0].Address)
	if err != nil {
		return nil, err
	}
	return &flow{Conn: c, lines: bufio.NewReader(c), e: e}, nil
}

// flow is a connection through the emulator's balancer.
type flow struct {
	net.Conn

	lines *bufio.Reader
	e     *emulated
}

func (f *flow) Close() { _ = f.Conn.Close() }

// Ask turns the address in the answer into the instance that has it.
func (f *flow) Ask() (string, error) {
	if err := f.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(f, "who?"); err != nil {
		return "", err
	}
	line, err := f.lines.ReadString('\n')
	if err != nil {
		return "", err
	}
	host, _, err := net.SplitHostPort(strings.TrimSpace(line))
	if err != nil {
		return "", err
	}
	instances := f.e.Status().Instances
	at := slices.IndexFunc(instances, func(i api.Instance) bool { return i.Loopback.String() == host })
	if at < 0 {
		return "", fmt.Errorf("no instance has the address %s", host)
	}
	return instances[at].ID, nil
}
