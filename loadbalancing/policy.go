package loadbalancing

import (
	"github.com/elastic-service/elastic-service/internal/bucket"
	"github.com/elastic-service/elastic-service/internal/iam"
)

// logsPolicy lets balancers of a kind write into their account's folder of the bucket, and refuses requests without TLS. The
// account is taken from the target group.
func logsPolicy(kind Kind, bucketARN, targetGroupARN string) (string, error) {
	targetGroup, err := iam.ParseRegional(targetGroupARN)
	if err != nil {
		return "", err
	}
	return iam.Policy(append(deliver(kind, bucketARN, targetGroup), bucket.TLSOnly(bucketARN))...)
}

// deliver returns the statements that AWS asks for. The logs of an application load balancer are delivered by the balancers'
// own service, those of a network load balancer by CloudWatch's log delivery, which reads the bucket's ACL first.
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
	source := map[string]any{"aws:SourceArn": delivery.String()}
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
