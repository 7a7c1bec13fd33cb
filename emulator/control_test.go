package emulator_test

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator"
)

func open(t *testing.T, folder string) (*emulator.Emulator, error) {
	t.Helper()
	return emulator.Open(emulator.Options{
		Folder: folder, Region: "us-east-1", Speed: 10, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
}

const address = "127.0.0.1:45661"

func serving(t *testing.T) (emulator.Client, *emulator.Control) {
	t.Helper()
	e, err := open(t, t.TempDir())
	require.NoError(t, err)
	t.Cleanup(e.Providers.Close)
	control, err := e.Serve(address, "dev")
	require.NoError(t, err)
	t.Cleanup(control.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections) // the next one has the same address
	return emulator.Client{Address: address}, control
}

func TestClientAsksAndTells(t *testing.T) {
	client, control := serving(t)
	status, err := client.Status(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "us-east-1", status.Region)

	attachment, err := client.Attachment(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "dev", attachment.Stack)
	assert.Contains(t, attachment.Environment["PULUMI_DEBUG_PROVIDERS"], "awsx:")

	require.ErrorContains(t, client.Terminate(t.Context(), "i-1"), "InvalidInstanceID.NotFound")
	require.ErrorContains(t, client.StopService(t.Context(), "i-1", "musicguru"), `instance "i-1" does not run`)
	require.ErrorContains(t, client.StopTask(t.Context(), "1"), "The referenced task was not found: 1")
	require.NoError(t, client.Stop(t.Context()))
	<-control.Stopped()
}

func TestRequestsOfForeignPagesAreRefused(t *testing.T) {
	serving(t)
	for what, change := range map[string]func(*http.Request){
		"a name that points here": func(r *http.Request) { r.Host = "evil.example:45661" },
		"another page's script":   func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"a page without origin":   func(r *http.Request) { r.Header.Set("Origin", "null") },
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/stop", nil)
		require.NoError(t, err)
		change(request)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, http.StatusForbidden, response.StatusCode, what)
	}
}

func TestAPortInUseIsAClearError(t *testing.T) {
	serving(t)
	e, err := open(t, t.TempDir())
	require.NoError(t, err)
	defer e.Providers.Close()
	_, err = e.Serve(address, "dev")
	require.ErrorContains(t, err, address+" is in use")
}

func TestNobodyThereIsSaid(t *testing.T) {
	_, err := emulator.Client{Address: "127.0.0.1:1"}.Status(t.Context())
	require.ErrorIs(t, err, emulator.ErrNotRunning)
}

func TestAForeignStateIsRefusedAndLeftAsItIs(t *testing.T) {
	for what, content := range map[string]string{"not JSON": "{", "another format": `{"Format": 7}`, "nothing of ours": `[]`} {
		folder := t.TempDir()
		file := filepath.Join(folder, "cloud.json")
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		_, err := open(t, folder)
		require.ErrorContains(t, err, file, what)
		kept, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, content, string(kept), what)
	}
}
