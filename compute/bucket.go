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
	objects, err := t.objects(ctx, name, args, private.BucketV2)
	if err != nil {
		return nil, err
	}
	t.Ready = append(t.Ready, objects...)
	policy := private.Arn.ApplyT(func(arn string) (string, error) {
		return iam.Policy(bucket.TLSOnly(arn))
	}).(pulumi.StringOutput)
	_, err = private.SetPolicy(ctx, "tls", policy, objects...)
	return private.BucketV2, err
}

// objects uploads the artifacts. An object's name ends in the artifact's path, which no two artifacts share. The object of a
// former release stays when another takes its place: an instance that is launched from a former version of the template needs
// it. All go with the bucket.
func (t *Template) objects(
	ctx *pulumi.Context, name string, args *Args, bucket *s3.BucketV2,
) (objects []pulumi.Resource, err error) {
	for _, artifact := range args.Software.Artifacts {
		object, err := s3.NewBucketObjectv2(ctx, name+artifact.Path, &s3.BucketObjectv2Args{
			Bucket: bucket.ID(),
			Key:    pulumi.String(key(artifact)),
			Source: pulumi.NewFileAsset(artifact.Source),
			Tags:   pulumi.ToStringMap(args.Tags),
		}, pulumi.Parent(t), pulumi.RetainOnDelete(true))
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	return objects, nil
}
