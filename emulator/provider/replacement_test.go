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

	"github.com/elastic-service/elastic-service/internal/docstest"
)

const document = "../../docs/refusals.md"

// replacement is what the provider's source says of a type.
type replacement struct {
	source    string            // file below internal/service of terraform-provider-aws 5.100
	always    []string          // ForceNew or RequiresReplace
	sometimes map[string]string // by a rule of its own, see TestWhatReplacesSometimes
}

var replacements = map[string]replacement{
	"aws:acm/certificate:Certificate": {"acm/certificate.go",
		[]string{"domainName", "keyAlgorithm", "subjectAlternativeNames", "validationMethod"}, nil},
	"aws:acm/certificateValidation:CertificateValidation": {"acm/certificate_validation.go",
		[]string{"certificateArn", "validationRecordFqdns"}, nil},
	"aws:appautoscaling/policy:Policy": {"appautoscaling/policy.go",
		[]string{"name", "resourceId", "scalableDimension", "serviceNamespace"}, nil},
	"aws:appautoscaling/target:Target": {"appautoscaling/target.go",
		[]string{"resourceId", "scalableDimension", "serviceNamespace"}, nil},
	"aws:autoscaling/group:Group":                 {"autoscaling/group.go", []string{"initialLifecycleHooks", "name"}, nil},
	"aws:autoscaling/lifecycleHook:LifecycleHook": {"autoscaling/lifecycle_hook.go", []string{"autoscalingGroupName", "name"}, nil},
	"aws:autoscaling/policy:Policy":               {"autoscaling/policy.go", []string{"autoscalingGroupName", "name"}, nil},
	"aws:autoscaling/schedule:Schedule": {"autoscaling/schedule.go",
		[]string{"autoscalingGroupName", "scheduledActionName"}, nil},
	"aws:cloudwatch/dashboard:Dashboard":      {"cloudwatch/dashboard.go", []string{"dashboardName"}, nil},
	"aws:cloudwatch/eventRule:EventRule":      {"events/rule.go", []string{"eventBusName", "name"}, nil},
	"aws:cloudwatch/eventTarget:EventTarget":  {"events/target.go", []string{"eventBusName", "rule", "targetId"}, nil},
	"aws:cloudwatch/logGroup:LogGroup":        {"logs/group.go", []string{"logGroupClass", "name"}, nil},
	"aws:cloudwatch/metricAlarm:MetricAlarm":  {"cloudwatch/metric_alarm.go", []string{"name"}, nil},
	"aws:ec2/amiFromInstance:AmiFromInstance": {"ec2/ec2_ami_from_instance.go", []string{"name", "snapshotWithoutReboot", "sourceInstanceId"}, nil},
	"aws:ec2/eip:Eip":                         {"ec2/ec2_eip.go", []string{"domain"}, nil},
	"aws:ec2/flowLog:FlowLog": {"ec2/vpc_flow_log.go", []string{
		"iamRoleArn", "logDestination", "logDestinationType", "logFormat", "maxAggregationInterval", "subnetId", "trafficType", "vpcId",
	}, nil},
	"aws:ec2/instance:Instance": {"ec2/ec2_instance.go",
		[]string{"ami", "associatePublicIpAddress", "ebsOptimized", "keyName", "subnetId"},
		map[string]string{"rootBlockDevice": "its encryption"}},
	"aws:ec2/internetGateway:InternetGateway":             {"ec2/vpc_internet_gateway.go", nil, nil},
	"aws:ec2/launchTemplate:LaunchTemplate":               {"ec2/ec2_launch_template.go", []string{"name"}, nil},
	"aws:ec2/natGateway:NatGateway":                       {"ec2/vpc_nat_gateway.go", []string{"allocationId", "connectivityType", "subnetId"}, nil},
	"aws:ec2/networkAcl:NetworkAcl":                       {"ec2/vpc_network_acl.go", []string{"vpcId"}, nil},
	"aws:ec2/networkAclAssociation:NetworkAclAssociation": {"ec2/vpc_network_acl_association.go", []string{"networkAclId", "subnetId"}, nil},
	"aws:ec2/networkAclRule:NetworkAclRule": {"ec2/vpc_network_acl_rule.go", []string{
		"cidrBlock", "egress", "fromPort", "icmpCode", "icmpType", "networkAclId", "protocol", "ruleAction", "ruleNumber", "toPort",
	}, nil},
	"aws:ec2/route:Route":                                 {"ec2/vpc_route.go", []string{"destinationCidrBlock", "routeTableId"}, nil},
	"aws:ec2/routeTable:RouteTable":                       {"ec2/vpc_route_table.go", []string{"vpcId"}, nil},
	"aws:ec2/routeTableAssociation:RouteTableAssociation": {"ec2/vpc_route_table_association.go", []string{"subnetId"}, nil},
	"aws:ec2/securityGroup:SecurityGroup":                 {"ec2/vpc_security_group.go", []string{"description", "name", "vpcId"}, nil},
	"aws:ec2/subnet:Subnet":                               {"ec2/vpc_subnet.go", []string{"availabilityZone", "cidrBlock", "vpcId"}, nil},
	"aws:ec2/vpc:Vpc":                                     {"ec2/vpc_.go", []string{"cidrBlock"}, nil},
	"aws:ec2/vpcEndpoint:VpcEndpoint":                     {"ec2/vpc_endpoint.go", []string{"serviceName", "vpcEndpointType", "vpcId"}, nil},
	"aws:ecs/capacityProvider:CapacityProvider": {"ecs/capacity_provider.go", []string{"name"},
		map[string]string{"autoScalingGroupProvider": "its group"}},
	"aws:ecs/cluster:Cluster":                                   {"ecs/cluster.go", []string{"name"}, nil},
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": {"ecs/cluster_capacity_providers.go", []string{"clusterName"}, nil},
	"aws:ecs/service:Service": {"ecs/service.go", []string{"cluster", "launchType", "name", "schedulingStrategy"}, map[string]string{
		"capacityProviderStrategies": "unless `forceNewDeployment`; the first and the last always", "deploymentController": "its type",
	}},
	"aws:ecs/taskDefinition:TaskDefinition": {"ecs/task_definition.go", []string{
		"containerDefinitions", "cpu", "executionRoleArn", "family", "memory", "networkMode", "requiresCompatibilities",
		"runtimePlatform", "taskRoleArn",
	}, nil},
	"aws:iam/instanceProfile:InstanceProfile":           {"iam/instance_profile.go", []string{"name"}, nil},
	"aws:iam/role:Role":                                 {"iam/role.go", []string{"name"}, nil},
	"aws:iam/rolePolicy:RolePolicy":                     {"iam/role_policy.go", []string{"name", "role"}, nil},
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment": {"iam/role_policy_attachment.go", []string{"policyArn", "role"}, nil},
	"aws:lb/listener:Listener":                          {"elbv2/listener.go", []string{"loadBalancerArn"}, nil},
	"aws:lb/loadBalancer:LoadBalancer": {"elbv2/load_balancer.go", []string{"internal", "loadBalancerType", "name"}, map[string]string{
		"securityGroups": "of a network balancer: the first and the last", "subnets": "of a network balancer: one that is taken away",
	}},
	"aws:lb/targetGroup:TargetGroup": {"elbv2/target_group.go", []string{"name", "port", "protocol", "targetType", "vpcId"}, nil},
	"aws:rds/instance:Instance": {"rds/instance.go",
		[]string{"availabilityZone", "dbName", "engine", "kmsKeyId", "storageEncrypted", "username"}, nil},
	"aws:rds/parameterGroup:ParameterGroup":                                {"rds/parameter_group.go", []string{"description", "family", "name"}, nil},
	"aws:rds/subnetGroup:SubnetGroup":                                      {"rds/subnet_group.go", []string{"name"}, nil},
	"aws:route53/record:Record":                                            {"route53/record.go", []string{"name", "zoneId"}, nil},
	"aws:route53/zone:Zone":                                                {"route53/zone.go", []string{"name"}, nil},
	"aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2": {"s3/bucket_lifecycle_configuration.go", []string{"bucket"}, nil},
	"aws:s3/bucketObjectv2:BucketObjectv2":                                 {"s3/object.go", []string{"bucket", "key"}, nil},
	"aws:s3/bucketOwnershipControls:BucketOwnershipControls":               {"s3/bucket_ownership_controls.go", []string{"bucket"}, nil},
	"aws:s3/bucketPolicy:BucketPolicy":                                     {"s3/bucket_policy.go", []string{"bucket"}, nil},
	"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock":               {"s3/bucket_public_access_block.go", []string{"bucket"}, nil},
	"aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2": {
		"s3/bucket_server_side_encryption_configuration.go", []string{"bucket"}, nil},
	"aws:s3/bucketV2:BucketV2":                                  {"s3/bucket.go", []string{"bucket"}, nil},
	"aws:s3/bucketVersioningV2:BucketVersioningV2":              {"s3/bucket_versioning.go", []string{"bucket"}, nil},
	"aws:sns/topic:Topic":                                       {"sns/topic.go", []string{"name"}, nil},
	"aws:sns/topicPolicy:TopicPolicy":                           {"sns/topic_policy.go", []string{"arn"}, nil},
	"aws:sns/topicSubscription:TopicSubscription":               {"sns/topic_subscription.go", []string{"endpoint", "protocol", "topic"}, nil},
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":   {"ec2/vpc_security_group_egress_rule.go", []string{"securityGroupId"}, peers},
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {"ec2/vpc_security_group_ingress_rule.go", []string{"securityGroupId"}, peers},
}

var peers = map[string]string{
	"cidrIpv4": peerKind, "cidrIpv6": peerKind, "prefixListId": peerKind, "referencedSecurityGroupId": peerKind,
}

const peerKind = "when the other end becomes one of another kind"

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
	require.Equal(t, sortedKeys(registry), sortedKeys(replacements), "every type is in the table")
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
	for name, c := range map[string]struct {
		token, property string
		old, now        in
		replaces        bool
	}{
		"a root volume grows":           {instance, "rootBlockDevice", in{"rootBlockDevice": in{"volumeSize": 8}}, in{"rootBlockDevice": in{"volumeSize": 9}}, false},
		"a root volume is encrypted":    {instance, "rootBlockDevice", in{"rootBlockDevice": in{"encrypted": false}}, in{"rootBlockDevice": in{"encrypted": true}}, true},
		"a root volume has another key": {instance, "rootBlockDevice", in{"rootBlockDevice": in{"kmsKeyId": "a"}}, in{"rootBlockDevice": in{"kmsKeyId": "b"}}, true},
		"a network balancer loses a subnet": {balancer, "subnets",
			in{"loadBalancerType": "network", "subnets": list("a", "b")}, in{"loadBalancerType": "network", "subnets": list("a")}, true},
		"a network balancer gets a subnet": {balancer, "subnets",
			in{"loadBalancerType": "network", "subnets": list("a")}, in{"loadBalancerType": "network", "subnets": list("a", "b")}, false},
		"an application balancer loses a subnet": {balancer, "subnets", in{"subnets": list("a", "b", "c")}, in{"subnets": list("a", "b")}, false},
		"a network balancer's first group": {balancer, "securityGroups",
			in{"loadBalancerType": "network"}, in{"loadBalancerType": "network", "securityGroups": list("a")}, true},
		"a network balancer's second group": {balancer, "securityGroups",
			in{"loadBalancerType": "network", "securityGroups": list("a")}, in{"loadBalancerType": "network", "securityGroups": list("a", "b")}, false},
		"a service's providers": {service, "capacityProviderStrategies",
			in{"capacityProviderStrategies": strategy("a")}, in{"capacityProviderStrategies": strategy("b")}, true},
		"a service's providers with a forced deployment": {service, "capacityProviderStrategies",
			in{"capacityProviderStrategies": strategy("a"), "forceNewDeployment": true},
			in{"capacityProviderStrategies": strategy("b"), "forceNewDeployment": true}, false},
		"a service's first provider with a forced deployment": {service, "capacityProviderStrategies",
			in{"forceNewDeployment": true}, in{"capacityProviderStrategies": strategy("b"), "forceNewDeployment": true}, true},
		"a service's deployment controller": {service, "deploymentController",
			in{"deploymentController": in{"type": "ECS"}}, in{"deploymentController": in{"type": "EXTERNAL"}}, true},
		"a capacity provider's group": {capacity, "autoScalingGroupProvider",
			in{"autoScalingGroupProvider": in{"autoScalingGroupArn": "a"}}, in{"autoScalingGroupProvider": in{"autoScalingGroupArn": "b"}}, true},
		"a capacity provider's protection": {capacity, "autoScalingGroupProvider",
			in{"autoScalingGroupProvider": in{"autoScalingGroupArn": "a"}},
			in{"autoScalingGroupProvider": in{"autoScalingGroupArn": "a", "managedTerminationProtection": "DISABLED"}}, false},
		"a rule's range": {rule, "cidrIpv4", in{"cidrIpv4": "10.0.0.0/8"}, in{"cidrIpv4": "10.0.0.0/9"}, false},
		"a rule's range into a group": {rule, "referencedSecurityGroupId",
			in{"cidrIpv4": "10.0.0.0/8"}, in{"referencedSecurityGroupId": "sg-1"}, true},
		"a rule's group into a prefix list":    {rule, "prefixListId", in{"referencedSecurityGroupId": "sg-1"}, in{"prefixListId": "pl-1"}, true},
		"a rule's IPv6 range into one of IPv4": {rule, "cidrIpv6", in{"cidrIpv6": "::/0"}, in{"cidrIpv4": "0.0.0.0/0"}, true},
	} {
		tested[c.token] = append(tested[c.token], c.property)
		t.Run(name, func(t *testing.T) {
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
	for _, token := range sortedKeys(replacements) {
		of := replacements[token]
		replacing := slices.Sorted(slices.Values(of.always))
		for _, property := range sortedKeys(of.sometimes) {
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
