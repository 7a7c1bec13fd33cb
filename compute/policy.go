package compute

import "github.com/elastic-service/elastic-service/internal/iam"

// trustEC2 lets instances assume a role.
func trustEC2() (string, error) { return iam.Trust("ec2.amazonaws.com", nil) }

// readArtifacts allows reading the artifacts in a bucket, those of former releases included: an instance that is launched from
// a former version of the template, after a rollback, needs them. It allows neither other objects nor listing the bucket.
func readArtifacts(bucketARN string) (string, error) {
	return iam.Policy(iam.Statement{
		Sid:      "ReadArtifacts",
		Effect:   iam.Allow,
		Action:   []string{"s3:GetObject"},
		Resource: bucketARN + "/" + artifacts + "/*",
	})
}

// readSecret allows reading a secret. RDS encrypts its secrets with Secrets Manager's own key, which needs no permission of
// its own.
func readSecret(arn string) (string, error) {
	return iam.Policy(iam.Statement{
		Sid:      "ReadSecret",
		Effect:   iam.Allow,
		Action:   []string{"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"},
		Resource: arn,
	})
}

// putMetrics allows what the CloudWatch agent does: finding the instance's group in its tags, and reporting metrics. Neither
// action can be restricted to a resource.
func putMetrics() (string, error) {
	return iam.Policy(iam.Statement{
		Sid:       "PutMetrics",
		Effect:    iam.Allow,
		Action:    "cloudwatch:PutMetricData",
		Resource:  "*",
		Condition: iam.Condition{"StringEquals": {"cloudwatch:namespace": "CWAgent"}},
	}, iam.Statement{
		Sid:      "FindGroup",
		Effect:   iam.Allow,
		Action:   "ec2:DescribeTags",
		Resource: "*",
	})
}

// openSessions allows what the agent of Systems Manager needs for sessions and no more (Systems Manager User Guide, "Create a custom IAM
// role for Session Manager"). AWS's own policy AmazonSSMManagedInstanceCore also lets every process of the instance read all parameters of
// the account. None of the actions can be restricted to a resource.
func openSessions() (string, error) {
	return iam.Policy(iam.Statement{
		Sid:    "OpenSessions",
		Effect: iam.Allow,
		Action: []string{
			"ssm:UpdateInstanceInformation",
			"ssmmessages:CreateControlChannel",
			"ssmmessages:CreateDataChannel",
			"ssmmessages:OpenControlChannel",
			"ssmmessages:OpenDataChannel",
		},
		Resource: "*",
	})
}
