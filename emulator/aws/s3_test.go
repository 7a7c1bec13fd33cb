package aws_test

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

// bucket is an empty bucket and a client of it.
func bucket(t *testing.T) (*world, *s3.Client) {
	t.Helper()
	w := newWorld(t)
	require.NoError(t, w.cloud.Change(func(m *cloud.Model) error { return m.S3.CreateBucket("files") }))
	return w, s3.NewFromConfig(w.config(), func(o *s3.Options) { o.UsePathStyle = true })
}

// A copy onto itself replaces the tags of an object and makes its age begin again. S3 refuses a copy that changes nothing.
func TestTheSDKTagsAnObjectByACopyOntoItself(t *testing.T) {
	w, client := bucket(t)
	files, key := sdk.String("files"), sdk.String("a folder/ä+b")
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: files, Key: key, Body: strings.NewReader("hello")})
	require.NoError(t, err)
	written := w.clock.Now()
	from := sdk.String("files/" + (&url.URL{Path: *key}).EscapedPath())
	_, err = client.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: files, Key: key, CopySource: from})
	require.ErrorContains(t, err, "illegal")
	_, err = client.CopyObject(t.Context(), &s3.CopyObjectInput{
		Bucket: files, Key: key, CopySource: from, TaggingDirective: s3types.TaggingDirectiveReplace, Tagging: sdk.String("Former=true"),
	})
	require.NoError(t, err)
	tagged, err := client.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: files, Key: key})
	require.NoError(t, err)
	assert.Equal(t, []s3types.Tag{{Key: sdk.String("Former"), Value: sdk.String("true")}}, tagged.TagSet)
	head, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: files, Key: key})
	require.NoError(t, err)
	assert.False(t, head.LastModified.Before(written.Truncate(time.Second)))
	_, err = client.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: files, Key: key, CopySource: sdk.String("files/nothing")})
	require.ErrorContains(t, err, "NoSuchKey")
}

func TestTheSDKPutsAndGetsObjects(t *testing.T) {
	_, client := bucket(t)
	require.NoError(t, s3.NewBucketExistsWaiter(client).Wait(t.Context(), &s3.HeadBucketInput{Bucket: sdk.String("files")}, time.Minute))
	buckets, err := client.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	require.NoError(t, err)
	require.Len(t, buckets.Buckets, 1)
	assert.Equal(t, "files", *buckets.Buckets[0].Name)
	location, err := client.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: sdk.String("files")})
	require.NoError(t, err)
	assert.Empty(t, location.LocationConstraint, "us-east-1 has no name")

	content := bytes.Repeat([]byte("0123456789"), 300_000) // more than a request of another service may have
	put, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: sdk.String("files"), Key: sdk.String("a folder/ä+b"), Body: bytes.NewReader(content),
	})
	require.NoError(t, err)
	head, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: sdk.String("files"), Key: sdk.String("a folder/ä+b")})
	require.NoError(t, err)
	assert.EqualValues(t, len(content), *head.ContentLength)
	assert.Equal(t, *put.ETag, *head.ETag)
	got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: sdk.String("files"), Key: sdk.String("a folder/ä+b")})
	require.NoError(t, err)
	read, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	assert.Equal(t, content, read)
	part, err := client.GetObject(t.Context(), &s3.GetObjectInput{
		Bucket: sdk.String("files"), Key: sdk.String("a folder/ä+b"), Range: sdk.String("bytes=12-14"),
	})
	require.NoError(t, err)
	read, err = io.ReadAll(part.Body)
	require.NoError(t, err)
	assert.Equal(t, "234", string(read))
}

func TestTheSDKListsObjects(t *testing.T) {
	_, client := bucket(t)
	for _, key := range []string{"logs/2026/1", "logs/2026/2", "logs/2027/1", "logs/note", "other"} {
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: sdk.String("files"), Key: &key, Body: strings.NewReader(key),
		})
		require.NoError(t, err)
	}
	list := func(in s3.ListObjectsV2Input) (keys, prefixes []string) {
		in.Bucket = sdk.String("files")
		pages := s3.NewListObjectsV2Paginator(client, &in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			require.NoError(t, err)
			for _, object := range page.Contents {
				keys = append(keys, fmt.Sprint(*object.Key, " ", *object.Size))
			}
			for _, prefix := range page.CommonPrefixes {
				prefixes = append(prefixes, *prefix.Prefix)
			}
		}
		return keys, prefixes
	}
	all := []string{"logs/2026/1 11", "logs/2026/2 11", "logs/2027/1 11", "logs/note 9", "other 5"}
	keys, _ := list(s3.ListObjectsV2Input{})
	assert.Equal(t, all, keys)
	keys, _ = list(s3.ListObjectsV2Input{MaxKeys: sdk.Int32(2)})
	assert.Equal(t, all, keys, "page by page")
	keys, prefixes := list(s3.ListObjectsV2Input{Prefix: sdk.String("logs/"), Delimiter: sdk.String("/"), MaxKeys: sdk.Int32(1)})
	assert.Equal(t, []string{"logs/note 9"}, keys)
	assert.Equal(t, []string{"logs/2026/", "logs/2027/"}, prefixes)
	keys, _ = list(s3.ListObjectsV2Input{StartAfter: sdk.String("logs/2027/1")})
	assert.Equal(t, []string{"logs/note 9", "other 5"}, keys)

	_, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: sdk.String("files"), Key: sdk.String("other")})
	require.NoError(t, err)
	deleted, err := client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: sdk.String("files"), Delete: &s3types.Delete{
		Objects: []s3types.ObjectIdentifier{{Key: sdk.String("logs/note")}, {Key: sdk.String("logs/2027/1")}},
	}})
	require.NoError(t, err)
	assert.Len(t, deleted.Deleted, 2)
	keys, _ = list(s3.ListObjectsV2Input{})
	assert.Equal(t, all[:2], keys)
}

func TestS3RefusesAsItsClientsExpect(t *testing.T) {
	_, client := bucket(t)
	_, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: sdk.String("files"), Key: sdk.String("none")})
	var noKey *s3types.NoSuchKey
	require.ErrorAs(t, err, &noKey)
	_, err = client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: sdk.String("files"), Key: sdk.String("none")})
	var notFound *s3types.NotFound
	require.ErrorAs(t, err, &notFound)
	_, err = client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: sdk.String("none")})
	var noBucket *s3types.NoSuchBucket
	require.ErrorAs(t, err, &noBucket)
	var refused smithy.APIError
	_, err = client.GetBucketAcl(t.Context(), &s3.GetBucketAclInput{Bucket: sdk.String("files")})
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "NotImplemented", refused.ErrorCode())
	assert.Contains(t, refused.ErrorMessage(), "the emulator has no operation GET of a bucket's acl of S3; it has CopyObject, DeleteObject, ")
	_, err = client.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{
		Bucket: sdk.String("files"), Key: sdk.String("b"), Tagging: &s3types.Tagging{TagSet: []s3types.Tag{}},
	})
	require.ErrorAs(t, err, &refused)
	assert.Contains(t, refused.ErrorMessage(), "PUT of an object's tagging")
}

func TestTheCommandOfAWSCopiesObjects(t *testing.T) {
	needAWSCommand(t)
	w, _ := bucket(t)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "note"), []byte("hello"), 0o600))
	out, err := w.run(t, "s3", "cp", filepath.Join(folder, "note"), "s3://files/notes/first")
	require.NoError(t, err, out)
	out, err = w.run(t, "s3", "ls", "s3://files/")
	require.NoError(t, err, out)
	assert.Contains(t, out, "PRE notes/")
	out, err = w.run(t, "s3", "sync", "s3://files", folder)
	require.NoError(t, err, out)
	content, err := os.ReadFile(filepath.Join(folder, "notes", "first"))
	require.NoError(t, err)
	assert.Equal(t, "hello", string(content))
	out, err = w.run(t, "s3", "rm", "--recursive", "s3://files")
	require.NoError(t, err, out)
	out, err = w.run(t, "s3", "ls", "s3://files/")
	require.NoError(t, err, out)
	assert.Empty(t, out)
}
