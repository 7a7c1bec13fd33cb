package provider

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/internal/docstest"
)

const document = "../../docs/refusals.md"

// replacement lists the properties whose change replaces a resource, by the provider's source.
type replacement struct {
	source    string            // file below internal/service of terraform-provider-aws 5.100
	always    []string          // properties with ForceNew or RequiresReplace
	sometimes map[string]string // properties with a rule of their own, see TestWhatReplacesSometimes
}

var replacements = map[string]replacement{
	"aws:acm/certificate:Certificate": {
		source: "acm/certificate.go",
		always: []string{"domainName", "keyAlgorithm", "subjectAlternativeNames", "validationMethod"},
	},
	"aws:acm/certificateValidation:CertificateValidation": {
		source: "acm/certificate_validation.go",
		always: []string{"certificateArn", "validationRecordFqdns"},
	},
	"aws:appautoscaling/policy:Policy": {
		source: "appautoscaling/policy.go",
		always: []string{"name", "resourceId", "scalableDimension", "serviceNamespace"},
	},
	"aws:appautoscaling/target:Target": {
		source: "appautoscaling/target.go",
		always: []string{"resourceId", "scalableDimension", "serviceNamespace"},
	},
	"aws:autoscaling/group:Group": {
		source: "autoscaling/group.go",
		always: []string{"initialLifecycleHooks", "name"},
	},
	"aws:autoscaling/lifecycleHook:LifecycleHook": {
		source: "autoscaling/lifecycle_hook.go",
		always: []string{"autoscalingGroupName", "name"},
	},
	"aws:autoscaling/policy:Policy": {
		source: "autoscaling/policy.go",
		always: []string{"autoscalingGroupName", "name"},
	},
	"aws:autoscaling/schedule:Schedule": {
		source: "autoscaling/schedule.go",
		always: []string{"autoscalingGroupName", "scheduledActionName"},
	},
	"aws:cloudwatch/dashboard:Dashboard": {
		source: "cloudwatch/dashboard.go",
		always: []string{"dashboardName"},
	},
	"aws:cloudwatch/eventRule:EventRule": {
		source: "events/rule.go",
		always: []string{"eventBusName", "name"},
	},
	"aws:cloudwatch/eventTarget:EventTarget": {
		source: "events/target.go",
		always: []string{"eventBusName", "rule", "targetId"},
	},
	"aws:cloudwatch/logGroup:LogGroup": {
		source: "logs/group.go",
		always: []string{"logGroupClass", "name"},
	},
	"aws:cloudwatch/metricAlarm:MetricAlarm": {
		source: "cloudwatch/metric_alarm.go",
		always: []string{"name"},
	},
	"aws:ec2/amiFromInstance:AmiFromInstance": {
		source: "ec2/ec2_ami_from_instance.go",
		always: []string{"name", "snapshotWithoutReboot", "sourceInstanceId"},
	},
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": {
		source: "ec2/vpc_default_security_group.go",
		always: []string{"vpcId"},
	},
	"aws:ec2/eip:Eip": {
		source: "ec2/ec2_eip.go",
		always: []string{"domain"},
	},
	"aws:ec2/flowLog:FlowLog": {
		source: "ec2/vpc_flow_log.go",
		always: []string{
			"iamRoleArn", "logDestination", "logDestinationType", "logFormat", "maxAggregationInterval", "subnetId",
			"trafficType", "vpcId",
		},
	},
	"aws:ec2/instance:Instance": {
		source:    "ec2/ec2_instance.go",
		always:    []string{"ami", "associatePublicIpAddress", "ebsOptimized", "keyName", "subnetId"},
		sometimes: map[string]string{"rootBlockDevice": "its encryption"},
	},
	"aws:ec2/internetGateway:InternetGateway": {
		source: "ec2/vpc_internet_gateway.go",
	},
	"aws:ec2/launchTemplate:LaunchTemplate": {
		source: "ec2/ec2_launch_template.go",
		always: []string{"name"},
	},
	"aws:ec2/natGateway:NatGateway": {
		source: "ec2/vpc_nat_gateway.go",
		always: []string{"allocationId", "connectivityType", "subnetId"},
	},
	"aws:ec2/networkAcl:NetworkAcl": {
		source: "ec2/vpc_network_acl.go",
		always: []string{"vpcId"},
	},
	"aws:ec2/networkAclAssociation:NetworkAclAssociation": {
		source: "ec2/vpc_network_acl_association.go",
		always: []string{"networkAclId", "subnetId"},
	},
	"aws:ec2/networkAclRule:NetworkAclRule": {
		source: "ec2/vpc_network_acl_rule.go",
		always: []string{
			"cidrBlock", "egress", "fromPort", "icmpCode", "icmpType", "networkAclId", "protocol", "ruleAction", "ruleNumber",
			"toPort",
		},
	},
	"aws:ec2/route:Route": {
		source: "ec2/vpc_route.go",
		always: []string{"destinationCidrBlock", "routeTableId"},
	},
	"aws:ec2/routeTable:RouteTable": {
		source: "ec2/vpc_route_table.go",
		always: []string{"vpcId"},
	},
	"aws:ec2/routeTableAssociation:RouteTableAssociation": {
		source: "ec2/vpc_route_table_association.go",
		always: []string{"subnetId"},
	},
	"aws:ec2/securityGroup:SecurityGroup": {
		source: "ec2/vpc_security_group.go",
		always: []string{"description", "name", "vpcId"},
	},
	"aws:ec2/subnet:Subnet": {
		source: "ec2/vpc_subnet.go",
		always: []string{"availabilityZone", "cidrBlock", "vpcId"},
	},
	"aws:ec2/vpc:Vpc": {
		source: "ec2/vpc_.go",
		always: []string{"cidrBlock"},
	},
	"aws:ec2/vpcEndpoint:VpcEndpoint": {
		source: "ec2/vpc_endpoint.go",
		always: []string{"serviceName", "vpcEndpointType", "vpcId"},
	},
	"aws:ecs/capacityProvider:CapacityProvider": {
		source:    "ecs/capacity_provider.go",
		always:    []string{"name"},
		sometimes: map[string]string{"autoScalingGroupProvider": "its group"},
	},
	"aws:ecs/cluster:Cluster": {
		source: "ecs/cluster.go",
		always: []string{"name"},
	},
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": {
		source: "ecs/cluster_capacity_providers.go",
		always: []string{"clusterName"},
	},
	"aws:ecs/service:Service": {
		source: "ecs/service.go",
		always: []string{"cluster", "launchType", "name", "schedulingStrategy"},
		sometimes: map[string]string{
			"capacityProviderStrategies": "unless `forceNewDeployment`; adding the first and removing the last always",
			"deploymentController":       "its type",
		},
	},
	"aws:ecs/taskDefinition:TaskDefinition": {
		source: "ecs/task_definition.go",
		always: []string{
			"containerDefinitions", "cpu", "executionRoleArn", "family", "memory", "networkMode", "requiresCompatibilities",
			"runtimePlatform", "taskRoleArn",
		},
	},
	"aws:iam/instanceProfile:InstanceProfile": {
		source: "iam/instance_profile.go",
		always: []string{"name"},
	},
	"aws:iam/role:Role": {
		source: "iam/role.go",
		always: []string{"name"},
	},
	"aws:iam/rolePolicy:RolePolicy": {
		source: "iam/role_policy.go",
		always: []string{"name", "role"},
	},
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
		source: "iam/role_policy_attachment.go",
		always: []string{"policyArn", "role"},
	},
	"aws:lb/listener:Listener": {
		source: "elbv2/listener.go",
		always: []string{"loadBalancerArn"},
	},
	"aws:lb/loadBalancer:LoadBalancer": {
		source: "elbv2/load_balancer.go",
		always: []string{"internal", "loadBalancerType", "name"},
		sometimes: map[string]string{
			"securityGroups": "of a network balancer: adding the first, removing the last",
			"subnets":        "of a network balancer: removing one",
		},
	},
	"aws:lb/targetGroup:TargetGroup": {
		source: "elbv2/target_group.go",
		always: []string{"name", "port", "protocol", "targetType", "vpcId"},
	},
	"aws:rds/instance:Instance": {
		source: "rds/instance.go",
		always: []string{"availabilityZone", "dbName", "engine", "kmsKeyId", "storageEncrypted", "username"},
	},
	"aws:rds/parameterGroup:ParameterGroup": {
		source: "rds/parameter_group.go",
		always: []string{"description", "family", "name"},
	},
	"aws:rds/subnetGroup:SubnetGroup": {
		source: "rds/subnet_group.go",
		always: []string{"name"},
	},
	"aws:route53/record:Record": {
		source: "route53/record.go",
		always: []string{"name", "zoneId"},
	},
	"aws:route53/zone:Zone": {
		source: "route53/zone.go",
		always: []string{"name"},
	},
	"aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2": {
		source: "s3/bucket_lifecycle_configuration.go",
		always: []string{"bucket"},
	},
	"aws:s3/bucketObjectv2:BucketObjectv2": {
		source: "s3/object.go",
		always: []string{"bucket", "key"},
	},
	"aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
		source: "s3/bucket_ownership_controls.go",
		always: []string{"bucket"},
	},
	"aws:s3/bucketPolicy:BucketPolicy": {
		source: "s3/bucket_policy.go",
		always: []string{"bucket"},
	},
	"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {
		source: "s3/bucket_public_access_block.go",
		always: []string{"bucket"},
	},
	"aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2": {
		source: "s3/bucket_server_side_encryption_configuration.go",
		always: []string{"bucket"},
	},
	"aws:s3/bucketV2:BucketV2": {
		source: "s3/bucket.go",
		always: []string{"bucket"},
	},
	"aws:s3/bucketVersioningV2:BucketVersioningV2": {
		source: "s3/bucket_versioning.go",
		always: []string{"bucket"},
	},
	"aws:secretsmanager/secret:Secret": {"secretsmanager/secret.go", []string{"name"}, nil},
	"aws:secretsmanager/secretVersion:SecretVersion": {
		source: "secretsmanager/secret_version.go",
		always: []string{"secretId", "secretString"},
	},
	"aws:ssm/parameter:Parameter": {"ssm/parameter.go", []string{"name"}, nil},
	"aws:sns/topic:Topic": {
		source: "sns/topic.go",
		always: []string{"name"},
	},
	"aws:sns/topicPolicy:TopicPolicy": {
		source: "sns/topic_policy.go",
		always: []string{"arn"},
	},
	"aws:sns/topicSubscription:TopicSubscription": {
		source: "sns/topic_subscription.go",
		always: []string{"endpoint", "protocol", "topic"},
	},
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {
		source:    "ec2/vpc_security_group_egress_rule.go",
		always:    []string{"securityGroupId"},
		sometimes: peers,
	},
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
		source:    "ec2/vpc_security_group_ingress_rule.go",
		always:    []string{"securityGroupId"},
		sometimes: peers,
	},
}

var peers = map[string]string{
	"cidrIpv4": peerKind, "cidrIpv6": peerKind, "prefixListId": peerKind, "referencedSecurityGroupId": peerKind,
}

const peerKind = "when the other end changes its kind"

// replaces asks the provider whether a change of inputs replaces for one of them.
func replaces(t *testing.T, token, property string, olds, news map[string]any) bool {
	t.Helper()
	diff, err := newProvider(t).Diff(t.Context(), plugin.DiffRequest{
		Type: tokens.Type(token), OldInputs: properties(olds), NewInputs: properties(news),
	})
	require.NoError(t, err)
	require.Equal(t, plugin.DiffSome, diff.Changes)
	return slices.Contains(diff.ReplaceKeys, resource.PropertyKey(property))
}

func TestEveryPropertyReplacesAsTheProvidersSchemaSays(t *testing.T) {
	require.Equal(t, aws.Keys(registry), aws.Keys(replacements), "every type is in the table")
	for token, want := range replacements {
		for _, property := range want.always {
			assert.Contains(t, registry[token].properties, property, token)
		}
		for _, property := range registry[token].properties {
			if _, own := want.sometimes[property]; own {
				continue
			}
			is := replaces(t, token, property, map[string]any{property: "a"}, map[string]any{property: "b"})
			assert.Equal(t, slices.Contains(want.always, property), is, "%s: %s", token, property)
		}
	}
}

// Each case is a change of a property that replaces by a rule of its own.
func TestWhatReplacesSometimes(t *testing.T) {
	const (
		instance, balancer = "aws:ec2/instance:Instance", "aws:lb/loadBalancer:LoadBalancer"
		service, capacity  = "aws:ecs/service:Service", "aws:ecs/capacityProvider:CapacityProvider"
		rule               = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
	)
	type in = map[string]any
	list := func(of ...any) []any { return of }
	strategy := func(names ...string) []any {
		all := []any{}
		for _, name := range names {
			all = append(all, in{"capacityProvider": name, "weight": 1})
		}
		return all
	}
	tested := map[string][]string{}
	for _, c := range []struct {
		name, token, property string
		old, now              in
		replaces              bool
	}{
		{
			name: "a root volume grows", token: instance, property: "rootBlockDevice",
			old: in{"rootBlockDevice": in{"volumeSize": 8}}, now: in{"rootBlockDevice": in{"volumeSize": 9}},
		},
		{
			name: "a root volume is encrypted", token: instance, property: "rootBlockDevice",
			old: in{"rootBlockDevice": in{"encrypted": false}}, now: in{"rootBlockDevice": in{"encrypted": true}},
			replaces: true,
		},
		{
			name: "a root volume has another key", token: instance, property: "rootBlockDevice",
			old: in{"rootBlockDevice": in{"kmsKeyId": "a"}}, now: in{"rootBlockDevice": in{"kmsKeyId": "b"}}, replaces: true,
		},
		{
			name: "a network balancer loses a subnet", token: balancer, property: "subnets",
			old: in{"loadBalancerType": "network", "subnets": list("a", "b")},
			now: in{"loadBalancerType": "network", "subnets": list("a")}, replaces: true,
		},
		{
			name: "a network balancer gets a subnet", token: balancer, property: "subnets",
			old: in{"loadBalancerType": "network", "subnets": list("a")},
			now: in{"loadBalancerType": "network", "subnets": list("a", "b")},
		},
		{
			name: "an application balancer loses a subnet", token: balancer, property: "subnets",
			old: in{"subnets": list("a", "b", "c")}, now: in{"subnets": list("a", "b")},
		},
		{
			name: "a network balancer's first group", token: balancer, property: "securityGroups",
			old: in{"loadBalancerType": "network"}, now: in{"loadBalancerType": "network", "securityGroups": list("a")},
			replaces: true,
		},
		{
			name: "a network balancer's second group", token: balancer, property: "securityGroups",
			old: in{"loadBalancerType": "network", "securityGroups": list("a")},
			now: in{"loadBalancerType": "network", "securityGroups": list("a", "b")},
		},
		{
			name: "a service's providers", token: service, property: "capacityProviderStrategies",
			old: in{"capacityProviderStrategies": strategy("a")}, now: in{"capacityProviderStrategies": strategy("b")},
			replaces: true,
		},
		{
			name: "a service's providers with a forced deployment", token: service, property: "capacityProviderStrategies",
			old: in{"capacityProviderStrategies": strategy("a"), "forceNewDeployment": true},
			now: in{"capacityProviderStrategies": strategy("b"), "forceNewDeployment": true},
		},
		{
			name: "a service's first provider with a forced deployment", token: service,
			property: "capacityProviderStrategies", old: in{"forceNewDeployment": true},
			now: in{"capacityProviderStrategies": strategy("b"), "forceNewDeployment": true}, replaces: true,
		},
		{
			name: "a service's deployment controller", token: service, property: "deploymentController",
			old: in{"deploymentController": in{"type": "ECS"}}, now: in{"deploymentController": in{"type": "EXTERNAL"}},
			replaces: true,
		},
		{
			name: "a capacity provider's group", token: capacity, property: "autoScalingGroupProvider",
			old: in{"autoScalingGroupProvider": in{"autoScalingGroupArn": "a"}},
			now: in{"autoScalingGroupProvider": in{"autoScalingGroupArn": "b"}}, replaces: true,
		},
		{
			name: "a capacity provider's protection", token: capacity, property: "autoScalingGroupProvider",
			old: in{"autoScalingGroupProvider": in{"autoScalingGroupArn": "a"}},
			now: in{"autoScalingGroupProvider": in{"autoScalingGroupArn": "a", "managedTerminationProtection": "DISABLED"}},
		},
		{
			name: "a rule's range", token: rule, property: "cidrIpv4", old: in{"cidrIpv4": "10.0.0.0/8"},
			now: in{"cidrIpv4": "10.0.0.0/9"},
		},
		{
			name: "a rule's range into a group", token: rule, property: "referencedSecurityGroupId",
			old: in{"cidrIpv4": "10.0.0.0/8"}, now: in{"referencedSecurityGroupId": "sg-1"}, replaces: true,
		},
		{
			name: "a rule's group into a prefix list", token: rule, property: "prefixListId",
			old: in{"referencedSecurityGroupId": "sg-1"}, now: in{"prefixListId": "pl-1"}, replaces: true,
		},
		{
			name: "a rule's IPv6 range into an IPv4 range", token: rule, property: "cidrIpv6", old: in{"cidrIpv6": "::/0"},
			now: in{"cidrIpv4": "0.0.0.0/0"}, replaces: true,
		},
	} {
		tested[c.token] = append(tested[c.token], c.property)
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.replaces, replaces(t, c.token, c.property, c.old, c.now))
		})
	}
	for token, want := range replacements {
		for property := range want.sometimes {
			if !strings.HasSuffix(token, "EgressRule") { // defined by the same function as ingress rules
				assert.Contains(t, tested[token], property, token)
			}
		}
	}
}

func TestTheDocumentListsWhatReplaces(t *testing.T) {
	var rows [][]string
	for _, token := range aws.Keys(replacements) {
		of := replacements[token]
		replacing := slices.Sorted(slices.Values(of.always))
		for _, property := range aws.Keys(of.sometimes) {
			replacing = append(replacing, property+" ("+of.sometimes[property]+")")
		}
		if len(replacing) == 0 {
			replacing = []string{"nothing"}
		}
		rows = append(rows, []string{"`" + token + "`", strings.Join(replacing, ", "), "`internal/service/" + of.source + "`"})
	}
	docstest.Section(t, document, "replacements", docstest.Table([]string{"type", "replaced by a change of", "source"}, rows))
}

// What the emulator takes and computes exists on AWS: it invents no property.
func TestEveryPropertyIsOneOfTheProviders(t *testing.T) {
	folder, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi-aws/sdk/v6").Output()
	if err != nil || len(strings.TrimSpace(string(folder))) == 0 {
		t.Skip("the SDK's source is not here")
	}
	for token, typ := range registry {
		module, name, _ := strings.Cut(strings.TrimPrefix(token, "aws:"), "/")
		file, name, _ := strings.Cut(name, ":")
		source := filepath.Join(strings.TrimSpace(string(folder)), "go", "aws", module, file+".go")
		assert.Subset(t, sdkFields(t, source, strings.ToLower(name[:1])+name[1:]+"Args"), typ.properties, token)
		assert.Subset(t, sdkFields(t, source, name), typ.outputs, token)
	}
}

// sdkFields reads from the SDK's source which properties the fields of a type stand for: the arguments of a resource in its
// unexported argument struct, the outputs in the resource's own.
func sdkFields(t *testing.T, file, name string) []string {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	var known []string
	ast.Inspect(source, func(node ast.Node) bool {
		spec, ok := node.(*ast.TypeSpec)
		if !ok || spec.Name.Name != name {
			return true
		}
		fields, ok := spec.Type.(*ast.StructType)
		require.True(t, ok)
		for _, field := range fields.Fields.List {
			if field.Tag != nil {
				known = append(known, reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("pulumi"))
			}
		}
		return false
	})
	require.NotEmpty(t, known, file)
	return known
}

func TestEveryTypeRefusesAPropertyThatItDoesntKnow(t *testing.T) {
	p := newProvider(t)
	for token := range registry {
		failures := p.checked(t, token, "x", nil, map[string]any{"nonsense": true}).Failures
		require.Len(t, failures, 1, token)
		assert.EqualValues(t, "nonsense", failures[0].Property, token)
	}
}
