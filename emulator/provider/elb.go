package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type loadBalancerInputs struct {
	Name                         string            `pulumi:"name"`
	LoadBalancerType             string            `pulumi:"loadBalancerType"`
	Internal                     bool              `pulumi:"internal"`
	Subnets                      []string          `pulumi:"subnets"`
	SecurityGroups               []string          `pulumi:"securityGroups"`
	EnableCrossZoneLoadBalancing bool              `pulumi:"enableCrossZoneLoadBalancing"`
	Tags                         map[string]string `pulumi:"tags"`
}

type targetGroupInputs struct {
	Name                string `pulumi:"name"`
	VpcID               string `pulumi:"vpcId"`
	TargetType          string `pulumi:"targetType"`
	Protocol            string `pulumi:"protocol"`
	Port                int    `pulumi:"port"`
	DeregistrationDelay *int   `pulumi:"deregistrationDelay"` // seconds
	HealthCheck         struct {
		Enabled            *bool  `pulumi:"enabled"`
		Protocol           string `pulumi:"protocol"`
		Port               string `pulumi:"port"`
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
	DefaultActions  []struct {
		Type           string `pulumi:"type"`
		TargetGroupArn string `pulumi:"targetGroupArn"`
	} `pulumi:"defaultActions"`
	Tags map[string]string `pulumi:"tags"`
}

func init() {
	define(resourceType{
		token: "aws:lb/loadBalancer:LoadBalancer", kind: Run, name: "name", nameMax: 32,
		// A network balancer's subnets and its first security group are replaced, see the provider's document of aws_lb.
		replaceOn: []string{"name", "internal", "loadBalancerType", "subnets"},
	}, handlers[loadBalancerInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in loadBalancerInputs) (string, map[string]any, error) {
			spec, err := in.spec()
			if err != nil {
				return "", nil, err
			}
			b, err := c.CreateBalancer(spec)
			return b.ARN, map[string]any{
				"arn": b.ARN, "dnsName": b.Address.String(), "zoneId": "Z26RNL4JYFTOTI",
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
			return idUnless(err, group.ARN), map[string]any{"arn": group.ARN}, err
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

func (in loadBalancerInputs) spec() (cloud.LoadBalancerSpec, error) {
	if in.LoadBalancerType != "network" {
		return cloud.LoadBalancerSpec{}, unsupported("loadBalancerType", in.LoadBalancerType, "network")
	}
	return cloud.LoadBalancerSpec{
		Name: in.Name, Internal: in.Internal, Subnets: in.Subnets, SecurityGroups: in.SecurityGroups,
		CrossZone: in.EnableCrossZoneLoadBalancing,
	}, nil
}

// spec applies the provider's defaults (document of aws_lb_target_group).
func (in targetGroupInputs) spec() (cloud.TargetGroupSpec, error) {
	check := in.HealthCheck
	switch {
	case in.TargetType != "" && in.TargetType != "instance":
		return cloud.TargetGroupSpec{}, unsupported("targetType", in.TargetType, "instance")
	case in.Protocol != "TCP":
		return cloud.TargetGroupSpec{}, unsupported("protocol", in.Protocol, "TCP")
	case check.Protocol != "TCP":
		return cloud.TargetGroupSpec{}, unsupported("healthCheck.protocol", check.Protocol, "TCP")
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
		Check: cloud.HealthCheck{
			Protocol: check.Protocol, Port: orDefault(check.Port, "traffic-port"),
			Interval: seconds(orDefault(check.Interval, 30)), Timeout: seconds(orDefault(check.Timeout, 10)),
			Healthy: orDefault(check.HealthyThreshold, 3), Unhealthy: orDefault(check.UnhealthyThreshold, 3),
		},
	}, nil
}

func (in listenerInputs) spec(arn string) (cloud.Listener, error) {
	if len(in.DefaultActions) != 1 || in.DefaultActions[0].Type != "forward" {
		return cloud.Listener{}, fmt.Errorf("defaultActions: the emulator takes one action of type forward")
	}
	return cloud.Listener{
		ARN: arn, Balancer: in.LoadBalancerArn, Port: in.Port, Protocol: in.Protocol,
		TargetGroup: in.DefaultActions[0].TargetGroupArn,
	}, nil
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
