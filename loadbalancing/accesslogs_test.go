package loadbalancing

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func logged(of *Args) *Args {
	of.AccessLogs = true
	return of
}

func TestThereIsNoBucketWithoutLogs(t *testing.T) {
	_, g := made(t, web())
	assert.Empty(t, g.OfType("BucketV2"))
	assert.NotContains(t, g.OfType("LoadBalancer")[0].Inputs, "accessLogs")
}

func TestTheBalancerWaitsUntilItMayWriteItsLogs(t *testing.T) {
	_, g := made(t, logged(web()))
	balancer, bucket := g.Find("LoadBalancer", "web-lb"), g.Find("BucketV2", "web-logs")
	assert.Equal(t, map[string]any{"bucket": bucket.Outputs["bucket"].StringValue(), "enabled": true},
		balancer.Inputs["accessLogs"].Mappable())
	assert.True(t, g.Reaches(balancer, g.Find("BucketPolicy", "web-logs-policy")))
}

func TestTheLogsAreKeptPrivateEncryptedAndForALimitedTime(t *testing.T) {
	_, g := made(t, logged(web()))
	bucket := g.Find("BucketV2", "web-logs")
	assert.Equal(t, map[string]any{"forceDestroy": true, "tags": map[string]any{"Service": "musicguru"}}, bucket.Inputs.Mappable())
	id := bucket.Outputs["id"].StringValue()
	for _, test := range []struct {
		typ, name string
		want      map[string]any
	}{
		{"BucketPublicAccessBlock", "web-logs-private", map[string]any{
			"bucket": id, "blockPublicAcls": true, "blockPublicPolicy": true, "ignorePublicAcls": true, "restrictPublicBuckets": true,
		}},
		{"BucketOwnershipControls", "web-logs-ownership", map[string]any{
			"bucket": id, "rule": map[string]any{"objectOwnership": "BucketOwnerEnforced"},
		}},
		{"BucketServerSideEncryptionConfigurationV2", "web-logs-encryption", map[string]any{
			"bucket": id, "rules": []any{map[string]any{
				"applyServerSideEncryptionByDefault": map[string]any{"sseAlgorithm": "AES256"},
			}},
		}},
		{"BucketLifecycleConfigurationV2", "web-logs-expiry", map[string]any{
			"bucket": id, "rules": []any{map[string]any{
				"id": "expire", "status": "Enabled",
				"filter": map[string]any{"prefix": "AWSLogs/"}, "expiration": map[string]any{"days": 90.0},
			}},
		}},
	} {
		assert.Equal(t, test.want, g.Find(test.typ, test.name).Inputs.Mappable(), test.name)
	}
}

func TestChangesOfTheBucketsAccessFollowEachOther(t *testing.T) {
	_, g := made(t, logged(web()))
	private, owned := g.OfType("BucketPublicAccessBlock")[0], g.OfType("BucketOwnershipControls")[0]
	assert.True(t, g.Reaches(owned, private))
	assert.True(t, g.Reaches(g.OfType("BucketPolicy")[0], owned))
}

func TestAProtectedBalancersLogsAreNotEmptied(t *testing.T) {
	a := logged(web())
	a.Protect = true
	_, g := made(t, a)
	assert.False(t, g.Find("BucketV2", "web-logs").Inputs["forceDestroy"].BoolValue())
}

func TestEachKindsDeliveryMayWriteIntoTheAccountsFolderAndNobodyElse(t *testing.T) {
	const (
		bucket  = "arn:aws:s3:::logs"
		targets = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web-tg/0123"
		source  = `"ArnLike":{"aws:SourceArn":"arn:aws:logs:eu-west-1:123456789012:*"}`
		account = `"aws:SourceAccount":"123456789012"`
		tls     = `{"Sid":"TLSOnly","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::logs","arn:aws:s3:::logs/*"],` +
			`"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	)
	for kind, want := range map[Kind]string{
		Application: `{"Sid":"Write","Effect":"Allow","Principal":{"Service":"logdelivery.elasticloadbalancing.amazonaws.com"},` +
			`"Action":"s3:PutObject","Resource":"arn:aws:s3:::logs/AWSLogs/123456789012/*"}`,
		Network: `{"Sid":"AWSLogDeliveryAclCheck","Effect":"Allow","Principal":{"Service":"delivery.logs.amazonaws.com"},` +
			`"Action":"s3:GetBucketAcl","Resource":"arn:aws:s3:::logs","Condition":{` + source + `,"StringEquals":{` + account + `}}},` +
			`{"Sid":"AWSLogDeliveryWrite","Effect":"Allow","Principal":{"Service":"delivery.logs.amazonaws.com"},` +
			`"Action":"s3:PutObject","Resource":"arn:aws:s3:::logs/AWSLogs/123456789012/*","Condition":{` + source + `,` +
			`"StringEquals":{` + account + `,"s3:x-amz-acl":"bucket-owner-full-control"}}}`,
	} {
		text, err := logsPolicy(kind, bucket, targets)
		require.NoError(t, err)
		assert.Equal(t, `{"Version":"2012-10-17","Statement":[`+want+`,`+tls+`]}`, text, string(kind))
	}
}

func TestThePolicyOfTheBucketIsThatOfItsBalancer(t *testing.T) {
	for _, a := range []*Args{logged(args()), logged(web())} {
		_, g := made(t, a)
		want, err := logsPolicy(a.Kind, g.Find("BucketV2", "web-logs").Outputs["arn"].StringValue(),
			g.Find("TargetGroup", "web-tg").Outputs["arn"].StringValue())
		require.NoError(t, err)
		got := g.Find("BucketPolicy", "web-logs-policy").Inputs["policy"].StringValue()
		assert.Equal(t, want, got)
		assert.True(t, json.Valid([]byte(got)))
	}
}

func TestThePolicyOfTheBucketNeedsTheAccountOfTheTargetGroup(t *testing.T) {
	for _, text := range []string{"", "web-tg", "arn:aws:s3:::logs", "arn:aws:elasticloadbalancing:eu-west-1:123456789012"} {
		_, err := logsPolicy(Network, "arn:aws:s3:::logs", text)
		require.Error(t, err, text)
	}
}
