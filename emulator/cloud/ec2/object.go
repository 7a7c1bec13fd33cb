package ec2

import (
	"fmt"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/iam"
	"github.com/elastic-service/elastic-service/emulator/cloud/s3"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// Object returns an object of S3 as an instance reads it: its role, a network path to S3 and the policy of a gateway
// endpoint must allow it.
func (s *Store) Object(instance, bucket, key string) (s3.Object, error) {
	if err := s.mayRead(s.Instances[instance], bucket, key); err != nil {
		return s3.Object{}, err
	}
	return s.s3.Object(bucket, key)
}

// mayRead refuses to read an object that the instance may not read or cannot reach.
func (s *Store) mayRead(i *Instance, bucket, key string) error {
	const action = "s3:GetObject"
	arn := "arn:aws:s3:::" + bucket + "/" + key
	if i == nil {
		return aws.Refuse("AccessDenied", "there is no instance with a role that is allowed to perform %s on %s", action, arn)
	}
	if blocked := s.vpc.ReachService(s.PeerOf(i), "s3"); blocked != nil {
		return fmt.Errorf("connect timeout on endpoint URL https://%s.s3.amazonaws.com/%s: %w", bucket, key, blocked)
	}
	endpoint := s.vpc.Endpoints[s.vpc.RouteTo(i.Subnet, vpc.PublicService("s3").Address).Target]
	switch {
	case !iam.Evaluate(s.iam.PoliciesOf(i.Profile), action, arn):
		return aws.Refuse("AccessDenied", "the instance's role is not allowed to perform %s on %s", action, arn)
	case endpoint != nil && endpoint.Policy != "" && !iam.Evaluate([]string{endpoint.Policy}, action, arn):
		return aws.Refuse("AccessDenied", "no VPC endpoint policy of %s allows the %s action on %s", endpoint.ID, action, arn)
	}
	return nil
}
