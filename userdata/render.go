package userdata

import (
	"bytes"
	"fmt"
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
	Content     string `yaml:"content"`
}

// Render returns the cloud-config document: the same bytes for the same bootstrap. It fails if the bootstrap is not valid, or
// if its document is larger than [MaxBytes].
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
	if size := out.Len(); size > MaxBytes {
		return nil, fmt.Errorf("user data has %d bytes: EC2 takes %d at most", size, MaxBytes)
	}
	return out.Bytes(), nil
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
	for _, s := range b.Services {
		if s.User != "" && !slices.Contains(names, s.User) {
			names = append(names, s.User)
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

func (b Bootstrap) files() []file {
	var files []file
	for _, a := range b.Artifacts {
		files = append(files,
			file{a.checksumFile(), "0644", a.checksum()},
			file{unitFolder + "/" + a.unitName(), "0644", b.artifactUnit(a)})
	}
	for _, s := range b.Services {
		files = append(files, file{unitFolder + "/" + s.unitName(), "0644", b.serviceUnit(s)})
	}
	return append(files, b.agentFiles()...)
}

// commands starts the units and does not wait for them (--no-block): a fetch that is repeated would delay the rest of the
// boot.
func (b Bootstrap) commands() [][]string {
	var units []string
	for _, a := range b.Artifacts {
		units = append(units, a.unitName())
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
