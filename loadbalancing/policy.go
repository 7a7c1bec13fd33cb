package loadbalancing

import (
	"encoding/json"
	"fmt"
	"strings"
)

// policy is a bucket's policy document. Its fields are in the order in which AWS returns them.
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string
	Effect    string
	Principal any
	Action    string
	Resource  any
	Condition map[string]map[string]string `json:",omitempty"`
}

// logsPolicy lets balancers of a kind write into their account's folder of the bucket, and refuses everything that does
// not come over TLS. The account is that of the target group.
func logsPolicy(kind Kind, bucketARN, targetGroupARN string) (string, error) {
	owner, err := ownerOf(targetGroupARN)
	if err != nil {
		return "", err
	}
	statements := append(deliver(kind, bucketARN, owner), statement{
		Sid:       "TLSOnly",
		Effect:    "Deny",
		Principal: "*",
		Action:    "s3:*",
		Resource:  []string{bucketARN, bucketARN + "/*"},
		Condition: map[string]map[string]string{"Bool": {"aws:SecureTransport": "false"}},
	})
	text, err := json.Marshal(policy{Version: "2012-10-17", Statement: statements})
	return string(text), err
}

// deliver is what AWS asks for: an application load balancer's logs come from the balancers' own service, a network load
// balancer's by way of CloudWatch's delivery of logs, which looks at the bucket's access first.
func deliver(kind Kind, bucketARN string, of owner) []statement {
	folder := bucketARN + "/" + logsFolder + of.account + "/*"
	if kind == Application {
		return []statement{{
			Sid:       "Write",
			Effect:    "Allow",
			Principal: map[string]string{"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
			Action:    "s3:PutObject",
			Resource:  folder,
		}}
	}
	service := map[string]string{"Service": "delivery.logs.amazonaws.com"}
	source := map[string]string{"aws:SourceArn": fmt.Sprintf("arn:%s:logs:%s:%s:*", of.partition, of.region, of.account)}
	return []statement{
		{
			Sid:       "AWSLogDeliveryAclCheck",
			Effect:    "Allow",
			Principal: service,
			Action:    "s3:GetBucketAcl",
			Resource:  bucketARN,
			Condition: map[string]map[string]string{
				"StringEquals": {"aws:SourceAccount": of.account},
				"ArnLike":      source,
			},
		},
		{
			Sid:       "AWSLogDeliveryWrite",
			Effect:    "Allow",
			Principal: service,
			Action:    "s3:PutObject",
			Resource:  folder,
			Condition: map[string]map[string]string{
				"StringEquals": {"aws:SourceAccount": of.account, "s3:x-amz-acl": "bucket-owner-full-control"},
				"ArnLike":      source,
			},
		},
	}
}

// owner is whose a resource is and where.
type owner struct{ partition, region, account string }

// ownerOf reads an ARN: arn:partition:service:region:account:resource.
func ownerOf(arn string) (owner, error) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[1] == "" || parts[3] == "" || parts[4] == "" {
		return owner{}, fmt.Errorf("%q is not the ARN of something in an account's region", arn)
	}
	return owner{partition: parts[1], region: parts[3], account: parts[4]}, nil
}
