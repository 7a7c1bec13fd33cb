package guest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/userdata"
)

// bucket has the objects of an instance by their keys.
type bucket map[string][]byte

func (b bucket) fetch(_ context.Context, _, key string) (io.ReadCloser, error) {
	content, found := b[key]
	if !found {
		return nil, errors.New("no such key")
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

// artifact returns the artifact whose content is the object key.
func (b bucket) artifact(path, key string) userdata.Artifact {
	sum := sha256.Sum256(b[key])
	return userdata.Artifact{Path: path, Bucket: "artifacts", Key: key, SHA256: hex.EncodeToString(sum[:])}
}

// rendered returns the user data of a bootstrap.
func rendered(t *testing.T, b userdata.Bootstrap) string {
	t.Helper()
	b.Region = "us-east-1"
	document, err := b.Render()
	require.NoError(t, err)
	return string(document)
}

// logged returns what a unit has written.
func (r *rig) logged(unit string) string {
	text, _ := os.ReadFile(filepath.Join(r.machine.Directory, "log", unit+".log"))
	return string(text)
}

// reader prints the file that its argument names, or that there is none, and stays.
const reader = `#!/bin/sh
file=${1#--config=}
if test -e "$file"; then cat "$file"; else echo DEFAULTS; fi
exec sleep 1000
`

// A service whose configuration is named within an argument must not start with its defaults while the file is on its way.
func TestServiceWaitsForAFileThatIsNamedWithinAnArgument(t *testing.T) {
	objects := bucket{"reader": []byte(reader), "app.conf": []byte("mode=production\n")}
	m := newMachine(t, "10.1.2.10", rendered(t, userdata.Bootstrap{
		Artifacts: []userdata.Artifact{
			objects.artifact("/usr/local/bin/reader", "reader"), objects.artifact("/opt/reader/app.conf", "app.conf"),
		},
		Services: []userdata.Service{{Name: "reader", Command: []string{"/usr/local/bin/reader", "--config=/opt/reader/app.conf"}}},
	}))
	var asked atomic.Int32
	m.Fetch = func(ctx context.Context, name, key string) (io.ReadCloser, error) {
		if key == "app.conf" && asked.Add(1) < 3 {
			return nil, errors.New("access denied")
		}
		return objects.fetch(ctx, name, key)
	}
	r := boot(t, m)
	require.Eventually(t, func() bool { return r.logged("reader") != "" }, 10*time.Second, time.Millisecond)
	assert.Equal(t, "mode=production\n", r.logged("reader"))
	assert.Equal(t, int32(3), asked.Load(), "the fetch was repeated, and the service waited")
}
