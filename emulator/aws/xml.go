package aws

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"math/big"
	"strconv"
	"time"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/document"
	"github.com/aws/smithy-go/traits"
)

// xmlWriter writes an answer of the query protocol.
type xmlWriter struct {
	buffer  bytes.Buffer
	encoder *xml.Encoder
	root    string // name of the outermost structure's element
	stack   []xmlFrame
	err     error // the first one
}

// xmlFrame is an element that is open, or a flattened list, which has none.
type xmlFrame struct {
	name      string
	entry     bool   // a map's entry is open: it closes after its value
	flattened string // name of the items' elements; empty where a list has an element of its own
}

var _ smithy.ShapeSerializer = (*xmlWriter)(nil)

func newXMLWriter() *xmlWriter {
	w := &xmlWriter{}
	w.buffer.WriteString(xml.Header)
	w.encoder = xml.NewEncoder(&w.buffer)
	return w
}

// Bytes returns what was written so far.
func (w *xmlWriter) Bytes() []byte {
	if err := w.encoder.Flush(); err != nil && w.err == nil {
		w.err = err
	}
	return w.buffer.Bytes()
}

func (w *xmlWriter) token(t xml.Token) {
	if err := w.encoder.EncodeToken(t); err != nil && w.err == nil {
		w.err = err
	}
}

func (w *xmlWriter) open(name string, attributes ...xml.Attr) {
	w.token(xml.StartElement{Name: xml.Name{Local: name}, Attr: attributes})
	w.stack = append(w.stack, xmlFrame{name: name})
}

func (w *xmlWriter) close() {
	top := len(w.stack) - 1
	if frame := w.stack[top]; frame.name != "" {
		w.token(xml.EndElement{Name: xml.Name{Local: frame.name}})
	}
	w.stack = w.stack[:top]
	w.closeEntry()
}

// closeEntry ends a map's entry after its value.
func (w *xmlWriter) closeEntry() {
	if top := len(w.stack) - 1; top >= 0 && w.stack[top].entry {
		w.stack[top].entry = false
		w.token(xml.EndElement{Name: xml.Name{Local: "entry"}})
	}
}

func (w *xmlWriter) text(name, value string) {
	w.token(xml.StartElement{Name: xml.Name{Local: name}})
	w.token(xml.CharData(value))
	w.token(xml.EndElement{Name: xml.Name{Local: name}})
}

// element writes a structure that encoding/xml can write.
func (w *xmlWriter) element(name string, value any) {
	if err := w.encoder.EncodeElement(value, xml.StartElement{Name: xml.Name{Local: name}}); err != nil && w.err == nil {
		w.err = err
	}
}

// name returns the element's name of a value.
func (w *xmlWriter) name(s *smithy.Schema) string {
	if w.root != "" {
		root := w.root
		w.root = ""
		return root
	}
	if top := len(w.stack) - 1; top >= 0 && w.stack[top].flattened != "" {
		return w.stack[top].flattened
	}
	return wireName(s)
}

func (w *xmlWriter) value(s *smithy.Schema, text string) {
	w.text(w.name(s), text)
	w.closeEntry()
}

func (w *xmlWriter) WriteStruct(s *smithy.Schema) { w.open(w.name(s)) }
func (w *xmlWriter) CloseStruct()                 { w.close() }

func (w *xmlWriter) WriteList(s *smithy.Schema) {
	if _, flattened := smithy.SchemaTrait[*traits.XMLFlattened](s); flattened {
		w.stack = append(w.stack, xmlFrame{flattened: w.name(s)})
		return
	}
	w.open(w.name(s))
}

func (w *xmlWriter) CloseList() { w.close() }

func (w *xmlWriter) WriteMap(s *smithy.Schema) { w.open(w.name(s)) }

func (w *xmlWriter) WriteKey(_ *smithy.Schema, key string) {
	w.token(xml.StartElement{Name: xml.Name{Local: "entry"}})
	w.text("key", key)
	w.stack[len(w.stack)-1].entry = true
}

func (w *xmlWriter) CloseMap() { w.close() }

func (w *xmlWriter) WriteString(s *smithy.Schema, v string)   { w.value(s, v) }
func (w *xmlWriter) WriteBool(s *smithy.Schema, v bool)       { w.value(s, strconv.FormatBool(v)) }
func (w *xmlWriter) WriteInt8(s *smithy.Schema, v int8)       { w.WriteInt64(s, int64(v)) }
func (w *xmlWriter) WriteInt16(s *smithy.Schema, v int16)     { w.WriteInt64(s, int64(v)) }
func (w *xmlWriter) WriteInt32(s *smithy.Schema, v int32)     { w.WriteInt64(s, int64(v)) }
func (w *xmlWriter) WriteInt64(s *smithy.Schema, v int64)     { w.value(s, strconv.FormatInt(v, 10)) }
func (w *xmlWriter) WriteFloat32(s *smithy.Schema, v float32) { w.WriteFloat64(s, float64(v)) }
func (w *xmlWriter) WriteFloat64(s *smithy.Schema, v float64) {
	w.value(s, strconv.FormatFloat(v, 'f', -1, 64))
}
func (w *xmlWriter) WriteBlob(s *smithy.Schema, v []byte) {
	w.value(s, base64.StdEncoding.EncodeToString(v))
}

// WriteTime writes milliseconds, as AWS does.
func (w *xmlWriter) WriteTime(s *smithy.Schema, v time.Time) {
	w.value(s, v.UTC().Format("2006-01-02T15:04:05.000Z"))
}

func (w *xmlWriter) WriteNil(*smithy.Schema) {}

func (w *xmlWriter) unsupported() {
	if w.err == nil {
		w.err = errNotQuery
	}
}

func (w *xmlWriter) WriteBigInt(*smithy.Schema, *big.Int)         { w.unsupported() }
func (w *xmlWriter) WriteBigFloat(*smithy.Schema, *big.Float)     { w.unsupported() }
func (w *xmlWriter) WriteUnion(_, _ *smithy.Schema)               { w.unsupported() }
func (w *xmlWriter) CloseUnion()                                  {}
func (w *xmlWriter) WriteDocument(*smithy.Schema, document.Value) { w.unsupported() }

// wireName returns a member's name in XML.
func wireName(member *smithy.Schema) string {
	if name, ok := smithy.SchemaDirectTrait[*traits.XMLName](member); ok {
		return name.Name
	}
	return member.MemberName()
}

// errNotQuery says that the query protocol has no form for a type (Smithy: "AWS query protocol").
var errNotQuery = errors.New("the query protocol has no form for this type")
