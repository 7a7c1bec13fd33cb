package elb

import (
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/iam"
)

// The services that write access logs (ELB User Guides: "Enable access logs").
const (
	applicationLogs = "logdelivery.elasticloadbalancing.amazonaws.com"
	networkLogs     = "delivery.logs.amazonaws.com"
)

// takesLogs reports whether a bucket exists and its policy lets balancers of a kind write. The log delivery of network balancers reads
// the bucket's ACL first.
func (s *Store) takesLogs(kind, bucket string) bool {
	found := s.s3.Buckets[bucket]
	if found == nil {
		return false
	}
	arn := "arn:aws:s3:::" + bucket
	call := iam.Call{
		Service: applicationLogs, Action: "s3:PutObject",
		Resource: arn + "/AWSLogs/" + aws.Account + "/elasticloadbalancing/" + string(s.region) + "/log",
		Context: map[string]string{
			"aws:securetransport": "true", "aws:sourceaccount": aws.Account, "s3:x-amz-acl": "bucket-owner-full-control",
			"aws:sourcearn": s.region.ARN("elasticloadbalancing", "loadbalancer/app/log/1"),
		},
	}
	if kind == Application {
		return iam.AllowsService(found.Policy, call)
	}
	call.Service, call.Context["aws:sourcearn"] = networkLogs, s.region.ARN("logs", "log")
	read := call
	read.Action, read.Resource = "s3:GetBucketAcl", arn
	return iam.AllowsService(found.Policy, read) && iam.AllowsService(found.Policy, call)
}
