package iam

import "strings"

// Secret returns the ARN of a secret of Secrets Manager in a policy, given its ARN or its name. Secrets Manager adds six characters to a
// name.
func Secret(region, account, id string) string {
	if strings.HasPrefix(id, "arn:") {
		return id
	}
	return ARN{Partition: "aws", Service: "secretsmanager", Region: region, Account: account, Resource: "secret:" + id + "-??????"}.String()
}

// Parameter returns the ARN of a parameter of Systems Manager, given its ARN or its name.
func Parameter(region, account, id string) string {
	if strings.HasPrefix(id, "arn:") {
		return id
	}
	return ARN{
		Partition: "aws", Service: "ssm", Region: region, Account: account, Resource: "parameter/" + strings.TrimPrefix(id, "/"),
	}.String()
}
