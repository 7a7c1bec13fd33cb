package settings

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/docstest"
)

const schemaFile = "../docs/settings.schema.json"

// The schema is for editors: it knows keys, types, choices and bounds. Rules between settings are Parse's alone.
func TestGeneratedSchemaIsThatOfTheSettings(t *testing.T) {
	docstest.File(t, schemaFile, schemaText(t))
}

type schema = map[string]any

func schemaText(t testing.TB) string {
	t.Helper()
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	require.NoError(t, out.Encode(stackSchema(reference(t))))
	return text.String()
}

// stackSchema returns the schema of a stack file. Keys of other namespaces are providers' settings.
func stackSchema(all []setting) schema {
	config := objectSchema(all)
	properties, names := schema{}, []string{}
	for _, s := range all {
		properties[namespace+s.key] = config["properties"].(schema)[s.key]
		names = append(names, namespace+s.key)
	}
	properties[regionKey] = schema{"type": "string", "description": "The AWS region of the stack, such as us-east-1."}
	return schema{
		"$schema":     "http://json-schema.org/draft-07/schema#",
		"title":       "Settings of a stack: Pulumi.STACK.yaml",
		"description": "Generated from the package settings by `go generate ./settings`.",
		"type":        "object",
		"required":    []string{"config"},
		"properties": schema{"config": schema{
			"type":          "object",
			"properties":    properties,
			"propertyNames": schema{"anyOf": []schema{{"enum": names}, {"not": schema{"pattern": "^" + namespace}}}},
			"required":      append([]string{regionKey}, prefixed(config["required"])...),
			"allOf":         prefixedChoices(config["allOf"]),
		}},
	}
}

func prefixed(names any) []string {
	var full []string
	for _, name := range names.([]string) {
		full = append(full, namespace+name)
	}
	return full
}

func prefixedChoices(choices any) []schema {
	var full []schema
	for _, c := range choices.([]schema) {
		var options []schema
		for _, option := range c["oneOf"].([]schema) {
			options = append(options, schema{"required": prefixed(option["required"])})
		}
		full = append(full, schema{"oneOf": options})
	}
	return full
}

func objectSchema(all []setting) schema {
	properties, required, choices := schema{}, []string{}, map[string][]schema{}
	var order []string
	for _, s := range all {
		properties[s.key] = s.schema()
		if s.required() {
			required = append(required, s.key)
		}
		if choice := s.Tag.Get("oneof"); choice != "" {
			if choices[choice] == nil {
				order = append(order, choice)
			}
			choices[choice] = append(choices[choice], schema{"required": []string{s.key}})
		}
	}
	object := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		object["required"] = required
	}
	var exclusive []schema
	for _, choice := range order {
		exclusive = append(exclusive, schema{"oneOf": choices[choice]})
	}
	if exclusive != nil {
		object["allOf"] = exclusive
	}
	return object
}

func (s setting) schema() schema {
	value := s.valueSchema()
	value["description"] = s.effect
	if s.limits != "" {
		value["description"] = s.effect + " Limits: " + s.limits + "."
	}
	if standard, ok := s.standard(); ok {
		value["default"] = standard
	}
	if values := s.enum(); values != nil {
		value["enum"] = values
		if value["type"] == "integer" {
			value["enum"] = json.RawMessage("[" + strings.Join(values, ",") + "]")
		}
	}
	if is[Zones](s) { // which a list has as well, for the number of its elements
		value["type"], value["items"] = []string{"integer", "array"}, schema{"type": "string", "pattern": zonePattern.String()}
		value["minItems"], value["maxItems"], value["uniqueItems"] = json.Number(s.Tag.Get("minimum")), json.Number(s.Tag.Get("maximum")), true
	}
	for tag, keyword := range map[string]string{"minimum": "minimum", "maximum": "maximum", "above": "exclusiveMinimum"} {
		if bound := s.Tag.Get(tag); bound != "" {
			value[keyword] = json.Number(bound)
		}
	}
	return value
}

func (s setting) valueSchema() schema {
	switch {
	case s.element != nil && s.inner != nil:
		return schema{"type": "array", "items": objectSchema(s.inner)}
	case s.element != nil:
		return schema{"type": "array", "items": scalarSchema(s.element)}
	case s.values != nil && s.inner != nil:
		return schema{"type": "object", "additionalProperties": objectSchema(s.inner)}
	case s.inner != nil:
		return objectSchema(s.inner)
	case s.typ.Kind() == reflect.Map:
		return schema{"type": "object", "additionalProperties": scalarSchema(s.typ.Elem())}
	}
	return scalarSchema(s.typ)
}

func scalarSchema(t reflect.Type) schema {
	switch {
	case t.Kind() == reflect.Slice:
		return schema{"type": "array", "items": scalarSchema(t.Elem())}
	case t == reflect.TypeFor[netip.Prefix]():
		return schema{"type": "string", "pattern": "^[0-9A-Fa-f.:]+/[0-9]{1,3}$"}
	case t == reflect.TypeFor[time.Duration]():
		return schema{"type": "integer"}
	}
	return schema{"type": map[reflect.Kind]string{
		reflect.String: "string", reflect.Int: "integer", reflect.Float64: "number", reflect.Bool: "boolean",
	}[t.Kind()]}
}

// compiled returns the schema as an editor has it.
func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("settings.schema.json", strings.NewReader(schemaText(t))))
	compiled, err := c.Compile("settings.schema.json")
	require.NoError(t, err)
	return compiled
}
