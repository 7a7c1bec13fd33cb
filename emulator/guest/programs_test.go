package guest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/emulator/proxy"
	"github.com/elastic-service/elastic-service/userdata"
)

// The project's own programs, built as for AWS, from user data as an instance gets it.
func TestTheServiceAndItsResponderRunFromTheirUserData(t *testing.T) {
	folder := t.TempDir()
	build := exec.Command("go", "build", "-o", folder, "../../cmd/musicguru", "../../cmd/healthcheck")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	artifact := func(name string) userdata.Artifact {
		return userdata.Artifact{Path: "/usr/local/bin/" + name, Bucket: "artifacts", Key: name, SHA256: hashOf(t, filepath.Join(folder, name))}
	}
	document, err := userdata.Bootstrap{
		Region:    "us-east-1",
		Artifacts: []userdata.Artifact{artifact("musicguru"), artifact("healthcheck")},
		Services: []userdata.Service{
			{Name: "musicguru", Command: []string{"/usr/local/bin/musicguru", "serve"}, Port: 5000},
			{
				Name: "healthcheck", Command: []string{"/usr/local/bin/healthcheck", "-port", "5001", "-service-port", "5000"},
				Port: 5001, After: []string{"musicguru"},
			},
		},
	}.Render()
	require.NoError(t, err)

	var instances []*rig
	for _, address := range []string{"10.4.0.10", "10.4.1.10"} {
		m := newMachine(t, address, string(document))
		m.Fetch = func(_ context.Context, bucket, key string) (io.ReadCloser, error) {
			if bucket != "artifacts" {
				return nil, errors.New("access denied")
			}
			return os.Open(filepath.Join(folder, key))
		}
		instances = append(instances, boot(t, m))
	}
	one, other := instances[0], instances[1]
	for _, r := range instances {
		assert.Contains(t, r.ask(5000, "2004"), "("+loopback.Address(r.machine.Address).String()+")")
		r.probes(nil)
		for _, line := range r.Skipped() {
			assert.NotContains(t, line, "is not supported")
		}
	}

	t.Run("the health of one does not depend on the other's service", func(t *testing.T) {
		require.NoError(t, one.StopService("musicguru"))
		one.probes(errors.New("connection refused"))
		other.probes(nil)
		require.NoError(t, one.StartService("musicguru"))
		one.probes(nil)
	})
}

// probes waits until the health port answers as wanted.
func (r *rig) probes(want error) {
	r.t.Helper()
	at := netip.MustParseAddrPort(r.at(5001))
	var got error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if got = proxy.Probe(r.t.Context(), loopback.Dial, at, time.Second); fmt.Sprint(got) == fmt.Sprint(want) {
			break
		}
	}
	if want == nil {
		assert.NoError(r.t, got)
		return
	}
	assert.EqualError(r.t, got, strings.TrimSpace(want.Error()))
}
