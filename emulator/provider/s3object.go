package provider

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/s3"
	"github.com/elastic-service/elastic-service/internal/objects"
)

type objectInputs struct {
	Bucket string            `pulumi:"bucket"`
	Key    string            `pulumi:"key"`
	Source string            `pulumi:"source"` // file in the emulator's own folder, see upload
	Tags   map[string]string `pulumi:"tags"`
}

func bucketObject() resourceType {
	return define(resourceType{
		token: "aws:s3/bucketObjectv2:BucketObjectv2", kind: Run, replaceOn: []string{"bucket", "key"}, within: container{bucketToken, "bucket"},
	}, handlers[objectInputs, arnOutput]{
		create: func(m *cloud.Model, in objectInputs) (string, arnOutput, error) {
			return in.Key, arnOutput{"arn:aws:s3:::" + in.Bucket + "/" + in.Key}, in.put(m)
		},
		update: func(m *cloud.Model, _ string, _, now objectInputs) (*arnOutput, error) { return nil, now.put(m) },
		remove: func(m *cloud.Model, _ string, in objectInputs) error { return m.S3.DeleteObject(in.Bucket, in.Key) },
	})
}

func (in objectInputs) put(m *cloud.Model) error {
	object := s3.NewObject(in.Key, in.Source, m.Clock.Now())
	object.Tags = in.Tags
	return m.S3.PutObject(in.Bucket, object)
}

// upload copies the file behind each asset among the inputs into the emulator's own folder, as S3 would, and replaces the
// asset by the path of the copy.
func (p *awsProvider) upload(inputs resource.PropertyMap) (resource.PropertyMap, error) {
	uploaded := inputs.Copy()
	for key, value := range inputs {
		if !value.IsAsset() {
			continue
		}
		path, ok := value.AssetValue().GetPath()
		if !ok {
			return nil, fmt.Errorf("%s is not a file on this machine: the emulator takes file assets", key)
		}
		stored, err := objects.KeepFile(p.objects, path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		uploaded[key] = resource.NewStringProperty(stored)
	}
	return uploaded, nil
}
