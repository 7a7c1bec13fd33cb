package identity

import (
	"net/http"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Config returns settings of the SDK with which the emulator itself calls AWS's API for an instance or a task, with what the API allows it.
func Config(region string, api http.Handler) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String("http://api.emulator"), HTTPClient: &http.Client{Transport: direct{api}},
		Credentials: credentials.NewStaticCredentialsProvider("emulator", "emulator", ""),
	}
}

// direct hands requests to a handler without a connection.
type direct struct{ handler http.Handler }

// RoundTrip returns the answer of the handler.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	d.handler.ServeHTTP(answer, r)
	return answer.Result(), nil
}
