package aws_test

import (
	"encoding/base64"
	"errors"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/logstore"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

// world is a group of two healthy instances behind a network balancer, in a cloud whose clock runs a thousand times as fast
// as this machine's, and the API of it.
type world struct {
	cloud    *cloud.Cloud
	clock    *clockwork.FakeClock
	url      string
	template string
	targets  string
	subnet   string

	mu  sync.Mutex
	bad map[int]bool // versions of the template whose instances are not healthy
}

func newWorld(t *testing.T) *world {
	t.Helper()
	clock := clockwork.NewFakeClockAt(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	c, err := cloud.New("us-east-1", clock, func(netip.Addr) bool { return true })
	require.NoError(t, err)
	w := &world{cloud: c, clock: clock, bad: map[int]bool{}}
	require.NoError(t, c.Change(w.build))
	server := httptest.NewServer(aws.New(c, t.TempDir(), logstore.Open(t.TempDir())))
	t.Cleanup(server.Close)
	w.url = server.URL
	stop, stopped := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(stop); <-stopped })
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				w.step()
			}
		}
	}()
	w.wait(t, func(m *cloud.Model) bool { return m.AutoScaling.Capacity("web") == 2 })
	return w
}

// config is that of a client of the API, whose key can be any.
func (w *world) config() sdk.Config {
	return sdk.Config{
		Region: "us-east-1", BaseEndpoint: &w.url, Credentials: credentials.NewStaticCredentialsProvider("any", "key", ""),
	}
}

func (w *world) build(m *cloud.Model) error {
	now := m.Clock.Now()
	network, err := m.VPC.CreateVPC("10.0.0.0/16")
	if err != nil {
		return err
	}
	gateway, err := m.VPC.CreateGateway(network.ID)
	if err != nil {
		return err
	}
	var subnets []string
	for zone, cidr := range map[string]string{"us-east-1a": "10.0.0.0/24", "us-east-1b": "10.0.1.0/24"} {
		subnet, err := m.VPC.CreateSubnet(network.ID, cidr, zone, true)
		if err != nil {
			return err
		}
		table, err := m.VPC.CreateRouteTable(network.ID)
		if err != nil {
			return err
		}
		if _, err := m.VPC.Associate(table.ID, subnet.ID); err != nil {
			return err
		}
		if err := m.VPC.CreateRoute(table.ID, "0.0.0.0/0", gateway.ID); err != nil {
			return err
		}
		subnets = append(subnets, subnet.ID)
	}
	w.subnet = subnets[0]
	security, err := m.VPC.CreateSecurityGroup("web", network.ID)
	if err != nil {
		return err
	}
	template, err := m.EC2.CreateLaunchTemplate("web", w.data(m, "one", security.ID))
	if err != nil {
		return err
	}
	w.template = template.ID
	balancer, err := m.ELB.CreateLoadBalancer(elb.LoadBalancerSpec{
		Name: "web", Subnets: subnets, SecurityGroups: []string{security.ID}, CrossZone: true,
	}, now)
	if err != nil {
		return err
	}
	targets, err := m.ELB.CreateTargetGroup(elb.TargetGroupSpec{
		Name: "web", Port: 5000, Protocol: "TCP", VPC: network.ID, DeregistrationDelay: time.Minute,
		Check: elb.HealthCheck{Protocol: "TCP", Port: "5001", Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 2, Unhealthy: 2},
	})
	if err != nil {
		return err
	}
	w.targets = targets.ARN
	listener := elb.Listener{Balancer: balancer.ARN, Port: 5000, Protocol: "TCP", TargetGroup: targets.ARN}
	if _, err := m.ELB.CreateListener(listener); err != nil {
		return err
	}
	if _, err := m.CloudWatch.PutAlarm(cloudwatch.AlarmSpec{
		Name: "unhealthy", Namespace: "AWS/NetworkELB", Metric: "UnHealthyHostCount", Statistic: metric.Maximum, Period: time.Minute,
		Dimensions:        map[string]string{"LoadBalancer": "net/web/1", "TargetGroup": "targetgroup/web/2"},
		EvaluationPeriods: 1, Threshold: 0, Comparison: cloudwatch.Greater,
	}, now); err != nil {
		return err
	}
	if _, err := m.AutoScaling.CreateGroup(autoscaling.GroupSpec{
		Name: "web", Min: 2, Max: 6, Subnets: subnets, Template: template.ID, Version: "1", TargetGroups: []string{targets.ARN},
		HealthType: "ELB", Grace: time.Minute, Maintenance: &autoscaling.Bounds{MinHealthy: 100, MaxHealthy: 150},
	}, now); err != nil {
		return err
	}
	_, err = m.AutoScaling.PutPolicy("web", autoscaling.Policy{Name: "cpu", Target: 50, Warmup: new(time.Minute)}, now)
	return err
}

func (w *world) data(m *cloud.Model, script, security string) ec2.TemplateData {
	image, err := m.EC2.ImageByParameter("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64")
	if err != nil {
		panic(err)
	}
	return ec2.TemplateData{
		ImageID: image.ID, InstanceType: "t3.micro", UserData: base64.StdEncoding.EncodeToString([]byte(script)),
		SecurityGroups: []string{security}, Public: true,
	}
}

// newVersion adds a version to the template, whose instances are healthy or not, and returns its number.
func (w *world) newVersion(t *testing.T, healthy bool) int {
	t.Helper()
	template, err := cloud.Make(w.cloud, func(m *cloud.Model) (ec2.LaunchTemplate, error) {
		now := m.EC2.LaunchTemplates[w.template]
		return m.EC2.UpdateLaunchTemplate(w.template, w.data(m, "another", now.Versions[0].SecurityGroups[0]), false)
	})
	require.NoError(t, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bad[template.Latest()] = !healthy
	return template.Latest()
}

var errRefused = errors.New("connection refused")

// step is what a data plane does in a second: machines boot and end, probes are answered.
func (w *world) step() {
	w.clock.Advance(time.Second)
	w.cloud.Reconcile()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cloud.Update(func(m *cloud.Model) bool {
		for _, i := range m.EC2.DescribeInstances() {
			switch i.State { //nolint:exhaustive // in all other states nothing happens
			case ec2.Pending:
				m.EC2.InstanceRunning(i.ID)
			case ec2.ShuttingDown, ec2.Stopping:
				m.EC2.InstanceEnded(i.ID, "", m.Clock.Now())
			}
		}
		if m.Clock.Now().Unix()%10 == 0 {
			for _, t := range m.ELB.ProbeTargets() {
				var result error
				if w.bad[m.EC2.Instances[t.Instance].Version] {
					result = errRefused
				}
				m.ELB.Probe(t.TargetGroup, t.Incarnation, result, m.Clock.Now())
			}
		}
		return true
	})
}

// wait waits until f holds.
func (w *world) wait(t *testing.T, f func(m *cloud.Model) bool) {
	t.Helper()
	require.Eventually(t, func() bool { return cloud.Get(w.cloud, f) }, 20*time.Second, 5*time.Millisecond)
}
