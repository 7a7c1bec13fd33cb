package cloud_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// web is an application balancer with its target group in a world.
type web struct {
	*world
	balancer, targets string
}

func newWeb(t *testing.T) web {
	t.Helper()
	w := newWorld(t)
	return web{
		world:    w,
		balancer: must(w.ELB.CreateLoadBalancer(w.application(), w.Now()))(t).ARN,
		targets:  must(w.ELB.CreateTargetGroup(w.httpGroup()))(t).ARN,
	}
}

func (w *world) application() elb.LoadBalancerSpec {
	return elb.LoadBalancerSpec{
		Name: "web", Kind: elb.Application, Subnets: w.subnets, SecurityGroups: []string{w.balancerSG},
	}
}

func (w *world) httpGroup() elb.TargetGroupSpec {
	return elb.TargetGroupSpec{
		Name: "web", Port: 80, Protocol: "HTTP", VPC: w.vpc, DeregistrationDelay: time.Minute,
		Check: elb.HealthCheck{
			Protocol: "HTTP", Port: "traffic-port", Path: "/", Matcher: "200", Interval: 10 * time.Second, Timeout: 5 * time.Second,
			Healthy: 3, Unhealthy: 2,
		},
	}
}

func (w web) listener(change func(*elb.Listener)) elb.Listener {
	listener := elb.Listener{Balancer: w.balancer, Port: 80, Protocol: "HTTP", TargetGroup: w.targets}
	change(&listener)
	return listener
}

// issued is the ARN of a certificate whose domain has been proved.
func (w *world) issued(t *testing.T) string {
	t.Helper()
	zone := must(w.Route53.CreateHostedZone("example.com"))(t)
	certificate := must(w.ACM.RequestCertificate("www.example.com"))(t)
	for _, record := range certificate.Validation() {
		must(w.Route53.CreateRecord(zone.ID, record.Name, "CNAME", []string{record.Value}, true))(t)
	}
	require.NoError(t, w.ACM.ValidateCertificate(certificate.ARN))
	return certificate.ARN
}

func applicationRefusals(t *testing.T) refusals[web] {
	const idleTCP = "ELB User Guide: Update the TCP idle timeout for your Network Load Balancer listener"
	balancer := func(change func(web, *elb.LoadBalancerSpec)) func(web) error {
		return func(w web) error {
			spec := w.application()
			spec.Name = "other"
			change(w, &spec)
			_, err := w.ELB.CreateLoadBalancer(spec, w.Now())
			return err
		}
	}
	targets := func(change func(*elb.TargetGroupSpec)) func(web) error {
		return func(w web) error {
			spec := w.httpGroup()
			spec.Name = "other"
			change(&spec)
			_, err := w.ELB.CreateTargetGroup(spec)
			return err
		}
	}
	listener := func(change func(*elb.Listener)) func(web) error {
		return func(w web) error {
			_, err := w.ELB.CreateListener(w.listener(change))
			return err
		}
	}
	network := func(change func(web, *elb.Listener)) func(web) error {
		return func(w web) error {
			l := elb.Listener{Balancer: w.world.balancer, Port: 443, Protocol: "TCP", TargetGroup: w.world.targets}
			change(w, &l)
			_, err := w.ELB.CreateListener(l)
			return err
		}
	}
	redirect := func(r elb.Redirect) func(web) error {
		return listener(func(l *elb.Listener) { l.TargetGroup, l.Redirect = "", &r })
	}
	return refusals[web]{
		"a gateway balancer": {"ValidationError", "ELB API: CreateLoadBalancer", balancer(func(_ web, s *elb.LoadBalancerSpec) {
			s.Kind = "gateway"
		})},
		"an application balancer in one zone": {"ValidationError", "ELB API: CreateLoadBalancer", balancer(func(_ web, s *elb.LoadBalancerSpec) {
			s.Subnets = s.Subnets[:1]
		})},
		"an application balancer without a security group": {"InvalidConfigurationRequest", emulatorsOwn,
			balancer(func(_ web, s *elb.LoadBalancerSpec) {
				s.SecurityGroups = nil
			})},
		"an application balancer in a subnet smaller than /27": {"InvalidSubnet", "ELB User Guide: Subnets for your Application Load Balancer",
			balancer(func(w web, s *elb.LoadBalancerSpec) {
				vpc := must(w.VPC.CreateVPC("10.0.0.0/16"))(t).ID
				must(w.VPC.CreateGateway(vpc))(t)
				s.Subnets = nil
				for i, cidr := range []string{"10.0.0.0/27", "10.0.1.0/28"} {
					s.Subnets = append(s.Subnets, must(w.VPC.CreateSubnet(vpc, cidr, w.Cloud.Region().Zones()[i], false))(t).ID)
				}
			})},
		"access logs to a bucket that does not exist": {
			"InvalidConfigurationRequest", "ELB User Guide: Enable access logs for your Application Load Balancer",
			balancer(func(_ web, s *elb.LoadBalancerSpec) {
				s.AccessLogs = "none"
			})},
		"an idle timeout of more than 4000 s": {"ValidationError", "ELB API: LoadBalancerAttribute",
			balancer(func(_ web, s *elb.LoadBalancerSpec) {
				s.IdleTimeout = 4001 * time.Second
			})},

		"an idle timeout of a TCP listener of less than 60 s": {"ValidationError", idleTCP, network(func(_ web, l *elb.Listener) {
			l.IdleTimeout = 59 * time.Second
		})},
		"an idle timeout of a TCP listener of more than 6000 s": {"ValidationError", idleTCP, network(func(_ web, l *elb.Listener) {
			l.IdleTimeout = 6001 * time.Second
		})},
		"a TCP idle timeout of a TLS listener": {"InvalidConfigurationRequest", idleTCP, network(func(w web, l *elb.Listener) {
			l.Protocol, l.Certificate, l.IdleTimeout = "TLS", w.issued(t), time.Minute
		})},
		"an algorithm of a TCP target group": {"InvalidConfigurationRequest", "ELB API: TargetGroupAttribute",
			targets(func(s *elb.TargetGroupSpec) {
				s.Protocol, s.Check.Protocol, s.Check.Path, s.Check.Matcher, s.Algorithm = "TCP", "TCP", "", "", elb.RoundRobin
			})},
		"an unknown algorithm": {"ValidationError", "ELB API: TargetGroupAttribute", targets(func(s *elb.TargetGroupSpec) {
			s.Algorithm = "fastest"
		})},

		"a TCP health check of an HTTP target group": {"ValidationError", "ELB API: CreateTargetGroup", targets(func(s *elb.TargetGroupSpec) {
			s.Check.Protocol, s.Check.Path, s.Check.Matcher = "TCP", "", ""
		})},
		"a path of a TCP health check": {"ValidationError", "ELB API: CreateTargetGroup", targets(func(s *elb.TargetGroupSpec) {
			s.Protocol, s.Check.Protocol, s.Check.Matcher = "TCP", "TCP", ""
		})},
		"a matcher of a TCP health check": {"ValidationError", "ELB API: Matcher", targets(func(s *elb.TargetGroupSpec) {
			s.Protocol, s.Check.Protocol, s.Check.Path = "TCP", "TCP", ""
		})},
		"a health check's path without a slash": {"ValidationError", "ELB API: CreateTargetGroup", targets(func(s *elb.TargetGroupSpec) {
			s.Check.Path = "ping"
		})},
		"a matcher of server errors": {"ValidationError", "ELB API: Matcher", targets(func(s *elb.TargetGroupSpec) {
			s.Check.Matcher = "200,503"
		})},
		"a matcher whose first code is above its last code": {"ValidationError", "ELB API: Matcher", targets(func(s *elb.TargetGroupSpec) {
			s.Check.Matcher = "299-200"
		})},
		"a matcher that is not a list or range of codes": {"ValidationError", "ELB API: Matcher", targets(func(s *elb.TargetGroupSpec) {
			s.Check.Matcher = ""
		})},
		"a health check's port that is not a port": {"ValidationError", "ELB API: CreateTargetGroup", targets(func(s *elb.TargetGroupSpec) {
			s.Check.Port = "http"
		})},
		"a target group of the protocol GENEVE": {"ValidationError", "ELB API: CreateTargetGroup", targets(func(s *elb.TargetGroupSpec) {
			s.Protocol = "GENEVE"
		})},

		"a TCP listener of an application balancer": {"ValidationError", "ELB API: CreateListener", listener(func(l *elb.Listener) {
			l.Protocol = "TCP"
		})},
		"an HTTPS listener without a certificate": {"ValidationError", "ELB API: CreateListener", listener(func(l *elb.Listener) {
			l.Protocol = "HTTPS"
		})},
		"an HTTPS listener with a certificate that does not exist": {"CertificateNotFound", "ELB API: CreateListener",
			listener(func(l *elb.Listener) {
				l.Protocol, l.Certificate = "HTTPS", "arn:aws:acm:us-east-1:123456789012:certificate/none"
			})},
		"an HTTP listener with a certificate": {"ValidationError", "ELB API: CreateListener", listener(func(l *elb.Listener) {
			l.Certificate = "arn"
		})},
		"a TCP target group behind an HTTP listener": {"IncompatibleProtocols", "ELB API: CreateListener", func(w web) error {
			_, err := w.ELB.CreateListener(w.listener(func(l *elb.Listener) { l.TargetGroup = w.world.targets }))
			return err
		}},
		"an HTTP listener of a network balancer": {"ValidationError", "ELB API: CreateListener", network(func(_ web, l *elb.Listener) {
			l.Protocol = "HTTP"
		})},
		"a UDP listener": {"ValidationError", emulatorsOwn, network(func(_ web, l *elb.Listener) { l.Protocol = "UDP" })},
		"a TCP listener with a certificate": {"ValidationError", "ELB API: CreateListener", network(func(_ web, l *elb.Listener) {
			l.Certificate = "arn"
		})},
		"a TLS listener of an application balancer": {"ValidationError", "ELB API: CreateListener", listener(func(l *elb.Listener) {
			l.Protocol = "TLS"
		})},
		"a TLS listener without a certificate": {"ValidationError", "ELB User Guide: TLS listeners for your Network Load Balancer",
			network(func(_ web, l *elb.Listener) {
				l.Protocol = "TLS"
			})},
		"a TLS listener with a certificate that does not exist": {"CertificateNotFound", "ELB API: CreateListener",
			network(func(_ web, l *elb.Listener) {
				l.Protocol, l.Certificate = "TLS", "arn:aws:acm:us-east-1:123456789012:certificate/none"
			})},
		"a TLS listener with a certificate that is not issued yet": {"UnsupportedCertificate", "ELB API: CreateListener",
			network(func(w web, l *elb.Listener) {
				l.Protocol, l.Certificate = "TLS", must(w.ACM.RequestCertificate("www.example.com"))(t).ARN
			})},
		"an HTTP target group behind a TLS listener": {"IncompatibleProtocols", "ELB API: CreateListener", network(func(w web, l *elb.Listener) {
			l.Protocol, l.Certificate, l.TargetGroup = "TLS", w.issued(t), w.targets
		})},
		"a redirect by a network balancer": {"InvalidLoadBalancerAction", "ELB API: RedirectActionConfig", network(func(_ web, l *elb.Listener) {
			l.TargetGroup, l.Redirect = "", &elb.Redirect{Protocol: "HTTPS", Port: 443, StatusCode: 301}
		})},
		"a redirect by a network balancer over TLS": {"InvalidLoadBalancerAction", "ELB API: RedirectActionConfig",
			network(func(w web, l *elb.Listener) {
				l.Protocol, l.Certificate = "TLS", w.issued(t)
				l.TargetGroup, l.Redirect = "", &elb.Redirect{Protocol: "HTTPS", Port: 8443, StatusCode: 301}
			})},
		"a redirect to itself": {"InvalidLoadBalancerAction", "ELB API: RedirectActionConfig",
			redirect(elb.Redirect{Protocol: "HTTP", Port: 80, StatusCode: 301})},
		"a redirect of 307": {"ValidationError", "ELB API: RedirectActionConfig",
			redirect(elb.Redirect{Protocol: "HTTPS", Port: 443, StatusCode: 307})},
		"a redirect to port 0": {"ValidationError", "ELB API: RedirectActionConfig",
			redirect(elb.Redirect{Protocol: "HTTPS", StatusCode: 301})},
		"a redirect to FTP": {"ValidationError", "ELB API: RedirectActionConfig",
			redirect(elb.Redirect{Protocol: "FTP", Port: 21, StatusCode: 301})},
		"a listener without a target group and without a redirect": {"TargetGroupNotFound", "ELB API: CreateListener",
			listener(func(l *elb.Listener) {
				l.TargetGroup = ""
			})},
	}
}

func TestWhatAWSRefusesOfApplicationBalancersIsRefused(t *testing.T) {
	for name, c := range applicationRefusals(t) {
		t.Run(name, func(t *testing.T) { refused(t, c.code, c.try(newWeb(t))) })
	}
}

func TestANetworkBalancerEndsTLSBeforeATCPTargetGroup(t *testing.T) {
	w := newWeb(t)
	l := elb.Listener{Balancer: w.world.balancer, Port: 443, Protocol: "TLS", Certificate: w.issued(t), TargetGroup: w.world.targets}
	l = must(w.ELB.CreateListener(l))(t)
	forwards := w.ELB.Forwards()
	at := slices.IndexFunc(forwards, func(f elb.Forward) bool { return f.Listener == l.ARN })
	require.GreaterOrEqual(t, at, 0)
	assert.Equal(t, elb.Network, forwards[at].Kind)
	assert.Equal(t, "TLS", forwards[at].Protocol)
	assert.Equal(t, l.Certificate, forwards[at].Certificate)
	assert.Equal(t, w.world.targets, forwards[at].TargetGroup)
	refused(t, "ResourceInUseException", w.ACM.DeleteCertificate(l.Certificate))

	l.Protocol, l.Certificate = "TCP", ""
	require.NoError(t, w.ELB.UpdateListener(l), "TLS may be given up")
	l.Protocol = "TLS"
	refused(t, "ValidationError", w.ELB.UpdateListener(l))
}

func TestForwardsAreInTheOrderOfTheirPorts(t *testing.T) {
	w := newWeb(t)
	for _, port := range []int{8080, 80, 9000, 81, 8443} {
		must(w.ELB.CreateListener(w.listener(func(l *elb.Listener) { l.Port = port })))(t)
	}
	var ports []uint16
	for _, f := range w.ELB.Forwards() {
		if f.Balancer == w.balancer {
			ports = append(ports, f.Address.Port())
		}
	}
	assert.Equal(t, []uint16{80, 81, 8080, 8443, 9000}, ports)
}

func TestATargetGroupHasOneBalancer(t *testing.T) {
	w := newWeb(t)
	must(w.ELB.CreateListener(w.listener(func(*elb.Listener) {})))(t)
	must(w.ELB.CreateListener(w.listener(func(l *elb.Listener) { l.Port = 8080 })))(t)
	spec := w.application()
	spec.Name = "second"
	second := must(w.ELB.CreateLoadBalancer(spec, w.Now()))(t).ARN
	_, err := w.ELB.CreateListener(w.listener(func(l *elb.Listener) { l.Balancer = second }))
	refused(t, "TargetGroupAssociationLimit", err)
}

func TestAProtectedBalancerStaysUntilItsProtectionIsOff(t *testing.T) {
	w := newWeb(t)
	spec := w.application()
	spec.Protected = true
	require.NoError(t, w.ELB.UpdateLoadBalancer(w.balancer, spec))
	refused(t, "OperationNotPermitted", w.ELB.DeleteLoadBalancer(w.balancer))
	spec.Protected = false
	require.NoError(t, w.ELB.UpdateLoadBalancer(w.balancer, spec))
	require.NoError(t, w.ELB.DeleteLoadBalancer(w.balancer))
}

func TestABalancersPlaceChangesAsItsKindLetsIt(t *testing.T) {
	w := newWeb(t)
	third := must(w.VPC.CreateSubnet(must(w.VPC.CreateVPC("10.0.0.0/16"))(t).ID, "10.0.0.0/24", w.Cloud.Region().Zones()[2], true))(t)
	must(w.VPC.CreateGateway(third.VPC))(t)
	network := elb.LoadBalancerSpec{Subnets: append(w.subnets, third.ID), SecurityGroups: []string{w.balancerSG}}
	require.NoError(t, w.ELB.UpdateLoadBalancer(w.world.balancer, network), "a subnet more")
	network.Subnets = w.subnets
	refused(t, "InvalidConfigurationRequest", w.ELB.UpdateLoadBalancer(w.world.balancer, network))
	network.Subnets, network.SecurityGroups = append(w.subnets, third.ID), nil
	refused(t, "InvalidConfigurationRequest", w.ELB.UpdateLoadBalancer(w.world.balancer, network))

	spec := w.application()
	spec.Subnets = []string{w.subnets[1], third.ID}
	require.NoError(t, w.ELB.UpdateLoadBalancer(w.balancer, spec), "an application balancer moves")
	spec.Subnets = spec.Subnets[:1]
	refused(t, "ValidationError", w.ELB.UpdateLoadBalancer(w.balancer, spec))
}

// idleTimeouts returns the idle timeouts of the listeners by their ports.
func (w web) idleTimeouts() map[uint16]time.Duration {
	found := map[uint16]time.Duration{}
	for _, f := range w.ELB.Forwards() {
		found[f.Address.Port()] = f.IdleTimeout
	}
	return found
}

func TestConnectionsMayBeIdleForAsLongAsTheAttributeSays(t *testing.T) {
	w := newWeb(t)
	must(w.ELB.CreateListener(w.listener(func(*elb.Listener) {})))(t)
	tcp := must(w.ELB.CreateListener(elb.Listener{Balancer: w.world.balancer, Port: 81, Protocol: "TCP", TargetGroup: w.world.targets}))(t)
	assert.Equal(t, map[uint16]time.Duration{80: time.Minute, 81: 350 * time.Second, 5000: 350 * time.Second}, w.idleTimeouts())
	tcp.IdleTimeout = 6000 * time.Second
	require.NoError(t, w.ELB.UpdateListener(tcp))
	assert.Equal(t, map[uint16]time.Duration{80: time.Minute, 81: tcp.IdleTimeout, 5000: 350 * time.Second}, w.idleTimeouts())
}

func TestTheAlgorithmOfATargetGroupCanChange(t *testing.T) {
	w := newWeb(t)
	must(w.ELB.CreateListener(w.listener(func(*elb.Listener) {})))(t)
	algorithm := func() string {
		for _, f := range w.ELB.Forwards() {
			if f.Kind == elb.Application {
				return f.Algorithm
			}
		}
		return "no listener"
	}
	assert.Empty(t, algorithm())
	spec := w.httpGroup()
	spec.Algorithm = elb.WeightedRandom
	require.NoError(t, w.ELB.UpdateTargetGroup(w.targets, spec))
	assert.Equal(t, elb.WeightedRandom, algorithm())
	spec.Algorithm = "fastest"
	refused(t, "ValidationError", w.ELB.UpdateTargetGroup(w.targets, spec))
}

func TestAListenerThatRedirectsHasNoTargets(t *testing.T) {
	w := newWeb(t)
	to := &elb.Redirect{Protocol: "HTTPS", Port: 443, StatusCode: 301}
	made := must(w.ELB.CreateListener(w.listener(func(l *elb.Listener) { l.TargetGroup, l.Redirect = "", to })))(t)
	assert.Contains(t, made.ARN, ":listener/app/web/")
	for _, f := range w.ELB.Forwards() {
		if f.Listener != made.ARN {
			continue
		}
		assert.Equal(t, to, f.Redirect)
		assert.Equal(t, "HTTP", f.Protocol)
		assert.Equal(t, elb.Application, f.Kind)
		assert.Equal(t, time.Minute, f.IdleTimeout)
		assert.True(t, f.CrossZone)
		assert.Empty(t, f.Targets)
		return
	}
	assert.Fail(t, "the listener has no forward")
}

func TestAGroupServesAnApplicationBalancer(t *testing.T) {
	w := newWeb(t)
	must(w.ELB.CreateListener(w.listener(func(*elb.Listener) {})))(t)
	spec := w.spec(2, 2)
	spec.TargetGroups = []string{w.targets}
	must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
	w.within(time.Minute, func() bool { return len(w.ELB.ProbeTargets()) == 2 })
	for _, p := range w.ELB.ProbeTargets() {
		assert.Equal(t, 80, p.Port)
		assert.Equal(t, "HTTP", p.Check.Protocol)
		require.NotNil(t, p.Blocked, "no rule lets 80 in")
	}
	for _, rule := range []vpc.Rule{
		{Group: w.balancerSG, Egress: true, Peer: w.instanceSG}, {Group: w.instanceSG, Peer: w.balancerSG},
	} {
		rule.Protocol, rule.From, rule.To = "tcp", 80, 80
		must(w.VPC.CreateRule(rule))(t)
	}
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
	sick := w.members()[0]
	w.health[sick.ID] = errRefused
	detection := w.within(time.Minute, func() bool { return w.state(sick.ID) == elb.TargetUnhealthy })
	assert.InDelta(t, 20, detection.Seconds(), 10, "two probes, ten seconds apart")
}

func TestAccessLogsNeedABucketThatLetsThemIn(t *testing.T) {
	w := newWeb(t)
	require.NoError(t, w.S3.CreateBucket("logs"))
	spec := w.application()
	spec.AccessLogs = "logs"
	refused(t, "InvalidConfigurationRequest", w.ELB.UpdateLoadBalancer(w.balancer, spec))
	refused(t, "MalformedPolicy", w.S3.PutBucketPolicy("logs", "everybody"))
	statement := func(service, action, resource, more string) string {
		return fmt.Sprintf(`{"Effect": "Allow", "Principal": {"Service": %q}, "Action": %q, "Resource": "arn:aws:s3:::logs%s"%s}`,
			service, action, resource, more)
	}
	const (
		application = "logdelivery.elasticloadbalancing.amazonaws.com"
		network     = "delivery.logs.amazonaws.com"
		folder      = "/AWSLogs/123456789012/*"
		source      = `, "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012", "s3:x-amz-acl": "bucket-owner-full-control"},
			"ArnLike": {"aws:SourceArn": "arn:aws:logs:us-east-1:123456789012:*"}}`
		deny = `{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": %q}}}`
	)
	for name, c := range map[string]struct {
		statements []string
		takes      bool
	}{
		"write":                {[]string{statement(application, "s3:PutObject", folder, ""), fmt.Sprintf(deny, "false")}, true},
		"of another service":   {[]string{statement(network, "s3:PutObject", folder, "")}, false},
		"read":                 {[]string{statement(application, "s3:GetObject", folder, "")}, false},
		"elsewhere":            {[]string{statement(application, "s3:PutObject", "/AWSLogs/999999999999/*", "")}, false},
		"of another account":   {[]string{statement(application, "s3:PutObject", folder, strings.ReplaceAll(source, "012", "999"))}, false},
		"write but for a deny": {[]string{statement(application, "s3:PutObject", folder, ""), fmt.Sprintf(deny, "true")}, false},
	} {
		require.NoError(t, w.S3.PutBucketPolicy("logs", `{"Statement": [`+strings.Join(c.statements, ",")+`]}`))
		if err := w.ELB.UpdateLoadBalancer(w.balancer, spec); c.takes {
			require.NoError(t, err, name)
		} else {
			refused(t, "InvalidConfigurationRequest", err)
		}
	}
	w2 := newWorld(t)
	require.NoError(t, w2.S3.CreateBucket("logs"))
	balancer := must(w2.ELB.LoadBalancer(w2.balancer))(t).Spec
	balancer.AccessLogs = "logs"
	write := statement(network, "s3:PutObject", folder, source)
	require.NoError(t, w2.S3.PutBucketPolicy("logs", `{"Statement": [`+write+`]}`))
	refused(t, "InvalidConfigurationRequest", w2.ELB.UpdateLoadBalancer(w2.balancer, balancer))
	require.NoError(t, w2.S3.PutBucketPolicy("logs", `{"Statement": [`+write+`,`+statement(network, "s3:GetBucketAcl", "", "")+`]}`))
	require.NoError(t, w2.ELB.UpdateLoadBalancer(w2.balancer, balancer))
	require.NoError(t, w.ELB.UpdateLoadBalancer(w.balancer, w.application()))
	require.NoError(t, w.S3.DeleteBucketPolicy("logs"))
	refused(t, "InvalidConfigurationRequest", w.ELB.UpdateLoadBalancer(w.balancer, spec))
}
