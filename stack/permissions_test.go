package stack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/docstest"
	"github.com/elastic-service/elastic-service/internal/iam"
	"github.com/elastic-service/elastic-service/internal/project"
)

// always lists the actions of every stack that belong to no resource: what the program looks up, what a release does, and what Auto Scaling
// asks of the caller who gives a group a launch template (Auto Scaling User Guide, "Control Amazon EC2 launch template usage").
const always = `sts:GetCallerIdentity ec2:Describe* ec2:RunInstances ec2:CreateTags ec2:DeleteTags
	autoscaling:Describe* autoscaling:StartInstanceRefresh autoscaling:CancelInstanceRefresh autoscaling:RollbackInstanceRefresh
	autoscaling:AttachLoadBalancerTargetGroups autoscaling:DetachLoadBalancerTargetGroups
	elasticloadbalancing:Describe* cloudwatch:DescribeAlarms ssm:GetParameter ssm:GetParameters`

// natActions are those of the gateways in a VPC with private subnets.
const natActions = `ec2:CreateNatGateway ec2:DeleteNatGateway ec2:AllocateAddress ec2:ReleaseAddress ec2:DisassociateAddress`

// readLogs is what a release does to say why instances do not get healthy, with app.logs.
const readLogs = `logs:GetLogEvents`

// actions are what the provider calls to create, read, change and delete a resource, by its type. Calls of ec2:Describe* and the like are
// in always.
var actions = map[string]string{
	"acm/certificate": `acm:RequestCertificate acm:DescribeCertificate acm:DeleteCertificate acm:AddTagsToCertificate
		acm:RemoveTagsFromCertificate acm:ListTagsForCertificate`,
	"acm/certificateValidation": `acm:DescribeCertificate`,
	"appautoscaling/policy": `application-autoscaling:PutScalingPolicy application-autoscaling:DeleteScalingPolicy
		application-autoscaling:DescribeScalingPolicies cloudwatch:PutMetricAlarm cloudwatch:DeleteAlarms`,
	"appautoscaling/target": `application-autoscaling:RegisterScalableTarget application-autoscaling:DeregisterScalableTarget
		application-autoscaling:DescribeScalableTargets application-autoscaling:ListTagsForResource application-autoscaling:TagResource
		application-autoscaling:UntagResource`,
	"autoscaling/group": `autoscaling:CreateAutoScalingGroup autoscaling:UpdateAutoScalingGroup autoscaling:DeleteAutoScalingGroup
		autoscaling:CreateOrUpdateTags autoscaling:DeleteTags autoscaling:EnableMetricsCollection autoscaling:DisableMetricsCollection
		autoscaling:AttachLoadBalancerTargetGroups autoscaling:DetachLoadBalancerTargetGroups autoscaling:SetInstanceProtection
		autoscaling:AttachTrafficSources autoscaling:DetachTrafficSources autoscaling:SuspendProcesses autoscaling:ResumeProcesses`,
	"autoscaling/lifecycleHook": `autoscaling:PutLifecycleHook autoscaling:DeleteLifecycleHook`,
	"autoscaling/policy": `autoscaling:PutScalingPolicy autoscaling:DeletePolicy cloudwatch:PutMetricAlarm
		cloudwatch:DeleteAlarms`,
	"autoscaling/schedule": `autoscaling:PutScheduledUpdateGroupAction autoscaling:DeleteScheduledAction`,
	"cloudwatch/dashboard": `cloudwatch:PutDashboard cloudwatch:GetDashboard cloudwatch:DeleteDashboards`,
	"cloudwatch/eventRule": `events:PutRule events:DescribeRule events:DeleteRule events:ListTagsForResource events:TagResource
		events:UntagResource`,
	"cloudwatch/eventTarget": `events:PutTargets events:RemoveTargets events:ListTargetsByRule`,
	"cloudwatch/logGroup": `logs:CreateLogGroup logs:DescribeLogGroups logs:DeleteLogGroup logs:PutRetentionPolicy
		logs:DeleteRetentionPolicy logs:ListTagsForResource logs:TagResource logs:UntagResource`,
	"cloudwatch/metricAlarm": `cloudwatch:PutMetricAlarm cloudwatch:DeleteAlarms cloudwatch:ListTagsForResource cloudwatch:TagResource
		cloudwatch:UntagResource`,
	"ec2/defaultSecurityGroup": `ec2:RevokeSecurityGroupIngress ec2:RevokeSecurityGroupEgress`,
	"ec2/flowLog":              `ec2:CreateFlowLogs ec2:DeleteFlowLogs`,
	"ec2/instance":             `ec2:TerminateInstances ec2:StopInstances ec2:StartInstances ec2:ModifyInstanceAttribute`,
	"ec2/launchTemplate": `ec2:CreateLaunchTemplate ec2:CreateLaunchTemplateVersion ec2:ModifyLaunchTemplate ec2:DeleteLaunchTemplate
		ec2:GetLaunchTemplateData`,
	"ec2/networkAcl": `ec2:CreateNetworkAcl ec2:DeleteNetworkAcl ec2:CreateNetworkAclEntry ec2:DeleteNetworkAclEntry
		ec2:ReplaceNetworkAclAssociation`,
	"ec2/securityGroup": `ec2:CreateSecurityGroup ec2:DeleteSecurityGroup ec2:RevokeSecurityGroupEgress ec2:RevokeSecurityGroupIngress`,
	"ec2/vpcEndpoint":   `ec2:CreateVpcEndpoint ec2:ModifyVpcEndpoint ec2:DeleteVpcEndpoints`,
	"ec2:Vpc": `ec2:CreateVpc ec2:ModifyVpcAttribute ec2:DeleteVpc ec2:CreateSubnet ec2:ModifySubnetAttribute ec2:DeleteSubnet
		ec2:CreateInternetGateway ec2:AttachInternetGateway ec2:DetachInternetGateway ec2:DeleteInternetGateway ec2:CreateRouteTable
		ec2:DeleteRouteTable ec2:AssociateRouteTable ec2:DisassociateRouteTable ec2:CreateRoute ec2:ReplaceRoute ec2:DeleteRoute`,
	"ecs/capacityProvider": `ecs:CreateCapacityProvider ecs:DescribeCapacityProviders ecs:UpdateCapacityProvider ecs:DeleteCapacityProvider
		autoscaling:CreateOrUpdateTags`,
	"ecs/cluster": `ecs:CreateCluster ecs:DescribeClusters ecs:UpdateCluster ecs:DeleteCluster ecs:ListTagsForResource ecs:TagResource
		ecs:UntagResource`,
	"ecs/clusterCapacityProviders": `ecs:PutClusterCapacityProviders`,
	"ecs/service": `ecs:CreateService ecs:DescribeServices ecs:UpdateService ecs:DeleteService ecs:ListServiceDeployments
		ecs:DescribeServiceDeployments`,
	"ecs/taskDefinition": `ecs:RegisterTaskDefinition ecs:DescribeTaskDefinition ecs:DeregisterTaskDefinition`,
	"lb/listener": `elasticloadbalancing:CreateListener elasticloadbalancing:ModifyListener elasticloadbalancing:ModifyListenerAttributes
		elasticloadbalancing:DeleteListener`,
	"lb/loadBalancer": `elasticloadbalancing:CreateLoadBalancer elasticloadbalancing:DeleteLoadBalancer elasticloadbalancing:AddTags
		elasticloadbalancing:RemoveTags elasticloadbalancing:ModifyLoadBalancerAttributes elasticloadbalancing:SetSecurityGroups
		elasticloadbalancing:SetSubnets elasticloadbalancing:SetIpAddressType`,
	"lb/targetGroup": `elasticloadbalancing:CreateTargetGroup elasticloadbalancing:ModifyTargetGroup elasticloadbalancing:DeleteTargetGroup
		elasticloadbalancing:ModifyTargetGroupAttributes elasticloadbalancing:RegisterTargets elasticloadbalancing:DeregisterTargets`,
	"rds/instance": `rds:CreateDBInstance rds:DescribeDBInstances rds:ModifyDBInstance rds:RebootDBInstance rds:DeleteDBInstance
		rds:CreateDBSnapshot rds:DescribeDBSnapshots rds:DescribeDBEngineVersions rds:ListTagsForResource rds:AddTagsToResource
		rds:RemoveTagsFromResource secretsmanager:CreateSecret secretsmanager:TagResource kms:DescribeKey`,
	"rds/parameterGroup": `rds:CreateDBParameterGroup rds:DescribeDBParameterGroups rds:DescribeDBParameters rds:ModifyDBParameterGroup
		rds:ResetDBParameterGroup rds:DeleteDBParameterGroup`,
	"rds/subnetGroup": `rds:CreateDBSubnetGroup rds:DescribeDBSubnetGroups rds:ModifyDBSubnetGroup rds:DeleteDBSubnetGroup`,
	"route53/record":  `route53:ChangeResourceRecordSets route53:ListResourceRecordSets route53:GetHostedZone route53:GetChange`,
	"route53/zone": `route53:CreateHostedZone route53:GetHostedZone route53:UpdateHostedZoneComment route53:DeleteHostedZone
		route53:GetDNSSEC route53:ListTagsForResource route53:ChangeTagsForResource`,
	"s3/bucketLifecycleConfigurationV2":            `s3:PutLifecycleConfiguration s3:GetLifecycleConfiguration`,
	"s3/bucketObjectv2":                            `s3:PutObject s3:GetObject s3:DeleteObject s3:PutObjectTagging s3:GetObjectTagging`,
	"s3/bucketOwnershipControls":                   `s3:PutBucketOwnershipControls s3:GetBucketOwnershipControls`,
	"s3/bucketPolicy":                              `s3:PutBucketPolicy s3:GetBucketPolicy s3:DeleteBucketPolicy`,
	"s3/bucketPublicAccessBlock":                   `s3:PutBucketPublicAccessBlock s3:GetBucketPublicAccessBlock`,
	"s3/bucketServerSideEncryptionConfigurationV2": `s3:PutEncryptionConfiguration s3:GetEncryptionConfiguration`,
	"s3/bucketV2": `s3:CreateBucket s3:DeleteBucket s3:ListBucket s3:ListBucketVersions s3:DeleteObjectVersion s3:PutBucketTagging
		s3:GetBucket* s3:GetAccelerateConfiguration s3:GetReplicationConfiguration s3:GetLifecycleConfiguration
		s3:GetEncryptionConfiguration`,
	"sns/topic": `sns:CreateTopic sns:GetTopicAttributes sns:SetTopicAttributes sns:DeleteTopic sns:ListTagsForResource sns:TagResource
		sns:UntagResource`,
	"sns/topicPolicy":       `sns:SetTopicAttributes sns:GetTopicAttributes`,
	"sns/topicSubscription": `sns:Subscribe sns:GetSubscriptionAttributes sns:SetSubscriptionAttributes sns:Unsubscribe`,
	"ssm/parameter": `ssm:PutParameter ssm:DeleteParameter ssm:DescribeParameters ssm:AddTagsToResource
		ssm:ListTagsForResource`,
	"vpc/securityGroupEgressRule":  `ec2:AuthorizeSecurityGroupEgress ec2:ModifySecurityGroupRules ec2:RevokeSecurityGroupEgress`,
	"vpc/securityGroupIngressRule": `ec2:AuthorizeSecurityGroupIngress ec2:ModifySecurityGroupRules ec2:RevokeSecurityGroupIngress`,

	"iam/role": `iam:CreateRole iam:GetRole iam:UpdateRole iam:UpdateRoleDescription iam:UpdateAssumeRolePolicy iam:DeleteRole
		iam:TagRole iam:UntagRole iam:ListRolePolicies iam:ListAttachedRolePolicies iam:ListInstanceProfilesForRole`,
	"iam/rolePolicy":           `iam:PutRolePolicy iam:GetRolePolicy iam:DeleteRolePolicy`,
	"iam/rolePolicyAttachment": `iam:AttachRolePolicy iam:DetachRolePolicy`,
	"iam/instanceProfile": `iam:CreateInstanceProfile iam:GetInstanceProfile iam:DeleteInstanceProfile iam:AddRoleToInstanceProfile
		iam:RemoveRoleFromInstanceProfile iam:TagInstanceProfile iam:UntagInstanceProfile`,
}

var typeOfGolden = regexp.MustCompile(`(?m)^awsx?:([a-zA-Z0-9]+[/:][A-Za-z0-9]+)(?::\S+)? (\S+)`)

// permissionsOf returns the policy that a deployment of a stack needs, made from the types in its golden graph.
func permissionsOf(t *testing.T, stack string) string {
	t.Helper()
	golden, err := os.ReadFile(filepath.Join("testdata", stack+".golden"))
	require.NoError(t, err)
	all := strings.Fields(always)
	if strings.Contains(string(golden), "natGateways:") && !strings.Contains(string(golden), `"strategy":"None"`) {
		all = append(all, strings.Fields(natActions)...)
	}
	if strings.Contains(string(golden), "/usr/local/bin/shiplogs") {
		all = append(all, readLogs)
	}
	service := ""
	for _, found := range typeOfGolden.FindAllStringSubmatch(string(golden), -1) {
		needed, known := actions[found[1]]
		require.True(t, known, "the table lacks the actions of %s", found[1])
		all = append(all, strings.Fields(needed)...)
		if found[1] == "ec2:Vpc" {
			service = strings.TrimSuffix(found[2], "-vpc")
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	ofRoles := func(action string) bool { return strings.HasPrefix(action, "iam:") }
	var roles []string
	for _, action := range all {
		if ofRoles(action) {
			roles = append(roles, action)
		}
	}
	names := []string{"arn:aws:iam::*:role/" + service + "-*", "arn:aws:iam::*:instance-profile/" + service + "-*"}
	document, err := iam.Policy(
		iam.Statement{Sid: "Deploy", Effect: iam.Allow, Action: slices.DeleteFunc(all, ofRoles), Resource: "*"},
		iam.Statement{Sid: "Roles", Effect: iam.Allow, Action: roles, Resource: names},
		iam.Statement{Sid: "PassRoles", Effect: iam.Allow, Action: "iam:PassRole", Resource: names[0]},
		iam.Statement{
			Sid: "FirstUse", Effect: iam.Allow, Action: "iam:CreateServiceLinkedRole", Resource: "arn:aws:iam::*:role/aws-service-role/*",
		},
	)
	require.NoError(t, err)
	return document
}

// largestPolicy is the most characters of a managed policy, without white space (IAM User Guide, "IAM and AWS STS quotas").
const largestPolicy = 6144

func TestThePermissionsInTheDocumentsAreThoseOfTheStacks(t *testing.T) {
	for _, stack := range project.Shipped {
		t.Run(stack, func(t *testing.T) {
			document := permissionsOf(t, stack)
			assert.LessOrEqual(t, len(document), largestPolicy)
			var indented strings.Builder
			encoder := json.NewEncoder(&indented)
			encoder.SetIndent("", "  ")
			require.NoError(t, encoder.Encode(json.RawMessage(document)))
			docstest.File(t, "../docs/permissions/"+stack+".json", indented.String())
		})
	}
}

func TestAReleaseMayDoWhatItDoes(t *testing.T) {
	for _, stack := range project.Shipped {
		for _, action := range []string{
			"ec2:RunInstances", "ec2:CreateTags", "iam:PassRole", "iam:CreateServiceLinkedRole", "autoscaling:StartInstanceRefresh",
			"autoscaling:CancelInstanceRefresh", "autoscaling:RollbackInstanceRefresh",
		} {
			assert.Contains(t, permissionsOf(t, stack), `"`+action+`"`, stack)
		}
	}
}
