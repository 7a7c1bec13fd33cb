package aws

import (
	"context"
	"slices"
	"strconv"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

func (a *API) loadBalancing() *service {
	return &service{
		name: "elasticloadbalancing", title: "Elastic Load Balancing", namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
		operations: map[string]operation{
			"DescribeLoadBalancers":          answering(a.describeLoadBalancers),
			"DescribeLoadBalancerAttributes": answering(a.describeLoadBalancerAttributes),
			"ModifyLoadBalancerAttributes":   answering(a.modifyLoadBalancerAttributes),
			"DescribeTargetGroups":           answering(a.describeTargetGroups),
			"DescribeListeners":              answering(a.describeListeners),
			"DescribeTargetHealth":           answering(a.describeTargetHealth),
			"ModifyTargetGroup":              answering(a.modifyTargetGroup),
			"RegisterTargets":                answering(a.registerTargets),
			"DeregisterTargets":              answering(a.deregisterTargets),
		},
	}
}

func (a *API) describeLoadBalancers(
	_ context.Context, in *elasticloadbalancingv2.DescribeLoadBalancersInput,
) (*elasticloadbalancingv2.DescribeLoadBalancersOutput, error) {
	found := []types.LoadBalancer{}
	a.cloud.View(func(m *cloud.Model) {
		for _, b := range m.ELB.DescribeLoadBalancers() {
			if isAsked(in.LoadBalancerArns, b.ARN) && isAsked(in.Names, b.Spec.Name) {
				found = append(found, describeLoadBalancer(m, b))
			}
		}
	})
	if len(found) < len(in.LoadBalancerArns)+len(in.Names) {
		return nil, aws.Refuse("LoadBalancerNotFound", "One or more load balancers not found")
	}
	found, next, err := page(found, in.PageSize, in.Marker, 400)
	return &elasticloadbalancingv2.DescribeLoadBalancersOutput{LoadBalancers: found, NextMarker: next}, err
}

func describeLoadBalancer(m *cloud.Model, b elb.LoadBalancer) types.LoadBalancer {
	described := types.LoadBalancer{
		LoadBalancerArn: &b.ARN, LoadBalancerName: &b.Spec.Name, DNSName: sdk.String(b.Address.String()), CreatedTime: &b.Created,
		Type: types.LoadBalancerTypeEnum(b.Spec.Kind), Scheme: types.LoadBalancerSchemeEnumInternetFacing,
		IpAddressType: types.IpAddressTypeIpv4, SecurityGroups: b.Spec.SecurityGroups,
		State: &types.LoadBalancerState{Code: types.LoadBalancerStateEnumActive},
	}
	if b.Spec.Internal {
		described.Scheme = types.LoadBalancerSchemeEnumInternal
	}
	for _, id := range b.Spec.Subnets {
		subnet := m.VPC.Subnets[id]
		described.VpcId = &subnet.VPC
		described.AvailabilityZones = append(described.AvailabilityZones, types.AvailabilityZone{ZoneName: &subnet.Zone, SubnetId: &id})
	}
	return described
}

func (a *API) describeTargetGroups(
	_ context.Context, in *elasticloadbalancingv2.DescribeTargetGroupsInput,
) (*elasticloadbalancingv2.DescribeTargetGroupsOutput, error) {
	found := []types.TargetGroup{}
	a.cloud.View(func(m *cloud.Model) {
		for _, g := range m.ELB.DescribeTargetGroups() {
			described := describeTargetGroup(m, g)
			if isAsked(in.TargetGroupArns, g.ARN) && isAsked(in.Names, g.Spec.Name) &&
				(in.LoadBalancerArn == nil || slices.Contains(described.LoadBalancerArns, *in.LoadBalancerArn)) {
				found = append(found, described)
			}
		}
	})
	if len(found) < len(in.TargetGroupArns)+len(in.Names) {
		return nil, aws.Refuse("TargetGroupNotFound", "One or more target groups not found")
	}
	found, next, err := page(found, in.PageSize, in.Marker, 400)
	return &elasticloadbalancingv2.DescribeTargetGroupsOutput{TargetGroups: found, NextMarker: next}, err
}

func describeTargetGroup(m *cloud.Model, g elb.TargetGroup) types.TargetGroup {
	check := g.Spec.Check
	described := types.TargetGroup{
		TargetGroupArn: &g.ARN, TargetGroupName: &g.Spec.Name, Port: count(g.Spec.Port), Protocol: types.ProtocolEnum(g.Spec.Protocol),
		VpcId: &g.Spec.VPC, TargetType: types.TargetTypeEnumInstance, IpAddressType: types.TargetGroupIpAddressTypeEnumIpv4,
		HealthCheckEnabled: sdk.Bool(true), HealthCheckProtocol: types.ProtocolEnum(check.Protocol), HealthCheckPort: &check.Port,
		HealthCheckIntervalSeconds: seconds(check.Interval), HealthCheckTimeoutSeconds: seconds(check.Timeout),
		HealthyThresholdCount: count(check.Healthy), UnhealthyThresholdCount: count(check.Unhealthy),
	}
	if check.Path != "" {
		described.HealthCheckPath, described.Matcher = &check.Path, &types.Matcher{HttpCode: &check.Matcher}
	}
	for _, b := range m.ELB.BalancersOf(g.ARN) {
		described.LoadBalancerArns = append(described.LoadBalancerArns, b.ARN)
	}
	return described
}

// modifyTargetGroup changes those parts of the health check that are given.
func (a *API) modifyTargetGroup(
	_ context.Context, in *elasticloadbalancingv2.ModifyTargetGroupInput,
) (*elasticloadbalancingv2.ModifyTargetGroupOutput, error) {
	arn := sdk.ToString(in.TargetGroupArn)
	out := &elasticloadbalancingv2.ModifyTargetGroupOutput{}
	return out, a.cloud.Change(func(m *cloud.Model) error {
		group := m.ELB.TargetGroups[arn]
		if group == nil {
			return elb.NoTargetGroup(arn)
		}
		spec := group.Spec
		spec.Check = modified(spec.Check, in)
		if err := m.ELB.UpdateTargetGroup(arn, spec); err != nil {
			return err
		}
		out.TargetGroups = []types.TargetGroup{describeTargetGroup(m, *group)}
		return nil
	})
}

func modified(check elb.HealthCheck, in *elasticloadbalancingv2.ModifyTargetGroupInput) elb.HealthCheck {
	if in.HealthCheckProtocol != "" && string(in.HealthCheckProtocol) != check.Protocol {
		check.Protocol, check.Path, check.Matcher = string(in.HealthCheckProtocol), "", ""
	}
	change(&check.Port, in.HealthCheckPort)
	change(&check.Path, in.HealthCheckPath)
	if in.Matcher != nil {
		change(&check.Matcher, in.Matcher.HttpCode)
	}
	for to, given := range map[*time.Duration]*int32{
		&check.Interval: in.HealthCheckIntervalSeconds, &check.Timeout: in.HealthCheckTimeoutSeconds,
	} {
		if given != nil {
			*to = time.Duration(*given) * time.Second
		}
	}
	for to, given := range map[*int]*int32{&check.Healthy: in.HealthyThresholdCount, &check.Unhealthy: in.UnhealthyThresholdCount} {
		if given != nil {
			*to = int(*given)
		}
	}
	return check
}

// change sets a text to what is given, if anything is.
func change(text, given *string) {
	if given != nil {
		*text = *given
	}
}

func (a *API) describeListeners(
	_ context.Context, in *elasticloadbalancingv2.DescribeListenersInput,
) (*elasticloadbalancingv2.DescribeListenersOutput, error) {
	found := []types.Listener{}
	a.cloud.View(func(m *cloud.Model) {
		for _, l := range sorted(m.ELB.Listeners) {
			if isAsked(in.ListenerArns, l.ARN) && (in.LoadBalancerArn == nil || *in.LoadBalancerArn == l.Balancer) {
				found = append(found, describeListener(*l))
			}
		}
	})
	if len(found) < len(in.ListenerArns) {
		return nil, aws.Refuse("ListenerNotFound", "One or more listeners not found")
	}
	found, next, err := page(found, in.PageSize, in.Marker, 400)
	return &elasticloadbalancingv2.DescribeListenersOutput{Listeners: found, NextMarker: next}, err
}

func describeListener(l elb.Listener) types.Listener {
	action := types.Action{Type: types.ActionTypeEnumForward, TargetGroupArn: &l.TargetGroup}
	if l.Redirect != nil {
		action = types.Action{Type: types.ActionTypeEnumRedirect, RedirectConfig: &types.RedirectActionConfig{
			Protocol: &l.Redirect.Protocol, Port: sdk.String(strconv.Itoa(l.Redirect.Port)),
			StatusCode: types.RedirectActionStatusCodeEnum("HTTP_" + strconv.Itoa(l.Redirect.StatusCode)),
			Host:       sdk.String("#{host}"), Path: sdk.String("/#{path}"), Query: sdk.String("#{query}"),
		}}
	}
	described := types.Listener{
		ListenerArn: &l.ARN, LoadBalancerArn: &l.Balancer, Port: count(l.Port), Protocol: types.ProtocolEnum(l.Protocol),
		DefaultActions: []types.Action{action},
	}
	if l.Certificate != "" {
		described.Certificates = []types.Certificate{{CertificateArn: &l.Certificate}}
	}
	return described
}

func (a *API) describeTargetHealth(
	_ context.Context, in *elasticloadbalancingv2.DescribeTargetHealthInput,
) (*elasticloadbalancingv2.DescribeTargetHealthOutput, error) {
	arn := sdk.ToString(in.TargetGroupArn)
	found := []types.TargetHealthDescription{}
	err := a.read(func(m *cloud.Model) error {
		group := m.ELB.TargetGroups[arn]
		if group == nil {
			return elb.NoTargetGroup(arn)
		}
		for _, t := range group.Targets {
			if len(in.Targets) == 0 || slices.ContainsFunc(in.Targets, func(wanted types.TargetDescription) bool { return names(wanted, t) }) {
				found = append(found, describeTarget(*group, t))
			}
		}
		for _, wanted := range in.Targets {
			if !slices.ContainsFunc(group.Targets, func(t *elb.Target) bool { return names(wanted, t) }) {
				found = append(found, notRegistered(wanted))
			}
		}
		return nil
	})
	return &elasticloadbalancingv2.DescribeTargetHealthOutput{TargetHealthDescriptions: found}, err
}

// names reports whether a description stands for a target: of an instance, at a port if it has one.
func names(wanted types.TargetDescription, t *elb.Target) bool {
	return sdk.ToString(wanted.Id) == t.Instance && (wanted.Port == nil || int(*wanted.Port) == t.Port)
}

// notRegistered describes a target that was asked for and is not registered (API: TargetHealth).
func notRegistered(wanted types.TargetDescription) types.TargetHealthDescription {
	return types.TargetHealthDescription{Target: &wanted, TargetHealth: &types.TargetHealth{
		State: types.TargetHealthStateEnumUnused, Reason: types.TargetHealthReasonEnumNotRegistered,
		Description: sdk.String("Target is not registered to the target group"),
	}}
}

func describeTarget(g elb.TargetGroup, t *elb.Target) types.TargetHealthDescription {
	described := types.TargetHealthDescription{
		Target:          &types.TargetDescription{Id: sdk.String(t.Instance), Port: count(t.Port)},
		HealthCheckPort: sdk.String(strconv.Itoa(g.Spec.Check.PortOf(t))),
		TargetHealth:    &types.TargetHealth{State: types.TargetHealthStateEnum(t.State)},
	}
	if t.Reason != "" {
		described.TargetHealth.Reason = types.TargetHealthReasonEnum(t.Reason)
		described.TargetHealth.Description = sdk.String(t.Description)
	}
	return described
}

func (a *API) registerTargets(
	_ context.Context, in *elasticloadbalancingv2.RegisterTargetsInput,
) (*elasticloadbalancingv2.RegisterTargetsOutput, error) {
	return &elasticloadbalancingv2.RegisterTargetsOutput{}, a.eachTarget(in.TargetGroupArn, in.Targets,
		func(m *cloud.Model, arn, instance string, port int, now time.Time) error {
			return m.ELB.RegisterTarget(arn, instance, port, now)
		})
}

func (a *API) deregisterTargets(
	_ context.Context, in *elasticloadbalancingv2.DeregisterTargetsInput,
) (*elasticloadbalancingv2.DeregisterTargetsOutput, error) {
	return &elasticloadbalancingv2.DeregisterTargetsOutput{}, a.eachTarget(in.TargetGroupArn, in.Targets,
		func(m *cloud.Model, arn, instance string, port int, now time.Time) error {
			return m.ELB.DeregisterTarget(arn, instance, port, now)
		})
}

func (a *API) eachTarget(
	arn *string, targets []types.TargetDescription, do func(m *cloud.Model, arn, instance string, port int, now time.Time) error,
) error {
	return a.cloud.Change(func(m *cloud.Model) error {
		for _, t := range targets {
			if err := do(m, sdk.ToString(arn), sdk.ToString(t.Id), int(sdk.ToInt32(t.Port)), m.Clock.Now()); err != nil {
				return err
			}
		}
		return nil
	})
}
