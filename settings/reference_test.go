package settings

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// setting is a field with its comment, and the settings within it.
type setting struct {
	field
	typ     reflect.Type // without the pointer of an optional value
	element reflect.Type // of a list; nil for anything else
	values  reflect.Type // of an object with keys of the user's own; nil for anything else
	inner   []setting    // of an object, or of the elements of a list or of such an object

	effect   string // what the setting does
	fallback string // what holds without a value, where the tag default cannot say it
	limits   string
}

// reference returns the settings as a tree.
func reference(t testing.TB) []setting {
	t.Helper()
	return settingsOf(t, comments(t), reflect.TypeFor[Settings]())
}

func settingsOf(t testing.TB, texts map[string]string, object reflect.Type) []setting {
	t.Helper()
	var all []setting
	for _, f := range fields(object) {
		s := setting{field: f, typ: f.Type}
		if s.typ.Kind() == reflect.Pointer {
			s.typ = s.typ.Elem()
		}
		within := s.typ
		if s.typ.Kind() == reflect.Slice {
			s.element = s.typ.Elem()
			within = s.element
		}
		if s.typ.Kind() == reflect.Map {
			s.values = s.typ.Elem()
			within = s.values
		}
		if within.Kind() == reflect.Struct && !isScalar(within) {
			s.inner = settingsOf(t, texts, within)
		}
		name := object.Name() + "." + f.Name
		text, documented := texts[name]
		require.True(t, documented, "%s has no comment", name)
		text, s.limits, _ = strings.Cut(text, " Limits: ")
		text, s.fallback, _ = strings.Cut(text, " Default: ")
		s.effect, s.limits, s.fallback = text, strings.TrimSuffix(s.limits, "."), strings.TrimSuffix(s.fallback, ".")
		all = append(all, s)
	}
	return all
}

// comments returns the comment above each field of the package, each on one line, by the name of its type and its own.
func comments(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	texts := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			declared, isType := node.(*ast.TypeSpec)
			if !isType {
				return true
			}
			object, isStruct := declared.Type.(*ast.StructType)
			if !isStruct {
				return false
			}
			for _, f := range object.Fields.List {
				if f.Doc != nil && len(f.Names) == 1 {
					texts[declared.Name.Name+"."+f.Names[0].Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
				}
			}
			return false
		})
	}
	return texts
}

func (s setting) required() bool { return s.Tag.Get("required") != "" }

func (s setting) enum() []string {
	if values := s.Tag.Get("enum"); values != "" {
		return strings.Split(values, ",")
	}
	return nil
}

// standard returns the value of a setting that is left out, if it has a value then.
func (s setting) standard() (any, bool) {
	if text, ok := s.Tag.Lookup("default"); ok {
		return parseJSON(text), true
	}
	return false, s.Type.Kind() == reflect.Bool
}

// is reports whether the setting has a value of type T.
func is[T any](s setting) bool { return s.typ == reflect.TypeFor[T]() }

// kind names the type of a setting's value for people.
func (s setting) kind() string {
	switch {
	case is[netip.Prefix](s):
		return "text"
	case is[time.Duration](s):
		return "whole number"
	case is[Zones](s):
		return "whole number or list of text"
	case s.element != nil && s.inner != nil:
		return "list of objects"
	case s.values != nil && s.inner != nil:
		return "object of objects"
	case s.element != nil && s.element.Kind() == reflect.Int:
		return "list of whole numbers"
	case s.element != nil && s.element.Kind() == reflect.Slice:
		return "list of lists of text"
	case s.element != nil:
		return "list of text"
	case s.inner != nil:
		return "object"
	}
	return map[reflect.Kind]string{
		reflect.String: "text", reflect.Int: "whole number", reflect.Float64: "number", reflect.Bool: "true or false",
		reflect.Map: "object of texts",
	}[s.typ.Kind()]
}
