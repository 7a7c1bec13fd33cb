package compute

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// bucket keeps the artifacts: private, encrypted, reachable over TLS only, and gone with the stack.
func (t *Template) bucket(ctx *pulumi.Context, name string, args *Args) (*s3.BucketV2, error) {
	bucket, err := s3.NewBucketV2(ctx, name, &s3.BucketV2Args{
		ForceDestroy: pulumi.Bool(true),
		Tags:         pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(t))
	if err != nil {
		return nil, err
	}
	objects, err := t.objects(ctx, name, args, bucket)
	if err != nil {
		return nil, err
	}
	t.Ready = append(t.Ready, objects...)
	return bucket, t.lock(ctx, name, bucket, objects)
}

// lock closes the bucket. S3 refuses concurrent changes of one bucket's access (OperationAborted), so they follow each
// other. The policy comes after the objects and goes before them: an endpoint that is asked without TLS, such as an AWS API
// server for tests, would else take or refuse them as it happens.
func (t *Template) lock(ctx *pulumi.Context, name string, bucket *s3.BucketV2, objects []pulumi.Resource) error {
	_, err := s3.NewBucketServerSideEncryptionConfigurationV2(ctx, name+"-encryption",
		&s3.BucketServerSideEncryptionConfigurationV2Args{
			Bucket: bucket.ID(),
			Rules: s3.BucketServerSideEncryptionConfigurationV2RuleArray{
				&s3.BucketServerSideEncryptionConfigurationV2RuleArgs{
					ApplyServerSideEncryptionByDefault: &s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{
						SseAlgorithm: pulumi.String("AES256"),
					},
				},
			},
		}, pulumi.Parent(t))
	if err != nil {
		return err
	}
	private, err := s3.NewBucketPublicAccessBlock(ctx, name+"-private", &s3.BucketPublicAccessBlockArgs{
		Bucket:                bucket.ID(),
		BlockPublicAcls:       pulumi.Bool(true),
		BlockPublicPolicy:     pulumi.Bool(true),
		IgnorePublicAcls:      pulumi.Bool(true),
		RestrictPublicBuckets: pulumi.Bool(true),
	}, pulumi.Parent(t))
	if err != nil {
		return err
	}
	owned, err := s3.NewBucketOwnershipControls(ctx, name+"-ownership", &s3.BucketOwnershipControlsArgs{
		Bucket: bucket.ID(),
		Rule:   &s3.BucketOwnershipControlsRuleArgs{ObjectOwnership: pulumi.String("BucketOwnerEnforced")},
	}, pulumi.Parent(t), pulumi.DependsOn([]pulumi.Resource{private}))
	if err != nil {
		return err
	}
	_, err = s3.NewBucketPolicy(ctx, name+"-tls", &s3.BucketPolicyArgs{
		Bucket: bucket.ID(),
		Policy: bucket.Arn.ApplyT(denyPlain).(pulumi.StringOutput),
	}, pulumi.Parent(t), pulumi.DependsOn(append(objects, owned)))
	return err
}

// objects are the artifacts. An object's name ends in the artifact's path, which no two share.
func (t *Template) objects(
	ctx *pulumi.Context, name string, args *Args, bucket *s3.BucketV2,
) (objects []pulumi.Resource, err error) {
	for _, artifact := range args.Software.Artifacts {
		object, err := s3.NewBucketObjectv2(ctx, name+artifact.Path, &s3.BucketObjectv2Args{
			Bucket: bucket.ID(),
			Key:    pulumi.String(key(artifact)),
			Source: pulumi.NewFileAsset(artifact.Source),
			Tags:   pulumi.ToStringMap(args.Tags),
		}, pulumi.Parent(t))
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	return objects, nil
}
