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
