package dashboard_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/events"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// The test binary is also the web server of its instances and containers, where SERVE says so.
func TestMain(m *testing.M) {
	if address := os.Getenv("SERVE"); address != "" {
		serve(address)
	}
	os.Exit(m.Run())
}

// serve answers at once, at /burn after 2 ms of work.
func serve(address string) {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "here") })
	mux.HandleFunc("/burn", func(http.ResponseWriter, *http.Request) {
		for end := time.Now().Add(2 * time.Millisecond); time.Now().Before(end); {
		}
	})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: time.Minute}
	fmt.Println(server.ListenAndServe())
	os.Exit(1)
}

// world is an emulator with two zones, an application balancer and its control API.
type world struct {
	*emulator.Emulator
	t       *testing.T
	control string // address
	vpc     string
	subnets []string
	inside  string // security group of the instances
	targets string // target group
	lb      string
}

const patience = 90 * time.Second // real time: the machine may be busy

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		require.NoError(t, err)
		return value
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	w.run()
	w.makeNetwork()
	w.makeBalancer()
	return w
}

func (w *world) run() {
	var err error
	w.Emulator, err = emulator.Open(emulator.Options{
		Folder: w.t.TempDir(), Region: "us-east-1", Speed: 20, Log: slog.New(slog.NewTextHandler(w.t.Output(), nil)),
	})
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		assert.NoError(w.t, <-ended)
	})
	free := must(net.Listen("tcp", "127.0.0.1:0"))(w.t)
	w.control = free.Addr().String()
	require.NoError(w.t, free.Close())
	control := must(w.Serve(w.control, "test"))(w.t)
	w.t.Cleanup(control.Close)
}

func (w *world) makeNetwork() {
	t := w.t
	w.vpc = must(cloud.Make(w.Cloud, func(m *cloud.Model) (vpc.VPC, error) { return m.VPC.CreateVPC("10.78.0.0/23") }))(t).ID
	gateway := must(cloud.Make(w.Cloud, func(m *cloud.Model) (vpc.InternetGateway, error) { return m.VPC.CreateGateway(w.vpc) }))(t).ID
	for i, cidr := range []string{"10.78.0.0/24", "10.78.1.0/24"} {
		subnet := must(cloud.Make(w.Cloud, func(m *cloud.Model) (vpc.Subnet, error) {
			return m.VPC.CreateSubnet(w.vpc, cidr, w.Cloud.Region().Zones()[i], true)
		}))(t).ID
		table := must(cloud.Make(w.Cloud, func(m *cloud.Model) (vpc.RouteTable, error) { return m.VPC.CreateRouteTable(w.vpc) }))(t).ID
		must(cloud.Make(w.Cloud, func(m *cloud.Model) (string, error) { return m.VPC.Associate(table, subnet) }))(t)
		require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error { return m.VPC.CreateRoute(table, "0.0.0.0/0", gateway) }))
		w.subnets = append(w.subnets, subnet)
	}
}

func (w *world) makeBalancer() {
	t := w.t
	outside := must(cloud.Make(w.Cloud, func(m *cloud.Model) (vpc.SecurityGroup, error) {
		return m.VPC.CreateSecurityGroup("balancer", w.vpc)
	}))(t).ID
	w.inside = must(cloud.Make(w.Cloud, func(m *cloud.Model) (vpc.SecurityGroup, error) {
		return m.VPC.CreateSecurityGroup("instances", w.vpc)
	}))(t).ID
	for _, rule := range []vpc.Rule{
		{Group: outside, From: 80, To: 8080, CIDR: "0.0.0.0/0"},
		{Group: outside, Egress: true, From: 0, To: 65535, Peer: w.inside},
		{Group: w.inside, From: 0, To: 65535, Peer: outside},
		{Group: w.inside, Egress: true, From: 443, To: 443, CIDR: "0.0.0.0/0"},
	} {
		rule.Protocol = "tcp"
		must(cloud.Make(w.Cloud, func(m *cloud.Model) (vpc.Rule, error) { return m.VPC.CreateRule(rule) }))(t)
	}
	w.lb = must(cloud.Make(w.Cloud, func(m *cloud.Model) (elb.LoadBalancer, error) {
		return m.ELB.CreateLoadBalancer(elb.LoadBalancerSpec{
			Name: "web-lb", Kind: elb.Application, Subnets: w.subnets, SecurityGroups: []string{outside},
		}, m.Clock.Now())
	}))(t).ARN
	w.targets = w.listen("web-tg", 80)
}

// listen makes a listener of the balancer with a target group.
func (w *world) listen(name string, port int) string {
	targets := must(cloud.Make(w.Cloud, func(m *cloud.Model) (elb.TargetGroup, error) {
		return m.ELB.CreateTargetGroup(elb.TargetGroupSpec{
			Name: name, Port: 80, Protocol: "HTTP", VPC: w.vpc, DeregistrationDelay: 40 * time.Second,
			Check: elb.HealthCheck{
				Protocol: "HTTP", Port: "traffic-port", Path: "/", Matcher: "200",
				Interval: 30 * time.Second, Timeout: 25 * time.Second, Healthy: 2, Unhealthy: 2,
			},
		})
	}))(w.t).ARN
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (elb.Listener, error) {
		return m.ELB.CreateListener(elb.Listener{Balancer: w.lb, Port: port, Protocol: "HTTP", TargetGroup: targets})
	}))(w.t)
	return targets
}

// program is the test binary.
func program(t *testing.T) string {
	return must(os.Executable())(t)
}

// webGroup makes a group of two instances that serve on port 80, with a policy and a topic.
func (w *world) webGroup() {
	document := "#cloud-config\nwrite_files:\n- path: /bin/web\n  permissions: '0755'\n  content: |\n" +
		"    #!/bin/sh\n    exec " + program(w.t) + "\n- path: /etc/systemd/system/web.service\n  content: |\n" +
		"    [Service]\n    ExecStart=/bin/web\n    Environment=SERVE=:80\n    [Install]\n    WantedBy=multi-user.target\n" +
		"runcmd:\n- [systemctl, enable, --now, web.service]\n"
	w.group("web", 2, 4, "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64", "", document, w.targets)
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (string, error) {
		return m.AutoScaling.PutPolicy("web", autoscaling.Policy{Name: "cpu", Target: 60, Warmup: new(time.Minute)}, m.Clock.Now())
	}))(w.t)
	topic := must(cloud.Make(w.Cloud, func(m *cloud.Model) (events.Topic, error) { return m.Events.CreateTopic("scaling") }))(w.t).ARN
	require.NoError(w.t, w.Cloud.Change(func(m *cloud.Model) error {
		return m.Events.SetTopicPolicy(topic, `{"Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},`+
			`"Action":"sns:Publish","Resource":"`+topic+`"}]}`)
	}))
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (string, error) {
		return m.Events.PutRule("web-events", `{"detail":{"AutoScalingGroupName":["web"]}}`, false)
	}))(w.t)
	require.NoError(w.t, w.Cloud.Change(func(m *cloud.Model) error {
		return m.Events.PutTarget("web-events", "topic", events.Target{Topic: topic})
	}))
	require.NoError(w.t, w.Cloud.Change(func(m *cloud.Model) error {
		return m.Events.PutTarget("web-events", "nobody", events.Target{Topic: "arn:aws:sns:us-east-1:123456789012:nobody"})
	}))
}

func (w *world) group(name string, least, most int, image, profile, document string, targets ...string) {
	found := must(cloud.Find(w.Cloud, func(m *cloud.Model) (ec2.Image, error) { return m.EC2.ImageByParameter(image) }))(w.t)
	template := must(cloud.Make(w.Cloud, func(m *cloud.Model) (ec2.LaunchTemplate, error) {
		return m.EC2.CreateLaunchTemplate(name, ec2.TemplateData{
			ImageID: found.ID, InstanceType: "t3.micro", SecurityGroups: []string{w.inside},
			UserData: base64.StdEncoding.EncodeToString([]byte(document)), Public: true, Profile: profile,
		})
	}))(w.t).ID
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (autoscaling.Group, error) {
		return m.AutoScaling.CreateGroup(autoscaling.GroupSpec{
			Name: name, Min: least, Max: most, Subnets: w.subnets, Template: template, Version: "1", TargetGroups: targets,
			HealthType: "EC2", Grace: time.Hour,
		}, m.Clock.Now())
	}))(w.t)
}

// tasks makes a cluster on an instance, and a service of two tasks behind port 8080 of the balancer.
func (w *world) tasks() {
	t := w.t
	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error {
		return m.IAM.CreateRole("host", `{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}`)
	}))
	allowed := `{"Statement":[{"Effect":"Allow","Action":["ecs:*"],"Resource":"*"}]}`
	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error { return m.IAM.PutRolePolicy("host", "ecs", allowed) }))
	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error { return m.IAM.CreateProfile("host", "host") }))
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (ecs.Cluster, error) { return m.ECS.CreateCluster("flask") }))(t)
	w.group("hosts", 1, 1, "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id", "host",
		"#cloud-config\nwrite_files:\n- path: /etc/ecs/ecs.config\n  content: |\n    ECS_CLUSTER=flask\n")
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (ecs.CapacityProvider, error) {
		return m.ECS.CreateCapacityProvider(ecs.CapacityProviderSpec{Name: "capacity", Group: "hosts"})
	}))(t)
	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error {
		return m.ECS.PutClusterCapacityProviders("flask", []string{"capacity"}, nil)
	}))
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (ecs.TaskDefinition, error) {
		return m.ECS.RegisterTaskDefinition(ecs.TaskDefinitionSpec{Family: "songs", Containers: []ecs.ContainerDefinition{{
			Name: "web", Image: "example/web:1", CPU: 256, Memory: 128, Command: []string{program(t)},
			Environment:  []ecs.KeyValue{{Name: "SERVE", Value: ":5000"}},
			PortMappings: []ecs.PortMapping{{ContainerPort: 5000}},
		}}})
	}))(t)
	targets := w.listen("tasks-tg", 8080)
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (ecs.Service, error) {
		return m.ECS.CreateService(ecs.ServiceSpec{
			Name: "songs", Cluster: "flask", TaskDefinition: "songs", Desired: 2, MinHealthy: 100, MaxHealthy: 200,
			Grace: time.Minute, Providers: []ecs.ProviderStrategy{{Provider: "capacity", Weight: 1}},
			Balancers: []ecs.ServiceBalancer{{TargetGroup: targets, Container: "web", ContainerPort: 5000}},
		}, m.Clock.Now())
	}))(t)
}

// load asks every listener, a request each 20 ms, until the test ends.
func (w *world) load() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	w.t.Cleanup(func() {
		stop()
		<-done
	})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			for _, b := range w.Status().Balancers {
				if response, err := http.Get("http://" + b.Address + "/burn"); err == nil {
					response.Body.Close()
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
}
