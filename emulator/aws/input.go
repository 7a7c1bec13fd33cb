package aws

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/go-viper/mapstructure/v2"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// fillInput reads the members of an operation's input, as a protocol's reader returned them, into its type. Names are compared
// without regard to case: the SDK begins each field with a capital letter. A member that the type does not have is refused, because
// its effect would be missing.
func fillInput(members any, into any) error {
	var read mapstructure.Metadata
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: into, Metadata: &read, WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(decodeTime, decodeBlob, decodeEntries),
	})
	if err != nil {
		return err
	}
	if err := decoder.Decode(members); err != nil {
		return aws.Refuse("SerializationException", "%v", err)
	}
	if slices.Sort(read.Unused); len(read.Unused) > 0 {
		return aws.Refuse("UnknownParameter", "the emulator does not support the parameter %s of this operation", strings.Join(read.Unused, ", "))
	}
	return nil
}

// decodeTime reads a time: ISO 8601 in forms, seconds since 1970 in JSON and CBOR.
func decodeTime(_, to reflect.Type, from any) (any, error) {
	if to != reflect.TypeFor[time.Time]() {
		return from, nil
	}
	switch value := from.(type) {
	case string:
		return time.Parse(time.RFC3339, value)
	case float64:
		return time.UnixMilli(int64(value * 1000)).UTC(), nil
	}
	return nil, fmt.Errorf("%v is not a time", from)
}

// decodeBlob reads bytes, which forms and JSON have in base64.
func decodeBlob(_, to reflect.Type, from any) (any, error) {
	text, ok := from.(string)
	if !ok || to != reflect.TypeFor[[]byte]() {
		return from, nil
	}
	return base64.StdEncoding.DecodeString(text)
}

// decodeEntries reads a map of a form, which is a list of keys and values.
func decodeEntries(_, to reflect.Type, from any) (any, error) {
	entries, ok := from.(formMap)
	if !ok || to.Kind() != reflect.Map {
		return from, nil
	}
	values := map[string]any{}
	for _, entry := range entries {
		values[fmt.Sprint(entry["key"])] = entry["value"]
	}
	return values, nil
}

// readJSON returns the members of an input in JSON.
func readJSON(body []byte) (any, error) {
	members := map[string]any{}
	err := json.Unmarshal(body, &members)
	return members, err
}

// readCBOR returns the members of an input in CBOR. An operation without members may have an empty body.
func readCBOR(body []byte) (any, error) {
	if len(body) == 0 {
		return map[string]any{}, nil
	}
	value, err := cbor.Decode(body)
	if err != nil {
		return nil, err
	}
	return plain(value), nil
}

// plain returns a CBOR value as the types that encoding/json would have chosen.
func plain(v cbor.Value) any {
	switch v := v.(type) {
	case cbor.Map:
		members := map[string]any{}
		for name, value := range v {
			members[name] = plain(value)
		}
		return members
	case cbor.List:
		items := []any{}
		for _, item := range v {
			items = append(items, plain(item))
		}
		return items
	case *cbor.Tag: // of a time: the only tag of the protocol
		return plain(v.Value)
	case cbor.String:
		return string(v)
	case cbor.Bool:
		return bool(v)
	case cbor.Uint:
		return float64(v)
	case cbor.NegInt:
		return -float64(v)
	case cbor.Float32:
		return float64(v)
	case cbor.Float64:
		return float64(v)
	case cbor.Slice:
		return []byte(v)
	}
	return nil
}

// formMap is a map in a form: Dimensions.entry.1.key=Name, Dimensions.entry.1.value=web.
type formMap []map[string]any

// readForm returns the members of an input in a form, whose names are paths: Filters.member.1.Name=zone is the Name of the
// first of the Filters (Smithy: "AWS query protocol").
func readForm(body []byte) (any, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	form.Del("Action") // see query.operation
	form.Del("Version")
	root := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(form)) {
		node, parts := root, strings.Split(name, ".")
		for _, part := range parts[:len(parts)-1] {
			child, ok := node[part].(map[string]any)
			if !ok {
				child = map[string]any{}
				node[part] = child
			}
			node = child
		}
		node[parts[len(parts)-1]] = form.Get(name)
	}
	return structured(root), nil
}

// structured turns the nodes of a form that are lists or maps into lists and maps.
func structured(node any) any {
	children, ok := node.(map[string]any)
	if !ok {
		return node
	}
	for name, child := range children {
		children[name] = structured(child)
	}
	if items := numbered(children); items != nil {
		return items
	}
	if items, ok := children["member"]; ok && len(children) == 1 {
		return items
	}
	if items, ok := children["entry"].([]any); ok && len(children) == 1 {
		var entries formMap
		for _, item := range items {
			if entry, ok := item.(map[string]any); ok {
				entries = append(entries, entry)
			}
		}
		return entries
	}
	return children
}

// numbered returns the children whose names are 1, 2, 3 … in this order, or nil unless all have such names.
func numbered(children map[string]any) []any {
	items := map[int]any{}
	for name, child := range children {
		n, err := strconv.Atoi(name)
		if err != nil {
			return nil
		}
		items[n] = child
	}
	var ordered []any
	for _, n := range slices.Sorted(maps.Keys(items)) {
		ordered = append(ordered, items[n])
	}
	return ordered
}
