package emulator_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// The test binary is also the web server of its instances and containers, where SERVE says so.
func TestMain(m *testing.M) {
	if address := os.Getenv("SERVE"); address != "" {
		serve(address)
	}
	os.Exit(m.Run())
}

// serve says NAME and its address, at /ping 503 once the file "sick" is in its home, and at /burn works for 50 ms.
func serve(address string) {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, os.Getenv("NAME")+" "+r.Context().Value(http.LocalAddrContextKey).(fmt.Stringer).String())
	})
	mux.HandleFunc("/ping", func(w http.ResponseWriter, _ *http.Request) {
		if _, err := os.Stat(os.Getenv("HOME") + "/sick"); err == nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/burn", func(http.ResponseWriter, *http.Request) {
		for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
		}
	})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: time.Minute}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { _ = server.Shutdown(context.Background()) })
	if err := server.ListenAndServe(); ctx.Err() == nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// program is the test binary.
func program() string {
	name, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return name
}

// world is an application balancer on port 80 with its network, in a running emulator.
type world struct {
	*emulator.Emulator
	t          *testing.T
	folder     string
	vpc        string
	subnets    []string
	balancerSG string
	instanceSG string
	balancer   string
	targets    string
	stop       func()
}

const (
	fast     = 20
	patience = 60 * time.Second // real time: the machine may be busy
)

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		require.NoError(t, err)
		return value
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, folder: t.TempDir()}
	w.run()
	w.makeNetwork()
	w.makeBalancer()
	return w
}

// run opens the emulator on the world's folder, until stop.
func (w *world) run() {
	var err error
	w.Emulator, err = emulator.Open(emulator.Options{
		Folder: w.folder, Region: "us-east-1", Speed: fast, Log: slog.New(slog.NewTextHandler(w.t.Output(), nil)),
	})
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	stopped := false
	w.stop = func() {
		if !stopped {
			stopped = true
			cancel()
			assert.NoError(w.t, <-ended)
		}
	}
	w.t.Cleanup(w.stop)
}

func (w *world) makeNetwork() {
	w.vpc = must(cloud.Make(w.Cloud, func(m *cloud.Model) (vpc.VPC, error) { return m.VPC.CreateVPC("10.77.0.0/23") }))(w.t).ID
	gateway := must(cloud.Make(w.Cloud, func(m *cloud.Model) (vpc.InternetGateway, error) { return m.VPC.CreateGateway(w.vpc) }))(w.t).ID
	for i, cidr := range []string{"10.77.0.0/24", "10.77.1.0/24"} {
		subnet := must(cloud.Make(w.Cloud, func(m *cloud.Model) (vpc.Subnet, error) {
			return m.VPC.CreateSubnet(w.vpc, cidr, w.Cloud.Region().Zones()[i], true)
		}))(w.t).ID
		table := must(cloud.Make(w.Cloud, func(m *cloud.Model) (vpc.RouteTable, error) { return m.VPC.CreateRouteTable(w.vpc) }))(w.t).ID
		must(cloud.Make(w.Cloud, func(m *cloud.Model) (string, error) { return m.VPC.Associate(table, subnet) }))(w.t)
		require.NoError(w.t, w.Cloud.Change(func(m *cloud.Model) error { return m.VPC.CreateRoute(table, "0.0.0.0/0", gateway) }))
		w.subnets = append(w.subnets, subnet)
	}
	w.balancerSG = must(cloud.Make(w.Cloud, func(m *cloud.Model) (vpc.SecurityGroup, error) {
		return m.VPC.CreateSecurityGroup("balancer", w.vpc)
	}))(w.t).ID
	w.instanceSG = must(cloud.Make(w.Cloud, func(m *cloud.Model) (vpc.SecurityGroup, error) {
		return m.VPC.CreateSecurityGroup("instances", w.vpc)
	}))(w.t).ID
	for _, rule := range []vpc.Rule{
		{Group: w.balancerSG, From: 80, To: 80, CIDR: "0.0.0.0/0"},
		{Group: w.balancerSG, From: 443, To: 443, CIDR: "0.0.0.0/0"},
		{Group: w.balancerSG, Egress: true, From: 0, To: 65535, Peer: w.instanceSG},
		{Group: w.instanceSG, From: 0, To: 65535, Peer: w.balancerSG},
		{Group: w.instanceSG, Egress: true, From: 443, To: 443, CIDR: "0.0.0.0/0"},
	} {
		rule.Protocol = "tcp"
		must(cloud.Make(w.Cloud, func(m *cloud.Model) (vpc.Rule, error) { return m.VPC.CreateRule(rule) }))(w.t)
	}
}

func (w *world) makeBalancer() {
	w.balancer = must(cloud.Make(w.Cloud, func(m *cloud.Model) (elb.LoadBalancer, error) {
		return m.ELB.CreateLoadBalancer(elb.LoadBalancerSpec{
			Name: "web-lb", Kind: elb.Application, Subnets: w.subnets, SecurityGroups: []string{w.balancerSG},
		}, m.Clock.Now())
	}))(w.t).ARN
	w.targets = must(cloud.Make(w.Cloud, func(m *cloud.Model) (elb.TargetGroup, error) {
		return m.ELB.CreateTargetGroup(elb.TargetGroupSpec{
			Name: "web-tg", Port: 80, Protocol: "HTTP", VPC: w.vpc, DeregistrationDelay: 10 * time.Second,
			Check: elb.HealthCheck{
				Protocol: "HTTP", Port: "traffic-port", Path: "/ping", Matcher: "200",
				Interval: 30 * time.Second, Timeout: 25 * time.Second, Healthy: 2, Unhealthy: 2,
			},
		})
	}))(w.t).ARN
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (elb.Listener, error) {
		return m.ELB.CreateListener(elb.Listener{Balancer: w.balancer, Port: 80, Protocol: "HTTP", TargetGroup: w.targets})
	}))(w.t)
}

// template is of instances with a document as user data.
func (w *world) template(parameter, profile, document string) ec2.TemplateData {
	image := must(cloud.Find(w.Cloud, func(m *cloud.Model) (ec2.Image, error) { return m.EC2.ImageByParameter(parameter) }))(w.t)
	return ec2.TemplateData{
		ImageID: image.ID, InstanceType: "t3.micro", UserData: base64.StdEncoding.EncodeToString([]byte(document)),
		SecurityGroups: []string{w.instanceSG}, Public: true, Profile: profile,
	}
}

const stock = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"

// webDocument has the test binary serve on port 80 and be enabled to.
func webDocument() string {
	return "#cloud-config\nwrite_files:\n- path: /bin/web\n  permissions: '0755'\n  content: |\n" +
		"    #!/bin/sh\n    exec " + program() + "\n- path: /etc/systemd/system/web.service\n  content: |\n" +
		"    [Service]\n    ExecStart=/bin/web\n    Environment=SERVE=:80 NAME=web\n    [Install]\n    WantedBy=multi-user.target\n" +
		"runcmd:\n- [systemctl, enable, --now, web.service]\n"
}

// group makes a group of instances; those of a balancer are registered with its target group.
func (w *world) group(name string, count int, data ec2.TemplateData, targets ...string) {
	template := must(cloud.Make(w.Cloud, func(m *cloud.Model) (ec2.LaunchTemplate, error) {
		return m.EC2.CreateLaunchTemplate(name, data)
	}))(w.t).ID
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (autoscaling.Group, error) {
		return m.AutoScaling.CreateGroup(autoscaling.GroupSpec{
			Name: name, Min: count, Max: count + 1, Subnets: w.subnets, Template: template, Version: "1",
			TargetGroups: targets, HealthType: "EC2", Grace: time.Hour,
		}, m.Clock.Now())
	}))(w.t)
}

func (w *world) eventually(what string, f func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if f() {
			return
		}
	}
	require.Fail(w.t, "did not happen: "+what, "%+v", w.Status())
}

// healthy counts the balancer's healthy targets.
func (w *world) healthy() int {
	count := 0
	for _, t := range cloud.Get(w.Cloud, func(m *cloud.Model) []elb.TargetHealth { return m.ELB.DescribeTargetHealth() }) {
		if t.State == elb.TargetHealthy {
			count++
		}
	}
	return count
}

// address is where the balancer's listener of a protocol is found.
func (w *world) address(protocol string) string {
	for _, b := range w.Status().Balancers {
		if b.Protocol == protocol {
			return b.Address
		}
	}
	w.t.Fatalf("no listener for %s", protocol)
	return ""
}

// ask sends one request through the balancer.
func (w *world) ask() (status int, body string) {
	w.t.Helper()
	response, err := http.Get("http://" + w.address("HTTP"))
	require.NoError(w.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(w.t, err)
	return response.StatusCode, string(text)
}

// trusting is a client of HTTPS listeners that trusts the emulator, and follows no redirect.
func (w *world) trusting() *http.Client {
	certificate, err := os.ReadFile(w.Status().Authority)
	require.NoError(w.t, err)
	pool := x509.NewCertPool()
	require.True(w.t, pool.AppendCertsFromPEM(certificate))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// first is the word that an answer begins with: the name of who gave it.
func first(body string) string {
	name, _, _ := strings.Cut(body, " ")
	return name
}
