package compute

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/bucket"
	"github.com/elastic-service/elastic-service/internal/iam"
)

// bucket creates the private bucket of the artifacts. It is deleted with the stack.
//
// The policy comes after the objects and is deleted before them: an endpoint that is asked without TLS, such as an AWS API
// server for tests, would otherwise take or refuse them at random.
func (t *Template) bucket(ctx *pulumi.Context, name string, args *Args) (*s3.BucketV2, error) {
	private, err := bucket.NewPrivate(ctx, name, bucket.Args{ForceDestroy: true, Tags: args.Tags}, pulumi.Parent(t))
	if err != nil {
		return nil, err
	}
	t.Bucket = private.Bucket
	objects, err := t.objects(ctx, name, args, private.BucketV2)
	if err != nil {
		return nil, err
	}
	t.Ready = append(t.Ready, objects...)
	if err := t.expireFormer(ctx, name, private.BucketV2); err != nil {
		return nil, err
	}
	policy := private.Arn.ApplyT(func(arn string) (string, error) {
		return iam.Policy(bucket.TLSOnly(arn))
	}).(pulumi.StringOutput)
	_, err = private.SetPolicy(ctx, "tls", policy, objects...)
	return private.BucketV2, err
}

// formerKept is for how many days an artifact stays that only former releases use.
const formerKept = 30

// expireFormer deletes artifacts that only former releases use, when their time is over.
func (t *Template) expireFormer(ctx *pulumi.Context, name string, artifacts *s3.BucketV2) error {
	_, err := s3.NewBucketLifecycleConfigurationV2(ctx, name+"-expiry", &s3.BucketLifecycleConfigurationV2Args{
		Bucket: artifacts.ID(),
		Rules: s3.BucketLifecycleConfigurationV2RuleArray{&s3.BucketLifecycleConfigurationV2RuleArgs{
			Id:     pulumi.String("former"),
			Status: pulumi.String("Enabled"),
			Filter: &s3.BucketLifecycleConfigurationV2RuleFilterArgs{Tag: &s3.BucketLifecycleConfigurationV2RuleFilterTagArgs{
				Key: pulumi.String(bucket.FormerTag), Value: pulumi.String(bucket.FormerTagValue),
			}},
			Expiration: &s3.BucketLifecycleConfigurationV2RuleExpirationArgs{Days: pulumi.Int(formerKept)},
		}},
	}, pulumi.Parent(t))
	return err
}

// objects uploads artifacts and files. An object's name ends in the path on the instance, which no two of them share. The object of a
// former release stays when another takes its place: an instance that is launched from a former version of the template needs
// it. It expires after formerKept days: the release gives it the tag that [Template.expireFormer] names. All go with the bucket.
func (t *Template) objects(
	ctx *pulumi.Context, name string, args *Args, bucket *s3.BucketV2,
) (objects []pulumi.Resource, err error) {
	for _, o := range args.Software.objects() {
		object, err := s3.NewBucketObjectv2(ctx, name+o.path, &s3.BucketObjectv2Args{
			Bucket: bucket.ID(),
			Key:    pulumi.String(o.key),
			Source: pulumi.NewFileAsset(o.source),
			Tags:   pulumi.ToStringMap(args.Tags),
		}, pulumi.Parent(t), pulumi.RetainOnDelete(true))
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
		t.Objects = append(t.Objects, o.key)
	}
	return objects, nil
}
