package network

import "github.com/elastic-service/elastic-service/internal/iam"

// trustFlowLogs lets the service assume the role on behalf of the log group's account alone. Without that condition another
// account could have the service use the role for a flow log of its own (IAM: "The confused deputy problem").
func trustFlowLogs(groupARN string) (string, error) {
	arn, err := iam.ParseRegional(groupARN)
	if err != nil {
		return "", err
	}
	return iam.Trust("vpc-flow-logs.amazonaws.com", iam.Condition{"StringEquals": {"aws:SourceAccount": arn.Account}})
}

// writeLogs allows writing to the streams of a log group.
func writeLogs(groupARN string) (string, error) {
	return iam.Policy(iam.Statement{
		Effect:   iam.Allow,
		Action:   []string{"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"},
		Resource: groupARN + ":*",
	})
}

// anyone is the principal of a policy that decides by its conditions.
const anyone = "*"

// useService allows the principals of an account to use the service of an endpoint.
func useService(account string) (string, error) {
	return iam.Policy(iam.Statement{
		Sid: "OwnPrincipals", Effect: iam.Allow, Principal: anyone, Action: "*", Resource: "*",
		Condition: iam.Condition{"StringEquals": {"aws:PrincipalAccount": account}},
	})
}

// reachS3 allows the buckets of an account, and reading the buckets of AWS that instances need: the repositories of Amazon Linux (Amazon
// Linux 2023 User Guide, "Managing repositories"), the agent of Systems Manager (Systems Manager User Guide, "SSM Agent communications with
// AWS managed S3 buckets"), and the layers of images in ECR (ECR User Guide, "Amazon ECR interface VPC endpoints").
func reachS3(region, account string) (string, error) {
	return iam.Policy(iam.Statement{
		Sid: "OwnBuckets", Effect: iam.Allow, Principal: anyone, Action: "*", Resource: "*",
		Condition: iam.Condition{"StringEquals": {"aws:ResourceAccount": account}},
	}, iam.Statement{
		Sid: "BucketsOfAWS", Effect: iam.Allow, Principal: anyone, Action: "s3:GetObject",
		Resource: []string{
			"arn:aws:s3:::al2023-repos-" + region + "-de612dc2/*",
			"arn:aws:s3:::aws-ssm-" + region + "/*",
			"arn:aws:s3:::amazon-ssm-" + region + "/*",
			"arn:aws:s3:::prod-" + region + "-starport-layer-bucket/*",
		},
	})
}
