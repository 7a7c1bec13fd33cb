package loadbalancing

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/bucket"
)

// logsKept is how long access logs are kept, in days.
const logsKept = 90

// logsFolder is the folder that balancers of both kinds write to.
const logsFolder = "AWSLogs/"

// accessLogs creates the bucket of the access logs and returns its name, nil without logs. The name is taken from the
// bucket's policy: a balancer tries to write as soon as logs are switched on, so that its configuration must wait for the
// policy.
func (b *Balancer) accessLogs(ctx *pulumi.Context, name string, args *Args) (pulumi.StringInput, error) {
	if !args.AccessLogs {
		return nil, nil
	}
	logs, err := bucket.NewPrivate(ctx, name+"-logs", bucket.Args{ForceDestroy: !args.Protect, Tags: args.Tags}, pulumi.Parent(b))
	if err != nil {
		return nil, err
	}
	if err := b.expireLogs(ctx, name, logs.BucketV2); err != nil {
		return nil, err
	}
	arns := pulumi.StringMap{"bucket": logs.Arn, "targets": b.TargetGroups[0].ARN}.ToStringMapOutput()
	text := arns.ApplyT(func(arns map[string]string) (string, error) {
		return logsPolicy(args.Kind, arns["bucket"], arns["targets"])
	}).(pulumi.StringOutput)
	policy, err := logs.SetPolicy(ctx, "policy", text)
	if err != nil {
		return nil, err
	}
	return policy.Bucket, nil
}

// expireLogs deletes logs when their time is over.
func (b *Balancer) expireLogs(ctx *pulumi.Context, name string, bucket *s3.BucketV2) error {
	_, err := s3.NewBucketLifecycleConfigurationV2(ctx, name+"-logs-expiry", &s3.BucketLifecycleConfigurationV2Args{
		Bucket: bucket.ID(),
		Rules: s3.BucketLifecycleConfigurationV2RuleArray{&s3.BucketLifecycleConfigurationV2RuleArgs{
			Id:         pulumi.String("expire"),
			Status:     pulumi.String("Enabled"),
			Filter:     &s3.BucketLifecycleConfigurationV2RuleFilterArgs{Prefix: pulumi.String(logsFolder)},
			Expiration: &s3.BucketLifecycleConfigurationV2RuleExpirationArgs{Days: pulumi.Int(logsKept)},
		}},
	}, pulumi.Parent(b))
	return err
}
