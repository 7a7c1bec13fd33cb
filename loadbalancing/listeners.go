package loadbalancing

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// sslPolicy is TLS 1.3 and 1.2 with forward secrecy. AWS's default for listeners that are not made in its console still
// takes TLS 1.0.
const sslPolicy = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"

// Listener is a port of the balancer. It forwards to a target group, or redirects.
type Listener struct {
	Port     int    // 1–65535, each at most once
	Protocol string // "TCP" or "TLS" of a network load balancer, "HTTP" or "HTTPS" of an application load balancer
	Target   string // name of the target to which it forwards; empty: the first
	Redirect int    // HTTP only: the HTTPS listener's port to which clients are sent with a 301; 0: the listener forwards
}

// encrypted reports whether the listener needs a certificate.
func (l Listener) encrypted() bool { return l.Protocol == "TLS" || l.Protocol == "HTTPS" }

func (l Listener) forwards() bool { return l.Redirect == 0 }

// protocols lists the protocols that each kind of balancer can listen for.
var protocols = map[Kind][]string{
	Network:     {"TCP", "TLS"},
	Application: {"HTTP", "HTTPS"},
}

func (a *Args) validListeners() error {
	var problems invalid.List
	switch {
	case len(a.Listeners) == 0:
		problems.Missing("listeners", "at least one listener is needed")
	case !slices.ContainsFunc(a.Listeners, Listener.forwards):
		problems.Missing("listeners", "none forwards: all redirect")
	default:
		problems.Include("", a.validForwarding())
	}
	ports := map[int]bool{}
	for i, l := range a.Listeners {
		path := fmt.Sprintf("listeners[%d]", i)
		problems.Include("", validPort(path+".port", l.Port))
		if ports[l.Port] {
			problems.Add(path+".port", l.Port, "is listened on twice")
		}
		ports[l.Port] = true
		if known := protocols[a.Kind]; known != nil && !slices.Contains(known, l.Protocol) {
			problems.Add(path+".protocol", l.Protocol, "is neither %s nor %s, as every listener of a load balancer of kind %s is",
				known[0], known[1], a.Kind)
		}
		if !l.forwards() {
			problems.Include(path, a.validRedirect(l))
		}
	}
	return problems.Err()
}

// validForwarding reports listeners of unknown targets, and targets without a listener: members of a target group that belongs to no
// balancer never get healthy.
func (a *Args) validForwarding() error {
	var problems invalid.List
	for i, l := range a.Listeners {
		if !slices.ContainsFunc(a.Targets, func(t Target) bool { return t.Name == l.Target }) {
			problems.Add(fmt.Sprintf("listeners[%d].target", i), l.Target, "is not the name of a target")
		}
	}
	for i, t := range a.Targets {
		if !slices.ContainsFunc(a.Listeners, func(l Listener) bool { return l.forwards() && l.Target == t.Name }) {
			problems.Add(fmt.Sprintf("targets[%d].name", i), t.Name, "is the target of no listener")
		}
	}
	return problems.Err()
}

func (a *Args) validRedirect(l Listener) error {
	var problems invalid.List
	switch {
	case l.Protocol != "HTTP":
		problems.Add("redirect", l.Redirect, "is for an HTTP listener, this one is for %s", l.Protocol)
	case !slices.ContainsFunc(a.Listeners, func(to Listener) bool { return to.Port == l.Redirect && to.Protocol == "HTTPS" }):
		problems.Add("redirect", l.Redirect, "is no HTTPS listener's port")
	}
	return problems.Err()
}

// parts are what a listener connects.
type parts struct {
	balancer    *lb.LoadBalancer
	targets     map[string]*lb.TargetGroup // by name
	certificate pulumi.StringPtrInput      // nil if no listener needs it
	clients     []pulumi.Resource          // the rules that let clients in
}

// listeners wait for the clients' rules, which are there minutes before the balancer: an address that is given out
// answers.
func (b *Balancer) listeners(ctx *pulumi.Context, name string, args *Args, p parts) error {
	for _, l := range args.Listeners {
		listener := &lb.ListenerArgs{
			LoadBalancerArn: p.balancer.Arn,
			Port:            pulumi.Int(l.Port),
			Protocol:        pulumi.String(l.Protocol),
			DefaultActions:  lb.ListenerDefaultActionArray{action(l, p.targets[l.Target])},
			Tags:            pulumi.ToStringMap(args.Tags),
		}
		if l.encrypted() {
			listener.CertificateArn, listener.SslPolicy = p.certificate, pulumi.String(sslPolicy)
		}
		if args.IdleTimeout != 0 && l.Protocol == "TCP" {
			listener.TcpIdleTimeoutSeconds = pulumi.Int(int(args.IdleTimeout.Seconds()))
		}
		made, err := lb.NewListener(ctx, fmt.Sprintf("%s-listener-%d", name, l.Port), listener,
			pulumi.Parent(b), pulumi.DependsOn(p.clients))
		if err != nil {
			return err
		}
		if l.forwards() {
			b.Ready = append(b.Ready, made)
		}
	}
	return nil
}

// action forwards to the targets, or sends the client to the same host and path over HTTPS.
func action(l Listener, targets *lb.TargetGroup) *lb.ListenerDefaultActionArgs {
	if l.forwards() {
		return &lb.ListenerDefaultActionArgs{Type: pulumi.String("forward"), TargetGroupArn: targets.Arn}
	}
	return &lb.ListenerDefaultActionArgs{
		Type: pulumi.String("redirect"),
		Redirect: &lb.ListenerDefaultActionRedirectArgs{
			Protocol:   pulumi.String("HTTPS"),
			Port:       pulumi.String(strconv.Itoa(l.Redirect)),
			StatusCode: pulumi.String("HTTP_301"),
		},
	}
}
