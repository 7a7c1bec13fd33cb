package emulator_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/load"
)

// rate is what a refresh and a scale-in have to stand, in requests a second.
const rate = 500

// layFlows gives the world a network balancer in place of its application balancer, with flows to port 80.
func (w *world) layFlows() {
	w.t.Helper()
	require.NoError(w.t, w.Cloud.Change(func(m *cloud.Model) error { return m.ELB.DeleteLoadBalancer(w.balancer) }))
	w.balancer = must(cloud.Make(w.Cloud, func(m *cloud.Model) (elb.LoadBalancer, error) {
		return m.ELB.CreateLoadBalancer(elb.LoadBalancerSpec{
			Name: "flows", Subnets: w.subnets, SecurityGroups: []string{w.balancerSG}, CrossZone: true,
		}, m.Clock.Now())
	}))(w.t).ARN
	w.targets = must(cloud.Make(w.Cloud, func(m *cloud.Model) (elb.TargetGroup, error) {
		return m.ELB.CreateTargetGroup(elb.TargetGroupSpec{
			Name: "flows", Port: 80, Protocol: "TCP", VPC: w.vpc, DeregistrationDelay: 20 * time.Second,
			Check: elb.HealthCheck{
				Protocol: "TCP", Port: "traffic-port", Interval: 30 * time.Second, Timeout: 20 * time.Second, Healthy: 2, Unhealthy: 2,
			},
		})
	}))(w.t).ARN
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (elb.Listener, error) {
		return m.ELB.CreateListener(elb.Listener{Balancer: w.balancer, Port: 80, Protocol: "TCP", TargetGroup: w.targets})
	}))(w.t)
}

// loaded is a group under load, which is checked at the end.
type loaded struct {
	*world
	spec autoscaling.GroupSpec
	stop func() load.Report
}

// newLoaded has a group of instances behind a balancer of a protocol asked rate times a second: TCP by a connection
// for each request, HTTP by connections that are kept.
func newLoaded(t *testing.T, protocol string, count int) *loaded {
	t.Helper()
	w := newWorld(t)
	if protocol == "TCP" {
		w.layFlows()
	}
	data := w.template(stock, "", webDocument())
	template := must(cloud.Make(w.Cloud, func(m *cloud.Model) (ec2.LaunchTemplate, error) {
		return m.EC2.CreateLaunchTemplate("web", data)
	}))(t).ID
	l := &loaded{world: w, spec: autoscaling.GroupSpec{
		Name: "web", Min: count, Max: count + 2, Subnets: w.subnets, Template: template, Version: "1", TargetGroups: []string{w.targets},
		HealthType: "ELB", Grace: time.Minute,
		Refresh: &autoscaling.RefreshSpec{Bounds: autoscaling.Bounds{MinHealthy: 100, MaxHealthy: 150}, Warmup: 10 * time.Second},
	}}
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (autoscaling.Group, error) {
		return m.AutoScaling.CreateGroup(l.spec, m.Clock.Now())
	}))(t)
	w.eventually("healthy", func() bool { return w.healthy() == count })
	l.begin(protocol)
	return l
}

func (l *loaded) begin(protocol string) {
	address := "http://" + l.address(protocol)
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableKeepAlives: protocol == "TCP"}
	client := &http.Client{Transport: transport}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan load.Report, 1)
	go func() {
		ended <- load.Run(ctx, load.Options{Rate: rate, Patience: 10 * time.Second}, func(ctx context.Context) error {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
			if err != nil {
				return err
			}
			response, err := client.Do(request)
			if err != nil {
				return err
			}
			defer response.Body.Close()
			if _, err := io.Copy(io.Discard, response.Body); err != nil {
				return err
			}
			if response.StatusCode != http.StatusOK {
				return fmt.Errorf("%s", response.Status)
			}
			return nil
		})
	}()
	l.stop = func() load.Report {
		cancel()
		report := <-ended
		ended <- report
		transport.CloseIdleConnections()
		l.t.Logf("%d sent in %.1f s, %d answered, %d refused, %d failed %v; %v", report.Sent, report.Took.Seconds(), report.Answered,
			report.Refused, report.Failed, report.Errors, report.Latency)
		return report
	}
	l.t.Cleanup(func() { l.stop() })
	time.Sleep(time.Second) // of load before anything happens
}

func (l *loaded) assertNoneFailed() {
	l.t.Helper()
	time.Sleep(time.Second)
	report := l.stop()
	assert.Zero(l.t, report.Unanswered(), "%v", report.Errors)
	assert.Equal(l.t, report.Sent, report.Answered)
	assert.GreaterOrEqual(l.t, float64(report.Sent), 0.9*rate*(report.Took.Seconds()-1), "the rate was kept")
}

func TestARollingRefreshUnderLoadFailsNoRequest(t *testing.T) {
	for _, protocol := range []string{"TCP", "HTTP"} {
		t.Run(protocol, func(t *testing.T) {
			l := newLoaded(t, protocol, 2)
			old := l.served()
			data := l.template(stock, "", webDocument())
			must(cloud.Make(l.Cloud, func(m *cloud.Model) (ec2.LaunchTemplate, error) {
				return m.EC2.UpdateLaunchTemplate(l.spec.Template, data, true)
			}))(t)
			l.spec.Version = "2"
			require.NoError(t, l.Cloud.Change(func(m *cloud.Model) error { return m.AutoScaling.UpdateGroup(l.spec, true, m.Clock.Now()) }))
			l.eventually("refreshed", func() bool {
				g, _ := cloud.Find(l.Cloud, func(m *cloud.Model) (autoscaling.Group, bool) { return m.AutoScaling.Group("web") })
				members := g.Members
				return len(g.Refreshes) == 1 && g.Refreshes[0].Status == autoscaling.RefreshSuccessful && len(members) == 2
			})
			l.assertNoneFailed()
			now := l.served()
			for id := range old {
				assert.Positive(t, now[id], "an old one served")
			}
			assert.Len(t, now, 4, "and two new ones: %v", now)
		})
	}
}

func TestAScaleInUnderLoadFailsNoRequest(t *testing.T) {
	for _, protocol := range []string{"TCP", "HTTP"} {
		t.Run(protocol, func(t *testing.T) {
			l := newLoaded(t, protocol, 3)
			l.spec.Min, l.spec.Max = 1, 1
			require.NoError(t, l.Cloud.Change(func(m *cloud.Model) error { return m.AutoScaling.UpdateGroup(l.spec, false, m.Clock.Now()) }))
			l.eventually("one is left", func() bool {
				found, _ := cloud.Find(l.Cloud, func(m *cloud.Model) (autoscaling.Group, bool) { return m.AutoScaling.Group("web") })
				members := found.Members
				return len(members) == 1
			})
			l.assertNoneFailed()
			assert.Len(t, l.served(), 3)
		})
	}
}

// What an instance had under way is lost with it, and what comes before the balancer knows: the report counts it.
func TestATerminatedInstanceUnderLoadIsCountedAndReplaced(t *testing.T) {
	l := newLoaded(t, "TCP", 2)
	victim := l.Status().Instances[0].ID
	require.NoError(t, l.Cloud.Change(func(m *cloud.Model) error { return m.EC2.TerminateInstance(victim) }))
	l.eventually("replaced", func() bool { return l.healthy() == 2 && len(l.served()) == 3 })
	time.Sleep(time.Second)
	report := l.stop()
	assert.Equal(t, report.Sent, report.Answered+report.Unanswered())
	assert.Less(t, report.Unanswered(), report.Sent/4, "only for as long as the balancer doesn't know: %v", report.Errors)
}

// served counts the answers by target.
func (w *world) served() map[string]uint64 {
	counts := map[string]uint64{}
	for _, b := range w.Status().Balancers {
		for id, f := range b.Flows {
			if id != "" && f.Total > 0 {
				counts[id] += f.Total
			}
		}
	}
	return counts
}

func TestAFlowOutlivesItsTargetsRegistrationWhileItDrains(t *testing.T) {
	w := newWorld(t)
	w.layFlows()
	data := w.template(stock, "", webDocument())
	spec := autoscaling.GroupSpec{
		Name: "web", Min: 2, Max: 2, Subnets: w.subnets, Version: "1", TargetGroups: []string{w.targets}, HealthType: "EC2", Grace: time.Hour,
		Template: must(cloud.Make(w.Cloud, func(m *cloud.Model) (ec2.LaunchTemplate, error) {
			return m.EC2.CreateLaunchTemplate("web", data)
		}))(t).ID,
	}
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (autoscaling.Group, error) { return m.AutoScaling.CreateGroup(spec, m.Clock.Now()) }))(t)
	w.eventually("healthy", func() bool { return w.healthy() == 2 })
	one := &http.Client{Transport: &http.Transport{}} // keeps its connection
	defer one.CloseIdleConnections()
	ask := func(c *http.Client) string {
		response, err := c.Get("http://" + w.address("TCP"))
		require.NoError(t, err)
		defer response.Body.Close()
		return string(must(io.ReadAll(response.Body))(t))
	}
	mine := ask(one)
	spec.Min, spec.Max = 0, 0
	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error { return m.AutoScaling.UpdateGroup(spec, false, m.Clock.Now()) }))
	w.eventually("draining", func() bool { return w.healthy() == 0 })
	for range 5 {
		assert.Equal(t, mine, ask(one), "the flow stays")
	}
	w.eventually("nobody takes new flows", func() bool {
		response, err := http.Get("http://" + w.address("TCP"))
		if err == nil {
			response.Body.Close()
		}
		return err != nil
	})
	w.eventually("gone", func() bool {
		return len(cloud.Get(w.Cloud, func(m *cloud.Model) []elb.TargetHealth { return m.ELB.DescribeTargetHealth() })) == 0
	})
}
