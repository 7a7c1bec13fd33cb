// Package iam writes policy documents and reads ARNs, for components that grant AWS services and instances what they need.
//
//	text, err := iam.Policy(iam.Statement{
//		Effect:    iam.Allow,
//		Principal: iam.Service("ec2.amazonaws.com"),
//		Action:    "sts:AssumeRole",
//	})
package iam

import (
	"encoding/json"
	"fmt"
	"strings"
)

// version is that of the policy language. Without it AWS reads a document by the rules of 2008.
const version = "2012-10-17"

// The effects of a statement.
const (
	Allow = "Allow"
	Deny  = "Deny"
)

// Statement is a statement of a policy. Its fields are in the order in which AWS returns them; empty ones are left out.
type Statement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Principal any       `json:",omitempty"` // "*", or what Service returns; none in a policy of a role
	Action    any       // text or a list of it
	Resource  any       `json:",omitempty"` // text or a list of it; none in a role's trust policy
	Condition Condition `json:",omitempty"`
}

// Condition holds values by operator and key, a text or a list of it: {"StringEquals": {"aws:SourceAccount": "123456789012"}}.
type Condition map[string]map[string]any

// Service returns the principal that a service of AWS acts as.
func Service(name string) map[string]string { return map[string]string{"Service": name} }

// Policy returns the document of the statements as JSON.
func Policy(statements ...Statement) (string, error) {
	text, err := json.Marshal(struct {
		Version   string
		Statement []Statement
	}{version, statements})
	return string(text), err
}

// Trust returns the document that lets a service of AWS assume a role. The condition may be nil.
func Trust(service string, condition Condition) (string, error) {
	return Policy(Statement{Effect: Allow, Principal: Service(service), Action: "sts:AssumeRole", Condition: condition})
}

// ReadSecrets returns the document that allows reading secrets of Secrets Manager and parameters of Systems Manager, by their ARNs, and
// nothing else. The instances get a parameter at a time and ECS gets several, which are different actions.
func ReadSecrets(secrets, parameters []string, getParameter string) (string, error) {
	var statements []Statement
	if len(secrets) > 0 {
		statements = append(statements, Statement{
			Sid: "ReadSecrets", Effect: Allow, Action: "secretsmanager:GetSecretValue", Resource: secrets,
		})
	}
	if len(parameters) > 0 {
		statements = append(statements, Statement{Sid: "ReadParameters", Effect: Allow, Action: getParameter, Resource: parameters})
	}
	return Policy(statements...)
}

// ARN is an Amazon Resource Name. Region and Account are empty for resources that AWS names without them, such as buckets.
type ARN struct {
	Partition, Service, Region, Account, Resource string
}

// ParseARN reads arn:partition:service:region:account:resource.
func ParseARN(text string) (ARN, error) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[1] == "" || parts[2] == "" || parts[5] == "" {
		return ARN{}, fmt.Errorf("%q is not an ARN", text)
	}
	return ARN{Partition: parts[1], Service: parts[2], Region: parts[3], Account: parts[4], Resource: parts[5]}, nil
}

// ParseRegional reads the ARN of a resource that lies in an account's region.
func ParseRegional(text string) (ARN, error) {
	arn, err := ParseARN(text)
	if err == nil && (arn.Region == "" || arn.Account == "") {
		err = fmt.Errorf("%q is not the ARN of a resource in an account's region", text)
	}
	return arn, err
}

// String returns the ARN as AWS writes it.
func (a ARN) String() string {
	return strings.Join([]string{"arn", a.Partition, a.Service, a.Region, a.Account, a.Resource}, ":")
}
