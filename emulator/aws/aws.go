// Package aws answers the API of AWS for what the emulator runs, so that programs written for AWS work on it unchanged: the
// SDKs, the AWS CLI, and this project's own releases.
//
//	POST / ──▶ whose service, which operation, in which protocol ──▶ an operation on the model ──▶ the answer in the same protocol
//	           signature's scope   Action, X-Amz-Target, path           cloud.Cloud
//
// Requests must be signed (Signature Version 4). From outside of the cloud any key will do: the signature says which service and region is
// meant, nothing else is checked. What runs in the cloud has the permissions of its role, see [API.As].
//
// Input and output are the types of AWS's own SDK, whose schemas know how each protocol names what. Services whose SDK would take longer to
// compile than the rest of the emulator, such as EC2, have structures of this package instead,
// with the few members that are needed. They are tested with AWS's clients.
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

// operation answers a request.
type operation func(c call, w http.ResponseWriter, r *http.Request) error

// answering returns the operation that f carries out: it takes a structure and returns another.
func answering[I, O any](f func(context.Context, *I) (O, error)) operation {
	return func(c call, w http.ResponseWriter, r *http.Request) error {
		p := c.protocol.(structural)
		input := new(I)
		members, err := p.read(c.body)
		if err != nil {
			return aws.Refuse("SerializationException", "%v", err)
		}
		if err := fillInput(members, input); err != nil {
			return err
		}
		output, err := f(r.Context(), input)
		if err != nil {
			return err
		}
		body, contentType, err := p.encode(c.operation, c.id, output)
		if err != nil {
			return err
		}
		write(w, http.StatusOK, contentType, body)
		return nil
	}
}

// scope is what a signature is for (AWS General Reference: "Signature Version 4", credential scope).
var scope = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/,]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request,`)

// IsSigned reports whether a request is one for AWS's API.
func IsSigned(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
}

// mostBody is the longest request, in bytes: a batch of events of a megabyte whose characters are all escaped.
const mostBody = 8 << 20

// call is a request that is understood so far. Its protocol is never nil: a refusal is written in it.
type call struct {
	id        string
	service   *service
	protocol  protocol
	body      []byte
	operation string
	principal *Principal // nil for a caller from outside of the cloud
}

// ServeHTTP answers a signed request from outside of the cloud.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.serve(w, r, nil) }

func (a *API) serve(w http.ResponseWriter, r *http.Request, p *Principal) {
	c := call{id: uuid.NewString(), protocol: query{}, principal: p}
	w.Header().Set("X-Amzn-RequestId", c.id)
	w.Header().Set("Date", a.cloud.Now().UTC().Format(http.TimeFormat)) // the cloud's time, by which its clients measure
	err := a.understand(&c, w, r)
	if err == nil {
		err = c.answer(a, w, r)
	}
	if err != nil {
		refuse(w, c.protocol, c.id, refusalOf(err))
	}
}

// understand finds out whose service a request is for and in which protocol, and reads its body.
func (a *API) understand(c *call, w http.ResponseWriter, r *http.Request) (err error) {
	signed := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	if signed == nil {
		return aws.Refuse("IncompleteSignature", "The request has no signature of version 4 with a credential of the form "+
			"KEY/DATE/REGION/SERVICE/aws4_request")
	}
	region, name := signed[3], signed[4]
	if c.service = a.services[name]; c.service == nil {
		return aws.Refuse("UnrecognizedClientException", "the emulator does not answer for the service %q; it does for %s", name,
			strings.Join(aws.Keys(a.services), ", "))
	}
	if c.protocol = protocolOf(r, c.service); c.protocol == nil {
		c.protocol = query{namespace: c.service.namespace}
		return aws.Refuse("UnsupportedProtocol", "the request is in none of the protocols query, JSON and CBOR; its Content-Type is %q",
			r.Header.Get("Content-Type"))
	}
	if own := string(a.cloud.Region()); region != own {
		return aws.Refuse("SignatureDoesNotMatch", "Credential should be scoped to a valid region: the emulator runs %s, not %s", own, region)
	}
	if _, reads := c.protocol.(structural); !reads {
		return nil // an object may be large: the operation reads it
	}
	if c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody)); err != nil {
		return aws.Refuse("RequestEntityTooLarge", "%v", err)
	}
	return nil
}

// answer runs the operation that a request asks for.
func (c call) answer(a *API, w http.ResponseWriter, r *http.Request) error {
	c.operation = c.protocol.operation(r, c.body)
	operation := c.service.operations[c.operation]
	if operation == nil {
		return aws.Refuse(c.protocol.unknownOperation(), "the emulator has no operation %s of %s; it has %s",
			cmp.Or(c.operation, "(none named)"), c.service.title, strings.Join(aws.Keys(c.service.operations), ", "))
	}
	if err := c.authorize(a, r); err != nil {
		return err
	}
	return operation(c, w, r)
}

func refuse(w http.ResponseWriter, p protocol, id string, e *aws.Error) {
	body, contentType := p.refusal(id, e)
	w.Header().Set("X-Amzn-Query-Error", e.Code+";Sender") // for clients that knew the service by the query protocol
	write(w, statusOf(e), contentType, body)
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	if contentType == "application/cbor" {
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error says that the client is gone
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
	"AccessDenied": http.StatusForbidden, "UnauthorizedOperation": http.StatusForbidden, "NoSuchBucket": http.StatusNotFound,
	"NoSuchKey": http.StatusNotFound, "NotImplemented": http.StatusNotImplemented,
}

func statusOf(e *aws.Error) int { return cmp.Or(statuses[e.Code], http.StatusBadRequest) }
