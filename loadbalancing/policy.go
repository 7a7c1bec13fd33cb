package loadbalancing

import (
	"github.com/elastic-service/elastic-service/internal/bucket"
	"github.com/elastic-service/elastic-service/internal/iam"
)

// logsPolicy lets balancers of a kind write into their account's folder of the bucket, and refuses everything that does
// not come over TLS. The account is that of the target group.
func logsPolicy(kind Kind, bucketARN, targetGroupARN string) (string, error) {
	targetGroup, err := iam.ParseRegional(targetGroupARN)
	if err != nil {
		return "", err
	}
	return iam.Policy(append(deliver(kind, bucketARN, targetGroup), bucket.TLSOnly(bucketARN))...)
}

// deliver is what AWS asks for: an application load balancer's logs come from the balancers' own service, a network load
// balancer's by way of CloudWatch's delivery of logs, which looks at the bucket's access first.
func deliver(kind Kind, bucketARN string, targetGroup iam.ARN) []iam.Statement {
	account := targetGroup.Account
	folder := bucketARN + "/" + logsFolder + account + "/*"
	if kind == Application {
		return []iam.Statement{{
			Sid:       "Write",
			Effect:    iam.Allow,
			Principal: iam.Service("logdelivery.elasticloadbalancing.amazonaws.com"),
			Action:    "s3:PutObject",
			Resource:  folder,
		}}
	}
	service := iam.Service("delivery.logs.amazonaws.com")
	delivery := iam.ARN{
		Partition: targetGroup.Partition, Service: "logs", Region: targetGroup.Region, Account: account, Resource: "*",
	}
	source := map[string]string{"aws:SourceArn": delivery.String()}
	return []iam.Statement{
		{
			Sid:       "AWSLogDeliveryAclCheck",
			Effect:    iam.Allow,
			Principal: service,
			Action:    "s3:GetBucketAcl",
			Resource:  bucketARN,
			Condition: iam.Condition{
				"StringEquals": {"aws:SourceAccount": account},
				"ArnLike":      source,
			},
		},
		{
			Sid:       "AWSLogDeliveryWrite",
			Effect:    iam.Allow,
			Principal: service,
			Action:    "s3:PutObject",
			Resource:  folder,
			Condition: iam.Condition{
				"StringEquals": {"aws:SourceAccount": account, "s3:x-amz-acl": "bucket-owner-full-control"},
				"ArnLike":      source,
			},
		},
	}
}
