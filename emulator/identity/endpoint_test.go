package identity_test

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/identity"
)

// seen are the bodies of the requests that reach AWS's API.
type seen struct{ bodies []string }

func (s *seen) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.bodies = append(s.bodies, string(body))
	w.Header().Set("Content-Type", "text/xml")
	_, _ = io.WriteString(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult>`+
		`</GetCallerIdentityResponse>`)
}

// asSDK sets the environment of a program, and returns what AWS's SDK makes of it.
func asSDK(t *testing.T, e *identity.Endpoint) aws.Config {
	t.Helper()
	t.Cleanup(e.Close)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	for name, value := range e.Environment() {
		t.Setenv(name, value)
	}
	c, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("us-east-1"), config.WithRetryMaxAttempts(1))
	require.NoError(t, err)
	return c
}

var loopback = netip.MustParseAddr("127.0.0.1")

// AWS's own SDK finds its credentials as on an instance and in a task, and signs with them.
func TestTheSDKFindsTheIdentityAndItsRequestsAreTaken(t *testing.T) {
	instance := identity.Instance{ID: "i-1", Zone: "us-east-1b", Role: "web", Credentials: identity.NewCredentials()}
	for name, serve := range map[string]func(api http.Handler) (*identity.Endpoint, error){
		"instance": func(api http.Handler) (*identity.Endpoint, error) {
			return identity.ServeInstance(loopback, instance, api)
		},
		"task": func(api http.Handler) (*identity.Endpoint, error) {
			return identity.ServeTask(loopback, "arn:aws:iam::123456789012:role/web", api)
		},
	} {
		t.Run(name, func(t *testing.T) {
			api := &seen{}
			e, err := serve(api)
			require.NoError(t, err)
			c := asSDK(t, e)
			_, err = sts.NewFromConfig(c).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
			require.NoError(t, err)
			require.Len(t, api.bodies, 1)
			assert.Contains(t, api.bodies[0], "GetCallerIdentity", "the body is read again after its hash was computed")
		})
	}
}

func TestWithoutARoleThereAreNoCredentials(t *testing.T) {
	for name, serve := range map[string]func(api http.Handler) (*identity.Endpoint, error){
		"instance": func(api http.Handler) (*identity.Endpoint, error) {
			return identity.ServeInstance(loopback, identity.Instance{ID: "i-1"}, api)
		},
		"task": func(api http.Handler) (*identity.Endpoint, error) { return identity.ServeTask(loopback, "", api) },
	} {
		t.Run(name, func(t *testing.T) {
			api := &seen{}
			e, err := serve(api)
			require.NoError(t, err)
			_, err = sts.NewFromConfig(asSDK(t, e)).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
			require.Error(t, err)
			assert.Empty(t, api.bodies)
		})
	}
}

// Whoever signs with other credentials, or changes what was signed, does not reach the API.
func TestRequestsOfOthersAreRefused(t *testing.T) {
	instance := identity.Instance{ID: "i-1", Role: "web", Credentials: identity.NewCredentials()}
	for name, change := range map[string]func(*http.Request){
		"another key": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "ASIA", "ASIB", 1))
		},
		"another token": func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "other") },
		"another body": func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(strings.Repeat("a", int(r.ContentLength))))
		},
		"another path": func(r *http.Request) { r.URL.Path = "/other" },
		"another time": func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260101T000000Z") },
		"a query":      func(r *http.Request) { r.URL.RawQuery = "a=b" },
		"no signed host": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "host;", "", 1))
		},
		"half a credential": func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=ASIA") },
	} {
		t.Run(name, func(t *testing.T) {
			api := &seen{}
			e, err := identity.ServeInstance(loopback, instance, api)
			require.NoError(t, err)
			c := asSDK(t, e)
			c.HTTPClient = altered{change}
			_, err = sts.NewFromConfig(c).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
			require.Error(t, err)
			assert.Empty(t, api.bodies)
		})
	}
}

// altered changes requests after they were signed.
type altered struct{ change func(*http.Request) }

func (a altered) Do(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Authorization") != "" {
		a.change(r)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func TestTheMetadataNeedATokenOfTheInstance(t *testing.T) {
	e, err := identity.ServeInstance(loopback, identity.Instance{ID: "i-1", Zone: "us-east-1b", UserData: []byte("#cloud-config\n")}, &seen{})
	require.NoError(t, err)
	c := asSDK(t, e)
	client := imds.NewFromConfig(c)
	read := func(path string) string {
		out, err := client.GetMetadata(t.Context(), &imds.GetMetadataInput{Path: path})
		require.NoError(t, err, path)
		text, err := io.ReadAll(out.Content)
		require.NoError(t, err)
		return string(text)
	}
	assert.Equal(t, "i-1", read("instance-id"))
	assert.Equal(t, "us-east-1b", read("placement/availability-zone"))
	assert.Equal(t, "availability-zone\nregion", read("placement"))
	_, err = client.GetMetadata(t.Context(), &imds.GetMetadataInput{Path: "spot/instance-action"})
	require.ErrorContains(t, err, "404")
	document, err := client.GetInstanceIdentityDocument(t.Context(), &imds.GetInstanceIdentityDocumentInput{})
	require.NoError(t, err)
	assert.Equal(t, "i-1", document.InstanceID)

	url := e.Environment()["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
	assert.Equal(t, http.StatusUnauthorized, ask(t, http.MethodGet, url+"/latest/meta-data/instance-id", nil), "version 1")
	assert.Equal(t, http.StatusBadRequest, ask(t, http.MethodPut, url+"/latest/api/token", nil))
	lifetime := http.Header{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": {"60"}}
	assert.Equal(t, http.StatusOK, ask(t, http.MethodPut, url+"/latest/api/token", lifetime))
	lifetime.Set("X-Forwarded-For", "10.0.0.1")
	assert.Equal(t, http.StatusForbidden, ask(t, http.MethodPut, url+"/latest/api/token", lifetime), "through a proxy")
}

func ask(t *testing.T, method, url string, header http.Header) int {
	t.Helper()
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, url, nil)
	require.NoError(t, err)
	if header != nil {
		request.Header = header
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}
