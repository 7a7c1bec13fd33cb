package cloud

import (
	"path"
	"slices"
)

// managed are the policies of AWS that are known here, by the end of their ARN, with as much of them as matters to
// instances.
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

// allow is a policy that allows actions on everything.
func allow(actions ...string) string {
	list := ""
	for _, action := range actions {
		list += `,"` + action + `"`
	}
	return `{"Statement":[{"Effect":"Allow","Action":[` + list[1:] + `],"Resource":"*"}]}`
}

// AttachRolePolicy gives a role a policy of AWS; giving it twice changes nothing.
func (c *Cloud) AttachRolePolicy(role, arn string) error {
	return c.change(func(s *state) error {
		found := s.Roles[role]
		if found == nil {
			return refuse("NoSuchEntity", "The role with name %s cannot be found.", role)
		}
		if _, known := managedPolicy(arn); !known {
			return refuse("NoSuchEntity", "Policy %s does not exist or is not attachable. (The emulator knows these of AWS: %v)", arn,
				keys(managed))
		}
		if !slices.Contains(found.Attached, arn) {
			found.Attached = append(found.Attached, arn)
		}
		return nil
	})
}

// DetachRolePolicy takes a policy away from a role.
func (c *Cloud) DetachRolePolicy(role, arn string) error {
	return c.change(func(s *state) error {
		if found := s.Roles[role]; found != nil {
			found.Attached = slices.DeleteFunc(found.Attached, func(other string) bool { return other == arn })
		}
		return nil
	})
}

func managedPolicy(arn string) (string, bool) {
	if len(arn) <= len(managedPrefix) || arn[:len(managedPrefix)] != managedPrefix {
		return "", false
	}
	document, known := managed[arn[len(managedPrefix):]]
	return document, known
}

// profile finds an instance profile by its name or an ARN that ends with it.
func (s *state) profile(name string) *Profile { return s.Profiles[path.Base(name)] }

// policies are the documents of an instance profile's role, its own and those of AWS.
func (s *state) policies(profile string) []string {
	found := s.profile(profile)
	if found == nil || s.Roles[found.Role] == nil {
		return nil
	}
	role := s.Roles[found.Role]
	var documents []string
	for _, name := range keys(role.Policies) {
		documents = append(documents, role.Policies[name])
	}
	for _, arn := range role.Attached {
		document, _ := managedPolicy(arn)
		documents = append(documents, document)
	}
	return documents
}
