package bucket_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/bucket"
	"github.com/elastic-service/elastic-service/internal/graphtest"
	"github.com/elastic-service/elastic-service/internal/iam"
)

func TestABucketIsClosedInOrder(t *testing.T) {
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		owner := &pulumi.ResourceState{}
		if err := ctx.RegisterComponentResource("elastic-service:test:Owner", "owner", owner); err != nil {
			return err
		}
		b, err := bucket.NewPrivate(ctx, "web-files", bucket.Args{Tags: map[string]string{"Service": "web"}}, pulumi.Parent(owner))
		if err != nil {
			return err
		}
		policy := b.Arn.ApplyT(func(arn string) (string, error) { return iam.Policy(bucket.TLSOnly(arn)) }).(pulumi.StringOutput)
		_, err = b.SetPolicy(ctx, "tls", policy)
		return err
	})
	require.NoError(t, err)
	private, owned := g.Find("BucketPublicAccessBlock", "web-files-private"), g.Find("BucketOwnershipControls", "web-files-ownership")
	policy := g.Find("BucketPolicy", "web-files-tls")
	assert.Contains(t, g.Dependencies(owned), private)
	assert.Contains(t, g.Dependencies(policy), owned)
	for _, r := range g.Custom() {
		assert.Equal(t, "owner", g.Parent(r).Name, r.Name)
	}
	arn := g.Find("BucketV2", "web-files").Outputs["arn"].StringValue()
	assert.JSONEq(t, `{"Version": "2012-10-17", "Statement": [{
		"Sid": "TLSOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
		"Resource": ["`+arn+`", "`+arn+`/*"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}
	}]}`, policy.Inputs["policy"].StringValue())
	assert.Equal(t, "AES256", g.Find("BucketServerSideEncryptionConfigurationV2", "web-files-encryption").Inputs["rules"].
		ArrayValue()[0].ObjectValue()["applyServerSideEncryptionByDefault"].ObjectValue()["sseAlgorithm"].StringValue())
}
