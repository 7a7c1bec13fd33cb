package iam

import (
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// managed holds the AWS managed policies that the emulator knows, by the end of their ARN, with the actions that matter
// to instances.
var managed = map[string]string{
	"AmazonSSMManagedInstanceCore": allow("ssm:*", "ssmmessages:*", "ec2messages:*"),
	"CloudWatchAgentServerPolicy": allow("cloudwatch:PutMetricData", "ec2:DescribeVolumes", "ec2:DescribeTags",
		"logs:PutLogEvents", "logs:CreateLogStream", "logs:CreateLogGroup", "ssm:GetParameter"),
	"AmazonS3ReadOnlyAccess":             allow("s3:Get*", "s3:List*"),
	"AmazonEC2ContainerRegistryReadOnly": allow("ecr:Get*", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"),
	"service-role/AmazonEC2ContainerServiceforEC2Role": allow("ecs:CreateCluster", "ecs:DeregisterContainerInstance",
		"ecs:DiscoverPollEndpoint", "ecs:Poll", "ecs:RegisterContainerInstance", "ecs:StartTelemetrySession", "ecs:Submit*",
		"ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage",
		"logs:CreateLogStream", "logs:PutLogEvents"),
	"service-role/AmazonECSTaskExecutionRolePolicy": allow("ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability",
		"ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "logs:CreateLogStream", "logs:PutLogEvents"),
	"service-role/AmazonRDSEnhancedMonitoringRole": allow("logs:CreateLogStream", "logs:PutLogEvents"),
}

const managedPrefix = "arn:aws:iam::aws:policy/"

// allow returns a policy document that allows actions on all resources.
func allow(actions ...string) string {
	return `{"Statement":[{"Effect":"Allow","Action":["` + strings.Join(actions, `","`) + `"],"Resource":"*"}]}`
}

// AttachRolePolicy attaches an AWS managed policy to a role. Attaching it again changes nothing.
func (s *Store) AttachRolePolicy(role, arn string) error {
	found := s.Roles[role]
	if found == nil {
		return aws.Refuse("NoSuchEntity", "The role with name %s cannot be found.", role)
	}
	if _, known := managedPolicy(arn); !known {
		return aws.Refuse("NoSuchEntity", "Policy %s does not exist or is not attachable. (The emulator knows these of AWS: %v)", arn,
			aws.Keys(managed))
	}
	if !slices.Contains(found.Attached, arn) {
		found.Attached = append(found.Attached, arn)
	}
	return nil
}

// DetachRolePolicy detaches an AWS managed policy from a role.
func (s *Store) DetachRolePolicy(role, arn string) error {
	if found := s.Roles[role]; found != nil {
		found.Attached = slices.DeleteFunc(found.Attached, func(other string) bool { return other == arn })
	}
	return nil
}

// managedPolicy returns the document of an AWS managed policy, or false.
func managedPolicy(arn string) (string, bool) {
	if len(arn) <= len(managedPrefix) || arn[:len(managedPrefix)] != managedPrefix {
		return "", false
	}
	document, known := managed[arn[len(managedPrefix):]]
	return document, known
}
