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
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/conformance"
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
	spec      cloud.GroupSpec
	template  string
	data      cloud.TemplateData
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
	template := must(e.Cloud.CreateTemplate(name, e.data))(e.t)
	e.template = template.ID
	e.spec = cloud.GroupSpec{
		Name: name, Min: shape.Min, Max: shape.Max, Subnets: subnets, Template: template.ID, Version: "1", TargetGroups: []string{targets},
		HealthType: shape.HealthType, Grace: shape.Grace, Refresh: &cloud.RefreshSpec{
			Bounds: cloud.Bounds{MinHealthy: shape.Refresh.MinHealthy, MaxHealthy: shape.Refresh.MaxHealthy}, Warmup: shape.Refresh.Warmup,
		},
	}
	if shape.Maintenance {
		e.spec.Maintenance = &e.spec.Refresh.Bounds
	}
	if e.spec.HealthType == "" {
		e.spec.HealthType = "ELB"
	}
	must(e.Cloud.CreateGroup(e.spec))(e.t)
	e.policies()
	for e.Cloud.Capacity(name) < shape.Min {
		if err := e.Pause(ctx, time.Second); err != nil {
			return fmt.Errorf("%w: %s", err, e.Cloud.Diagnose(name))
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

func (e *emulated) network() (vpc string, subnets []string) {
	second := 100 + int(networks.Add(1))
	vpc = must(e.Cloud.CreateVPC(fmt.Sprintf("10.%d.0.0/23", second)))(e.t).ID
	gateway := must(e.Cloud.CreateGateway(vpc))(e.t).ID
	for n := range 2 {
		subnet := must(e.Cloud.CreateSubnet(vpc, fmt.Sprintf("10.%d.%d.0/24", second, n), e.Cloud.Zones()[n], true))(e.t).ID
		table := must(e.Cloud.CreateRouteTable(vpc))(e.t).ID
		must(e.Cloud.Associate(table, subnet))(e.t)
		require.NoError(e.t, e.Cloud.CreateRoute(table, "0.0.0.0/0", gateway))
		subnets = append(subnets, subnet)
	}
	return vpc, subnets
}

func (e *emulated) security(vpc string) {
	e.lb = must(e.Cloud.CreateSecurityGroup("balancer", vpc))(e.t).ID
	e.group = must(e.Cloud.CreateSecurityGroup("instances", vpc))(e.t).ID
	rule := func(r cloud.Rule, port int) string {
		r.Protocol, r.From, r.To = "tcp", port, port
		return must(e.Cloud.CreateRule(r))(e.t).ID
	}
	rule(cloud.Rule{Group: e.lb, CIDR: "0.0.0.0/0"}, servicePort)
	rule(cloud.Rule{Group: e.lb, Egress: true, Peer: e.group}, servicePort)
	rule(cloud.Rule{Group: e.lb, Egress: true, Peer: e.group}, health)
	rule(cloud.Rule{Group: e.group, Peer: e.lb}, servicePort)
	e.inbound = rule(cloud.Rule{Group: e.group, Peer: e.lb}, health)
}

func (e *emulated) balancer(vpc string, subnets []string) string {
	b := must(e.Cloud.CreateBalancer(cloud.LoadBalancerSpec{
		Name: name, Subnets: subnets, SecurityGroups: []string{e.lb}, CrossZone: true,
	}))(e.t)
	targets := must(e.Cloud.CreateTargetGroup(cloud.TargetGroupSpec{
		Name: name, Port: servicePort, Protocol: "TCP", VPC: vpc, DeregistrationDelay: e.shape.Draining, Check: cloud.HealthCheck{
			Protocol: "TCP", Port: strconv.Itoa(health), Interval: e.shape.Interval, Timeout: e.shape.Timeout,
			Healthy: e.shape.Healthy, Unhealthy: e.shape.Unhealthy,
		},
	}))(e.t).ARN
	must(e.Cloud.CreateListener(cloud.Listener{Balancer: b.ARN, Port: servicePort, Protocol: "TCP", TargetGroup: targets}))(e.t)
	return targets
}

// machine is an instance with both processes.
func (e *emulated) machine() cloud.TemplateData {
	program := must(os.Executable())(e.t)
	document := "#cloud-config\nwrite_files:\n"
	for _, unit := range []string{"service", "responder"} {
		document += "- path: /bin/" + unit + "\n  permissions: '0755'\n  content: |\n    #!/bin/sh\n    exec " + program + "\n" +
			"- path: /etc/systemd/system/" + unit + ".service\n  content: |\n    [Service]\n    ExecStart=/bin/" + unit +
			"\n    Environment=BEHAVIOUR=" + unit + "\n    [Install]\n    WantedBy=multi-user.target\n"
	}
	document += "runcmd:\n- [systemctl, enable, --now, service.service, responder.service]\n"
	image := must(e.Cloud.ImageByParameter("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"))(e.t)
	return cloud.TemplateData{
		ImageID: image.ID, InstanceType: "t3.micro", UserData: base64.StdEncoding.EncodeToString([]byte(document)),
		SecurityGroups: []string{e.group}, Public: true, Detailed: true,
	}
}

func (e *emulated) policies() {
	if t := e.shape.Tracking; t != nil {
		must(e.Cloud.PutPolicy(name, cloud.Policy{Name: "cpu", Type: cloud.TargetTracking, Target: t.Target, Warmup: t.Warmup}))(e.t)
	}
	if s := e.shape.Steps; s != nil {
		zero, wide := 0.0, s.Wide
		arn := must(e.Cloud.PutPolicy(name, cloud.Policy{
			Name: "out", Type: cloud.StepScaling, Adjustment: cloud.ChangeInCapacity, Warmup: s.Warmup,
			Steps: []cloud.Step{{Lower: &zero, Upper: &wide, Adjustment: s.Small}, {Lower: &wide, Adjustment: s.Large}},
		}))(e.t)
		must(e.Cloud.PutAlarm(cloud.AlarmSpec{
			Name: "high", Namespace: "AWS/EC2", Metric: "CPUUtilization", Dimensions: map[string]string{"AutoScalingGroupName": name},
			Statistic: cloud.Average, Period: time.Minute, EvaluationPeriods: 1, Threshold: s.Threshold, Comparison: cloud.Greater,
			Actions: []string{arn},
		}))(e.t)
	}
}

var errGone = errors.New("the group is gone")

func (e *emulated) Group(context.Context) (conformance.Group, error) {
	g, members, found := e.Cloud.Group(name)
	if !found {
		return conformance.Group{}, errGone
	}
	group := conformance.Group{Min: g.Spec.Min, Desired: g.Desired, Max: g.Spec.Max}
	for _, i := range members {
		if i.State != cloud.Terminated {
			group.Members = append(group.Members, conformance.Member{
				ID: i.ID, Zone: i.Zone, Lifecycle: string(i.Lifecycle), Version: strconv.Itoa(i.Version),
			})
		}
	}
	return group, nil
}

func (e *emulated) Targets(context.Context) ([]conformance.Target, error) {
	var targets []conformance.Target
	for _, t := range e.Cloud.TargetHealth() {
		targets = append(targets, conformance.Target{ID: t.Instance, State: string(t.State), Reason: t.Reason, Description: t.Description})
	}
	return targets, nil
}

func (e *emulated) Activities(context.Context) ([]conformance.Activity, error) {
	g, _, _ := e.Cloud.Group(name)
	var activities []conformance.Activity
	for _, a := range g.Activities {
		activities = append(activities, conformance.Activity{Description: a.Description, Cause: a.Cause, Status: a.Status})
	}
	return activities, nil
}

func (e *emulated) Alarms(context.Context) ([]conformance.Alarm, error) {
	var alarms []conformance.Alarm
	for _, a := range e.Cloud.Alarms() {
		alarms = append(alarms, conformance.Alarm{Name: a.Spec.Name, State: a.State})
	}
	return alarms, nil
}

func (e *emulated) Refreshes(context.Context) ([]conformance.RefreshStatus, error) {
	g, _, _ := e.Cloud.Group(name)
	var refreshes []conformance.RefreshStatus
	for _, r := range g.Refreshes {
		refreshes = append(refreshes, conformance.RefreshStatus{ID: r.ID, Status: r.Status})
	}
	return refreshes, nil
}

func (e *emulated) SetSizes(_ context.Context, lowest, highest int) error {
	e.spec.Min, e.spec.Max = lowest, highest
	return e.Cloud.UpdateGroup(e.spec, false)
}

func (e *emulated) SetDesired(_ context.Context, desired int) error {
	e.spec.Desired = &desired
	return e.Cloud.UpdateGroup(e.spec, false)
}

func (e *emulated) StartRefresh(context.Context) error {
	e.data.Tags = map[string]string{"Release": strconv.Itoa(e.version + 1)}
	if _, err := e.Cloud.UpdateTemplate(e.template, e.data, true); err != nil {
		return err
	}
	e.version++
	e.spec.Version = strconv.Itoa(e.version)
	return e.Cloud.UpdateGroup(e.spec, true)
}

func (e *emulated) Terminate(_ context.Context, instance string) error {
	return e.Cloud.TerminateInstance(instance)
}

func (e *emulated) StopResponder(_ context.Context, instance string) error {
	return e.StopService(instance, "responder")
}

func (e *emulated) Burn(_ context.Context, instance string, percent int, d time.Duration) error {
	_, err := e.StartFault(emulator.FaultRequest{
		Action: cloud.FaultStress, Target: instance, Duration: d.Seconds(), Parameters: map[string]string{cloud.ParameterLoad: strconv.Itoa(percent)},
	})
	return err
}

func (e *emulated) DenyHealth(context.Context) error { return e.Cloud.DeleteRule(e.inbound) }

func (e *emulated) AllowHealth(context.Context) error {
	_, err := e.Cloud.CreateRule(cloud.Rule{Group: e.group, Protocol: "tcp", From: health, To: health, Peer: e.lb})
	return err
}

func (e *emulated) Explain(_ context.Context, instance string) (string, error) {
	path, err := e.Cloud.Trace(name, instance, health)
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
	at := slices.IndexFunc(instances, func(i emulator.InstanceStatus) bool { return i.Loopback.String() == host })
	if at < 0 {
		return "", fmt.Errorf("no instance has the address %s", host)
	}
	return instances[at].ID, nil
}
