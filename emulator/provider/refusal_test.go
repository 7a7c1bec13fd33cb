package provider

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/docstest"
)

// refusal is what a provider's plugin refuses before or beside the APIs, with the source that says so.
type refusal struct {
	token, source string
	inputs        map[string]any // beside those of ground
	want          string         // in the message
}

func many(count int) map[string]any {
	tags := map[string]any{}
	for n := range count {
		tags["tag"+strconv.Itoa(n)] = "x"
	}
	return tags
}

func providerRefusals() map[string]refusal {
	const (
		group     = "aws:ec2/securityGroup:SecurityGroup"
		rule      = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
		template  = "aws:ec2/launchTemplate:LaunchTemplate"
		eventRule = "aws:cloudwatch/eventRule:EventRule"
		vpc       = "aws:ec2/vpc:Vpc"
		alarm     = "aws:cloudwatch/metricAlarm:MetricAlarm"
		listener  = "aws:lb/listener:Listener"

		tagging      = "AWS General Reference: Tag naming limits and requirements"
		templates    = "terraform-provider-aws: internal/service/ec2/ec2_launch_template.go"
		descriptions = "EC2 API: CreateSecurityGroup"
	)
	of := func(key string, value any) map[string]any { return map[string]any{key: value} }
	network := func(tags map[string]any) map[string]any {
		return map[string]any{"cidrBlock": "10.1.0.0/16", "tags": tags}
	}
	return map[string]refusal{
		"51 tags":                          {vpc, tagging, network(many(51)), "TagLimitExceeded"},
		"a tag's key of 129 characters":    {vpc, tagging, network(of(strings.Repeat("k", 129), "v")), "maximum length of 128"},
		"a tag's value of 257 characters":  {vpc, tagging, network(of("k", strings.Repeat("v", 257))), "maximum length of 256"},
		"a tag's key that AWS reserves":    {vpc, tagging, network(of("aws:owner", "v")), "reserved"},
		"a description with an apostrophe": {group, descriptions, of("description", "the service's"), "Invalid security group description"},
		"a description of 256 characters": {group, descriptions,
			of("description", strings.Repeat("d", 256)), "Invalid security group description"},
		"a rule's description with an arrow": {rule, "EC2 API: IpRange",
			map[string]any{"description": "a → b", "ipProtocol": "tcp"}, "Invalid security group description"},
		"a hop limit of 65": {template, templates, of("metadataOptions", of("httpPutResponseHopLimit", 65)), "1 - 64"},
		"metadata tokens that are neither optional nor required": {template, templates,
			of("metadataOptions", of("httpTokens", "always")), "httpTokens"},
		"a metadata endpoint that is neither enabled nor disabled": {template, templates,
			of("metadataOptions", of("httpEndpoint", "on")), "httpEndpoint"},
		"a volume type that does not exist": {template, "EC2 API: CreateVolume", of("blockDeviceMappings", []any{
			map[string]any{"ebs": of("volumeType", "ssd")},
		}), "volumeType"},
		"a route with two targets": {"aws:ec2/route:Route", "terraform-provider-aws: internal/service/ec2/vpc_route.go", map[string]any{
			"destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-1", "natGatewayId": "nat-1",
		}, "only one of"},
		"a listener's TLS policy over HTTP": {listener, "ELB API: CreateListener", map[string]any{
			"protocol": "HTTP", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "defaultActions": []any{of("type", "forward")},
		}, "SSL policy"},
		"a listener's TLS policy over TCP": {listener, "ELB API: CreateListener", map[string]any{
			"protocol": "TCP", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "defaultActions": []any{of("type", "forward")},
		}, "SSL policy"},
		"a listener's TLS policy that does not exist": {listener, "ELB API: CreateListener", map[string]any{
			"protocol": "TLS", "sslPolicy": "TLSPolicy-2021", "defaultActions": []any{of("type", "forward")},
		}, "SSLPolicyNotFound"},
		"an alarm's period of 7 s": {alarm, "CloudWatch API: PutMetricAlarm", map[string]any{"period": 7}, "ValidationError"},
		"a rule of EventBridge with a schedule": {eventRule, "none: AWS does this, the emulator doesn't",
			of("scheduleExpression", "rate(5 minutes)"), "event patterns"},
		"a rule on an event bus that does not exist": {eventRule, "EventBridge API: PutRule",
			map[string]any{"eventBusName": "orders", "eventPattern": "{}"}, "ResourceNotFoundException"},
		"a rule's state that does not exist": {eventRule, "EventBridge API: PutRule",
			map[string]any{"state": "PAUSED", "eventPattern": "{}"}, "expected state"},
		"a target on an event bus that does not exist": {"aws:cloudwatch/eventTarget:EventTarget", "EventBridge API: PutTargets", map[string]any{
			"rule": "r", "eventBusName": "orders", "arn": "arn:aws:sns:us-east-1:123456789012:alerts",
		}, "ResourceNotFoundException"},
		"user data both as text and as base64": {"aws:ec2/instance:Instance", "terraform-provider-aws: internal/service/ec2/ec2_instance.go",
			map[string]any{
				"userData": "a", "userDataBase64": "YQ==",
			}, "conflicts with"},
	}
}

func TestWhatThePluginRefuses(t *testing.T) {
	for name, c := range providerRefusals() {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			net := newGround(t, p)
			inputs := map[string]any{}
			maps.Copy(inputs, c.inputs)
			given := map[string]any{"vpcId": net.vpc[0], "securityGroupId": net.group[0], "routeTableId": net.tables[0]}
			for key, value := range given {
				if slices.Contains(registry[c.token].properties, key) {
					inputs[key] = value
				}
			}
			version := p.cloud.Version()
			require.ErrorContains(t, p.attempt(t, c.token, "x", inputs), c.want)
			assert.Equal(t, version, p.cloud.Version(), "a refusal changes nothing")
		})
	}
}

// names are the types that are named automatically, with the longest name that their API takes.
var names = map[string]struct {
	longest int
	source  string
}{
	"aws:appautoscaling/policy:Policy":            {255, "Application Auto Scaling API: PutScalingPolicy"},
	"aws:autoscaling/group:Group":                 {255, "Auto Scaling API: CreateAutoScalingGroup"},
	"aws:autoscaling/lifecycleHook:LifecycleHook": {255, "Auto Scaling API: PutLifecycleHook"},
	"aws:autoscaling/policy:Policy":               {255, "Auto Scaling API: PutScalingPolicy"},
	"aws:cloudwatch/dashboard:Dashboard":          {255, "CloudWatch API: PutDashboard"},
	"aws:cloudwatch/eventRule:EventRule":          {64, "EventBridge API: PutRule"},
	"aws:cloudwatch/logGroup:LogGroup":            {512, "CloudWatch Logs API: CreateLogGroup"},
	"aws:cloudwatch/metricAlarm:MetricAlarm":      {255, "CloudWatch API: PutMetricAlarm"},
	"aws:ec2/amiFromInstance:AmiFromInstance":     {128, "EC2 API: CreateImage"},
	"aws:ec2/launchTemplate:LaunchTemplate":       {125, "terraform-provider-aws: internal/service/ec2/ec2_launch_template.go"},
	"aws:ec2/securityGroup:SecurityGroup":         {255, "EC2 API: CreateSecurityGroup"},
	"aws:ecs/capacityProvider:CapacityProvider":   {255, "ECS API: CreateCapacityProvider"},
	"aws:ecs/cluster:Cluster":                     {255, "ECS API: CreateCluster"},
	"aws:ecs/service:Service":                     {255, "ECS API: CreateService"},
	"aws:iam/instanceProfile:InstanceProfile":     {128, "IAM API: CreateInstanceProfile"},
	"aws:iam/role:Role":                           {64, "IAM API: CreateRole"},
	"aws:iam/rolePolicy:RolePolicy":               {128, "IAM API: PutRolePolicy"},
	"aws:lb/loadBalancer:LoadBalancer":            {32, "ELB API: CreateLoadBalancer"},
	"aws:lb/targetGroup:TargetGroup":              {32, "ELB API: CreateTargetGroup"},
	"aws:rds/instance:Instance":                   {63, "RDS API: CreateDBInstance"},
	"aws:rds/parameterGroup:ParameterGroup":       {255, "RDS API: CreateDBParameterGroup"},
	"aws:rds/subnetGroup:SubnetGroup":             {255, "RDS API: CreateDBSubnetGroup"},
	"aws:s3/bucketV2:BucketV2":                    {63, "S3 User Guide: Bucket naming rules"},
	"aws:sns/topic:Topic":                         {256, "SNS API: CreateTopic"},
}

// Auto-naming adds a hyphen and seven characters: a logical name that leaves no room for them is refused by Check.
func TestALogicalNameLeavesRoomForTheAutomaticOne(t *testing.T) {
	check := func(token string, length int) error {
		_, err := newProvider(t).Check(t.Context(), plugin.CheckRequest{
			URN: name(token, strings.Repeat("a", length)), Type: tokens.Type(token), RandomSeed: []byte("seed"),
		})
		return err
	}
	for token, typ := range registry {
		want, named := names[token]
		require.Equal(t, typ.name != "", named, token)
		if !named {
			continue
		}
		require.NoError(t, check(token, want.longest-8), token)
		require.Error(t, check(token, want.longest-7), token)
	}
}

func TestTheDocumentListsWhatThePluginRefuses(t *testing.T) {
	var rows [][]string
	add := func(what, says, source string) { rows = append(rows, []string{what, "`" + says + "`", source}) }
	const emulatorsOwn = "none: AWS does this, the emulator doesn't"
	add("a type that the emulator does not know", "the emulator refuses aws:…", emulatorsOwn)
	add("a property that the emulator does not know, at any depth", "the emulator doesn't know property …", emulatorsOwn)
	rules := providerRefusals()
	for _, what := range sortedKeys(rules) {
		add(what, rules[what].want, rules[what].source)
	}
	for _, token := range sortedKeys(names) {
		longest := names[token].longest
		what := fmt.Sprintf("a name of `%s` over %d: a logical name over %d", token, longest, longest-8)
		add(what, token[strings.LastIndex(token, ":")+1:], names[token].source)
	}
	docstest.Section(t, document, "provider", docstest.Table([]string{"refused", "the message says", "according to"}, rows))
}
