package aws

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
	"github.com/aws/smithy-go/transport/http/protocol/rpcv2"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// A protocol is one of AWS's wire formats. Most services speak several: the AWS CLI of a Linux distribution asks CloudWatch by
// the query protocol, the SDK for Go by CBOR.
type protocol interface {
	// operation returns the name of the operation that a request asks for.
	operation(r *http.Request, body []byte) string
	// refusal returns an error and its content type.
	refusal(requestID string, e *aws.Error) ([]byte, string)
	// unknownOperation is the error code for an operation that a service does not have.
	unknownOperation() string
}

// structural is a protocol whose requests and answers are structures: all but that of S3.
type structural interface {
	protocol
	// read returns the members of an operation's input.
	read(body []byte) (any, error)
	// encode returns an answer and its content type.
	encode(operation, requestID string, answer any) ([]byte, string, error)
}

// protocolOf returns the protocol that a request is written in, or nil for none of AWS's.
func protocolOf(r *http.Request, s *service) protocol {
	switch {
	case s.name == "s3":
		return restXML{}
	case s.name == "ec2":
		return ec2Query{query{namespace: s.namespace}}
	case r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		return sameBothWays{codec: rpcv2.NewCBOR(anyService), reader: readCBOR, contentType: "application/cbor"}
	case r.Header.Get("X-Amz-Target") != "":
		return sameBothWays{codec: awsjson.New11(anyService), reader: readJSON, contentType: r.Header.Get("Content-Type")}
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		return query{namespace: s.namespace}
	}
	return nil
}

var (
	anyService   = smithy.NewServiceSchema(smithy.NewSchema(smithy.ShapeID{Name: "service"}, smithy.ShapeTypeService, 0), "")
	anyOperation = smithy.NewOperationSchema(smithy.NewSchema(smithy.ShapeID{}, smithy.ShapeTypeOperation, 0), anyStructure, anyStructure)
	anyStructure = smithy.NewSchema(smithy.ShapeID{}, smithy.ShapeTypeStructure, 0)
)

// sameBothWays is a protocol whose bodies have the same form in both directions, JSON or CBOR: what the SDK has for writing
// requests writes answers as well.
type sameBothWays struct {
	codec       smithyhttp.ClientProtocol
	reader      func(body []byte) (any, error)
	contentType string
}

func (m sameBothWays) operation(r *http.Request, _ []byte) string {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target[strings.LastIndexByte(target, '.')+1:]
	}
	return r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
}

func (m sameBothWays) read(body []byte) (any, error) { return m.reader(body) }

func (m sameBothWays) encode(_, _ string, answer any) ([]byte, string, error) {
	serializable, ok := answer.(smithy.Serializable)
	if !ok { // a structure of this package, which only services that speak JSON have
		body, err := json.Marshal(answer)
		return body, m.contentType, err
	}
	sent := smithyhttp.NewStackRequest().(*smithyhttp.Request)
	sent.URL = &url.URL{}
	if err := m.codec.SerializeRequest(context.Background(), anyOperation, serializable, sent); err != nil {
		return nil, "", err
	}
	stream := sent.GetStream()
	if stream == nil {
		return nil, m.contentType, nil
	}
	body, err := io.ReadAll(stream)
	return body, m.contentType, err
}

func (m sameBothWays) refusal(_ string, e *aws.Error) ([]byte, string) {
	body, contentType, err := m.encode("", "", refusal{e})
	if err != nil {
		return []byte(e.Error()), "text/plain"
	}
	return body, contentType
}

func (sameBothWays) unknownOperation() string { return "UnknownOperationException" }

// refusal writes an error as JSON and CBOR services do: the code as the type of the error.
type refusal struct{ *aws.Error }

var (
	errorSchema  = smithy.NewSchema(smithy.ShapeID{Name: "Error"}, smithy.ShapeTypeStructure, 2)
	errorType    = errorSchema.AddMember("__type", stringSchema)
	errorMessage = errorSchema.AddMember("message", stringSchema)
	stringSchema = smithy.NewSchema(smithy.ShapeID{Name: "String"}, smithy.ShapeTypeString, 0)
)

// Serialize writes the error's members.
func (r refusal) Serialize(s smithy.ShapeSerializer) {
	s.WriteStruct(errorSchema)
	s.WriteString(errorType, r.Code)
	s.WriteString(errorMessage, r.Message)
	s.CloseStruct()
}
