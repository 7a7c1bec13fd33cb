// Package bucket creates the private buckets of components: encrypted, closed to the public and to ACLs, and reachable over
// TLS alone.
//
//	bucket ◀── encryption (SSE-S3)
//	       ◀── public access block ◀── ownership (no ACLs) ◀── policy: what the component grants, and no plain HTTP
//
// S3 refuses concurrent changes of one bucket's access (OperationAborted), so these follow each other.
package bucket

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/iam"
)

// The tag of objects that are no longer used. A lifecycle rule expires them.
const (
	FormerTag      = "Former"
	FormerTagValue = "true"
)

// Args describes a bucket.
type Args struct {
	// ForceDestroy deletes the bucket with what is in it. Otherwise AWS refuses to delete a bucket that is not empty.
	ForceDestroy bool

	// Tags are put on the bucket.
	Tags map[string]string
}

// Private is a private bucket. Its policy is set by SetPolicy.
type Private struct {
	*s3.BucketV2
	name      string
	opts      []pulumi.ResourceOption
	ownership *s3.BucketOwnershipControls
}

// NewPrivate creates a bucket that nobody but its account can reach. The options are applied to each of its resources.
func NewPrivate(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Private, error) {
	bucket, err := s3.NewBucketV2(ctx, name, &s3.BucketV2Args{
		ForceDestroy: pulumi.Bool(args.ForceDestroy),
		Tags:         pulumi.ToStringMap(args.Tags),
	}, opts...)
	if err != nil {
		return nil, err
	}
	b := &Private{BucketV2: bucket, name: name, opts: opts}
	if err := b.encrypt(ctx); err != nil {
		return nil, err
	}
	return b, b.closeAccess(ctx)
}

// encrypt uses S3's own keys, the only keys that load balancers of both types write with.
func (b *Private) encrypt(ctx *pulumi.Context) error {
	standard := s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{
		SseAlgorithm: pulumi.String("AES256"),
	}
	_, err := s3.NewBucketServerSideEncryptionConfigurationV2(ctx, b.name+"-encryption",
		&s3.BucketServerSideEncryptionConfigurationV2Args{
			Bucket: b.ID(),
			Rules: s3.BucketServerSideEncryptionConfigurationV2RuleArray{
				&s3.BucketServerSideEncryptionConfigurationV2RuleArgs{ApplyServerSideEncryptionByDefault: standard},
			},
		}, b.opts...)
	return err
}

func (b *Private) closeAccess(ctx *pulumi.Context) error {
	private, err := s3.NewBucketPublicAccessBlock(ctx, b.name+"-private", &s3.BucketPublicAccessBlockArgs{
		Bucket:                b.ID(),
		BlockPublicAcls:       pulumi.Bool(true),
		BlockPublicPolicy:     pulumi.Bool(true),
		IgnorePublicAcls:      pulumi.Bool(true),
		RestrictPublicBuckets: pulumi.Bool(true),
	}, b.opts...)
	if err != nil {
		return err
	}
	b.ownership, err = s3.NewBucketOwnershipControls(ctx, b.name+"-ownership", &s3.BucketOwnershipControlsArgs{
		Bucket: b.ID(),
		Rule:   &s3.BucketOwnershipControlsRuleArgs{ObjectOwnership: pulumi.String("BucketOwnerEnforced")},
	}, b.after(private)...)
	return err
}

// SetPolicy gives the bucket its policy, after other resources if there are any. The policy should contain [TLSOnly].
func (b *Private) SetPolicy(
	ctx *pulumi.Context, role string, policy pulumi.StringInput, after ...pulumi.Resource,
) (*s3.BucketPolicy, error) {
	return s3.NewBucketPolicy(ctx, b.name+"-"+role, &s3.BucketPolicyArgs{
		Bucket: b.ID(),
		Policy: policy,
	}, b.after(append(after, b.ownership)...)...)
}

// after returns the bucket's options for a resource that depends on others.
func (b *Private) after(others ...pulumi.Resource) []pulumi.ResourceOption {
	return append(b.opts[:len(b.opts):len(b.opts)], pulumi.DependsOn(others))
}

// TLSOnly refuses every request that does not come over TLS.
func TLSOnly(arn string) iam.Statement {
	return iam.Statement{
		Sid:       "TLSOnly",
		Effect:    iam.Deny,
		Principal: "*",
		Action:    "s3:*",
		Resource:  []string{arn, arn + "/*"},
		Condition: iam.Condition{"Bool": {"aws:SecureTransport": "false"}},
	}
}
