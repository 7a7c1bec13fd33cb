package loadbalancing

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// keepLogs is for how long access logs are kept, in days.
const keepLogs = 90

// logsFolder is where balancers write, whatever their kind.
const logsFolder = "AWSLogs/"

// accessLogs makes the bucket of the access logs and returns its name, nil without logs. The name comes from the
// bucket's policy: a balancer tries to write when it is told to, so who names the bucket must wait for the policy.
func (b *Balancer) accessLogs(
	ctx *pulumi.Context, name string, args *Args, targets *lb.TargetGroup,
) (pulumi.StringInput, error) {
	if !args.AccessLogs {
		return nil, nil
	}
	bucket, err := s3.NewBucketV2(ctx, name+"-logs", &s3.BucketV2Args{
		ForceDestroy: pulumi.Bool(!args.Protect),
		Tags:         pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(b))
	if err != nil {
		return nil, err
	}
	if err := b.keep(ctx, name, bucket); err != nil {
		return nil, err
	}
	policy, err := b.lock(ctx, name, args, bucket, targets)
	if err != nil {
		return nil, err
	}
	return policy.Bucket, nil
}

// keep has the logs encrypted with S3's own keys, the only ones that both kinds of balancers write with, and deleted in
// time.
func (b *Balancer) keep(ctx *pulumi.Context, name string, bucket *s3.BucketV2) error {
	_, err := s3.NewBucketServerSideEncryptionConfigurationV2(ctx, name+"-logs-encryption",
		&s3.BucketServerSideEncryptionConfigurationV2Args{
			Bucket: bucket.ID(),
			Rules: s3.BucketServerSideEncryptionConfigurationV2RuleArray{
				&s3.BucketServerSideEncryptionConfigurationV2RuleArgs{
					ApplyServerSideEncryptionByDefault: &s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{
						SseAlgorithm: pulumi.String("AES256"),
					},
				},
			},
		}, pulumi.Parent(b))
	if err != nil {
		return err
	}
	_, err = s3.NewBucketLifecycleConfigurationV2(ctx, name+"-logs-expiry", &s3.BucketLifecycleConfigurationV2Args{
		Bucket: bucket.ID(),
		Rules: s3.BucketLifecycleConfigurationV2RuleArray{&s3.BucketLifecycleConfigurationV2RuleArgs{
			Id:         pulumi.String("expire"),
			Status:     pulumi.String("Enabled"),
			Filter:     &s3.BucketLifecycleConfigurationV2RuleFilterArgs{Prefix: pulumi.String(logsFolder)},
			Expiration: &s3.BucketLifecycleConfigurationV2RuleExpirationArgs{Days: pulumi.Int(keepLogs)},
		}},
	}, pulumi.Parent(b))
	return err
}

// lock closes the bucket for everybody but the balancer. S3 refuses concurrent changes of one bucket's access
// (OperationAborted), so they follow each other.
func (b *Balancer) lock(
	ctx *pulumi.Context, name string, args *Args, bucket *s3.BucketV2, targets *lb.TargetGroup,
) (*s3.BucketPolicy, error) {
	private, err := s3.NewBucketPublicAccessBlock(ctx, name+"-logs-private", &s3.BucketPublicAccessBlockArgs{
		Bucket:                bucket.ID(),
		BlockPublicAcls:       pulumi.Bool(true),
		BlockPublicPolicy:     pulumi.Bool(true),
		IgnorePublicAcls:      pulumi.Bool(true),
		RestrictPublicBuckets: pulumi.Bool(true),
	}, pulumi.Parent(b))
	if err != nil {
		return nil, err
	}
	owned, err := s3.NewBucketOwnershipControls(ctx, name+"-logs-ownership", &s3.BucketOwnershipControlsArgs{
		Bucket: bucket.ID(),
		Rule:   &s3.BucketOwnershipControlsRuleArgs{ObjectOwnership: pulumi.String("BucketOwnerEnforced")},
	}, pulumi.Parent(b), pulumi.DependsOn([]pulumi.Resource{private}))
	if err != nil {
		return nil, err
	}
	arns := pulumi.StringMap{"bucket": bucket.Arn, "targets": targets.Arn}.ToStringMapOutput()
	text := arns.ApplyT(func(arns map[string]string) (string, error) {
		return logsPolicy(args.Kind, arns["bucket"], arns["targets"])
	}).(pulumi.StringOutput)
	return s3.NewBucketPolicy(ctx, name+"-logs-policy", &s3.BucketPolicyArgs{
		Bucket: bucket.ID(),
		Policy: text,
	}, pulumi.Parent(b), pulumi.DependsOn([]pulumi.Resource{owned}))
}
