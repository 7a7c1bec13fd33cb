package provider

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type loadBalancerInputs struct {
	Name                         string   `pulumi:"name"`
	LoadBalancerType             string   `pulumi:"loadBalancerType"`
	IPAddressType                string   `pulumi:"ipAddressType"`
	Internal                     bool     `pulumi:"internal"`
	Subnets                      []string `pulumi:"subnets"`
	SecurityGroups               []string `pulumi:"securityGroups"`
	EnableCrossZoneLoadBalancing bool     `pulumi:"enableCrossZoneLoadBalancing"`
	EnableDeletionProtection     bool     `pulumi:"enableDeletionProtection"`
	EnableHTTP2                  *bool    `pulumi:"enableHttp2"`
	DropInvalidHeaderFields      bool     `pulumi:"dropInvalidHeaderFields"`
	IdleTimeout                  int      `pulumi:"idleTimeout"` // seconds
	AccessLogs                   struct {
		Bucket  string `pulumi:"bucket"`
		Prefix  string `pulumi:"prefix"`
		Enabled bool   `pulumi:"enabled"`
	} `pulumi:"accessLogs"`
	Tags map[string]string `pulumi:"tags"`
}

type targetGroupInputs struct {
	Name                string `pulumi:"name"`
	VpcID               string `pulumi:"vpcId"`
	TargetType          string `pulumi:"targetType"`
	Protocol            string `pulumi:"protocol"`
	Port                int    `pulumi:"port"`
	DeregistrationDelay *int   `pulumi:"deregistrationDelay"` // seconds
	Algorithm           string `pulumi:"loadBalancingAlgorithmType"`
	PreserveClientIP    string `pulumi:"preserveClientIp"`
	HealthCheck         struct {
		Enabled            *bool  `pulumi:"enabled"`
		Protocol           string `pulumi:"protocol"`
		Port               string `pulumi:"port"`
		Path               string `pulumi:"path"`
		Matcher            string `pulumi:"matcher"`
		Interval           int    `pulumi:"interval"` // seconds
		Timeout            int    `pulumi:"timeout"`  // seconds
		HealthyThreshold   int    `pulumi:"healthyThreshold"`
		UnhealthyThreshold int    `pulumi:"unhealthyThreshold"`
	} `pulumi:"healthCheck"`
	Tags map[string]string `pulumi:"tags"`
}

type listenerInputs struct {
	LoadBalancerArn string `pulumi:"loadBalancerArn"`
	Port            int    `pulumi:"port"`
	Protocol        string `pulumi:"protocol"`
	CertificateArn  string `pulumi:"certificateArn"`
	SslPolicy       string `pulumi:"sslPolicy"`
	DefaultActions  []struct {
		Type           string `pulumi:"type"`
		Order          int    `pulumi:"order"`
		TargetGroupArn string `pulumi:"targetGroupArn"`
		Redirect       *struct {
			Protocol   string `pulumi:"protocol"`
			Port       string `pulumi:"port"`
			StatusCode string `pulumi:"statusCode"`
		} `pulumi:"redirect"`
	} `pulumi:"defaultActions"`
	Tags map[string]string `pulumi:"tags"`
}

func init() {
	define(resourceType{
		token: "aws:lb/loadBalancer:LoadBalancer", kind: Run, name: "name", nameMax: 32,
		replaceOn: []string{"name", "internal", "loadBalancerType"}, replaceIf: replacesNetwork,
	}, handlers[loadBalancerInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in loadBalancerInputs) (string, map[string]any, error) {
			spec, err := in.spec()
			if err != nil {
				return "", nil, err
			}
			b, err := c.CreateBalancer(spec)
			return b.ARN, map[string]any{
				"arn": b.ARN, "arnSuffix": suffix(b.ARN, "loadbalancer/"), "dnsName": b.Address.String(),
				"zoneId": hostedZones[b.Spec.Kind],
			}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now loadBalancerInputs) (map[string]any, error) {
			spec, err := now.spec()
			if err != nil {
				return nil, err
			}
			return nil, c.UpdateBalancer(id, spec)
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ loadBalancerInputs) error {
			return c.DeleteBalancer(id)
		},
	})
	define(resourceType{
		token: "aws:lb/targetGroup:TargetGroup", kind: Run, name: "name", nameMax: 32,
		replaceOn: []string{"name", "port", "protocol", "vpcId", "targetType"},
	}, handlers[targetGroupInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in targetGroupInputs) (string, map[string]any, error) {
			spec, err := in.spec()
			if err != nil {
				return "", nil, err
			}
			group, err := c.CreateTargetGroup(spec)
			return idUnless(err, group.ARN), map[string]any{
				"arn": group.ARN, "arnSuffix": "targetgroup/" + suffix(group.ARN, "targetgroup/"),
			}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now targetGroupInputs) (map[string]any, error) {
			spec, err := now.spec()
			if err != nil {
				return nil, err
			}
			return nil, c.UpdateTargetGroup(id, spec)
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ targetGroupInputs) error {
			return c.DeleteTargetGroup(id)
		},
	})
	define(resourceType{
		token: "aws:lb/listener:Listener", kind: Run, replaceOn: []string{"loadBalancerArn"},
	}, handlers[listenerInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in listenerInputs) (string, map[string]any, error) {
			spec, err := in.spec("")
			if err != nil {
				return "", nil, err
			}
			listener, err := c.CreateListener(spec)
			return idUnless(err, listener.ARN), map[string]any{"arn": listener.ARN}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now listenerInputs) (map[string]any, error) {
			spec, err := now.spec(id)
			if err != nil {
				return nil, err
			}
			return nil, c.UpdateListener(spec)
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ listenerInputs) error {
			return c.DeleteListener(id)
		},
	})
}

// hostedZones are what an alias record names beside a balancer in us-east-1 (AWS General Reference: "Elastic Load
// Balancing endpoints and quotas"); nothing here looks at them.
var hostedZones = map[string]string{
	cloud.NetworkBalancer: "Z26RNL4JYFTOTI", cloud.ApplicationBalancer: "Z35SXDOTRQ7X7K",
}

// suffix is the end of an ARN by which CloudWatch names balancers and target groups.
func suffix(arn, after string) string {
	_, end, _ := strings.Cut(arn, after)
	return end
}

// replacesNetwork is what replaces a network balancer, and not an application balancer: a subnet that is taken away, and
// the first security group or the last (the provider's document of aws_lb).
func replacesNetwork(key string, old, now resource.PropertyMap) bool {
	if kind := now["loadBalancerType"]; !kind.IsString() || kind.StringValue() != cloud.NetworkBalancer {
		return false
	}
	before, after := items(old[resource.PropertyKey(key)]), items(now[resource.PropertyKey(key)])
	switch key {
	case "subnets":
		return slices.ContainsFunc(before, func(v resource.PropertyValue) bool {
			return !slices.ContainsFunc(after, v.DeepEquals)
		})
	case "securityGroups":
		return (len(before) == 0) != (len(after) == 0)
	}
	return false
}

func items(v resource.PropertyValue) []resource.PropertyValue {
	if v.IsArray() {
		return v.ArrayValue()
	}
	return nil
}

func (in loadBalancerInputs) spec() (cloud.LoadBalancerSpec, error) {
	kind := orDefault(in.LoadBalancerType, cloud.ApplicationBalancer)
	switch {
	case kind != cloud.NetworkBalancer && kind != cloud.ApplicationBalancer:
		return cloud.LoadBalancerSpec{}, unsupported("loadBalancerType", kind, "network and application")
	case orDefault(in.IPAddressType, "ipv4") != "ipv4":
		return cloud.LoadBalancerSpec{}, unsupported("ipAddressType", in.IPAddressType, "ipv4")
	}
	spec := cloud.LoadBalancerSpec{
		Name: in.Name, Kind: kind, Internal: in.Internal, Subnets: in.Subnets, SecurityGroups: in.SecurityGroups,
		CrossZone: in.EnableCrossZoneLoadBalancing, Protected: in.EnableDeletionProtection, IdleTimeout: seconds(in.IdleTimeout),
	}
	if in.AccessLogs.Enabled {
		spec.AccessLogs = in.AccessLogs.Bucket
	}
	return spec, nil
}

// spec applies the provider's and the API's defaults (document of aws_lb_target_group, API: CreateTargetGroup).
func (in targetGroupInputs) spec() (cloud.TargetGroupSpec, error) {
	check := in.HealthCheck
	switch {
	case in.TargetType != "" && in.TargetType != "instance":
		return cloud.TargetGroupSpec{}, unsupported("targetType", in.TargetType, "instance")
	case in.Protocol != "TCP" && in.Protocol != "HTTP":
		return cloud.TargetGroupSpec{}, unsupported("protocol", in.Protocol, "TCP and HTTP")
	case orDefault(in.Algorithm, "round_robin") != "round_robin":
		return cloud.TargetGroupSpec{}, unsupported("loadBalancingAlgorithmType", in.Algorithm, "round_robin")
	case in.PreserveClientIP != "" && in.PreserveClientIP != "true":
		return cloud.TargetGroupSpec{}, unsupported("preserveClientIp", in.PreserveClientIP, "true")
	case check.Enabled != nil && !*check.Enabled:
		return cloud.TargetGroupSpec{}, fmt.Errorf("ValidationError: Health check enabled must be true for target groups " +
			"with target type 'instance'")
	}
	delay := 300
	if in.DeregistrationDelay != nil {
		delay = *in.DeregistrationDelay
	}
	return cloud.TargetGroupSpec{
		Name: in.Name, Port: in.Port, Protocol: in.Protocol, VPC: in.VpcID, DeregistrationDelay: seconds(delay),
		Check: in.check(),
	}, nil
}

// check is HTTP unless it is told otherwise, for every target group.
func (in targetGroupInputs) check() cloud.HealthCheck {
	given := in.HealthCheck
	check := cloud.HealthCheck{
		Protocol: orDefault(given.Protocol, "HTTP"), Port: orDefault(given.Port, "traffic-port"), Path: given.Path,
		Matcher: given.Matcher, Interval: seconds(orDefault(given.Interval, 30)), Timeout: seconds(given.Timeout),
		Healthy: orDefault(given.HealthyThreshold, 3), Unhealthy: orDefault(given.UnhealthyThreshold, 3),
	}
	timeout := 10
	if check.Protocol == "HTTP" {
		matcher := "200"
		timeout = 5
		if in.Protocol == "TCP" {
			matcher, timeout = "200-399", 6
		}
		check.Path, check.Matcher = orDefault(check.Path, "/"), orDefault(check.Matcher, matcher)
	}
	check.Timeout = orDefault(check.Timeout, seconds(timeout))
	return check
}

func (in listenerInputs) spec(arn string) (cloud.Listener, error) {
	listener := cloud.Listener{
		ARN: arn, Balancer: in.LoadBalancerArn, Port: in.Port, Protocol: in.Protocol, Certificate: in.CertificateArn,
	}
	if in.Protocol == "" && strings.Contains(in.LoadBalancerArn, ":loadbalancer/app/") {
		listener.Protocol = "HTTP"
	}
	encrypted := listener.Protocol == "HTTPS" || listener.Protocol == "TLS"
	switch {
	case len(in.DefaultActions) != 1:
		return listener, fmt.Errorf("defaultActions: the emulator takes one action")
	case in.SslPolicy != "" && !encrypted:
		return listener, fmt.Errorf("ValidationError: An SSL policy cannot be specified for %s listeners", listener.Protocol)
	case in.SslPolicy != "" && !strings.HasPrefix(in.SslPolicy, "ELBSecurityPolicy-"):
		return listener, fmt.Errorf("SSLPolicyNotFound: SSL policy '%s' not found", in.SslPolicy)
	}
	return listener, in.action(&listener)
}

// action sets what the listener does. What a redirect doesn't name stays as it is in the request.
func (in listenerInputs) action(listener *cloud.Listener) error {
	action := in.DefaultActions[0]
	switch {
	case action.Type == "forward":
		listener.TargetGroup = action.TargetGroupArn
		return nil
	case action.Type != "redirect" || action.Redirect == nil:
		return unsupported("defaultActions[0].type", action.Type, "forward and redirect")
	}
	to := action.Redirect
	redirect := &cloud.Redirect{Protocol: to.Protocol, Port: listener.Port}
	if to.Protocol == "" || to.Protocol == "#{protocol}" {
		redirect.Protocol = listener.Protocol
	}
	if to.Port != "" && to.Port != "#{port}" {
		port, err := strconv.Atoi(to.Port)
		if err != nil {
			return fmt.Errorf("defaultActions[0].redirect.port: %q is neither a port nor #{port}", to.Port)
		}
		redirect.Port = port
	}
	code, ok := map[string]int{"HTTP_301": 301, "HTTP_302": 302}[to.StatusCode]
	if !ok {
		return fmt.Errorf("defaultActions[0].redirect.statusCode: %q is neither HTTP_301 nor HTTP_302", to.StatusCode)
	}
	redirect.StatusCode, listener.Redirect = code, redirect
	return nil
}

func unsupported(property, value, takes string) error {
	return fmt.Errorf("%s: %q is valid on AWS, but has no behaviour in the emulator yet, which takes %s", property, value, takes)
}

func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
