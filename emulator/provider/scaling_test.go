package provider

import (
	"maps"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

const (
	balancerToken    = "aws:lb/loadBalancer:LoadBalancer"
	targetGroupToken = "aws:lb/targetGroup:TargetGroup"
	listenerToken    = "aws:lb/listener:Listener"
	groupToken       = "aws:autoscaling/group:Group"
	policyToken      = "aws:autoscaling/policy:Policy"
	alarmToken       = "aws:cloudwatch/metricAlarm:MetricAlarm"
)

// fails creates a resource and returns what the provider says against it.
func (p *awsProvider) fails(t *testing.T, token string, inputs map[string]any) error {
	t.Helper()
	checked := p.checked(t, token, "r", nil, inputs)
	require.Empty(t, checked.Failures)
	_, err := p.Create(t.Context(), plugin.CreateRequest{
		URN: name(token, "r"), Name: "r", Type: tokens.Type(token), Properties: checked.Properties,
	})
	return err
}

func (p *awsProvider) updated(t *testing.T, token string, made plugin.CreateResponse, olds, news map[string]any) error {
	t.Helper()
	_, err := p.Update(t.Context(), plugin.UpdateRequest{
		URN: name(token, "r"), Name: "r", Type: tokens.Type(token), ID: made.ID,
		OldInputs: properties(olds), OldOutputs: made.Properties, NewInputs: properties(news),
	})
	return err
}

func (p *awsProvider) deleted(t *testing.T, token string, made plugin.CreateResponse, inputs map[string]any) error {
	t.Helper()
	_, err := p.Delete(t.Context(), plugin.DeleteRequest{
		Type: tokens.Type(token), ID: made.ID, Inputs: properties(inputs), Outputs: made.Properties,
	})
	return err
}

// site is a network with two zones that the internet reaches.
type site struct {
	vpc, group string
	subnets    []any
}

func newSite(t *testing.T, p *awsProvider) site {
	t.Helper()
	vpc := string(p.created(t, "aws:ec2/vpc:Vpc", "v", map[string]any{"cidrBlock": "10.0.0.0/16"}).ID)
	p.created(t, "aws:ec2/internetGateway:InternetGateway", "g", map[string]any{"vpcId": vpc})
	made := site{vpc: vpc}
	for zone, cidr := range map[string]string{"us-east-1a": "10.0.0.0/24", "us-east-1b": "10.0.1.0/24"} {
		made.subnets = append(made.subnets, string(p.created(t, "aws:ec2/subnet:Subnet", zone, map[string]any{
			"vpcId": vpc, "cidrBlock": cidr, "availabilityZone": zone,
		}).ID))
	}
	made.group = string(p.created(t, "aws:ec2/securityGroup:SecurityGroup", "balancer", map[string]any{"vpcId": vpc, "description": "d"}).ID)
	return made
}

func (l site) application() map[string]any {
	return map[string]any{
		"loadBalancerType": "application", "internal": false, "subnets": l.subnets, "securityGroups": []any{l.group},
		"dropInvalidHeaderFields": true, "enableDeletionProtection": true, "tags": map[string]any{"a": "b"},
	}
}

func TestAnApplicationBalancerIsMadeOfWhatItsComponentSets(t *testing.T) {
	p := newProvider(t)
	where := newSite(t, p)
	inputs := where.application()
	logs := string(p.created(t, "aws:s3/bucketV2:BucketV2", "logs", map[string]any{"forceDestroy": true}).ID)
	inputs["accessLogs"] = map[string]any{"bucket": logs, "enabled": true}
	require.ErrorContains(t, p.fails(t, balancerToken, inputs), "Access Denied for bucket: "+logs)
	p.created(t, "aws:s3/bucketPolicy:BucketPolicy", "logs", map[string]any{
		"bucket": logs, "policy": `{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": "*"}]}`,
	})
	balancer := p.created(t, balancerToken, "web-lb", inputs)
	assert.Regexp(t, `^app/web-lb-[0-9a-f]{7}/[0-9a-f]{16}$`, balancer.Properties["arnSuffix"].StringValue())
	targets := p.created(t, targetGroupToken, "web-tg", map[string]any{
		"vpcId": where.vpc, "targetType": "instance", "port": 80, "protocol": "HTTP", "deregistrationDelay": 60,
		"loadBalancingAlgorithmType": "round_robin",
		"healthCheck": map[string]any{
			"enabled": true, "protocol": "HTTP", "port": "traffic-port", "path": "/ping", "matcher": "200-299", "interval": 10,
			"timeout": 5, "healthyThreshold": 3, "unhealthyThreshold": 3,
		},
	})
	assert.Regexp(t, `^targetgroup/web-tg-[0-9a-f]{7}/[0-9a-f]{16}$`, targets.Properties["arnSuffix"].StringValue())
	for port, action := range map[int]map[string]any{
		80:   {"type": "redirect", "redirect": map[string]any{"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"}},
		8080: {"type": "forward", "targetGroupArn": string(targets.ID)},
	} {
		p.created(t, listenerToken, "l", map[string]any{
			"loadBalancerArn": string(balancer.ID), "port": port, "protocol": "HTTP", "defaultActions": []any{action},
		})
	}
	byPort := map[int]elb.Forward{}
	for _, f := range forwards(p.cloud) {
		byPort[int(f.Address.Port())] = f
	}
	assert.Equal(t, &elb.Redirect{Protocol: "HTTPS", Port: 443, StatusCode: 301}, byPort[80].Redirect)
	assert.Equal(t, string(targets.ID), byPort[8080].TargetGroup)

	require.ErrorContains(t, p.deleted(t, balancerToken, balancer, inputs), "OperationNotPermitted")
	news := where.application()
	news["enableDeletionProtection"] = false
	require.NoError(t, p.updated(t, balancerToken, balancer, inputs, news))
	require.NoError(t, p.deleted(t, balancerToken, balancer, news))
}

func TestANetworkBalancerListensForTLSAsItsComponentSetsIt(t *testing.T) {
	p := newProvider(t)
	where := newSite(t, p)
	balancer := p.created(t, balancerToken, "web-lb", map[string]any{
		"loadBalancerType": "network", "subnets": where.subnets, "securityGroups": []any{where.group},
	})
	targets := p.created(t, targetGroupToken, "web-tg", map[string]any{
		"vpcId": where.vpc, "targetType": "instance", "port": 5000, "protocol": "TCP",
		"healthCheck": map[string]any{"protocol": "TCP", "port": "5001"},
	})
	zone := p.created(t, "aws:route53/zone:Zone", "z", map[string]any{"name": "example.com"})
	certificate := p.created(t, "aws:acm/certificate:Certificate", "c", map[string]any{
		"domainName": "www.example.com", "validationMethod": "DNS",
	})
	inputs := map[string]any{
		"loadBalancerArn": string(balancer.ID), "port": 5443, "protocol": "TLS", "certificateArn": string(certificate.ID),
		"sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "tags": map[string]any{"a": "b"},
		"defaultActions": []any{map[string]any{"type": "forward", "targetGroupArn": string(targets.ID)}},
	}
	require.ErrorContains(t, p.fails(t, listenerToken, inputs), "UnsupportedCertificate", "it is not issued")

	option := certificate.Properties["domainValidationOptions"].ArrayValue()[0].ObjectValue().Mappable()
	p.created(t, "aws:route53/record:Record", "r", map[string]any{
		"zoneId": string(zone.ID), "name": option["resourceRecordName"], "type": option["resourceRecordType"],
		"records": []any{option["resourceRecordValue"]}, "ttl": 60,
	})
	p.created(t, "aws:acm/certificateValidation:CertificateValidation", "v", map[string]any{"certificateArn": string(certificate.ID)})
	p.created(t, listenerToken, "l", inputs)
	all := forwards(p.cloud)
	require.Len(t, all, 1)
	assert.Equal(t, "TLS", all[0].Protocol)
	assert.Equal(t, string(certificate.ID), all[0].Certificate)
	assert.Equal(t, string(targets.ID), all[0].TargetGroup)
	require.ErrorContains(t, p.removed(t, "aws:acm/certificate:Certificate", certificate), "ResourceInUseException")
}

func TestHealthChecksHaveTheAPIsDefaults(t *testing.T) {
	for protocol, want := range map[string]elb.HealthCheck{
		"HTTP": {Protocol: "HTTP", Port: "traffic-port", Path: "/", Matcher: "200", Timeout: 5 * time.Second},
		"TCP":  {Protocol: "HTTP", Port: "traffic-port", Path: "/", Matcher: "200-399", Timeout: 6 * time.Second},
	} {
		want.Interval, want.Healthy, want.Unhealthy = 30*time.Second, 3, 3
		assert.Equal(t, want, targetGroupInputs{Protocol: protocol}.check(), protocol)
	}
}

func TestBalancersAreReplacedAsTheirKindNeeds(t *testing.T) {
	p := newProvider(t)
	for _, c := range []struct {
		kind, property string
		old, now       []any
		replaces       bool
	}{
		{"network", "subnets", []any{"a", "b"}, []any{"a", "b", "c"}, false},
		{"network", "subnets", []any{"a", "b"}, []any{"a", "c"}, true},
		{"network", "securityGroups", []any{"a"}, []any{"b"}, false},
		{"network", "securityGroups", nil, []any{"b"}, true},
		{"network", "securityGroups", []any{"a"}, nil, true},
		{"application", "subnets", []any{"a", "b"}, []any{"a", "c"}, false},
		{"application", "securityGroups", []any{"a"}, []any{"b"}, false},
	} {
		diff, err := p.Diff(t.Context(), plugin.DiffRequest{
			Type:      balancerToken,
			OldInputs: properties(map[string]any{"loadBalancerType": c.kind, c.property: c.old}),
			NewInputs: properties(map[string]any{"loadBalancerType": c.kind, c.property: c.now}),
		})
		require.NoError(t, err)
		assert.Equal(t, plugin.DiffSome, diff.Changes)
		assert.Equal(t, c.replaces, len(diff.ReplaceKeys) == 1, "%+v", c)
	}
}

func TestScalingIsMadeOfWhatItsComponentSets(t *testing.T) {
	p := newProvider(t)
	group := newGroup(t, p)
	group["waitForCapacityTimeout"] = "0"
	group["name"], group["maxSize"] = "web", 4
	group["initialLifecycleHooks"] = []any{map[string]any{
		"name": "warm", "lifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "heartbeatTimeout": 60, "defaultResult": "CONTINUE",
	}}
	group["protectFromScaleIn"] = false
	group["defaultInstanceWarmup"], group["healthCheckGracePeriod"] = 60, 90
	group["instanceRefresh"] = map[string]any{"strategy": "Rolling"}
	p.created(t, groupToken, "web", group)
	policyInputs := map[string]any{
		"autoscalingGroupName": "web", "policyType": "StepScaling", "adjustmentType": "ChangeInCapacity",
		"metricAggregationType": "Average", "estimatedInstanceWarmup": 120,
		"stepAdjustments": []any{map[string]any{"scalingAdjustment": 1, "metricIntervalLowerBound": "0"}},
	}
	policy := p.created(t, policyToken, "web-cpu-out", policyInputs)
	topic := newTopic(t, p.cloud, "alerts")
	alarmInputs := map[string]any{
		"alarmDescription": "cpu", "namespace": "AWS/EC2", "metricName": "CPUUtilization",
		"dimensions": map[string]any{"AutoScalingGroupName": "web"}, "statistic": "Average", "threshold": 80, "period": 60,
		"comparisonOperator": "GreaterThanThreshold", "evaluationPeriods": 5, "treatMissingData": "missing",
		"alarmActions": []any{policy.Properties["arn"].StringValue(), topic.ARN}, "okActions": []any{topic.ARN},
		"tags": map[string]any{"a": "b"},
	}
	alarm := p.created(t, alarmToken, "web-cpu-above", alarmInputs)
	scheduleInputs := map[string]any{
		"autoscalingGroupName": "web", "scheduledActionName": "night", "recurrence": "0 20 * * MON-FRI",
		"timeZone": "Europe/Berlin", "minSize": 1, "maxSize": -1, "desiredCapacity": -1,
	}
	const scheduleToken = "aws:autoscaling/schedule:Schedule"
	schedule := p.created(t, scheduleToken, "s", scheduleInputs)
	hookInputs := map[string]any{
		"autoscalingGroupName": "web", "name": "warm", "lifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
		"heartbeatTimeout": 90, "defaultResult": "ABANDON",
	}
	const hookToken = "aws:autoscaling/lifecycleHook:LifecycleHook"
	hook := p.created(t, hookToken, "h", hookInputs)

	g := groupNamed(p.cloud, "web")
	zero := 0.0
	made := g.Policies[policy.Properties["name"].StringValue()]
	require.NotNil(t, made)
	assert.Equal(t, []autoscaling.Step{{Lower: &zero, Adjustment: 1}}, made.Steps)
	assert.Equal(t, 2*time.Minute, g.WarmupOf(made))
	unnamed := &autoscaling.Policy{Type: made.Type, Steps: made.Steps}
	assert.Equal(t, time.Minute, g.WarmupOf(unnamed), "it has that of the group")
	assert.Equal(t, time.Minute, g.Spec.Refresh.Warmup, "and so has a refresh")
	g.Spec.Warmup = nil
	assert.Equal(t, 5*time.Minute, g.WarmupOf(unnamed), "a group has none by default: the cooldown stands in")
	assert.Equal(t, 90*time.Second, g.Spec.RefreshWarmup(), "and the grace period")
	assert.Equal(t, 90*time.Second, g.Hooks["warm"].Timeout, "the resource changes the hook that the group began with")
	assert.Nil(t, g.Schedules["night"].Max)
	assert.Equal(t, 1, *g.Schedules["night"].Min)
	assert.Equal(t, []autoscaling.NamedAlarm{{Name: string(alarm.ID), State: "INSUFFICIENT_DATA"}}, g.Alarms())

	alarmInputs["name"] = string(alarm.ID)
	changedAlarm := resource.NewPropertyMapFromMap(alarmInputs).Mappable()
	changedAlarm["threshold"] = 70
	require.NoError(t, p.updated(t, alarmToken, alarm, alarmInputs, changedAlarm))
	assert.InDelta(t, 70, alarms(p.cloud)[0].Spec.Threshold, 0)
	delete(changedAlarm, "statistic")
	changedAlarm["extendedStatistic"] = "p90"
	require.NoError(t, p.updated(t, alarmToken, alarm, alarmInputs, changedAlarm))
	assert.Equal(t, "p90", alarms(p.cloud)[0].Spec.Statistic)

	policyInputs["name"] = policy.Properties["name"].StringValue()
	require.NoError(t, p.deleted(t, hookToken, hook, hookInputs))
	require.NoError(t, p.deleted(t, scheduleToken, schedule, scheduleInputs))
	require.NoError(t, p.deleted(t, alarmToken, alarm, alarmInputs))
	require.NoError(t, p.deleted(t, policyToken, policy, policyInputs))
	g = groupNamed(p.cloud, "web")
	assert.Empty(t, g.Hooks)
	assert.Empty(t, g.Schedules)
	assert.Empty(t, g.Policies)
	assert.Empty(t, alarms(p.cloud))
}

func TestWhatNothingHereCanIsRefusedByItsName(t *testing.T) {
	p := newProvider(t)
	where := newSite(t, p)
	balancer := p.created(t, balancerToken, "web-lb", where.application())
	with := func(key string, value any) map[string]any {
		inputs := where.application()
		inputs[key] = value
		return inputs
	}
	listener := func(more map[string]any) map[string]any {
		inputs := map[string]any{"loadBalancerArn": string(balancer.ID), "port": 80}
		maps.Copy(inputs, more)
		return inputs
	}
	fixed := []any{map[string]any{"type": "fixed-response"}}
	moved := func(redirect map[string]any) []any {
		return []any{map[string]any{"type": "redirect", "redirect": redirect}}
	}
	for want, c := range map[string]struct {
		token  string
		inputs map[string]any
	}{
		`loadBalancerType: "gateway"`:            {balancerToken, with("loadBalancerType", "gateway")},
		`ipAddressType: "dualstack"`:             {balancerToken, with("ipAddressType", "dualstack")},
		`protocol: "TLS"`:                        {targetGroupToken, map[string]any{"vpcId": where.vpc, "port": 443, "protocol": "TLS"}},
		`protocol: "UDP"`:                        {targetGroupToken, map[string]any{"vpcId": where.vpc, "port": 80, "protocol": "UDP"}},
		`targetType: "ip"`:                       {targetGroupToken, map[string]any{"vpcId": where.vpc, "protocol": "TCP", "targetType": "ip"}},
		`defaultActions[0].type`:                 {listenerToken, listener(map[string]any{"defaultActions": fixed})},
		`defaultActions: the emulator takes one`: {listenerToken, listener(nil)},
		`redirect.port: "x"`: {listenerToken, listener(map[string]any{
			"defaultActions": moved(map[string]any{"port": "x", "statusCode": "HTTP_301"}),
		})},
		`redirect.statusCode: "HTTP_307"`: {listenerToken, listener(map[string]any{
			"defaultActions": moved(map[string]any{"port": "443", "statusCode": "HTTP_307"}),
		})},
		`because it creates a loop`: {listenerToken, listener(map[string]any{
			"defaultActions": moved(map[string]any{"port": "#{port}", "statusCode": "HTTP_301"}),
		})},
		`An SSL policy cannot be specified`: {listenerToken, listener(map[string]any{
			"defaultActions": fixed, "sslPolicy": "ELBSecurityPolicy-2016-08",
		})},
		`policyType: "SimpleScaling"`: {policyToken, map[string]any{"autoscalingGroupName": "g"}},
		`metricIntervalLowerBound: "zero"`: {policyToken, map[string]any{
			"autoscalingGroupName": "g", "policyType": "StepScaling", "adjustmentType": "ChangeInCapacity",
			"stepAdjustments": []any{map[string]any{"scalingAdjustment": 1, "metricIntervalLowerBound": "zero"}},
		}},
		`startTime: "tomorrow"`: {"aws:autoscaling/schedule:Schedule", map[string]any{
			"autoscalingGroupName": "g", "scheduledActionName": "s", "startTime": "tomorrow",
		}},
		`roleArn is required`: {"aws:autoscaling/lifecycleHook:LifecycleHook", map[string]any{
			"autoscalingGroupName": "g", "lifecycleTransition": autoscaling.Launching, "notificationTargetArn": "arn:aws:sns:x",
		}},
	} {
		require.ErrorContains(t, p.fails(t, c.token, c.inputs), want)
	}
}
