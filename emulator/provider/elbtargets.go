package provider

import (
	"cmp"
	"fmt"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

type targetGroupInputs struct {
	Name                string            `pulumi:"name"`
	VpcID               string            `pulumi:"vpcId"`
	TargetType          string            `pulumi:"targetType"`
	Protocol            string            `pulumi:"protocol"`
	Port                int               `pulumi:"port"`
	DeregistrationDelay *int              `pulumi:"deregistrationDelay"` // seconds
	Algorithm           string            `pulumi:"loadBalancingAlgorithmType"`
	PreserveClientIP    string            `pulumi:"preserveClientIp"`
	HealthCheck         healthCheckInputs `pulumi:"healthCheck"`
	Tags                map[string]string `pulumi:"tags"`
}

type healthCheckInputs struct {
	Enabled            *bool  `pulumi:"enabled"`
	Protocol           string `pulumi:"protocol"`
	Port               string `pulumi:"port"`
	Path               string `pulumi:"path"`
	Matcher            string `pulumi:"matcher"`
	Interval           int    `pulumi:"interval"` // seconds
	Timeout            int    `pulumi:"timeout"`  // seconds
	HealthyThreshold   int    `pulumi:"healthyThreshold"`
	UnhealthyThreshold int    `pulumi:"unhealthyThreshold"`
}

type targetGroupOutputs struct {
	ARN       string `pulumi:"arn"`
	ARNSuffix string `pulumi:"arnSuffix"`
}

func targetGroup() resourceType {
	return define(resourceType{
		token: "aws:lb/targetGroup:TargetGroup", kind: Run, name: "name", nameMax: 32,
		replaceOn: []string{"name", "port", "protocol", "vpcId", "targetType"},
	}, handlers[targetGroupInputs, targetGroupOutputs]{
		create: func(m *cloud.Model, in targetGroupInputs) (string, targetGroupOutputs, error) {
			spec, err := in.spec()
			if err != nil {
				return "", targetGroupOutputs{}, err
			}
			made, err := m.ELB.CreateTargetGroup(spec)
			return made.ARN, targetGroupOutputs{
				ARN: made.ARN, ARNSuffix: "targetgroup/" + suffix(made.ARN, "targetgroup/"),
			}, err
		},
		update: func(m *cloud.Model, id string, old, now targetGroupInputs) (*targetGroupOutputs, error) {
			return nil, updateTargetGroup(m, id, old, now)
		},
		remove: func(m *cloud.Model, id string, _ targetGroupInputs) error { return m.ELB.DeleteTargetGroup(id) },
	})
}

// updateTargetGroup leaves the health check as it is unless the program changes it: it may have been changed by the API.
func updateTargetGroup(m *cloud.Model, id string, old, now targetGroupInputs) error {
	spec, err := now.spec()
	if err != nil {
		return err
	}
	if g := m.ELB.TargetGroups[id]; g != nil && sameCheck(old.HealthCheck, now.HealthCheck) {
		spec.Check = g.Spec.Check
	}
	return m.ELB.UpdateTargetGroup(id, spec)
}

func sameCheck(a, b healthCheckInputs) bool {
	a.Enabled, b.Enabled = nil, nil // only true is supported
	return a == b
}

// spec applies the provider's and the API's defaults (document of aws_lb_target_group, API: CreateTargetGroup).
func (in targetGroupInputs) spec() (elb.TargetGroupSpec, error) {
	check := in.HealthCheck
	switch {
	case in.TargetType != "" && in.TargetType != "instance":
		return elb.TargetGroupSpec{}, unsupported("targetType", in.TargetType, "instance")
	case in.Protocol != "TCP" && in.Protocol != "HTTP":
		return elb.TargetGroupSpec{}, unsupported("protocol", in.Protocol, "TCP and HTTP")
	case in.PreserveClientIP != "" && in.PreserveClientIP != "true":
		return elb.TargetGroupSpec{}, unsupported("preserveClientIp", in.PreserveClientIP, "true")
	case check.Enabled != nil && !*check.Enabled:
		return elb.TargetGroupSpec{}, fmt.Errorf("ValidationError: Health check enabled must be true for target groups " +
			"with target type 'instance'")
	}
	return elb.TargetGroupSpec{
		Name: in.Name, Port: in.Port, Protocol: in.Protocol, VPC: in.VpcID, Check: in.check(),
		DeregistrationDelay: seconds(orElse(in.DeregistrationDelay, 300)), Algorithm: in.Algorithm,
	}, nil
}

// check returns the health check with the API's defaults, which depend on the protocols. A check is HTTP unless the program
// says otherwise, whatever the group's protocol.
func (in targetGroupInputs) check() elb.HealthCheck {
	given := in.HealthCheck
	check := elb.HealthCheck{
		Protocol: cmp.Or(given.Protocol, "HTTP"), Port: cmp.Or(given.Port, "traffic-port"), Path: given.Path,
		Matcher: given.Matcher, Interval: seconds(cmp.Or(given.Interval, 30)), Timeout: seconds(given.Timeout),
		Healthy: cmp.Or(given.HealthyThreshold, 3), Unhealthy: cmp.Or(given.UnhealthyThreshold, 3),
	}
	timeout := 10
	if check.Protocol == "HTTP" {
		matcher := "200"
		timeout = 5
		if in.Protocol == "TCP" {
			matcher, timeout = "200-399", 6
		}
		check.Path, check.Matcher = cmp.Or(check.Path, "/"), cmp.Or(check.Matcher, matcher)
	}
	check.Timeout = cmp.Or(check.Timeout, seconds(timeout))
	return check
}
