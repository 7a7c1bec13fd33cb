package settings

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/docstest"
)

const projectFile = "../Pulumi.yaml"

func TestGeneratedTablesAreThoseOfTheSettings(t *testing.T) {
	for _, s := range reference(t) {
		docstest.Section(t, "../docs/settings.md", "fields of "+s.key, docstest.Table(
			[]string{"field", "type", "unit", "default", "limits", "what it does"}, rowsOf(s)))
	}
}

// rowsOf returns the rows of a section's table. A section that is no object is its own only row.
func rowsOf(section setting) [][]string {
	if section.inner == nil {
		return [][]string{section.row("")}
	}
	var rows [][]string
	for _, s := range section.inner {
		rows = append(rows, s.rows("")...)
	}
	return rows
}

func (s setting) rows(prefix string) [][]string {
	rows := [][]string{s.row(prefix)}
	prefix += s.key
	if s.element != nil {
		prefix += "[]"
	}
	if s.values != nil {
		prefix += ".NAME"
	}
	for _, inner := range s.inner {
		rows = append(rows, inner.rows(prefix+".")...)
	}
	return rows
}

func (s setting) row(prefix string) []string {
	unit := s.Tag.Get("unit")
	if is[time.Duration](s) {
		unit = "s"
	}
	return []string{"`" + prefix + s.key + "`", s.kind(), orDash(unit), s.standardText(), orDash(s.limits), s.effect}
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

func (s setting) standardText() string {
	standard, ok := s.standard()
	switch {
	case s.required():
		return "required"
	case s.fallback != "":
		return s.fallback
	case ok:
		return fmt.Sprintf("`%v`", standard)
	}
	return "none"
}

// A project can declare the type and the default of a key, but not the fields of an object: these are in the schema.
func TestGeneratedProjectDeclaresTheSettings(t *testing.T) {
	content, err := os.ReadFile(projectFile)
	require.NoError(t, err)
	before, _, found := strings.Cut(string(content), "\nconfig:\n")
	require.True(t, found)
	var keys strings.Builder
	for _, s := range reference(t) {
		keys.WriteString(s.declaration())
	}
	docstest.File(t, projectFile, before+"\nconfig:\n"+keys.String())
}

func (s setting) declaration() string {
	var lines strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&lines, format+"\n", a...) }
	line("  %s:", s.key)
	text := s.effect
	switch {
	case s.inner != nil:
		line("    type: object")
		if !s.required() {
			line("    default: {%s}", strings.Join(s.defaults(), ", "))
		}
		var names []string
		for _, inner := range s.inner {
			names = append(names, inner.key)
		}
		text += " Fields: " + strings.Join(names, ", ") + "."
	case s.typ.Kind() == reflect.Map:
		line("    type: object")
		line("    default: {}")
	case s.typ.Kind() == reflect.Bool:
		line("    type: boolean")
		line("    default: false")
	default:
		line("    type: string")
	}
	line("    description: >-")
	for _, part := range folded(strings.ReplaceAll(text, "`", ""), 110) {
		line("      %s", part)
	}
	return lines.String()
}

// defaults returns the fields that have a value where the section is left out. An optional section is left out as a whole.
func (s setting) defaults() []string {
	var fields []string
	if s.Type.Kind() == reflect.Pointer {
		return nil
	}
	for _, inner := range s.inner {
		if value, ok := inner.standard(); ok {
			fields = append(fields, fmt.Sprintf("%s: %v", inner.key, value))
		}
	}
	return fields
}

// folded returns a text in lines of at most so many characters.
func folded(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
