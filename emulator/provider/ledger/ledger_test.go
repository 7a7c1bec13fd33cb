package ledger_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/provider/ledger"
)

const vpcToken, policyToken = "aws:ec2/vpc:Vpc", "aws:s3/bucketPolicy:BucketPolicy"

var errRefused = errors.New("refused")

func entry(token, id string) ledger.Entry {
	return ledger.Entry{Type: token, ID: id, Name: "web", Properties: json.RawMessage(`{"cidrBlock":"10.0.0.0/16"}`)}
}

func add(t *testing.T, l *ledger.Ledger, entries ...ledger.Entry) {
	t.Helper()
	for _, e := range entries {
		require.NoError(t, l.Create(func() (ledger.Entry, error) { return e, nil }))
	}
}

func TestEntriesKeepTheOrderOfCreation(t *testing.T) {
	l := ledger.New(nil)
	first, second := entry(vpcToken, "vpc-2"), entry(vpcToken, "vpc-1")
	add(t, l, first, second)
	first.Properties = json.RawMessage(`{}`)
	add(t, l, first)
	assert.Equal(t, []ledger.Entry{first, second}, l.Entries(), "a second entry of a resource replaces the first")
	require.NoError(t, l.Delete(first.Type, first.ID, func() error { return nil }))
	assert.Equal(t, []ledger.Entry{second}, l.Entries())
}

func TestTwoTypesMayShareAnID(t *testing.T) {
	bucket, policy := entry("aws:s3/bucketV2:BucketV2", "logs"), entry(policyToken, "logs")
	l := ledger.New([]ledger.Entry{bucket, policy})
	require.NoError(t, l.Delete(policyToken, "logs", func() error { return nil }))
	assert.Equal(t, []ledger.Entry{bucket}, l.Entries())
}

func TestWhatFailsLeavesTheLedgerAsItIs(t *testing.T) {
	l := ledger.New([]ledger.Entry{entry(vpcToken, "vpc-1")})
	require.ErrorIs(t, l.Create(func() (ledger.Entry, error) { return entry(vpcToken, "vpc-2"), errRefused }), errRefused)
	require.ErrorIs(t, l.Delete(vpcToken, "vpc-1", func() error { return errRefused }), errRefused)
	assert.Equal(t, []ledger.Entry{entry(vpcToken, "vpc-1")}, l.Entries())
	assert.Zero(t, l.Version())
}

func TestASnapshotIsOfTheMomentOfTheSave(t *testing.T) {
	l := ledger.New(nil)
	add(t, l, entry(vpcToken, "vpc-1"))
	created := make(chan error, 1)
	entries, err := l.Snapshot(func() error {
		go func() {
			created <- l.Create(func() (ledger.Entry, error) { return entry(vpcToken, "vpc-2"), nil })
		}()
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, <-created)
	assert.Equal(t, []ledger.Entry{entry(vpcToken, "vpc-1")}, entries)
	assert.Len(t, l.Entries(), 2)
	assert.EqualValues(t, 2, l.Version())
	_, err = l.Snapshot(func() error { return errRefused })
	require.ErrorIs(t, err, errRefused)
}
