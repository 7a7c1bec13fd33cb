package userdata

import (
	"bytes"
	"encoding/base64"
	"io"
	"path"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/elastic-service/elastic-service/internal/userdatatest"
)

// machine is a document as cloud-init and systemd read it.
type machine struct {
	document document
	files    map[string]string
	units    map[string]options
}

func read(t *testing.T, b Bootstrap) machine {
	t.Helper()
	rendered, err := b.Render()
	require.NoError(t, err)
	text, err := userdatatest.Decompress(rendered)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(text, []byte("#cloud-config\n")))

	m := machine{files: map[string]string{}, units: map[string]options{}}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&m.document))
	require.ErrorIs(t, decoder.Decode(&m.document), io.EOF, "one document")
	for _, f := range m.document.WriteFiles {
		if strings.HasPrefix(f.Path, filesFolder) {
			assert.Equal(t, "0600", f.Permissions, f.Path)
		} else {
			assert.Equal(t, "0644", f.Permissions, f.Path)
		}
		m.files[f.Path] = f.Content
		if f.Encoding == "b64" {
			content, err := base64.StdEncoding.DecodeString(f.Content)
			require.NoError(t, err)
			m.files[f.Path] = string(content)
		}
		if name := path.Base(f.Path); strings.HasSuffix(name, ".service") {
			assert.Equal(t, "/etc/systemd/system/"+name, f.Path)
			lines, err := unit.DeserializeOptions(strings.NewReader(f.Content))
			require.NoError(t, err)
			m.units[name] = lines
		}
	}
	return m
}

func (o options) values(section, name string) []string {
	var values []string
	for _, line := range o {
		if line.Section == section && line.Name == name {
			values = append(values, line.Value)
		}
	}
	return values
}

func (o options) only(t *testing.T, section, name string) string {
	t.Helper()
	values := o.values(section, name)
	require.Len(t, values, 1, name)
	return values[0]
}

// words splits a value as systemd does (systemd.syntax(7), "Quoting"), and resolves the specifier %%.
func words(t *testing.T, value string) []string {
	t.Helper()
	var all []string
	for rest := strings.TrimLeft(value, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		word, after := oneWord(t, rest)
		require.NotContains(t, strings.ReplaceAll(word, "%%", ""), "%", "a specifier")
		all = append(all, strings.ReplaceAll(word, "%%", "%"))
		rest = after
	}
	return all
}

func oneWord(t *testing.T, text string) (word, rest string) {
	t.Helper()
	require.False(t, text == ";" || strings.HasPrefix(text, "; "), "; ends a command")
	var out strings.Builder
	var quote byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
			require.Less(t, i, len(text), "a line that goes on")
			escaped, known := map[byte]byte{'\\': '\\', '"': '"', '\'': '\'', 't': '\t', 's': ' ', 'n': '\n'}[text[i]]
			require.True(t, known, "escape %q", text[i])
			out.WriteByte(escaped)
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == ' ' || c == '\t'):
			return out.String(), text[i:]
		default:
			require.NotContains(t, "\n\r\x00", string(c))
			out.WriteByte(c)
		}
	}
	require.Zero(t, quote, "an open quote")
	return out.String(), ""
}

// expanded replaces variables in the words of a command: there are none but $$.
func expanded(words []string) []string {
	var all []string
	for _, word := range words {
		all = append(all, strings.ReplaceAll(word, "$$", "$"))
	}
	return all
}

func variables(t *testing.T, u options) map[string]string {
	t.Helper()
	var all map[string]string
	for _, value := range u.values("Service", "Environment") {
		for _, assignment := range words(t, value) {
			name, text, found := strings.Cut(assignment, "=")
			require.True(t, found)
			if all == nil {
				all = map[string]string{}
			}
			all[name] = text
		}
	}
	return all
}

func FuzzArgumentsAndVariablesAreReadBackByTheRulesOfSystemd(f *testing.F) {
	for _, text := range []string{
		"", " ", ";", `"`, `'`, `\`, `\n`, "$HOME ${HOME} $$", "100%", "%n%%", "a\tb", "grüß", "#x", "-x", "@x", "a\\\"b' c", "{}[]*?~&|<>",
		"[Service]", "=", "a=b", "\u2028", "\u00a0", "😀", "\x7f", "a\nExecStart=/bin/evil", "\r", "\x00", "\xff",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 { // go-systemd's reader takes no line of more than 2048 bytes
			return
		}
		b := Bootstrap{Services: []Service{{
			Name: "fuzz", Command: []string{"/bin/fuzz", text, "last"}, Environment: map[string]string{"A": text, "B": "last"},
		}}}
		_, err := b.Render()
		if err != nil && b.Validate() == nil {
			require.ErrorContains(t, err, "EC2 takes", "what is valid is refused for its size alone")
		}
		if err != nil {
			return
		}
		u := read(t, b).units["fuzz.service"]
		assert.Equal(t, b.Services[0].Command, expanded(words(t, u.only(t, "Service", "ExecStart"))))
		assert.Equal(t, b.Services[0].environment(), variables(t, u))
	})
}
