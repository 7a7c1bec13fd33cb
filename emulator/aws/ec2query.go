package aws

import (
	"encoding/xml"
	"fmt"
	"reflect"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// ec2Query is EC2's form of the query protocol: the answer has no inner element, and errors look otherwise (Smithy: "AWS EC2
// query protocol"). Its answers are structures of this package, which encoding/xml writes.
type ec2Query struct{ query }

func (q ec2Query) encode(operation, requestID string, answer any) ([]byte, string, error) {
	type response struct {
		XMLName   xml.Name
		RequestID string `xml:"requestId"`
		Answer    any
	}
	body, err := xml.Marshal(response{
		XMLName: xml.Name{Space: q.namespace, Local: operation + "Response"}, RequestID: requestID, Answer: inline{answer},
	})
	return append([]byte(xml.Header), body...), "text/xml", err
}

// inline writes the fields of a structure without an element around them.
type inline struct{ value any }

// MarshalXML writes each field by itself.
func (i inline) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	v := reflect.Indirect(reflect.ValueOf(i.value))
	for n := range v.NumField() {
		name := v.Type().Field(n).Tag.Get("xml")
		if err := e.EncodeElement(v.Field(n).Interface(), xml.StartElement{Name: xml.Name{Local: name}}); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (ec2Query) refusal(requestID string, e *aws.Error) ([]byte, string) {
	type fault struct {
		Code    string
		Message string
	}
	return marshal(struct {
		XMLName   xml.Name `xml:"Response"`
		Errors    []fault  `xml:"Errors>Error"`
		RequestID string
	}{Errors: []fault{{e.Code, e.Message}}, RequestID: requestID}), "text/xml"
}
