package userdata

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

var (
	// Names that need no quoting in a unit, a checksum file or a command line.
	packageName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+:~_-]*$`)
	serviceName  = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)
	userName     = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,30}$`)
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	plainPath    = regexp.MustCompile(`^(/[A-Za-z0-9._+@-]+)+$`)

	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[1-9][0-9]?$`)
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	objectKey  = regexp.MustCompile(`^[A-Za-z0-9._+@=/-]+$`)
	sha256Hex  = regexp.MustCompile(`^[0-9a-f]{64}$`)

	clusterName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	logGroup    = regexp.MustCompile(`^[A-Za-z0-9._/#-]{1,512}$`)
)

// Folders that artifacts go to: a machine has them from the start, and its packages leave them alone.
var artifactRoots = []string{"/usr/local", "/opt", "/srv"}

// imageFolders are folders below artifactRoots that images have. A file cannot be put in the place of a folder.
var imageFolders = []string{
	"/opt/aws", "/usr/local/bin", "/usr/local/etc", "/usr/local/games", "/usr/local/include", "/usr/local/lib", "/usr/local/lib64",
	"/usr/local/libexec", "/usr/local/man", "/usr/local/sbin", "/usr/local/share", "/usr/local/src",
}

// The most characters of an artifact's path, file name and key. A unit's name has 255 at most, and an artifact's unit is called
// artifact-FILE.service.
const (
	longestPath     = 255
	longestFileName = 255 - len("artifact-.service")
	longestKey      = 1024 // of an object in S3
)

// Validate returns everything that is wrong, with paths such as services[0].name, artifacts[1].sha256 and region.
func (b Bootstrap) Validate() error {
	var l invalid.List
	l.Include("", b.ValidateMachine())
	b.validateSources(&l)
	return l.Err()
}

// ValidateMachine validates a bootstrap whose artifacts are not in a bucket yet: it leaves out Region and each artifact's
// Bucket, Key and SHA256.
func (b Bootstrap) ValidateMachine() error {
	var l invalid.List
	b.validatePackages(&l)
	b.validateArtifacts(&l)
	b.validateFiles(&l)
	b.validateSetup(&l)
	b.validateServices(&l)
	b.validateOrder(&l)
	if b.Cluster != "" && !clusterName.MatchString(b.Cluster) {
		l.Add("cluster", b.Cluster, "is not the name of a cluster: at most 255 letters, digits, _ and -")
	}
	if b.LogGroup != "" && !logGroup.MatchString(b.LogGroup) {
		l.Add("logGroup", b.LogGroup, "is not the name of a log group: at most 512 letters, digits and ._/#-")
	}
	return l.Err()
}

func (b Bootstrap) validatePackages(l *invalid.List) {
	for i, name := range b.Packages {
		at := fmt.Sprintf("packages[%d]", i)
		if !packageName.MatchString(name) {
			l.Add(at, name, "is not the name of a package")
		} else if slices.Contains(b.Packages[:i], name) {
			l.Add(at, name, "is listed twice")
		}
	}
}

// validateArtifacts checks each artifact and its relation to those before it.
func (b Bootstrap) validateArtifacts(l *invalid.List) {
	for i, a := range b.Artifacts {
		at := fmt.Sprintf("artifacts[%d].path", i)
		if !a.validatePath(l, at) {
			continue
		}
		for j, other := range b.Artifacts[:i] {
			if conflict := a.conflict(other); conflict != "" && other.Path != "" {
				l.Add(at, a.Path, "%s artifacts[%d] (%s)", conflict, j, other.Path)
				break
			}
		}
	}
}

// validatePath reports whether the artifact has a path that it can be installed at.
func (a Artifact) validatePath(l *invalid.List, at string) bool {
	switch {
	case !validatePlace(l, at, a.Path, artifactRoots):
	case strings.Contains(a.base(), "@"):
		l.Add(at, a.Path, "has an @ in its file name, with which systemd takes the unit that fetches the file for a template")
	case len(a.base()) > longestFileName:
		l.Add(at, a.Path, "has a file name of %d characters: %d at most, because systemd allows the unit that fetches it 255",
			len(a.base()), longestFileName)
	default:
		return true
	}
	return false
}

// validatePlace reports whether something can be put at a path below some folders.
func validatePlace(l *invalid.List, at, name string, roots []string) bool {
	switch {
	case name == "":
		l.Missing(at, "must be set")
	case !isPath(name):
		l.Add(at, name, pathRule)
	case below(name, roots) == "":
		l.Add(at, name, "is not below %s", strings.Join(roots, ", "))
	case slices.Contains(imageFolders, name):
		l.Add(at, name, "is a folder of the image: add the name of the file")
	case len(name) > longestPath:
		l.Add(at, name, "has %d characters: %d at most", len(name), longestPath)
	default:
		return true
	}
	return false
}

// pathRule is the rule of paths, which need no quoting.
const pathRule = "is not an absolute path of letters, digits and ._+@-, without . and .. as folders"

func isPath(name string) bool { return plainPath.MatchString(name) && path.Clean(name) == name }

// below returns which of some folders a path is below, or "".
func below(name string, folders []string) string {
	for _, folder := range folders {
		if strings.HasPrefix(name, folder+"/") {
			return folder
		}
	}
	return ""
}

// conflict says how an artifact gets in the way of another: their units are named for their file names, neither can be a folder of the
// other, and a file is first installed beside its path. It returns nothing if both can be installed.
func (a Artifact) conflict(other Artifact) string {
	switch {
	case a.base() == other.base():
		return "has the file name of"
	case strings.HasPrefix(a.Path, other.Path+"/"):
		return "is below the path of"
	case strings.HasPrefix(other.Path, a.Path+"/"):
		return "is a folder in the path of"
	case a.Path == other.beside() || other.Path == a.beside():
		return "is where a file is installed first, with the ending .new, by"
	}
	return ""
}

// root returns the folder of artifactRoots that contains the artifact.
func (a Artifact) root() string { return below(a.Path, artifactRoots) }

func (b Bootstrap) validateServices(l *invalid.List) {
	if len(b.Services) == 0 && b.Cluster == "" {
		l.Missing("services", "needs at least one")
	}
	for i, s := range b.Services {
		at := fmt.Sprintf("services[%d]", i)
		s.validate(l, at)
		if first := slices.IndexFunc(b.Services, func(o Service) bool { return o.Name == s.Name }); first < i && s.Name != "" {
			l.Add(at+".name", s.Name, "is the name of services[%d]", first)
		}
	}
}

func (s Service) validate(l *invalid.List, at string) {
	s.validateNames(l, at)
	validateCommand(l, at+".command", s.Command)
	for i, command := range s.Before {
		validateCommand(l, fmt.Sprintf("%s.before[%d]", at, i), command)
	}
	if file := s.EnvironmentFile; file != "" && !isPath(file) {
		l.Add(at+".environmentFile", file, pathRule)
	}
	validateSecrets(l, at+".secrets", s.Secrets)
	validateSurroundings(l, at, s.Directory, s.Environment)
	s.validateSandbox(l, at)
	s.Limits.validate(l, at+".limits")
	validateText(l, at+".description", s.Description)
	if strings.HasSuffix(strings.TrimSpace(s.Description), `\`) {
		l.Add(at+".description", s.Description, "ends in a backslash, with which a unit's line goes on in the next")
	}
	if s.Port < 0 || s.Port > 65535 {
		l.Add(at+".port", s.Port, "is not from 1 to 65535, or 0 for none")
	}
}

func (s Service) validateNames(l *invalid.List, at string) {
	switch {
	case s.Name == "":
		l.Missing(at+".name", "must be set")
	case !serviceName.MatchString(s.Name):
		l.Add(at+".name", s.Name, "is not the name of a unit: at most 64 of a–z, 0–9, _ and -, beginning with a letter")
	case ofSystem(s.Name) != "":
		l.Add(at+".name", s.Name, "%s: choose another name", ofSystem(s.Name))
	case s.User == "" && isSystemAccount(s.Name): // a dynamic user has the name of its unit, unless that user exists
		l.Add(at+".name", s.Name, "is an account of the system, as which the service would run: choose another name")
	}
	if s.User == root {
		l.Add(at+".user", s.User, "is refused: services run unprivileged")
		return
	}
	validateUser(l, at+".user", s.User)
}

// validateUser refuses what cannot be the name of a user that is created.
func validateUser(l *invalid.List, at, name string) {
	switch {
	case isSystemAccount(name):
		l.Add(at, name, "is an account of the system, whose rights are not for a service: choose another name")
	case name != "" && !userName.MatchString(name):
		l.Add(at, name, "is not a user: at most 31 of a–z, 0–9, _ and -, not beginning with a digit")
	}
}

// validateSurroundings checks where a command runs, and its variables.
func validateSurroundings(l *invalid.List, at, directory string, environment map[string]string) {
	if directory != "" && directory != "/" && !isPath(directory) {
		l.Add(at+".directory", directory, pathRule)
	}
	for _, key := range slices.Sorted(maps.Keys(environment)) {
		if !variableName.MatchString(key) {
			l.Add(at+".environment", key, "is not the name of a variable: letters, digits and _")
		}
		validateText(l, at+".environment."+key, environment[key])
	}
}

func validateCommand(l *invalid.List, at string, command []string) {
	if len(command) == 0 {
		l.Missing(at, "must be set: an absolute path and its arguments")
		return
	}
	if p := command[0]; !isPath(p) {
		l.Add(at+"[0]", p, pathRule)
	}
	for i, argument := range command[1:] {
		validateText(l, fmt.Sprintf("%s[%d]", at, i+1), argument)
	}
}

// validateText refuses what systemd drops or takes for a new line: control characters other than a tab, bytes that are not
// UTF-8, and code points that Unicode never assigns.
func validateText(l *invalid.List, at, text string) {
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\t' }
	unassignable := func(r rune) bool { return unicode.Is(unicode.Noncharacter_Code_Point, r) }
	switch {
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unassignable):
		l.Add(at, text, "is not text in UTF-8")
	case strings.ContainsFunc(text, control):
		l.Add(at, text, "has a line break or another control character")
	}
}

// validateOrder refuses names in After that are not services, and cycles, in which systemd would leave out a unit.
func (b Bootstrap) validateOrder(l *invalid.List) {
	after := map[string][]string{}
	for _, s := range b.Services {
		after[s.Name] = s.After
	}
	for i, s := range b.Services {
		for j, name := range s.After {
			at := fmt.Sprintf("services[%d].after[%d]", i, j)
			if _, known := after[name]; !known {
				l.Add(at, name, "is not a service here")
			} else if reaches(after, name, s.Name, map[string]bool{}) {
				l.Add(at, name, "starts after %s itself", s.Name)
			}
		}
	}
}

// reaches reports whether a path over the edges leads from a name to another.
func reaches(edges map[string][]string, from, to string, visited map[string]bool) bool {
	if from == to {
		return true
	}
	visited[from] = true
	return slices.ContainsFunc(edges[from], func(next string) bool {
		return !visited[next] && reaches(edges, next, to, visited)
	})
}

func (b Bootstrap) validateSources(l *invalid.List) {
	if len(b.Artifacts)+len(b.Files) > 0 && !regionName.MatchString(b.Region) {
		l.Add("region", b.Region, "is not a region such as us-east-1")
	}
	for i, a := range b.Artifacts {
		validateSource(l, fmt.Sprintf("artifacts[%d]", i), a.Bucket, a.Key, a.SHA256)
	}
	for i, f := range b.Files {
		if f.isFetched() {
			validateSource(l, fmt.Sprintf("files[%d]", i), f.Bucket, f.Key, f.SHA256)
		}
	}
}

func validateSource(l *invalid.List, at, bucket, key, sum string) {
	if !bucketName.MatchString(bucket) {
		l.Add(at+".bucket", bucket, "is not the name of a bucket")
	}
	if !objectKey.MatchString(key) || len(key) > longestKey {
		l.Add(at+".key", key, "is not a key: at most 1024 letters, digits and ._+@=/-")
	}
	if !sha256Hex.MatchString(sum) {
		l.Add(at+".sha256", sum, "is not a SHA-256 in 64 lower-case hex digits")
	}
}
