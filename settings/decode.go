package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// decoder fills typed values from a tree of JSON and collects the problems. It continues after a problem and leaves the value zero.
// It converts nothing: "2" is not a number and 5000 is not text.
type decoder struct {
	problems invalid.List
}

// field is a setting: a field of a struct with its key.
type field struct {
	reflect.StructField
	key string
}

// fields returns the settings of a struct type.
func fields(t reflect.Type) []field {
	var fs []field
	for f := range t.Fields() {
		if f.Tag.Get("setting") != "-" {
			fs = append(fs, field{f, lowerCamel(f.Name)})
		}
	}
	return fs
}

// lowerCamel turns the leading capitals of a field's name, up to the one that begins its second word, into small
// letters: CIDR is cidr, SSHFrom is sshFrom.
func lowerCamel(name string) string {
	runes := []rune(name)
	for i, r := range runes {
		startsWord := i > 0 && i+1 < len(runes) && unicode.IsLower(runes[i+1])
		if !unicode.IsUpper(r) || startsWord {
			break
		}
		runes[i] = unicode.ToLower(r)
	}
	return string(runes)
}

// unwrapped is text that a problem prints without quotes.
type unwrapped string

// parseJSON returns a JSON value whose numbers stay as they are written. It returns text that is not JSON as it is.
func parseJSON(text string) any {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return text
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return text
	}
	return value
}

func (d *decoder) decode(path string, in any, out reflect.Value) {
	switch out.Interface().(type) {
	case netip.Prefix:
		d.prefix(path, in, out)
		return
	case time.Duration:
		d.seconds(path, in, out)
		return
	case Zones:
		d.zones(path, in, out)
		return
	}
	switch out.Kind() {
	case reflect.Struct:
		d.object(path, in, out)
	case reflect.Map:
		d.entries(path, in, out)
	case reflect.Slice:
		d.list(path, in, out)
	case reflect.Pointer:
		out.Set(reflect.New(out.Type().Elem()))
		d.decode(path, in, out.Elem())
	default:
		d.scalar(path, in, out)
	}
}

func (d *decoder) object(path string, in any, out reflect.Value) {
	given, ok := in.(map[string]any)
	if !ok {
		d.problems.Add(path, show(in), "is not an object: %s", keysOf(out.Type()))
		return
	}
	known := map[string]bool{}
	for _, f := range fields(out.Type()) {
		known[f.key] = true
		d.field(join(path, f.key), given[f.key], f, out.FieldByIndex(f.Index))
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if !known[key] {
			d.problems.Missing(join(path, key), "is not a setting: %s", keysOf(out.Type()))
		}
	}
}

// field decodes one setting. A key without a value counts as left out.
func (d *decoder) field(path string, in any, f field, out reflect.Value) {
	standard, hasDefault := f.Tag.Lookup("default")
	section := f.Type.Kind() == reflect.Struct && !isScalar(f.Type)
	switch {
	case in != nil:
		d.decode(path, in, out)
	case f.Tag.Get("required") != "":
		d.problems.Missing(path, "must be set")
	case hasDefault:
		d.decode(path, parseJSON(standard), out)
	case section:
		d.decode(path, map[string]any{}, out)
	}
}

// isScalar reports whether a struct stands for a value that is not an object in the configuration.
func isScalar(t reflect.Type) bool {
	return t == reflect.TypeFor[netip.Prefix]() || t == reflect.TypeFor[Zones]()
}

func (d *decoder) list(path string, in any, out reflect.Value) {
	given, ok := in.([]any)
	if !ok {
		d.problems.Add(path, show(in), "is not a list")
		return
	}
	out.Set(reflect.MakeSlice(out.Type(), len(given), len(given)))
	for i, element := range given {
		d.decode(fmt.Sprintf("%s[%d]", path, i), element, out.Index(i))
	}
}

func (d *decoder) entries(path string, in any, out reflect.Value) {
	given, ok := in.(map[string]any)
	if !ok {
		d.problems.Add(path, show(in), "is not an object of names and %s", valuesOf(out.Type()))
		return
	}
	out.Set(reflect.MakeMap(out.Type()))
	for _, key := range slices.Sorted(maps.Keys(given)) {
		value := reflect.New(out.Type().Elem()).Elem()
		d.decode(join(path, key), given[key], value)
		out.SetMapIndex(reflect.ValueOf(key), value)
	}
}

// valuesOf says what the values of a map are.
func valuesOf(object reflect.Type) string {
	if object.Elem().Kind() == reflect.Struct {
		return "objects"
	}
	return "texts"
}

func (d *decoder) scalar(path string, in any, out reflect.Value) {
	switch out.Kind() {
	case reflect.Int:
		if n, ok := d.integer(path, in, "a whole number"); ok {
			out.SetInt(n)
		}
	case reflect.Float64:
		number, _ := in.(json.Number)
		n, err := strconv.ParseFloat(number.String(), 64)
		if err != nil {
			d.problems.Add(path, show(in), "is not a number%s", unquote(in))
			return
		}
		out.SetFloat(n)
	case reflect.Bool:
		b, ok := in.(bool)
		if !ok {
			d.problems.Add(path, show(in), "is not true or false%s", unquote(in))
		}
		out.SetBool(b)
	case reflect.String:
		s, ok := in.(string)
		if !ok {
			d.problems.Add(path, show(in), "is not text: put it in quotes")
		}
		out.SetString(s)
	default:
		panic("settings: no setting is a " + out.Type().String())
	}
}

func (d *decoder) integer(path string, in any, kind string) (int64, bool) {
	number, _ := in.(json.Number)
	n, err := strconv.ParseInt(number.String(), 10, 32) // as AWS's APIs have theirs
	switch {
	case errors.Is(err, strconv.ErrRange):
		d.problems.Add(path, show(in), "is too large a number")
	case err != nil:
		d.problems.Add(path, show(in), "is not %s%s", kind, unquote(in))
	}
	return n, err == nil
}

func (d *decoder) seconds(path string, in any, out reflect.Value) {
	if n, ok := d.integer(path, in, "a whole number of seconds"); ok {
		out.SetInt(n * int64(time.Second))
	}
}

// zones takes a number of zones, or a list of their names.
func (d *decoder) zones(path string, in any, out reflect.Value) {
	zones := out.Addr().Interface().(*Zones)
	if _, isList := in.([]any); isList {
		d.list(path, in, reflect.ValueOf(&zones.Names).Elem())
		zones.Number = len(zones.Names)
		return
	}
	if n, ok := d.integer(path, in, "a whole number, or a list of zones"); ok {
		zones.Number = int(n)
	}
}

func (d *decoder) prefix(path string, in any, out reflect.Value) {
	text, _ := in.(string)
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		d.problems.Add(path, show(in), "is not a range of addresses such as 192.168.0.0/23")
		return
	}
	out.Set(reflect.ValueOf(prefix))
}

// show returns a value as a problem prints it: a scalar as it is, a list or an object by its kind.
func show(in any) any {
	switch in.(type) {
	case nil:
		return unwrapped("nothing")
	case map[string]any:
		return unwrapped("an object")
	case []any:
		return unwrapped("a list")
	default:
		return in
	}
}

// unquote returns the advice for text that looks like a number or a truth value.
func unquote(in any) string {
	text, ok := in.(string)
	if _, still := parseJSON(text).(string); !ok || still {
		return ""
	}
	return ": leave out the quotes"
}

func keysOf(t reflect.Type) string {
	var keys []string
	for _, f := range fields(t) {
		keys = append(keys, f.key)
	}
	return "there are " + strings.Join(keys, ", ")
}

func join(path, key string) string {
	return strings.TrimPrefix(path+"."+key, ".")
}
