package s3_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/s3"
)

// An object expires at the first midnight after its days, if it has the tag and the prefix of a rule.
func TestObjectsExpireByPrefixTagAndAge(t *testing.T) {
	store, written := s3.New(), time.Date(2026, 1, 1, 15, 0, 0, 0, time.UTC)
	require.NoError(t, store.CreateBucket("files"))
	put := func(key string, at time.Time, tags map[string]string) {
		object := s3.NewObject(key, "/tmp/"+key, at)
		object.Tags = tags
		require.NoError(t, store.PutObject("files", object))
	}
	former := map[string]string{"Former": "true"}
	put("a/old", written, former)
	put("a/later", written.AddDate(0, 0, 5), former)
	put("a/used", written, nil)
	put("b/elsewhere", written, former)
	require.NoError(t, store.PutLifecycle("files", []s3.Rule{{Prefix: "a/", Tag: "Former", Is: "true", Days: 30}}))

	due := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	assert.False(t, store.Reconcile(due), "the age counts in whole days")
	assert.True(t, store.Reconcile(due.Add(time.Second)))
	var left []string
	objects, err := store.Objects("files")
	require.NoError(t, err)
	for _, o := range objects {
		left = append(left, o.Key)
	}
	assert.Equal(t, []string{"a/later", "a/used", "b/elsewhere"}, left)
	assert.False(t, store.Reconcile(due.Add(time.Hour)))
	require.Error(t, store.PutLifecycle("nothing", nil))
}
