package identity

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Endpoint serves the identity of an instance or a task, and AWS's API with it, at a port of its own address. The environment of its
// processes leads the SDKs there.
type Endpoint struct {
	address     string
	credentials Credentials
	environment map[string]string
	server      *http.Server
}

// credentialsPath is where a task finds its credentials.
const credentialsPath = "/v2/credentials"

// ServeInstance serves the metadata of an instance at an address of this machine. API answers requests that the instance has signed.
func ServeInstance(at netip.Addr, i Instance, api http.Handler) (*Endpoint, error) {
	metadata := NewMetadata(func(netip.Addr) map[string]string { return i.Tree() })
	return serve(at, i.Credentials, metadata, api, func(url string) map[string]string {
		return map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": url}
	})
}

// ServeTask serves the credentials of a task's role, given by its ARN; "" for a task without one. API answers requests that the task has
// signed.
func ServeTask(at netip.Addr, role string, api http.Handler) (*Endpoint, error) {
	c := NewCredentials()
	mux := http.NewServeMux()
	if role != "" {
		mux.HandleFunc("GET "+credentialsPath, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, c.OfTask(role))
		})
	}
	return serve(at, c, mux, api, func(url string) map[string]string {
		environment := map[string]string{"AWS_EC2_METADATA_DISABLED": "true"} // one hop further than the answers go
		if role != "" {
			environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url + credentialsPath
		}
		return environment
	})
}

func serve(
	at netip.Addr, c Credentials, documents, api http.Handler, environment func(url string) map[string]string,
) (*Endpoint, error) {
	listener, err := net.Listen("tcp", netip.AddrPortFrom(at, 0).String())
	if err != nil {
		return nil, fmt.Errorf("endpoint of AWS: %w", err)
	}
	url := "http://" + listener.Addr().String()
	e := &Endpoint{address: listener.Addr().String(), credentials: c, environment: environment(url)}
	e.environment["AWS_ENDPOINT_URL"] = url
	e.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasPrefix(r.Header.Get("Authorization"), algorithm):
			documents.ServeHTTP(w, r)
		case !c.Signed(r):
			RefuseCredentials(w)
		default:
			api.ServeHTTP(w, r)
		}
	})}
	go func() { _ = e.server.Serve(listener) }() // ends with Close
	return e, nil
}

// RefuseCredentials answers a request whose signature is not that of the credentials of its sender.
func RefuseCredentials(w http.ResponseWriter) {
	const code = "UnrecognizedClientException"
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-ErrorType", code)
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{
		"__type": code, "message": "The security token included in the request is invalid.",
	})
}

// Environment returns the variables with which an SDK finds the endpoint.
func (e *Endpoint) Environment() map[string]string { return e.environment }

// Close ends the endpoint at once.
func (e *Endpoint) Close() { _ = e.server.Close() }
