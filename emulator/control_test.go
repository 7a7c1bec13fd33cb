package emulator_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/api"
)

func open(t *testing.T, folder string) (*emulator.Emulator, error) {
	t.Helper()
	return emulator.Open(emulator.Options{
		Folder: folder, Region: "us-east-1", Speed: 10, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
}

const address = "127.0.0.1:45661"

func serving(t *testing.T) (api.Client, *api.Server) {
	t.Helper()
	e, err := open(t, t.TempDir())
	require.NoError(t, err)
	t.Cleanup(e.Providers.Close)
	control, err := e.Serve(address, "dev")
	require.NoError(t, err)
	t.Cleanup(control.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections) // the next one has the same address
	return api.Client{Address: address}, control
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

	require.ErrorContains(t, client.TerminateInstance(t.Context(), "i-1"), "InvalidInstanceID.NotFound")
	require.ErrorContains(t, client.StopService(t.Context(), "i-1", "musicguru"), `instance "i-1" does not run`)
	require.ErrorContains(t, client.StopTask(t.Context(), "1"), "The referenced task was not found: 1")
	require.NoError(t, client.Stop(t.Context()))
	<-control.Stopped()
}

func TestRequestsOfForeignPagesAreRefused(t *testing.T) {
	_, control := serving(t)
	for what, c := range map[string]struct {
		method, path string
		change       func(*http.Request)
		code         int
	}{
		"a name that points here":        {"POST", "/stop", func(r *http.Request) { r.Host = "evil.example:45661" }, http.StatusForbidden},
		"a name that points here, reads": {"GET", "/status", func(r *http.Request) { r.Host = "evil.example" }, http.StatusForbidden},
		"an address of the network":      {"GET", "/status", func(r *http.Request) { r.Host = "192.0.2.1:45661" }, http.StatusForbidden},
		"another page's script":          {"POST", "/stop", origin("https://evil.example"), http.StatusForbidden},
		"another page reads":             {"GET", "/status", origin("https://evil.example"), http.StatusForbidden},
		"another server of this machine": {"POST", "/stop", origin("http://127.0.0.1:8080"), http.StatusForbidden},
		"a page without origin":          {"POST", "/stop", origin("null"), http.StatusForbidden},
		"an origin that is no address":   {"POST", "/stop", origin("http://%zz"), http.StatusForbidden},
		"a form, without an origin":      {"POST", "/stop", form("application/x-www-form-urlencoded"), http.StatusUnsupportedMediaType},
		"plain text, without an origin":  {"POST", "/stacks/web/orphans/delete", form("text/plain"), http.StatusUnsupportedMediaType},
		"nothing said of what is sent":   {"POST", "/stop", form(""), http.StatusUnsupportedMediaType},
		"a form that deletes":            {"DELETE", "/faults/1", form("multipart/form-data"), http.StatusUnsupportedMediaType},
		"its own page":                   {"GET", "/status", origin("http://" + address), http.StatusOK},
		"no page at all":                 {"GET", "/status", func(*http.Request) {}, http.StatusOK},
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+address+c.path, http.NoBody)
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		c.change(request)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, c.code, response.StatusCode, what)
		assert.Empty(t, response.Header.Get("Access-Control-Allow-Origin"), what)
	}
	select {
	case <-control.Stopped():
		t.Error("one of them stopped the emulator")
	default:
	}
}

func origin(from string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Origin", from) }
}

func form(kind string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Del("Content-Type")
		if kind != "" {
			r.Header.Set("Content-Type", kind)
		}
	}
}

func TestRequestsThatAreSignedAreForAWS(t *testing.T) {
	_, control := serving(t)
	ask := func(change func(*http.Request)) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+control.Address()+"/",
			strings.NewReader("Action=GetCallerIdentity&Version=2011-06-15"))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization",
			"AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0")
		change(r)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, string(body)
	}
	status, body := ask(func(*http.Request) {})
	assert.Equal(t, http.StatusOK, status, body)
	assert.Contains(t, body, "<Account>123456789012</Account>")
	status, _ = ask(func(r *http.Request) { r.Header.Del("Authorization") })
	assert.Equal(t, http.StatusUnsupportedMediaType, status, "without a signature it is a form of some page")
	status, _ = ask(func(r *http.Request) { r.Host = "example.com" })
	assert.Equal(t, http.StatusForbidden, status, "a page whose name resolves to this machine")
}

func TestTheControlAPIListensOnLoopbackOnly(t *testing.T) {
	e, err := open(t, t.TempDir())
	require.NoError(t, err)
	defer e.Providers.Close()
	for _, address := range []string{"0.0.0.0:45662", ":45662", "[::]:45662", "example.com:45662"} {
		_, err := e.Serve(address, "dev")
		require.ErrorContains(t, err, "is not on loopback", address)
	}
	assert.True(t, strings.HasPrefix(api.DefaultAddress, "127.0.0.1:"))
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
	_, err := api.Client{Address: "127.0.0.1:1"}.Status(t.Context())
	require.ErrorIs(t, err, api.ErrNotRunning)
}

func TestOtherProgramsAtTheAddressAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"a web server": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(http.StatusNotFound)
			}, "answers, but is not an emulator (404 Not Found): choose another address",
		},
		"another API":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }, "answers, but is not an emulator ("},
		"a silent one": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "has not answered for 50ms"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			_, err := api.Client{Address: server.Listener.Addr().String(), Patience: 50 * time.Millisecond}.Status(t.Context())
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestNothingIsSettledWithoutAList(t *testing.T) {
	serving(t)
	for _, body := range []string{"null", "{}", "", `["x"]`, "[" + strings.Repeat(" ", 5<<20) + "]"} {
		response, err := http.Post("http://"+address+"/stacks/web/orphans/delete", "application/json", strings.NewReader(body))
		require.NoError(t, err)
		assert.Equal(t, http.StatusBadRequest, response.StatusCode, "%.10s", body)
		require.NoError(t, response.Body.Close())
	}
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

func TestAPathIsAskedForByItsEnds(t *testing.T) {
	client, _ := serving(t)
	path, err := client.Path(t.Context(), "internet", "s3", 443)
	require.NoError(t, err)
	assert.Nil(t, path.Blocked)
	assert.Equal(t, "AWS service s3", path.To)
	_, err = client.Path(t.Context(), "internet", "i-1", 443)
	require.ErrorContains(t, err, "\"i-1\" is neither internet")
	_, err = client.Path(t.Context(), "internet", "s3", 0)
	require.ErrorContains(t, err, "port 0")
}
