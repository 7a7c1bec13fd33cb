package nspawn_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/userdata"
)

const artifactBucket = "artifacts-of-a-test"

// object puts content into the bucket and returns the artifact that is it.
func (s *software) object(path string, content []byte) userdata.Artifact {
	if s.objects == nil {
		s.objects = map[string][]byte{}
	}
	sum := sha256.Sum256(content)
	a := userdata.Artifact{Path: path, Bucket: artifactBucket, Key: "artifacts" + path, SHA256: hex.EncodeToString(sum[:])}
	s.objects[a.Bucket+"/"+a.Key] = content
	return a
}

// render makes the bootstrap the user data.
func (s *software) render(t *testing.T, b userdata.Bootstrap) {
	t.Helper()
	b.Region = "us-east-1"
	document, err := b.Render()
	require.NoError(t, err)
	s.userData = document
}

// reader is a server that says what it found in the file of its argument when it started.
const reader = `#!/usr/bin/python3
import http.server, os, sys

path = sys.argv[1].split("=", 1)[1]
found = open(path).read() if os.path.exists(path) else "DEFAULTS"

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(found.encode())

http.server.HTTPServer(("", 5000), Handler).serve_forever()
`

// TestServiceWaitsForAFileThatIsNamedWithinAnArgument keeps the configuration away for two fetches.
func TestServiceWaitsForAFileThatIsNamedWithinAnArgument(t *testing.T) {
	v := newVPC(t)
	var s software
	s.render(t, userdata.Bootstrap{
		Artifacts: []userdata.Artifact{
			s.object("/usr/local/bin/reader.py", []byte(reader)), s.object("/opt/reader/app.conf", []byte("mode=production")),
		},
		Services: []userdata.Service{{
			Name: "reader", Command: []string{"/usr/local/bin/reader.py", "--config=/opt/reader/app.conf"}, Port: 5000,
		}},
	})
	spec := s.spec(t, zoneA)
	var asked atomic.Int32
	spec.Fetch = func(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
		if key == "artifacts/opt/reader/app.conf" && asked.Add(1) < 3 {
			return nil, errors.New("access denied")
		}
		return s.fetch(ctx, bucket, key)
	}
	m := boot(t, v, spec)
	opens(t, v, zoneA, 5000)
	assert.Equal(t, "mode=production", command(t, m, "curl", "--silent", "http://127.0.0.1:5000/"))
	assert.Zero(t, service(t, m, "reader").Restarts)
	assert.GreaterOrEqual(t, asked.Load(), int32(3))
	assert.Equal(t, "/var/lib/reader", command(t, m, "sh", "-c", "tr '\\0' '\\n' < /proc/"+itoa(service(t, m, "reader").PID)+
		"/environ | sed -n s/^HOME=//p"))
}
