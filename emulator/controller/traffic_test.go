package controller_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
	"github.com/elastic-service/elastic-service/emulator/controller"
	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/emulator/metric"
	"github.com/elastic-service/elastic-service/emulator/runtime"
)

const port = 5000

// world is a balancer with a target whose connections a test serves, on an emulated clock.
type world struct {
	*controller.Controller
	t                  *testing.T
	cloud              *cloud.Cloud
	clock              *clockwork.FakeClock
	balancer, targets  string // ARNs
	subnets            []string
	inside             string // security group of the balancer and its target
	address            string
	namespace          string
	ofBalancer, ofHost map[string]string // dimensions
}

func newWorld(t *testing.T, kind string, serve func(net.Conn)) *world {
	t.Helper()
	w := &world{t: t, clock: clockwork.NewFakeClockAt(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))}
	var err error
	w.cloud, err = cloud.New("us-east-1", w.clock, func(netip.Addr) bool { return true })
	require.NoError(t, err)
	w.Controller, err = controller.New(controller.Options{
		Cloud: w.cloud, Clock: w.clock, Speed: 1, Folder: t.TempDir(), Log: slog.New(slog.DiscardHandler),
		Runtime: func(runtime.Host) (runtime.Runtime, error) { return machines{target: listen(t, serve)}, nil },
	})
	require.NoError(t, err)
	require.NoError(t, w.cloud.Change(func(m *cloud.Model) error {
		w.makeNetwork(m)
		w.makeBalancer(m, kind)
		return nil
	}))
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, w.Stop())
	})
	w.Reconcile(ctx)
	return w
}

func (w *world) makeNetwork(m *cloud.Model) {
	network := must(m.VPC.CreateVPC("192.168.0.0/23"))(w.t).ID
	gateway := must(m.VPC.CreateGateway(network))(w.t).ID
	for i, cidr := range []string{"192.168.0.0/24", "192.168.1.0/24"} {
		subnet := must(m.VPC.CreateSubnet(network, cidr, w.cloud.Region().Zones()[i], true))(w.t).ID
		table := must(m.VPC.CreateRouteTable(network))(w.t).ID
		must(m.VPC.Associate(table, subnet))(w.t)
		require.NoError(w.t, m.VPC.CreateRoute(table, "0.0.0.0/0", gateway))
		w.subnets = append(w.subnets, subnet)
	}
	w.inside = must(m.VPC.CreateSecurityGroup("inside", network))(w.t).ID
	for _, rule := range []vpc.Rule{{CIDR: "0.0.0.0/0"}, {Egress: true, CIDR: "0.0.0.0/0"}} {
		rule.Group, rule.Protocol, rule.From, rule.To = w.inside, "tcp", port, port
		must(m.VPC.CreateRule(rule))(w.t)
	}
}

func (w *world) makeBalancer(m *cloud.Model, kind string) {
	b := must(m.ELB.CreateLoadBalancer(elb.LoadBalancerSpec{
		Name: "web", Kind: kind, Subnets: w.subnets, SecurityGroups: []string{w.inside}, CrossZone: true,
	}, w.clock.Now()))(w.t)
	w.balancer, w.address = b.ARN, netip.AddrPortFrom(b.Address, loopback.Port(port)).String()
	protocol := map[string]string{elb.Network: "TCP", elb.Application: "HTTP"}[kind]
	check := elb.HealthCheck{
		Protocol: protocol, Port: "traffic-port", Interval: 5 * time.Minute, Timeout: time.Minute, Healthy: 2, Unhealthy: 2,
	}
	if protocol == "HTTP" {
		check.Path, check.Matcher = "/", "200"
	}
	network, _ := m.VPC.NetworkOf(w.subnets[0])
	w.targets = must(m.ELB.CreateTargetGroup(elb.TargetGroupSpec{
		Name: "web", Port: port, Protocol: protocol, VPC: network.ID, Check: check,
	}))(w.t).ARN
	must(m.ELB.CreateListener(elb.Listener{Balancer: w.balancer, Port: port, Protocol: protocol, TargetGroup: w.targets}))(w.t)
	image := must(m.EC2.ImageByParameter("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"))(w.t)
	instance := must(m.EC2.RunInstance(ec2.InstanceSpec{
		TemplateData: ec2.TemplateData{ImageID: image.ID, InstanceType: "t3.micro", SecurityGroups: []string{w.inside}}, Subnet: w.subnets[0],
	}, w.clock.Now()))(w.t)
	require.NoError(w.t, m.ELB.RegisterTarget(w.targets, instance.ID, 0, w.clock.Now()))
	_, balancer, _ := strings.Cut(w.balancer, "loadbalancer/")
	_, targets, _ := strings.Cut(w.targets, aws.Account+":")
	w.ofBalancer = map[string]string{"LoadBalancer": balancer}
	w.ofHost = map[string]string{"LoadBalancer": balancer, "TargetGroup": targets}
	w.namespace = map[string]string{elb.Network: "AWS/NetworkELB", elb.Application: "AWS/ApplicationELB"}[kind]
}

// errors makes an alarm like those of a stack: more than ten errors in each of three minutes.
func (w *world) errors(name string) {
	require.NoError(w.t, w.cloud.Change(func(m *cloud.Model) error {
		_, err := m.CloudWatch.PutAlarm(cloudwatch.AlarmSpec{
			Name: "errors", Namespace: w.namespace, Metric: name, Dimensions: w.ofBalancer, Statistic: metric.Sum, Period: time.Minute,
			EvaluationPeriods: 3, Threshold: 10, Comparison: cloudwatch.Greater, TreatMissing: cloudwatch.MissingIsNotBreaching,
		}, w.clock.Now())
		return err
	}))
}

func (w *world) alarm() string {
	return cloud.Get(w.cloud, func(m *cloud.Model) string { return m.CloudWatch.Alarms["errors"].State })
}

// minute passes after what happens in it.
func (w *world) minute(happens func()) {
	happens()
	w.CountTraffic()
	w.clock.Advance(time.Minute)
	w.cloud.Reconcile()
}

// sums returns the sums of a metric's minutes.
func (w *world) sums(name string, dimensions map[string]string) []float64 {
	points := must(cloud.Find(w.cloud, func(m *cloud.Model) ([]cloudwatch.Point, error) {
		watched := cloudwatch.Metric{Namespace: w.namespace, Name: name, Dimensions: dimensions}
		return m.CloudWatch.Points(watched, metric.Sum, time.Minute, w.clock.Now().Add(-time.Hour), w.clock.Now())
	}))(w.t)
	var values []float64
	for _, p := range points {
		values = append(values, p.Value)
	}
	return values
}

// request asks the balancer so many times and returns the answers by status.
func (w *world) request(n int) map[int]int {
	statuses := map[int]int{}
	client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	for range n {
		response, err := client.Get("http://" + w.address)
		require.NoError(w.t, err)
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		statuses[response.StatusCode]++
	}
	return statuses
}

func TestTargetsThatDoNotAnswerMakeTheAlarmOnBalancerErrorsRing(t *testing.T) {
	w := newWorld(t, elb.Application, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
	w.errors("HTTPCode_ELB_5XX_Count")
	w.minute(func() {})
	assert.Equal(t, cloudwatch.AlarmOK, w.alarm())
	for _, n := range []int{184, 184, 185} {
		assert.Equal(t, cloudwatch.AlarmOK, w.alarm(), "two minutes of errors raise no alarm")
		w.minute(func() { assert.Equal(t, map[int]int{http.StatusBadGateway: n}, w.request(n)) })
	}
	assert.Equal(t, cloudwatch.AlarmAlarm, w.alarm(), "553 times 502")
	for name, want := range map[string][]float64{
		"HTTPCode_ELB_5XX_Count": {184, 184, 185}, "HTTPCode_ELB_502_Count": {184, 184, 185}, "RequestCount": {184, 184, 185},
		"HTTPCode_ELB_4XX_Count": nil, "HTTPCode_ELB_503_Count": nil, "HTTPCode_Target_5XX_Count": nil, "TargetResponseTime": nil,
	} {
		assert.Equal(t, want, w.sums(name, w.ofBalancer), name)
	}
	assert.Equal(t, []float64{184, 184, 185}, w.sums("RequestCount", w.ofHost))
	for range 3 { // older points make up for missing ones
		w.minute(func() {})
	}
	assert.Equal(t, cloudwatch.AlarmOK, w.alarm())
}

func TestTargetsThatResetConnectionsMakeTheAlarmOnResetsRing(t *testing.T) {
	w := newWorld(t, elb.Network, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) })
	w.errors("TCP_Target_Reset_Count")
	w.minute(func() {})
	assert.Equal(t, cloudwatch.AlarmOK, w.alarm())
	for range 3 {
		w.minute(func() {
			for range 20 {
				c, err := net.Dial("tcp", w.address)
				if err == nil {
					_, err = c.Read(make([]byte, 1))
					c.Close()
				}
				require.Error(t, err)
			}
		})
	}
	assert.Equal(t, cloudwatch.AlarmAlarm, w.alarm())
	assert.Equal(t, []float64{0, 20, 20, 20}, w.sums("TCP_Target_Reset_Count", w.ofBalancer))
	assert.Equal(t, []float64{0, 20, 20, 20}, w.sums("NewFlowCount", w.ofBalancer))
	assert.Equal(t, []float64{0, 0, 0, 0}, w.sums("TCP_Client_Reset_Count", w.ofBalancer), "always reported")
}

// machines is a runtime whose instances are all the same target.
type machines struct{ target string }

func (m machines) Boot(context.Context, runtime.Spec) (runtime.Instance, error) {
	return machine{}, nil
}

func (m machines) Dial(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", m.target)
}

func (m machines) HostAddress(address netip.Addr) netip.Addr { return address }

func (m machines) Publish([]runtime.Server)   {}
func (m machines) RemoveVolumes(string) error { return nil }
func (m machines) Close() error               { return nil }

type machine struct{ runtime.Instance }

func (machine) Kill()                           {}
func (machine) Services() []guest.ServiceStatus { return nil }

// listen serves connections at an address of this machine.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}

// must unwraps a result that has to be there.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		require.NoError(t, err)
		return value
	}
}
