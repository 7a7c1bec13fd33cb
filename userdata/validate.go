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
	b.validateServices(&l)
	b.validateOrder(&l)
	if b.Cluster != "" && !clusterName.MatchString(b.Cluster) {
		l.Add("cluster", b.Cluster, "is not the name of a cluster: at most 255 letters, digits, _ and -")
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
	case a.Path == "":
		l.Missing(at, "must be set")
	case !plainPath.MatchString(a.Path) || path.Clean(a.Path) != a.Path:
		l.Add(at, a.Path, "is not an absolute path of letters, digits and ._+@-, without . and .. as folders")
	case a.root() == "":
		l.Add(at, a.Path, "is not below %s", strings.Join(artifactRoots, ", "))
	case slices.Contains(imageFolders, a.Path):
		l.Add(at, a.Path, "is a folder of the image: add the name of the file")
	case strings.Contains(a.base(), "@"):
		l.Add(at, a.Path, "has an @ in its file name, with which systemd takes the unit that fetches the file for a template")
	case len(a.base()) > longestFileName:
		l.Add(at, a.Path, "has a file name of %d characters: %d at most, because systemd allows the unit that fetches it 255",
			len(a.base()), longestFileName)
	case len(a.Path) > longestPath:
		l.Add(at, a.Path, "has %d characters: %d at most", len(a.Path), longestPath)
	default:
		return true
	}
	return false
}

// conflict says how an artifact gets in the way of another: their units are named for their file names, neither can be a folder of the
// other, and a file is first installed beside its path. It returns nothing if both can be installed.
func (a Artifact) conflict(other Artifact) string {
	switch {
	case a.base() == other.base():
		return "has the file name of"
	case strings.HasPrefix(a.Path, other.Path+"/"):
		return "is below the file of"
	case strings.HasPrefix(other.Path, a.Path+"/"):
		return "is a folder in the path of"
	case a.Path == other.beside() || other.Path == a.beside():
		return "is where a file is installed first, with the ending .new, by"
	}
	return ""
}

// root returns the folder of artifactRoots that contains the artifact.
func (a Artifact) root() string {
	for _, root := range artifactRoots {
		if strings.HasPrefix(a.Path, root+"/") {
			return root
		}
	}
	return ""
}

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
	s.validateCommand(l, at+".command")
	if s.Directory != "" && s.Directory != "/" && (!plainPath.MatchString(s.Directory) || path.Clean(s.Directory) != s.Directory) {
		l.Add(at+".directory", s.Directory, "is not an absolute path of letters, digits and ._+@-, without . and .. as folders")
	}
	for _, key := range slices.Sorted(maps.Keys(s.Environment)) {
		if !variableName.MatchString(key) {
			l.Add(at+".environment", key, "is not the name of a variable: letters, digits and _")
		}
		validateText(l, at+".environment."+key, s.Environment[key])
	}
	if file := s.EnvironmentFile; file != "" && (!plainPath.MatchString(file) || path.Clean(file) != file) {
		l.Add(at+".environmentFile", file, "is not an absolute path of letters, digits and ._+@-, without . and .. as folders")
	}
	s.validateSecrets(l, at+".secrets")
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
	switch {
	case s.User == "root":
		l.Add(at+".user", s.User, "is refused: services run unprivileged")
	case isSystemAccount(s.User):
		l.Add(at+".user", s.User, "is an account of the system, whose rights are not for a service: choose another name")
	case s.User != "" && !userName.MatchString(s.User):
		l.Add(at+".user", s.User, "is not a user: at most 31 of a–z, 0–9, _ and -, not beginning with a digit")
	}
}

func (s Service) validateCommand(l *invalid.List, at string) {
	if len(s.Command) == 0 {
		l.Missing(at, "must be set: an absolute path and its arguments")
		return
	}
	if p := s.Command[0]; !plainPath.MatchString(p) || path.Clean(p) != p {
		l.Add(at+"[0]", p, "is not an absolute path of letters, digits and ._+@-, without . and .. as folders")
	}
	for i, argument := range s.Command[1:] {
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
	if len(b.Artifacts) > 0 && !regionName.MatchString(b.Region) {
		l.Add("region", b.Region, "is not a region such as us-east-1")
	}
	for i, a := range b.Artifacts {
		at := fmt.Sprintf("artifacts[%d]", i)
		if !bucketName.MatchString(a.Bucket) {
			l.Add(at+".bucket", a.Bucket, "is not the name of a bucket")
		}
		if !objectKey.MatchString(a.Key) || len(a.Key) > longestKey {
			l.Add(at+".key", a.Key, "is not a key: at most 1024 letters, digits and ._+@=/-")
		}
		if !sha256Hex.MatchString(a.SHA256) {
			l.Add(at+".sha256", a.SHA256, "is not a SHA-256 in 64 lower-case hex digits")
		}
	}
}
