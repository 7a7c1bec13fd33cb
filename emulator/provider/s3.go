package provider

import "github.com/elastic-service/elastic-service/emulator/cloud"

type bucketInputs struct {
	Bucket       string            `pulumi:"bucket"`
	ForceDestroy bool              `pulumi:"forceDestroy"`
	Tags         map[string]string `pulumi:"tags"`
}

type bucketPolicyInputs struct {
	Bucket string `pulumi:"bucket"`
	Policy string `pulumi:"policy"`
}

type bucketOutputs struct {
	ARN        string `pulumi:"arn"`
	DomainName string `pulumi:"bucketDomainName"`
	Region     string `pulumi:"region"`
}

const bucketToken = "aws:s3/bucketV2:BucketV2"

func bucket() resourceType {
	return define(resourceType{
		token: bucketToken, kind: Run, name: "bucket", nameMax: 63, replaceOn: []string{"bucket"},
	}, handlers[bucketInputs, bucketOutputs]{
		create: func(m *cloud.Model, in bucketInputs) (string, bucketOutputs, error) {
			return in.Bucket, bucketOutputs{
				ARN: "arn:aws:s3:::" + in.Bucket, DomainName: in.Bucket + ".s3.amazonaws.com", Region: string(m.Region),
			}, m.S3.CreateBucket(in.Bucket)
		},
		remove: func(m *cloud.Model, id string, in bucketInputs) error { return m.S3.DeleteBucket(id, in.ForceDestroy) },
	})
}

func bucketPolicy() resourceType {
	return define(resourceType{
		token: "aws:s3/bucketPolicy:BucketPolicy", kind: Recorded, replaceOn: []string{"bucket"},
	}, handlers[bucketPolicyInputs, none]{
		create: func(m *cloud.Model, in bucketPolicyInputs) (string, none, error) {
			return in.Bucket, none{}, m.S3.PutBucketPolicy(in.Bucket, in.Policy)
		},
		update: func(m *cloud.Model, id string, _, now bucketPolicyInputs) (*none, error) {
			return nil, m.S3.PutBucketPolicy(id, now.Policy)
		},
		remove: func(m *cloud.Model, id string, _ bucketPolicyInputs) error { return m.S3.DeleteBucketPolicy(id) },
	})
}
