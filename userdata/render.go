package userdata

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// MaxBytes is EC2's limit on user data, before base64.
const MaxBytes = 16384

// header marks the document as a cloud-config.
const header = "#cloud-config\n"

// document is the part of cloud-config that is used. See https://docs.cloud-init.io, "Module reference".
type document struct {
	PackageUpdate bool       `yaml:"package_update,omitempty"`
	Packages      []string   `yaml:"packages,omitempty"`
	Users         []any      `yaml:"users,omitempty"` // "default" or a user
	WriteFiles    []file     `yaml:"write_files"`
	RunCommands   [][]string `yaml:"runcmd,omitempty"`
}

type user struct {
	Name         string `yaml:"name"`
	System       bool   `yaml:"system"`
	NoCreateHome bool   `yaml:"no_create_home"`
	Shell        string `yaml:"shell"`
}

type file struct {
	Path        string `yaml:"path"`
	Permissions string `yaml:"permissions"` // quoted: 0644 unquoted is the number 420
	Encoding    string `yaml:"encoding,omitempty"`
	Content     string `yaml:"content"`
}

// stored returns a file whose content arrives exactly: as text only if every reader of YAML reads it back as it is.
func stored(name, permissions string, content []byte) file {
	if plainText.Match(content) {
		return file{Path: name, Permissions: permissions, Content: string(content)}
	}
	return file{Path: name, Permissions: permissions, Encoding: "b64", Content: base64.StdEncoding.EncodeToString(content)}
}

// plainText matches lines of ASCII without control characters, none of which begins or ends with a blank but for indentation. Readers
// disagree on the rest: which characters break lines, and what of trailing white space counts.
var plainText = regexp.MustCompile(`^([!-~]([ -~]*[!-~])?\n(( *[!-~]([ -~]*[!-~])?)?\n)*)?$`)

// Render returns the cloud-config document: the same bytes for the same bootstrap. A document that is larger than [MaxBytes] is compressed
// with gzip, as cloud-init takes it. Render fails if the bootstrap is not valid, or if its document is too large even so.
func (b Bootstrap) Render() ([]byte, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString(header)
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(b.document()); err != nil {
		return nil, fmt.Errorf("encoding user data: %w", err)
	}
	if out.Len() <= MaxBytes {
		return out.Bytes(), nil
	}
	compressed := compress(out.Bytes())
	if size := len(compressed); size > MaxBytes {
		return nil, fmt.Errorf("user data has %d bytes, compressed: EC2 takes %d at most", size, MaxBytes)
	}
	return compressed, nil
}

// IsCompressed reports whether a document that Render returned is compressed.
func IsCompressed(document []byte) bool { return !bytes.HasPrefix(document, []byte(header)) }

// compress returns the text as gzip does, without a name and a time.
func compress(text []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("userdata: compressing to memory: %v", err))
	}
	return out.Bytes()
}

func (b Bootstrap) document() document {
	packages := b.packages()
	return document{
		PackageUpdate: len(packages) > 0,
		Packages:      packages,
		Users:         b.users(),
		WriteFiles:    b.files(),
		RunCommands:   b.commands(),
	}
}

// users keeps the image's own user: a list without "default" would leave it out, and with it the administrators' login.
func (b Bootstrap) users() []any {
	var names []string
	for _, s := range b.Setup {
		if s.user() != "" {
			names = add(names, s.User)
		}
	}
	for _, s := range b.Services {
		if s.User != "" {
			names = add(names, s.User)
		}
	}
	if len(names) == 0 {
		return nil
	}
	users := []any{"default"}
	for _, name := range names {
		users = append(users, user{Name: name, System: true, NoCreateHome: true, Shell: "/usr/sbin/nologin"})
	}
	return users
}

// root is the user that owns files and runs the setup, unless another is named.
const root = "root"

// add appends a text to a list that does not have it.
func add(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

func (b Bootstrap) files() []file {
	var files []file
	write := func(name, content string) {
		files = append(files, file{Path: name, Permissions: "0644", Content: content})
	}
	for _, a := range b.Artifacts {
		write(a.checksumFile(), a.checksum())
		write(unitFolder+"/"+a.unitName(), b.artifactUnit(a))
	}
	if len(b.Files) > 0 {
		files = append(files, b.stagedFiles()...)
		write(unitFolder+"/"+filesUnitName, b.filesUnit())
	}
	for i, s := range b.Setup {
		write(s.request(), "")
		write(unitFolder+"/"+s.unitName(), b.setupUnit(i))
	}
	if b.LogGroup != "" {
		write(unitFolder+"/"+shipperUnitName, b.shipperUnit())
	}
	for _, s := range b.Services {
		write(unitFolder+"/"+s.unitName(), b.serviceUnit(s))
	}
	return append(files, b.agentFiles()...)
}

// commands starts the units and does not wait for them (--no-block): a fetch that is repeated would delay the rest of the
// boot.
func (b Bootstrap) commands() [][]string {
	units := b.preparations()
	if b.LogGroup != "" {
		units = append(units, shipperUnitName)
	}
	for _, s := range b.Services {
		units = append(units, s.unitName())
	}
	if len(units) == 0 {
		return b.agentCommands()
	}
	enable := append([]string{"systemctl", "enable", "--now", "--no-block"}, units...)
	return append([][]string{{"systemctl", "daemon-reload"}, enable}, b.agentCommands()...)
}
