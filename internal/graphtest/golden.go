package graphtest

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/internal/userdatatest"
)

var update = flag.Bool("update", false, "rewrite the golden files instead of comparing with them")

// Golden compares the text of a graph with the one kept in a file. With -update it writes the file.
func Golden(t testing.TB, file, text string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if line, got, expected := firstDifference(text, string(want)); line > 0 {
		t.Fatalf("%s:%d differs (go test -update accepts it)\n  is:  %s\n  was: %s", file, line, got, expected)
	}
}

// HasGolden reports whether there is a golden file, or -update is to write it.
func HasGolden(file string) bool {
	_, err := os.Stat(file)
	return *update || err == nil
}

func firstDifference(got, want string) (line int, is, was string) {
	if got == want {
		return 0, "", ""
	}
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		is, was = "(nothing)", "(nothing)"
		if i < len(a) {
			is = a[i]
		}
		if i < len(b) {
			was = b[i]
		}
		if is != was {
			return i + 1, is, was
		}
	}
	return 0, "", ""
}

// Text returns the graph as text for people: resources sorted by type and name, each with its parent, with its dependencies
// that are not sources of its inputs, whether it is protected, and with a line for each input and its sources.
//
// Values that come from another resource are shown as ${name.output}, contents of artifacts as numbered hashes: neither
// identifiers nor the compiler's version are part of the text. User data is decoded.
func (g *Graph) Text() string {
	out := &strings.Builder{}
	for _, r := range g.Resources {
		fmt.Fprintf(out, "%s %s\n", r.Type, r.Name)
		if parent := g.Parent(r); parent != nil {
			fmt.Fprintf(out, "  in %s %s\n", parent.Type, parent.Name)
		}
		if only := g.waitsFor(r); len(only) > 0 {
			fmt.Fprintf(out, "  after %s\n", strings.Join(only, ", "))
		}
		if r.Protect {
			out.WriteString("  protected\n")
		}
		for _, property := range slices.Sorted(maps.Keys(r.Inputs)) {
			g.writeInput(out, r, string(property))
		}
		out.WriteString("\n")
	}
	return numberHashes(g.symbols().Replace(out.String()))
}

// waitsFor returns the names of r's dependencies that none of its inputs comes from.
func (g *Graph) waitsFor(r *Resource) []string {
	if g.NeedsAll(r) {
		return []string{"everything else"}
	}
	inputs := g.InputsFrom(r)
	var only []string
	for _, dep := range g.Dependencies(r) {
		if !slices.Contains(inputs, dep) {
			only = append(only, dep.Name)
		}
	}
	slices.Sort(only)
	return only
}

func (g *Graph) writeInput(out *strings.Builder, r *Resource, property string) {
	value := r.Inputs[resource.PropertyKey(property)]
	if property == "userData" {
		fmt.Fprintf(out, "  %s:%s\n", property, g.sources(r, property))
		for line := range strings.Lines(UserData(r)) {
			out.WriteString(strings.TrimRight("    | "+line, " \n") + "\n")
		}
		return
	}
	text := &strings.Builder{}
	encoder := json.NewEncoder(text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(plain(value)); err != nil {
		text.WriteString(err.Error())
	}
	fmt.Fprintf(out, "  %s: %s%s\n", property, strings.TrimSpace(text.String()), g.sources(r, property))
}

func (g *Graph) sources(r *Resource, property string) string {
	var names []string
	for _, from := range g.InputFrom(r, property) {
		names = append(names, from.Name)
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "  <- " + strings.Join(names, ", ")
}

// UserData returns the decoded and decompressed user data of a launch template, or the reason why it cannot be decoded.
func UserData(r *Resource) string {
	encoded := r.Inputs["userData"]
	if !encoded.IsString() {
		return "no user data"
	}
	text, err := base64.StdEncoding.DecodeString(encoded.StringValue())
	if err == nil {
		text, err = userdatatest.Decompress(text)
	}
	if err != nil || !utf8.Valid(text) {
		return fmt.Sprintf("not base64 of text: %v", err)
	}
	return string(text)
}

// plain returns a value as JSON shows it, and the name of its file for an asset.
func plain(v resource.PropertyValue) any {
	switch {
	case v.IsArray():
		list := []any{}
		for _, element := range v.ArrayValue() {
			list = append(list, plain(element))
		}
		return list
	case v.IsObject():
		object := map[string]any{}
		for key, element := range v.ObjectValue() {
			object[string(key)] = plain(element)
		}
		return object
	case v.IsAsset():
		return "file " + filepath.Base(v.AssetValue().Path)
	case v.IsSecret():
		return map[string]any{"secret": plain(v.SecretValue().Element)}
	default:
		return v.Mappable()
	}
}

// symbols replaces the outputs of resources by their names. Longer values are replaced first, because an ARN contains a
// name.
func (g *Graph) symbols() *strings.Replacer {
	symbols := map[string]string{}
	for _, r := range g.Resources {
		for key, value := range r.Outputs {
			// The number of the account is that of the default group's owner, and of every other group's.
			if isAccount := key == "ownerId" && !strings.HasSuffix(r.Type, ":DefaultSecurityGroup"); !isAccount && !r.given(value) {
				addSymbols(symbols, r.Name+"."+string(key), value)
			}
		}
		// A value under several outputs shows as the last of these.
		for _, key := range []resource.PropertyKey{"id", "bucket", "name", "arn"} {
			if value := r.Outputs[key]; value.IsString() && !r.given(value) {
				symbols[value.StringValue()] = fmt.Sprintf("${%s.%s}", r.Name, key)
			}
		}
	}
	values := slices.SortedFunc(maps.Keys(symbols), func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, value := range values {
		pairs = append(pairs, value, symbols[value])
	}
	return strings.NewReplacer(pairs...)
}

// given reports whether an output equals an input, such as a name that the program chose.
func (r *Resource) given(output resource.PropertyValue) bool {
	for _, input := range r.Inputs {
		if input.DeepEquals(output) {
			return true
		}
	}
	return false
}

func addSymbols(symbols map[string]string, path string, value resource.PropertyValue) {
	switch {
	case value.IsString() && value.StringValue() != "":
		symbols[value.StringValue()] = "${" + path + "}"
	case value.IsArray():
		for i, element := range value.ArrayValue() {
			addSymbols(symbols, fmt.Sprintf("%s[%d]", path, i), element)
		}
	case value.IsObject():
		for key, element := range value.ObjectValue() {
			addSymbols(symbols, path+"."+string(key), element)
		}
	}
}

var hashes = regexp.MustCompile(`[0-9a-f]{64}`)

// numberHashes replaces each different SHA-256 by a number in the order of appearance.
func numberHashes(text string) string {
	numbers := map[string]int{}
	return hashes.ReplaceAllStringFunc(text, func(hash string) string {
		if numbers[hash] == 0 {
			numbers[hash] = len(numbers) + 1
		}
		return fmt.Sprintf("<sha256 %d>", numbers[hash])
	})
}
