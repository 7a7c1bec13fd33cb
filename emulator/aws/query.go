package aws

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"net/url"

	"github.com/aws/smithy-go"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// query is AWS's query protocol: a form is asked, XML is answered (Smithy: "AWS query protocol").
type query struct {
	namespace string // of the answers
}

func (query) operation(_ *http.Request, body []byte) string {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return ""
	}
	return form.Get("Action")
}

func (query) read(body []byte) (any, error) { return readForm(body) }

func (q query) encode(operation, requestID string, answer any) ([]byte, string, error) {
	w := newXMLWriter()
	w.open(operation+"Response", xml.Attr{Name: xml.Name{Local: "xmlns"}, Value: q.namespace})
	if serializable, ok := answer.(smithy.Serializable); ok {
		w.root = operation + "Result"
		serializable.Serialize(w)
	} else { // a structure of this package
		w.element(operation+"Result", answer)
	}
	w.open("ResponseMetadata")
	w.text("RequestId", requestID)
	w.close()
	w.close()
	return w.Bytes(), "text/xml", w.err
}

func (q query) refusal(requestID string, e *aws.Error) ([]byte, string) {
	type fault struct {
		Type    string
		Code    string
		Message string
	}
	kind := "Sender"
	if statusOf(e) >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	return marshal(struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Namespace string   `xml:"xmlns,attr"`
		Error     fault
		RequestID string `xml:"RequestId"`
	}{Namespace: q.namespace, Error: fault{Type: kind, Code: e.Code, Message: e.Message}, RequestID: requestID}), "text/xml"
}

func (query) unknownOperation() string { return "InvalidAction" }

// marshal writes a value whose types can all be written as XML.
func marshal(v any) []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	if err := xml.NewEncoder(&b).Encode(v); err != nil {
		panic(err) // a type of this package that encoding/xml cannot write: a fault of the program
	}
	return b.Bytes()
}
