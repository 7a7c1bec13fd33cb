package provider

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/asset"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

var errFull = errors.New("the state can't be saved: no space left on device")

func TestWhatCannotBeSavedIsNotMade(t *testing.T) {
	p := newProvider(t)
	p.save = func() error { return errFull }
	const token = "aws:ec2/vpc:Vpc"
	checked := p.checked(t, token, "net", nil, map[string]any{"cidrBlock": "10.0.0.0/24"})
	_, err := p.Create(t.Context(), plugin.CreateRequest{
		URN: name(token, "net"), Name: "net", Type: tokens.Type(token), Properties: checked.Properties,
	})
	require.ErrorIs(t, err, errFull)
	assert.Empty(t, p.left(), "it was taken back")
	assert.Empty(t, p.ledger.Entries())
}

func TestWhatAnEngineDoesNotRememberIsDeletedAndTheRestIsLeft(t *testing.T) {
	p := newProvider(t)
	s := &Servers{aws: p}
	vpc := p.created(t, "aws:ec2/vpc:Vpc", "net", map[string]any{"cidrBlock": "10.0.0.0/24"})
	gateway := p.created(t, "aws:ec2/internetGateway:InternetGateway", "net", map[string]any{"vpcId": string(vpc.ID)})
	all := []Resource{{"aws:ec2/vpc:Vpc", string(vpc.ID)}, {"aws:ec2/internetGateway:InternetGateway", string(gateway.ID)}}

	assert.Equal(t, []string{"dev"}, s.Stacks())
	gone, err := s.DeleteOrphans(t.Context(), "prod", nil)
	require.NoError(t, err)
	assert.Empty(t, gone, "another stack knows nothing of them, and they are none of its own")
	gone, err = s.DeleteOrphans(t.Context(), "dev", all)
	require.NoError(t, err)
	assert.Empty(t, gone)
	gone, err = s.DeleteOrphans(t.Context(), "dev", all[:1])
	require.NoError(t, err)
	assert.Equal(t, all[1:], gone)
	assert.Equal(t, []string{"vpc " + string(vpc.ID)}, p.left())
	again, err := s.DeleteOrphans(t.Context(), "dev", all[:1])
	require.NoError(t, err)
	assert.Empty(t, again)

	gone, err = s.DeleteOrphans(t.Context(), "dev", nil)
	require.NoError(t, err)
	assert.Equal(t, all[:1], gone)
	assert.Empty(t, p.left())
}

// A retained object goes with its bucket, without a word of the engine.
func TestWhatGoesWithAnotherResourceIsForgotten(t *testing.T) {
	p := newProvider(t)
	const token = "aws:s3/bucketV2:BucketV2"
	bucket := p.created(t, token, "b", map[string]any{"bucket": "artifacts", "forceDestroy": true})
	p.created(t, "aws:s3/bucketV2:BucketV2", "other", map[string]any{"bucket": "other"})
	file := filepath.Join(t.TempDir(), "a")
	require.NoError(t, os.WriteFile(file, []byte("a"), 0o600))
	source, err := asset.FromPath(file)
	require.NoError(t, err)
	for _, in := range []string{"artifacts", "other"} {
		p.created(t, "aws:s3/bucketObjectv2:BucketObjectv2", "o", map[string]any{"bucket": in, "key": in + "/a", "source": source})
	}
	policy := p.created(t, "aws:s3/bucketOwnershipControls:BucketOwnershipControls", "b", map[string]any{
		"bucket": "artifacts", "rule": map[string]any{"objectOwnership": "BucketOwnerEnforced"},
	})
	require.Equal(t, bucket.ID, policy.ID)
	require.NoError(t, p.removed(t, "aws:s3/bucketOwnershipControls:BucketOwnershipControls", policy))
	assert.Len(t, p.ledger.Entries(), 4, "another type has the bucket's ID")
	require.NoError(t, p.removed(t, token, bucket))
	var left []string
	for _, e := range p.ledger.Entries() {
		left = append(left, e.ID)
	}
	assert.Equal(t, []string{"other", "other/a"}, left)
}

func TestSecretsAreNotKeptForDeletion(t *testing.T) {
	inputs := resource.PropertyMap{
		"open":     resource.NewStringProperty("sesame"),
		"password": resource.MakeSecret(resource.NewStringProperty("hush")),
	}
	kept := string(toDelete(inputs))
	assert.Contains(t, kept, "sesame")
	assert.NotContains(t, kept, "hush")
}

func TestAnUploadThatFindsNoRoomOnTheDiskSaysSo(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a small disk is mounted as root")
	}
	p := newProvider(t)
	require.NoError(t, os.MkdirAll(p.objects, 0o700))
	require.NoError(t, unix.Mount("tmpfs", p.objects, "tmpfs", 0, "size=4k"))
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(p.objects, unix.MNT_DETACH)) })
	file := filepath.Join(t.TempDir(), "artifact")
	require.NoError(t, os.WriteFile(file, make([]byte, 1<<20), 0o600))
	path, err := asset.FromPath(file)
	require.NoError(t, err)
	require.NoError(t, p.cloud.Change(func(m *cloud.Model) error { return m.S3.CreateBucket("artifacts") }))
	const token = "aws:s3/bucketObjectv2:BucketObjectv2"
	_, err = p.Create(t.Context(), plugin.CreateRequest{
		URN: name(token, "artifact"), Name: "artifact", Type: tokens.Type(token),
		Properties: resource.PropertyMap{
			"bucket": resource.NewStringProperty("artifacts"), "key": resource.NewStringProperty("artifact"),
			"source": resource.NewAssetProperty(path),
		},
	})
	require.ErrorIs(t, err, unix.ENOSPC)
	require.ErrorContains(t, err, "source: ")
	left, err := filepath.Glob(filepath.Join(p.objects, "*"))
	require.NoError(t, err)
	assert.Empty(t, left, "no half of an object")
}
