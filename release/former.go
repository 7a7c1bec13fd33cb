package release

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/elastic-service/elastic-service/internal/bucket"
)

// markFormer tags the objects that the record's release does not use. S3 counts the age of an object from its last copy, so each is
// copied onto itself once: it expires that long after it was last used.
func (r *rollout) markFormer(ctx context.Context, record Record) error {
	if record.Bucket == "" {
		return nil
	}
	pages := s3.NewListObjectsV2Paginator(r.clients.S3, &s3.ListObjectsV2Input{Bucket: &record.Bucket})
	var problems []error
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return errors.Join(append(problems, err)...)
		}
		for _, object := range page.Contents {
			if key := aws.ToString(object.Key); !slices.Contains(record.Objects, key) {
				problems = append(problems, r.markObject(ctx, record.Bucket, key))
			}
		}
	}
	return errors.Join(problems...)
}

// markObject tags an object and makes its age begin now, unless it has the tag.
func (r *rollout) markObject(ctx context.Context, in, key string) error {
	tagged, err := r.clients.S3.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &in, Key: &key})
	if err != nil {
		return fmt.Errorf("reading the tags of %s: %w", key, err)
	}
	if slices.ContainsFunc(tagged.TagSet, func(t types.Tag) bool { return aws.ToString(t.Key) == bucket.FormerTag }) {
		return nil
	}
	_, err = r.clients.S3.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &in, Key: &key, CopySource: aws.String(in + "/" + (&url.URL{Path: key}).EscapedPath()),
		TaggingDirective: types.TaggingDirectiveReplace, Tagging: aws.String(bucket.FormerTag + "=" + bucket.FormerTagValue),
		MetadataDirective: types.MetadataDirectiveReplace, // S3 refuses a copy onto itself that changes nothing else
	})
	if err != nil {
		return fmt.Errorf("tagging %s: %w", key, err)
	}
	return nil
}
