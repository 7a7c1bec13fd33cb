package compute

import "encoding/json"

// policy is an IAM policy document. Its fields are in the order in which AWS returns them.
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Principal any `json:",omitempty"`
	Action    any
	Resource  any                          `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

func (p policy) json() (string, error) {
	p.Version = "2012-10-17"
	text, err := json.Marshal(p)
	return string(text), err
}

// trustEC2 lets instances take a role.
func trustEC2() (string, error) {
	return policy{Statement: []statement{{
		Effect:    "Allow",
		Principal: map[string]string{"Service": "ec2.amazonaws.com"},
		Action:    "sts:AssumeRole",
	}}}.json()
}

// readObjects allows reading just these objects of a bucket; not listing it, nor any other object.
func readObjects(bucketARN string, keys []string) (string, error) {
	arns := make([]string, len(keys))
	for i, key := range keys {
		arns[i] = bucketARN + "/" + key
	}
	return policy{Statement: []statement{{
		Sid:      "ReadArtifacts",
		Effect:   "Allow",
		Action:   []string{"s3:GetObject"},
		Resource: arns,
	}}}.json()
}

// readSecret allows reading a secret. RDS's secrets are encrypted with Secrets Manager's own key, for which this is
// enough.
func readSecret(arn string) (string, error) {
	return policy{Statement: []statement{{
		Sid:      "ReadSecret",
		Effect:   "Allow",
		Action:   []string{"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"},
		Resource: arn,
	}}}.json()
}

// putMetrics allows what the CloudWatch agent does: finding the instance's group in its tags, and reporting. Neither
// action knows resources.
func putMetrics() (string, error) {
	return policy{Statement: []statement{
		{
			Sid:       "PutMetrics",
			Effect:    "Allow",
			Action:    "cloudwatch:PutMetricData",
			Resource:  "*",
			Condition: map[string]map[string]string{"StringEquals": {"cloudwatch:namespace": "CWAgent"}},
		},
		{
			Sid:      "FindGroup",
			Effect:   "Allow",
			Action:   "ec2:DescribeTags",
			Resource: "*",
		},
	}}.json()
}

// denyPlain refuses everything that does not come over TLS.
func denyPlain(bucketARN string) (string, error) {
	return policy{Statement: []statement{{
		Sid:       "TLSOnly",
		Effect:    "Deny",
		Principal: "*",
		Action:    "s3:*",
		Resource:  []string{bucketARN, bucketARN + "/*"},
		Condition: map[string]map[string]string{"Bool": {"aws:SecureTransport": "false"}},
	}}}.json()
}
