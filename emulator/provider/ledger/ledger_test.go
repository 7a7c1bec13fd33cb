package ledger_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/provider/ledger"
)

func entry(token, id string) ledger.Entry {
	return ledger.Entry{Type: token, ID: id, Name: "web", Inputs: json.RawMessage(`{"cidrBlock":"10.0.0.0/16"}`)}
}

func TestEntriesKeepTheOrderOfCreation(t *testing.T) {
	l := &ledger.Ledger{}
	vpc, subnet := entry("aws:ec2/vpc:Vpc", "vpc-1"), entry("aws:ec2/subnet:Subnet", "subnet-1")
	l.Add(vpc)
	l.Add(subnet)
	vpc.Inputs = json.RawMessage(`{}`)
	l.Add(vpc)
	assert.Equal(t, []ledger.Entry{vpc, subnet}, l.Entries(), "a second entry of a resource replaces the first")
	l.Remove(vpc.Type, vpc.ID)
	assert.Equal(t, []ledger.Entry{subnet}, l.Entries())
}

func TestTwoTypesMayShareAnID(t *testing.T) {
	l := &ledger.Ledger{}
	l.Add(entry("aws:s3/bucketV2:BucketV2", "logs"))
	l.Add(entry("aws:s3/bucketPolicy:BucketPolicy", "logs"))
	l.Remove("aws:s3/bucketPolicy:BucketPolicy", "logs")
	assert.Equal(t, []ledger.Entry{entry("aws:s3/bucketV2:BucketV2", "logs")}, l.Entries())
}

func TestTheVersionCountsChanges(t *testing.T) {
	l := &ledger.Ledger{}
	l.Remove("aws:ec2/vpc:Vpc", "vpc-1")
	assert.Zero(t, l.Version())
	l.Add(entry("aws:ec2/vpc:Vpc", "vpc-1"))
	l.Remove("aws:ec2/vpc:Vpc", "vpc-1")
	assert.EqualValues(t, 2, l.Version())
}

func TestASavedLedgerIsReadBack(t *testing.T) {
	l := &ledger.Ledger{}
	for _, id := range []string{"vpc-2", "vpc-1", "vpc-3"} {
		l.Add(entry("aws:ec2/vpc:Vpc", id))
	}
	data, err := json.Marshal(l)
	require.NoError(t, err)
	again := &ledger.Ledger{}
	require.NoError(t, json.Unmarshal(data, again))
	assert.Equal(t, l.Entries(), again.Entries())

	empty, err := json.Marshal(&ledger.Ledger{})
	require.NoError(t, err)
	assert.JSONEq(t, "[]", string(empty))
}
