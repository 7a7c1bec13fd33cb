// Package userdatatest checks user data, for tests: what EC2 refuses, and what cloud-init and systemd pass over in silence, so
// that a machine would boot without it. cloud-init succeeds on YAML that it cannot read, on keys that it does not know and on
// commands that fail; systemd leaves out a directive that it does not know.
//
// It reads documents independently of package userdata, which writes them.
package userdatatest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// maxBytes is EC2's limit on user data, before base64.
const maxBytes = 16384

// header is the first line of a cloud-config.
const header = "#cloud-config\n"

// Folders that documents write to.
const (
	unitFolder     = "/etc/systemd/system"
	checksumFolder = "/etc/elastic-service"
	staging        = "/var/lib/elastic-service" // where an artifact is until it is verified
)

// Check returns everything that is wrong with a document. It knows what userdata's Render writes, and refuses
// everything else.
func Check(document []byte) error {
	if size := len(document); size > maxBytes {
		return fmt.Errorf("user data has %d bytes: EC2 takes %d at most", size, maxBytes)
	}
	document, err := Decompress(document)
	if err != nil {
		return fmt.Errorf("user data: %w", err)
	}
	if !bytes.HasPrefix(document, []byte(header)) {
		first, _, _ := bytes.Cut(document, []byte("\n"))
		return fmt.Errorf("user data is no cloud-config: its first line is %.40q, not %q", first, strings.TrimSpace(header))
	}
	if !utf8.Valid(document) {
		return errors.New("user data is not text in UTF-8")
	}
	root, err := onlyDocument(document)
	if err != nil {
		return fmt.Errorf("user data: %w", err)
	}
	var l invalid.List
	cloudConfig.check(&l, "", root)
	if err := l.Err(); err != nil {
		return err
	}
	return checkContent(document)
}

// Decompress returns the text of user data, which may be compressed with gzip.
func Decompress(document []byte) ([]byte, error) {
	if !bytes.HasPrefix(document, []byte{0x1f, 0x8b}) {
		return document, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(document))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// Incompressible returns text of which gzip makes no less than three quarters, the same each time.
func Incompressible(length int) string {
	source := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, length)
	for i := range text {
		text[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[source.IntN(64)]
	}
	return string(text)
}

// onlyDocument returns the only document of the text: cloud-init reads none if there are several.
func onlyDocument(text []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var first, second yaml.Node
	if err := decoder.Decode(&first); err != nil {
		return nil, err
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		return nil, errors.New("more than one YAML document")
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return first.Content[0], nil
}

// shape describes what a node of the document must be.
type shape struct {
	tag    string           // !!str, !!bool, !!seq or !!map
	each   *shape           // element of a sequence
	fields map[string]shape // of a mapping
	needs  []string         // fields that must be there

	word string // a text that may stand in place of a mapping
}

var (
	text  = shape{tag: "!!str"}
	truth = shape{tag: "!!bool"}
	texts = shape{tag: "!!seq", each: &text}
)

// cloudConfig is the part of cloud-config that documents use.
var cloudConfig = shape{tag: "!!map", fields: map[string]shape{
	"package_update": truth,
	"packages":       texts,
	"users": {tag: "!!seq", each: &shape{tag: "!!map", word: "default", needs: []string{"name"}, fields: map[string]shape{
		"name": text, "system": truth, "no_create_home": truth, "shell": text,
	}}},
	"write_files": {tag: "!!seq", each: &shape{tag: "!!map", needs: []string{"path", "permissions", "content"},
		fields: map[string]shape{"path": text, "permissions": text, "encoding": text, "content": text}}},
	"runcmd": {tag: "!!seq", each: &texts},
}}

// kinds are tags in words.
var kinds = map[string]string{"!!str": "text", "!!bool": "true or false", "!!seq": "a list", "!!map": "a mapping"}

func (s shape) check(l *invalid.List, at string, node *yaml.Node) {
	switch {
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		l.Missing(at, "is an alias or an anchor")
	case s.word != "" && node.ShortTag() == "!!str" && node.Value == s.word:
	case node.ShortTag() != s.tag:
		l.Missing(orDocument(at), "is not %s", kinds[s.tag])
	case s.tag == "!!seq":
		for i, element := range node.Content {
			s.each.check(l, fmt.Sprintf("%s[%d]", at, i), element)
		}
	case s.tag == "!!map":
		s.checkFields(l, at, node)
	}
}

func (s shape) checkFields(l *invalid.List, at string, node *yaml.Node) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name := node.Content[i].Value
		below := strings.TrimPrefix(at+"."+name, ".")
		switch field, known := s.fields[name]; {
		case !known:
			l.Missing(below, "is not known")
		case seen[name]:
			l.Missing(below, "is there twice")
		default:
			field.check(l, below, node.Content[i+1])
		}
		seen[name] = true
	}
	for _, name := range s.needs {
		if !seen[name] {
			l.Missing(at+"."+name, "must be set")
		}
	}
}

func orDocument(at string) string {
	if at == "" {
		return "user data"
	}
	return at
}

// file is an entry of write_files.
type file struct {
	Path        string `yaml:"path"`
	Permissions string `yaml:"permissions"`
	Encoding    string `yaml:"encoding"`
	Content     string `yaml:"content"`
}

// checkContent looks into a document of the right shape.
func checkContent(text []byte) error {
	var d struct {
		WriteFiles  []file     `yaml:"write_files"`
		RunCommands [][]string `yaml:"runcmd"`
	}
	if err := yaml.Unmarshal(text, &d); err != nil {
		return err
	}
	var l invalid.List
	units := map[string]string{} // content by name
	seen := map[string]bool{}
	for i, f := range d.WriteFiles {
		at := fmt.Sprintf("write_files[%d]", i)
		f.check(&l, at)
		if seen[f.Path] {
			l.Add(at+".path", f.Path, "is written twice")
		}
		seen[f.Path] = true
		if strings.HasPrefix(f.Path, unitFolder+"/") {
			units[path.Base(f.Path)] = f.Content
		}
	}
	for _, name := range slices.Sorted(maps.Keys(units)) {
		l.Include(name, checkUnit(name, units))
	}
	checkArtifacts(&l, seen, units)
	checkCommands(&l, d.RunCommands, units)
	return l.Err()
}

// checkArtifacts checks that each checksum has a unit, and each unit of an artifact a checksum.
func checkArtifacts(l *invalid.List, files map[string]bool, units map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		artifact, checksum := strings.CutSuffix(path.Base(name), ".sha256")
		if _, written := units["artifact-"+artifact+".service"]; checksum && path.Dir(name) == checksumFolder && !written {
			l.Missing(name, "is the checksum of no artifact")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(units)) {
		artifact, is := strings.CutPrefix(strings.TrimSuffix(name, ".service"), "artifact-")
		if is && !files[checksumFolder+"/"+artifact+".sha256"] {
			l.Missing(name, "has no checksum")
		}
	}
}

var (
	plainPath    = regexp.MustCompile(`^(/[A-Za-z0-9._+@-]+)+$`)
	octal        = regexp.MustCompile(`^0[0-7]{3}$`)
	checksumLine = regexp.MustCompile(`^[0-9a-f]{64}  ` + staging + `/[A-Za-z0-9._+@-]+\n$`)
)

func (f file) check(l *invalid.List, at string) {
	if !plainPath.MatchString(f.Path) || path.Clean(f.Path) != f.Path {
		l.Add(at+".path", f.Path, "is not an absolute path of letters, digits and ._+@-, without . and .. as folders")
	}
	if !octal.MatchString(f.Permissions) {
		l.Add(at+".permissions", f.Permissions, `is not a mode such as "0644"`)
	}
	if _, err := base64.StdEncoding.DecodeString(f.Content); f.Encoding == "b64" && err != nil {
		l.Missing(at+".content", "is not base64")
	} else if f.Encoding != "" && f.Encoding != "b64" {
		l.Add(at+".encoding", f.Encoding, "is not b64")
	}
	if path.Dir(f.Path) == checksumFolder && !checksumLine.MatchString(f.Content) {
		l.Add(at+".content", f.Content, "is not a SHA-256, two blanks and a file in %s", staging)
	}
	if path.Dir(f.Path) == unitFolder && path.Ext(f.Path) != ".service" {
		l.Add(at+".path", f.Path, "is not the file of a service")
	}
}

// checkCommands checks that the commands enable the units: a unit that is not enabled does not start after a reboot.
func checkCommands(l *invalid.List, commands [][]string, units map[string]string) {
	enabled := map[string]bool{}
	for i, words := range commands {
		at := fmt.Sprintf("runcmd[%d]", i)
		if len(words) == 0 || words[0] == "" {
			l.Missing(at, "is empty")
			continue
		}
		if words[0] != "systemctl" || len(words) < 2 || words[1] != "enable" {
			continue
		}
		for _, word := range words[2:] {
			if _, written := units[word]; !written && !strings.HasPrefix(word, "--") {
				l.Add(at, word, "is no unit of the document")
			}
			enabled[word] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(units)) {
		if !enabled[name] {
			l.Missing(name, "is not enabled by runcmd")
		}
	}
}

// checkUnit reads a unit as systemd does, and refuses what systemd only warns of.
func checkUnit(name string, units map[string]string) error {
	var l invalid.List
	lines := unitLines(&l, units[name])
	count := map[string]int{}
	for _, line := range lines {
		at := line.section + "." + line.name
		count[at]++
		switch d, known := directives[at]; {
		case !known:
			l.Missing(at, "is not known")
		case !d.value.MatchString(line.value):
			l.Add(at, line.value, "is not a value of it")
		case d.names:
			for other := range strings.FieldsSeq(line.value) {
				if _, written := units[other]; !written && other != "network-online.target" {
					l.Add(at, other, "is no unit of the document")
				}
			}
		case !d.list && count[at] > 1:
			l.Add(at, line.value, "comes after another one")
		}
	}
	for _, needed := range []string{"Unit.Description", "Service.Type", "Service.ExecStart", "Service.Restart", "Install.WantedBy"} {
		if count[needed] == 0 {
			l.Missing(needed, "must be set")
		}
	}
	prepares := strings.HasPrefix(name, "artifact-") || strings.HasPrefix(name, "setup-")
	if count["Service.DynamicUser"]+count["Service.User"] == 0 && !prepares {
		l.Missing("Service.User", "must be set: services run unprivileged")
	}
	return l.Err()
}

// directiveLine is a line of a unit.
type directiveLine struct{ section, name, value string }

// unitLines splits a unit into its lines, without comments and continuations. go-systemd's reader takes no line of more than
// 2048 bytes, systemd itself a million.
func unitLines(l *invalid.List, content string) []directiveLine {
	var lines []directiveLine
	section := ""
	for line := range strings.Lines(content) {
		text := strings.TrimSuffix(line, "\n")
		name, value, assigns := strings.Cut(text, "=")
		switch {
		case text == "":
		case strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]"):
			section = text[1 : len(text)-1]
		case !assigns || section == "" || strings.HasSuffix(text, `\`):
			l.Add("line", text, "is neither a section nor a directive of one")
		default:
			lines = append(lines, directiveLine{section, name, value})
		}
	}
	return lines
}

// directive describes the values of a directive.
type directive struct {
	value *regexp.Regexp
	list  bool // may be repeated
	names bool // units, of which lines may be repeated
}

func one(value string) directive  { return directive{value: regexp.MustCompile(`^(?:` + value + `)$`)} }
func many(value string) directive { return directive{value: one(value).value, list: true} }

// directives are those that units are written with, by section and name.
var directives = func() map[string]directive {
	const (
		seconds      = `[0-9]+`
		absolute     = `(/[A-Za-z0-9._+@-]+)+`
		capabilities = `(CAP_[A-Z_]+( CAP_[A-Z_]+)*)?`
	)
	units := directive{value: regexp.MustCompile(`^[a-z0-9A-Z._+@-]+\.(service|target)$`), names: true}
	known := map[string]directive{
		"Unit.Description":           one(`.+`),
		"Unit.ConditionPathExists":   one(`!?` + absolute),
		"Unit.Wants":                 units,
		"Unit.After":                 units,
		"Unit.Before":                units,
		"Unit.Requires":              units,
		"Unit.OnSuccess":             units,
		"Unit.StartLimitIntervalSec": one(seconds),

		"Service.Type":                    one(`oneshot|exec`),
		"Service.ExecStart":               many(`\+?` + absolute + `( .*)?`),
		"Service.ExecStartPre":            many(absolute + `( .*)?`),
		"Service.Environment":             many(`"?[A-Za-z_][A-Za-z0-9_]*=.*`),
		"Service.WorkingDirectory":        one(`/|` + absolute),
		"Service.Restart":                 one(`always|on-failure`),
		"Service.RestartSec":              one(seconds),
		"Service.TimeoutStartSec":         one(seconds),
		"Service.TimeoutStopSec":          one(seconds),
		"Service.KillMode":                one(`mixed`),
		"Service.SupplementaryGroups":     one(`systemd-journal`),
		"Service.User":                    one(`[a-z_][a-z0-9_-]{0,30}`),
		"Service.StateDirectory":          one(`[a-z][a-z0-9_-]*`),
		"Service.StateDirectoryMode":      one(`0[0-7]{3}`),
		"Service.ReadWritePaths":          many(absolute),
		"Service.LimitNOFILE":             one(`[1-9][0-9]*`),
		"Service.MemoryMax":               one(`[1-9][0-9]*M`),
		"Service.TasksMax":                one(`[1-9][0-9]*`),
		"Service.AmbientCapabilities":     one(capabilities),
		"Service.CapabilityBoundingSet":   one(capabilities),
		"Service.ProtectSystem":           one(`strict|full`),
		"Service.ProtectProc":             one(`invisible`),
		"Service.RestrictAddressFamilies": one(`AF_[A-Z0-9]+( AF_[A-Z0-9]+)*`),
		"Service.SystemCallArchitectures": one(`native`),
		"Service.SystemCallFilter":        many(`~?@[a-z-]+( @[a-z-]+)*`),
		"Service.SystemCallErrorNumber":   one(`E[A-Z]+`),

		"Install.WantedBy": one(`multi-user\.target`),
	}
	for _, name := range []string{
		"DynamicUser", "NoNewPrivileges", "ProtectHome", "PrivateDevices", "PrivateTmp", "ProtectClock",
		"ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables",
		"LockPersonality", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID",
	} {
		known["Service."+name] = one(`yes`)
	}
	return known
}()
