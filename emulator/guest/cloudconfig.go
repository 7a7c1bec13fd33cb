package guest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// cloudConfig has the parts of a cloud-config document that an instance carries out.
type cloudConfig struct {
	files    []file
	start    []string // names of units to start
	enable   []string // names of units to enable
	installs bool     // it installs packages
	skipped  []string // what is not carried out
}

// file is a file to be written on the instance.
type file struct {
	path    string
	content []byte
	mode    fs.FileMode
	append  bool
}

// header is the first line of a cloud-config document.
const header = "#cloud-config"

// mostUserData is how many bytes a compressed document may have at most when it is decompressed.
const mostUserData = 1 << 24

// decompress returns the text of a document that may be compressed with gzip, as cloud-init reads it.
func decompress(document []byte) ([]byte, error) {
	if !bytes.HasPrefix(document, []byte{0x1f, 0x8b}) {
		return document, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(document))
	if err != nil {
		return nil, fmt.Errorf("user data: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, mostUserData+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("user data: %w", err)
	case len(text) > mostUserData:
		return nil, fmt.Errorf("user data has more than %d bytes when it is decompressed", mostUserData)
	}
	return text, nil
}

// parseCloudConfig reads a cloud-config document, which may be compressed or empty.
func parseCloudConfig(document []byte) (*cloudConfig, error) {
	document, err := decompress(document)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(document)) == 0 {
		return &cloudConfig{}, nil
	}
	first, _, _ := bytes.Cut(document, []byte("\n"))
	if strings.TrimSpace(string(first)) != header {
		return nil, fmt.Errorf("user data is not a cloud-config document: its first line is %q, not %q", clip(first), header)
	}
	var keys yaml.Node
	if err := yaml.Unmarshal(document, &keys); err != nil {
		return nil, fmt.Errorf("user data: %w", err)
	}
	c := &cloudConfig{}
	if len(keys.Content) == 0 {
		return c, nil
	}
	mapping := keys.Content[0]
	if mapping.Kind != yaml.MappingNode {
		return nil, errors.New("user data is no mapping of keys to values")
	}
	for i := 0; i < len(mapping.Content); i += 2 {
		key := mapping.Content[i].Value
		if err := c.key(key, mapping.Content[i+1]); err != nil {
			return nil, fmt.Errorf("user data: %s: %w", key, err)
		}
	}
	return c, nil
}

// skip notes something that is not carried out.
func (c *cloudConfig) skip(format string, args ...any) {
	c.skipped = append(c.skipped, fmt.Sprintf(format, args...))
}

// key reads the value of a top-level key.
func (c *cloudConfig) key(name string, value *yaml.Node) error {
	switch name {
	case "write_files":
		return c.writeFiles(value)
	case "runcmd":
		return c.commands(value)
	case "packages":
		for _, entry := range value.Content {
			name := entry.Value
			if len(entry.Content) > 0 { // with a version
				name = entry.Content[0].Value
			}
			c.installs = true
			c.skip("packages: %s is not installed: units use this machine's programs, if it has them", name)
		}
	case "package_update", "package_upgrade":
		c.skip("%s: no package is installed", name)
	case "users":
		c.users(value)
	default:
		c.skip("cloud-config key %s is not supported", name)
	}
	return nil
}

// users notes all users but the default user as skipped.
func (c *cloudConfig) users(value *yaml.Node) {
	for _, entry := range value.Content {
		var user struct{ Name string }
		if entry.Kind == yaml.ScalarNode {
			user.Name = entry.Value
		} else if entry.Decode(&user) != nil {
			user.Name = "?"
		}
		if user.Name != "default" {
			c.skip("users: %s is not created: processes run as the emulator's user", user.Name)
		}
	}
}

// writeFiles reads write_files.
func (c *cloudConfig) writeFiles(value *yaml.Node) error {
	var entries []struct {
		Path, Content, Permissions, Owner, Encoding string
		Append, Defer                               bool
	}
	decoder := yaml.NewDecoder(bytes.NewReader(encode(value)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&entries); err != nil {
		return err
	}
	for _, e := range entries {
		if !path.IsAbs(e.Path) {
			return fmt.Errorf("path %q is not absolute", e.Path)
		}
		f := file{path: path.Clean(e.Path), content: []byte(e.Content), mode: 0o644, append: e.Append}
		if e.Permissions != "" {
			mode, err := strconv.ParseUint(strings.TrimPrefix(e.Permissions, "0o"), 8, 12)
			if err != nil {
				return fmt.Errorf("%s: permissions %q are not octal", e.Path, e.Permissions)
			}
			f.mode = fs.FileMode(mode & 0o777)
		}
		switch e.Encoding {
		case "", "text/plain":
		case "b64", "base64":
			content, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(e.Content), ""))
			if err != nil {
				return fmt.Errorf("%s: %w", e.Path, err)
			}
			f.content = content
		default:
			return fmt.Errorf("%s: encoding %q is not b64 or text/plain", e.Path, e.Encoding)
		}
		if e.Owner != "" && e.Owner != "root:root" && e.Owner != "root" {
			c.skip("write_files: owner %s of %s is not set: files belong to the emulator's user", e.Owner, e.Path)
		}
		c.files = append(c.files, f)
	}
	return nil
}

// encode returns the text of a node: only a decoder of text can refuse unknown fields.
func encode(value *yaml.Node) []byte {
	text, err := yaml.Marshal(value)
	if err != nil {
		panic(err) // every node that was read can be written
	}
	return text
}

// commands reads runcmd.
func (c *cloudConfig) commands(value *yaml.Node) error {
	if value.Kind != yaml.SequenceNode {
		return errors.New("it is not a list")
	}
	for _, entry := range value.Content {
		var words []string
		switch entry.Kind {
		case yaml.ScalarNode:
			if words = strings.Fields(entry.Value); strings.ContainsAny(entry.Value, "|&;<>()$`\\\"'*?[#~=%\n") {
				c.skip("runcmd: %s is not run: only systemctl is, without shell syntax", clip([]byte(entry.Value)))
				continue
			}
		default:
			if err := entry.Decode(&words); err != nil {
				return err
			}
		}
		c.command(words)
	}
	return nil
}

// command reads a command line of systemctl that starts or enables units.
func (c *cloudConfig) command(words []string) {
	line := strings.Join(words, " ")
	if len(words) < 2 || path.Base(words[0]) != "systemctl" {
		c.skip("runcmd: %s is not run: only systemctl is", clip([]byte(line)))
		return
	}
	var verb string
	var units []string
	now := false
	for _, word := range words[1:] {
		switch {
		case word == "--now":
			now = true
		case strings.HasPrefix(word, "-"):
		case verb == "":
			verb = word
		default:
			units = append(units, unitName(word))
		}
	}
	switch verb {
	case "daemon-reload":
	case "start", "restart":
		c.start = union(c.start, units)
	case "enable":
		c.enable = union(c.enable, units)
		if now {
			c.start = union(c.start, units)
		}
	default:
		c.skip("runcmd: %s is not run: of systemctl, only start, restart, enable and daemon-reload are", clip([]byte(line)))
	}
}

// union appends the names of a second list that the first does not have.
func union(list, more []string) []string {
	for _, name := range more {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// clip shortens a line to 80 characters.
func clip(line []byte) string {
	text := strings.Join(strings.Fields(string(line)), " ")
	if len(text) > 80 {
		return strings.ToValidUTF8(text[:80], "") + "…"
	}
	return text
}
