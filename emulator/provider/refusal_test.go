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

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/internal/docstest"
)

// refusal is something that the provider's plugin refuses itself, before or beside the APIs of AWS.
type refusal struct {
	name    string // what is refused, for docs/refusals.md
	token   string
	source  string         // the document or source file that says so
	inputs  map[string]any // in addition to those of ground
	message string         // a part of it
}

// many returns that many tags.
func many(count int) map[string]any {
	tags := map[string]any{}
	for n := range count {
		tags["tag"+strconv.Itoa(n)] = "x"
	}
	return tags
}

func providerRefusals() []refusal {
	const (
		group, template      = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/launchTemplate:LaunchTemplate"
		rule                 = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
		eventRule            = "aws:cloudwatch/eventRule:EventRule"
		vpc, alarm, listener = "aws:ec2/vpc:Vpc", "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:lb/listener:Listener"
		tagging              = "AWS General Reference: Tag naming limits and requirements"
		templates            = "terraform-provider-aws: internal/service/ec2/ec2_launch_template.go"
		descriptions         = "EC2 API: CreateSecurityGroup"
	)
	of := func(key string, value any) map[string]any { return map[string]any{key: value} }
	network := func(tags map[string]any) map[string]any {
		return map[string]any{"cidrBlock": "10.1.0.0/16", "tags": tags}
	}
	return []refusal{
		{name: "51 tags", token: vpc, source: tagging, inputs: network(many(51)), message: "TagLimitExceeded"},
		{
			name: "a tag key of 129 characters", token: vpc, source: tagging,
			inputs: network(of(strings.Repeat("k", 129), "v")), message: "maximum length of 128",
		},
		{
			name: "a tag value of 257 characters", token: vpc, source: tagging,
			inputs: network(of("k", strings.Repeat("v", 257))), message: "maximum length of 256",
		},
		{
			name: "a tag key that AWS reserves", token: vpc, source: tagging, inputs: network(of("aws:owner", "v")),
			message: "reserved",
		},
		{
			name: "a description with an apostrophe", token: group, source: descriptions,
			inputs: of("description", "the service's"), message: "Invalid security group description",
		},
		{
			name: "a description of 256 characters", token: group, source: descriptions,
			inputs: of("description", strings.Repeat("d", 256)), message: "Invalid security group description",
		},
		{
			name: "a rule's description with an arrow", token: rule, source: "EC2 API: IpRange",
			inputs: map[string]any{"description": "a → b", "ipProtocol": "tcp"}, message: "Invalid security group description",
		},
		{
			name: "a hop limit of 65", token: template, source: templates,
			inputs: of("metadataOptions", of("httpPutResponseHopLimit", 65)), message: "1 - 64",
		},
		{
			name: "metadata tokens that are neither optional nor required", token: template, source: templates,
			inputs: of("metadataOptions", of("httpTokens", "always")), message: "httpTokens",
		},
		{
			name: "a metadata endpoint that is neither enabled nor disabled", token: template, source: templates,
			inputs: of("metadataOptions", of("httpEndpoint", "on")), message: "httpEndpoint",
		},
		{
			name: "CPU credits that are neither standard nor unlimited", token: template, source: "EC2 API: CreditSpecificationRequest",
			inputs: of("creditSpecification", of("cpuCredits", "infinite")), message: "creditSpecification.cpuCredits",
		},
		{
			name: "a volume type that does not exist", token: template, source: "EC2 API: CreateVolume",
			inputs: of("blockDeviceMappings", []any{
				map[string]any{"ebs": of("volumeType", "ssd")},
			}),
			message: "volumeType",
		},
		{
			name: "a route with two targets", token: "aws:ec2/route:Route",
			source: "terraform-provider-aws: internal/service/ec2/vpc_route.go",
			inputs: map[string]any{
				"destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-1", "natGatewayId": "nat-1",
			},
			message: "only one of",
		},
		{
			name: "a TLS policy of an HTTP listener", token: listener, source: "ELB API: CreateListener",
			inputs: map[string]any{
				"protocol": "HTTP", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "defaultActions": []any{of("type", "forward")},
			},
			message: "SSL policy",
		},
		{
			name: "a TLS policy of a TCP listener", token: listener, source: "ELB API: CreateListener",
			inputs: map[string]any{
				"protocol": "TCP", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "defaultActions": []any{of("type", "forward")},
			},
			message: "SSL policy",
		},
		{
			name: "a TLS policy that does not exist", token: listener, source: "ELB API: CreateListener",
			inputs: map[string]any{
				"protocol": "TLS", "sslPolicy": "TLSPolicy-2021", "defaultActions": []any{of("type", "forward")},
			},
			message: "SSLPolicyNotFound",
		},
		{
			name: "an alarm period of 7 s", token: alarm, source: "CloudWatch API: PutMetricAlarm",
			inputs: map[string]any{"period": 7}, message: "ValidationError",
		},
		{
			name: "a percentile as the statistic of an alarm", token: alarm, source: "CloudWatch API: PutMetricAlarm",
			inputs: of("statistic", "p99"), message: "is an extended statistic",
		},
		{
			name: "an alarm with a statistic and an extended one", token: alarm, source: "CloudWatch API: PutMetricAlarm",
			inputs: map[string]any{"statistic": "Sum", "extendedStatistic": "p99"}, message: "Exactly one of",
		},
		{
			name: "an alarm on a trimmed mean", token: alarm, source: "none: AWS does this, the emulator doesn't",
			inputs: of("extendedStatistic", "tm90"), message: "a percentile such as p99",
		},
		{
			name: "an EventBridge rule with a schedule", token: eventRule, source: "none: AWS does this, the emulator doesn't",
			inputs: of("scheduleExpression", "rate(5 minutes)"), message: "event patterns",
		},
		{
			name: "a rule on an event bus that does not exist", token: eventRule, source: "EventBridge API: PutRule",
			inputs: map[string]any{"eventBusName": "orders", "eventPattern": "{}"}, message: "ResourceNotFoundException",
		},
		{
			name: "a rule state that does not exist", token: eventRule, source: "EventBridge API: PutRule",
			inputs: map[string]any{"state": "PAUSED", "eventPattern": "{}"}, message: "expected state",
		},
		{
			name: "a target on an event bus that does not exist", token: "aws:cloudwatch/eventTarget:EventTarget",
			source: "EventBridge API: PutTargets",
			inputs: map[string]any{
				"rule": "r", "eventBusName": "orders", "arn": "arn:aws:sns:us-east-1:123456789012:alerts",
			},
			message: "ResourceNotFoundException",
		},
		{
			name: "user data both as text and as base64", token: "aws:ec2/instance:Instance",
			source: "terraform-provider-aws: internal/service/ec2/ec2_instance.go",
			inputs: map[string]any{
				"userData": "a", "userDataBase64": "YQ==",
			},
			message: "conflicts with",
		},
	}
}

func TestWhatThePluginRefuses(t *testing.T) {
	for _, c := range providerRefusals() {
		t.Run(c.name, func(t *testing.T) {
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
			require.ErrorContains(t, p.attempt(t, c.token, "x", inputs), c.message)
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
	"aws:secretsmanager/secret:Secret":            {512, "Secrets Manager API: CreateSecret"},
	"aws:ssm/parameter:Parameter":                 {1011, "Systems Manager API: PutParameter"},
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
	refusals := providerRefusals()
	slices.SortFunc(refusals, func(a, b refusal) int { return strings.Compare(a.name, b.name) })
	for _, r := range refusals {
		add(r.name, r.message, r.source)
	}
	for _, token := range aws.Keys(names) {
		longest := names[token].longest
		add(fmt.Sprintf("a name of `%s` over %d characters: a logical name over %d", token, longest, longest-8),
			token[strings.LastIndex(token, ":")+1:], names[token].source)
	}
	docstest.Section(t, document, "provider", docstest.Table([]string{"refused", "the message says", "according to"}, rows))
}
