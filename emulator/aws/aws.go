// Package aws answers the API of AWS for what the emulator runs, so that programs written for AWS work on it unchanged: the
// SDKs, the AWS CLI, and this project's own releases.
//
//	POST / ──▶ whose service, which operation, in which protocol ──▶ an operation on the model ──▶ the answer in the same protocol
//	           signature's scope   Action, X-Amz-Target, path           cloud.Cloud
//
// Requests must be signed (Signature Version 4), with any key: the signature says which service and region is meant, nothing
// else is checked. Input and output are the types of AWS's own SDK, whose schemas know how each protocol names what; EC2, whose
// package is ten times as large as all others together, has the few types here that it needs, and they are tested with its client.
//
// An operation that the emulator does not have is refused as AWS refuses an unknown one, by name.
package aws

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// service is one of AWS's services.
type service struct {
	name       string // as signatures name it
	title      string // as people know it
	namespace  string // of its XML
	operations map[string]operation
}

// operation answers one request of a service.
type operation struct {
	// input returns an empty input, a pointer to a structure.
	input func() any
	// run carries the operation out.
	run func(ctx context.Context, input any) (any, error)
}

// answering returns the operation with the input and output of f.
func answering[I, O any](f func(context.Context, *I) (O, error)) operation {
	return operation{
		input: func() any { return new(I) },
		run:   func(ctx context.Context, input any) (any, error) { return f(ctx, input.(*I)) },
	}
}

// scope is what a signature is for (AWS General Reference: "Signature Version 4", credential scope).
var scope = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/,]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request,`)

// IsSigned reports whether a request is one for AWS's API.
func IsSigned(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
}

// mostBody is the longest request, in bytes.
const mostBody = 1 << 20

// call is a request that is understood so far. Its protocol is never nil: a refusal is written in it.
type call struct {
	service  *service
	protocol protocol
	body     []byte
}

// ServeHTTP answers a signed request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := uuid.NewString()
	w.Header().Set("X-Amzn-RequestId", id)
	c, err := a.understand(w, r)
	if err != nil {
		a.refuse(w, c.protocol, id, refusalOf(err))
		return
	}
	answer, contentType, err := c.service.answer(r, c.protocol, c.body, id)
	if err != nil {
		a.refuse(w, c.protocol, id, refusalOf(err))
		return
	}
	a.write(w, http.StatusOK, contentType, answer)
}

// understand finds out whose service a request is for and in which protocol, and reads its body.
func (a *API) understand(w http.ResponseWriter, r *http.Request) (c call, err error) {
	c.protocol = query{}
	signed := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	if signed == nil {
		return c, aws.Refuse("IncompleteSignature", "The request has no signature of version 4 with a credential of the form "+
			"KEY/DATE/REGION/SERVICE/aws4_request")
	}
	region, name := signed[3], signed[4]
	if c.service = a.services[name]; c.service == nil {
		return c, aws.Refuse("UnrecognizedClientException", "the emulator does not answer for the service %q; it does for %s", name,
			strings.Join(aws.Keys(a.services), ", "))
	}
	if c.protocol = protocolOf(r, c.service); c.protocol == nil {
		c.protocol = query{namespace: c.service.namespace}
		return c, aws.Refuse("UnsupportedProtocol", "the request is in none of the protocols query, JSON and CBOR; its Content-Type is %q",
			r.Header.Get("Content-Type"))
	}
	if own := string(a.cloud.Region()); region != own {
		return c, aws.Refuse("SignatureDoesNotMatch", "Credential should be scoped to a valid region: the emulator runs %s, not %s", own, region)
	}
	if c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody)); err != nil {
		return c, aws.Refuse("RequestEntityTooLarge", "%v", err)
	}
	return c, nil
}

// answer runs the operation that a request asks for.
func (s *service) answer(r *http.Request, p protocol, body []byte, id string) ([]byte, string, error) {
	name := p.operation(r, body)
	op, ok := s.operations[name]
	if !ok {
		return nil, "", aws.Refuse(p.unknownOperation(), "the emulator has no operation %s of %s; it has %s", cmp.Or(name, "(none named)"),
			s.title, strings.Join(aws.Keys(s.operations), ", "))
	}
	input := op.input()
	members, err := p.read(body)
	if err == nil {
		err = fillInput(members, input)
	}
	if err != nil {
		return nil, "", aws.Refuse("SerializationException", "%v", err)
	}
	output, err := op.run(r.Context(), input)
	if err != nil {
		return nil, "", err
	}
	return p.encode(name, id, output)
}

func (a *API) refuse(w http.ResponseWriter, p protocol, id string, e *aws.Error) {
	body, contentType := p.refusal(id, e)
	w.Header().Set("X-Amzn-Query-Error", e.Code+";Sender") // for clients that knew the service by the query protocol
	a.write(w, statusOf(e), contentType, body)
}

func (a *API) write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Date", a.cloud.Now().UTC().Format(http.TimeFormat)) // the cloud's time, by which its clients measure
	w.Header().Set("Content-Type", contentType)
	if contentType == "application/cbor" {
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // XML, JSON or CBOR, never a page; an error says that the client is gone
}

// refusalOf returns an error as the API words it.
func refusalOf(err error) *aws.Error {
	if refused, ok := errors.AsType[*aws.Error](err); ok {
		return refused
	}
	return &aws.Error{Code: internalFailure, Message: err.Error()}
}

// internalFailure is the code of a fault of the emulator itself (API: "Common errors").
const internalFailure = "InternalFailure"

// statuses has the errors whose HTTP status is another than 400.
var statuses = map[string]int{
	"IncompleteSignature": http.StatusForbidden, "SignatureDoesNotMatch": http.StatusForbidden,
	"RequestEntityTooLarge": http.StatusRequestEntityTooLarge, internalFailure: http.StatusInternalServerError,
}

func statusOf(e *aws.Error) int { return cmp.Or(statuses[e.Code], http.StatusBadRequest) }
