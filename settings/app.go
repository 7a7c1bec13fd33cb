package settings

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/journal"
	"github.com/elastic-service/elastic-service/userdata"
)

var packagePattern = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.~/-]*$`)

// App is the software of an instance. It is put in place in this order: packages, artifacts, files, setup, services. Nothing starts before
// what comes earlier is complete.
type App struct {
	// The port on which the service listens. Below 1024, the services get the right to bind it.
	// Limits: 1 to 65535, not 22.
	Port int `required:"true" minimum:"1" maximum:"65535" unit:"TCP port"`

	// Files and folders that are installed on each instance.
	// Limits: the file names of their paths differ.
	Artifacts []Artifact

	// Files with the content, the mode and the owner that a program expects of its configuration. They replace files that the image or
	// a package has. Content of more than 4096 bytes goes through the bucket of the artifacts.
	// Limits: no secrets.
	Files []File

	// Commands that run once on each instance, one after the other, before the services start for the first time. A command that fails
	// is repeated after 5 s, and until it succeeds no service starts: a command must bear being run twice.
	Setup []Setup

	// Processes that systemd starts at each boot, and again 1 s after they end.
	// Limits: at least one.
	Services []Service `required:"true"`

	// What the instances, and so every process on them, may do in AWS beside what they need.
	Permissions []Permission

	// Packages that are installed at the first boot from the image's repositories. They open port 80 outward beside 443.
	// Limits: names of packages, each once.
	Packages []string

	// Sends the journal of the boot, of the setup commands and of the services to CloudWatch Logs, to the log group
	// `/SERVICE/STACK/instances` with a stream for each instance, named by its ID.
	// Default: the journal stays on the instance.
	Logs *Logs

	// More services on the same instances, each on a port with a target group and a health check of its own. An instance that fails one of
	// the checks is replaced.
	Targets []Target
}

// Logs is where the journal of the instances goes.
type Logs struct {
	// How long the log group keeps what it was sent.
	// Limits: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653.
	Retention int `default:"30" enum:"1,3,5,7,14,30,60,90,120,150,180,365,400,545,731,1096,1827,2192,2557,2922,3288,3653" unit:"days"`
}

// Artifact is a file or a folder that is installed on each instance.
type Artifact struct {
	// A Go package that is built for the instance's processor, as a static program.
	// Limits: one Go package, such as `./cmd/musicguru`; only one of `build`, `file`, `directory` and `archive`.
	Build string `oneof:"source"`

	// A file that is installed as it is, with mode 0755.
	// Limits: a regular file, relative to Pulumi.yaml and in its folder, links followed.
	File string `oneof:"source"`

	// A folder that is installed with its content: for root, with modes 0755 for folders and programs and 0644 for other files.
	// Limits: a folder below that of Pulumi.yaml; regular files, folders, and symbolic links that stay within it.
	Directory string `oneof:"source"`

	// An archive whose content becomes the folder `path`, with owner and modes as of a `directory`.
	// Limits: a file `.tar.gz`, `.tgz` or `.zip`, relative to Pulumi.yaml and in its folder; regular files, folders, and symbolic links
	// that stay within it.
	Archive string `oneof:"source"`

	// The place of the file or the folder on the instance. What the image has at this path is kept.
	// Limits: below `/usr/local`, `/opt` or `/srv`; letters, digits and `._+@-`, at most 255; the file name is not `healthcheck`, has no
	// `@` and at most 238 characters; not in the path of another artifact.
	Path string `required:"true"`
}

// File is a file of configuration.
type File struct {
	// The place of the file on the instance. Its folders are created for root.
	// Limits: below `/etc`, `/opt`, `/srv`, `/usr/local`, `/var/www` or a folder of `/var/lib`; letters, digits and `._+@-`, at most 255;
	// not a file of the system, such as `/etc/passwd` and all in `/etc/systemd` and `/etc/ssh`; not in the path of an artifact, but in the
	// folder of one.
	Path string `required:"true"`

	// The content. It arrives as it is: nothing in it is replaced.
	// Limits: only one of `content` and `file`; not a secret.
	Content *string `oneof:"content"`

	// A file with the content.
	// Limits: a regular file, relative to Pulumi.yaml and in its folder, links followed.
	File string `oneof:"content"`

	// The mode.
	// Limits: four octal digits in quotes, the first of them 0; not writable for all users.
	Mode string `default:"\"0644\""`

	// The user that owns the file: `root`, the `user` of a service or of a setup command, or a user of a package.
	// Limits: at most 31 of a–z, 0–9, `_` and `-`, not beginning with a digit.
	Owner string `default:"\"root\""`

	// The group of the file, which must exist as well. A user that the stack creates has a group of its own name.
	// Limits: as `owner`.
	Group string `default:"\"root\""`
}

// Setup is a command that runs once on each instance.
type Setup struct {
	// The name of the command. Its unit is `setup-NAME`.
	// Limits: at most 64 of a–z, 0–9, `_` and `-`, beginning with a letter; each once; not `files`.
	Name string `required:"true"`

	// The program and its arguments, without a shell. It runs without a sandbox, with the variables of the database.
	// Limits: begins with an absolute path; no line breaks.
	Command []string `required:"true"`

	// The user that runs the command. It is created if it is missing.
	// Limits: as `services[].user`, or `root`.
	User string `default:"\"root\""`

	// The working directory. `/var/lib/NAME` of a service exists.
	// Default: `/`.
	// Limits: absolute; must exist.
	Directory string

	// Environment variables. `HOME` is `/root`, or for another user the working directory.
	// Limits: names of letters, digits and `_`; no line breaks.
	Environment map[string]string

	// Environment variables whose values are kept elsewhere, as those of services: such as the password for a migration.
	// Limits: as `services[].secrets`.
	Secrets map[string]Secret

	// How long the command may take. After it, the command is ended and repeated. `scaling.grace` should be longer than all commands
	// together.
	// Limits: 1 to 3600.
	Timeout time.Duration `default:"600" minimum:"1" maximum:"3600"`
}

// Service is a process that systemd keeps running.
type Service struct {
	// The name of the systemd unit.
	// Limits: at most 64 of a–z, 0–9, `_` and `-`, beginning with a letter; each once; not `healthcheck` or beginning with `healthcheck-`;
	// not the name of a unit of the system or of its folder in `/var/lib`, nor, without `user`, of an account.
	Name string `required:"true"`

	// The program and its arguments, without a shell.
	// Limits: begins with an absolute path; no line breaks.
	Command []string `required:"true"`

	// Commands that run one after the other before each start, as the service itself does. If one fails, the service does not start, and
	// all are repeated after 1 s. Together they may take 90 s.
	// Limits: as `command`.
	Before [][]string

	// The system user that runs the process. It is created if it is missing.
	// Default: a dynamic user.
	// Limits: at most 31 of a–z, 0–9, `_` and `-`, not beginning with a digit; not an account or a group of the system, such as `root`,
	// `ec2-user` and `nobody`.
	User string

	// The working directory. `/var/lib/NAME` exists, and the service may write to it.
	// Default: `/`.
	// Limits: absolute; must exist.
	Directory string

	// Environment variables. They are no place for secrets. `HOME` is `/var/lib/NAME`, unless it is set.
	// Limits: names of letters, digits and `_`; no line breaks.
	Environment map[string]string

	// A file on the instance with more variables, `NAME=VALUE` in each line, as systemd reads it. The service does not start without it.
	// Limits: an absolute path of letters, digits and `._+@-`.
	EnvironmentFile string

	// Environment variables whose values are kept elsewhere. They are fetched with the instance's role at each start of the service, which
	// does not start without them.
	// Limits: names of letters, digits and `_`, not beginning with `AWS_`, not in `environment`.
	Secrets map[string]Secret

	// What systemd takes away from the process: `strict` all that a server does not need; `standard` runs the servers of distributions,
	// such as gunicorn, nginx, PostgreSQL and PHP-FPM; `off` nothing but root. See [machine.md](machine.md#sandboxes).
	// Limits: `strict`, `standard` or `off`.
	Sandbox userdata.Sandbox `default:"\"strict\"" enum:"strict,standard,off"`

	// Directives of the sandbox that are left out, by systemd's names, such as `SystemCallFilter`.
	// Limits: directives that the sandbox sets, each once; without `user` not those that a dynamic user implies: `ProtectSystem`,
	// `PrivateTmp`, `RestrictSUIDSGID`.
	Relax []string

	// What the service may use.
	Limits Limits
}

// Limits bound what a service uses.
type Limits struct {
	// Descriptors that each process may have open: files and connections.
	// Limits: 64 to 1048576.
	OpenFiles int `default:"65536" minimum:"64" maximum:"1048576"`

	// Memory of all processes of the service together. The kernel kills a process that needs more, and systemd starts the service again.
	// Default: that of the instance.
	// Limits: 16 or more.
	Memory int `minimum:"16" maximum:"33554432" unit:"MiB"`

	// Processes and threads of the service.
	// Default: systemd's, 15 % of what the kernel allows.
	// Limits: 4 or more.
	Tasks int `minimum:"4" maximum:"4194304"`
}

// validate leaves the rules of services, artifacts' paths and packages to package userdata, which renders them.
func (a App) validate(l *invalid.List) {
	validatePort(l, "app.port", a.Port)
	machine := userdata.Bootstrap{Packages: a.Packages}
	for i, artifact := range a.Artifacts {
		artifact.validate(l, fmt.Sprintf("app.artifacts[%d]", i))
		machine.Artifacts = append(machine.Artifacts, userdata.Artifact{Path: artifact.Path, Archive: artifact.IsFolder()})
	}
	if a.Logs != nil && !slices.Contains(journal.Retentions, a.Logs.Retention) {
		l.Add("app.logs.retention", a.Logs.Retention, "is not one of the numbers of days that CloudWatch Logs has: %s",
			strings.Trim(fmt.Sprint(journal.Retentions), "[]"))
	}
	for i, f := range a.Files {
		f.validate(l, fmt.Sprintf("app.files[%d]", i))
		machine.Files = append(machine.Files, f.OnInstance())
	}
	for i, s := range a.Setup {
		if s.Timeout == 0 { // the default of package userdata
			l.Add(fmt.Sprintf("app.setup[%d].timeout", i), 0, "is not from 1 to 3600 whole seconds")
		}
		machine.Setup = append(machine.Setup, s.OnInstance())
	}
	for i, s := range a.Services {
		if healthcheck.IsServiceName(s.Name) {
			l.Add(fmt.Sprintf("app.services[%d].name", i), s.Name, "is the name of a service of the health responder")
		}
		if s.Limits.OpenFiles == 0 { // the default of systemd
			l.Add(fmt.Sprintf("app.services[%d].limits.openFiles", i), 0, "is not from 64 to 1048576")
		}
		machine.Services = append(machine.Services, s.OnInstance())
	}
	l.Include("app", machine.ValidateMachine())
}

// IsFolder reports whether the artifact is installed as a folder.
func (a Artifact) IsFolder() bool { return a.Directory != "" || a.Archive != "" }

// Source returns the field that says where the artifact comes from, with its value; nothing if none is set.
func (a Artifact) Source() (field, value string) {
	for _, source := range a.sources() {
		if source[1] != "" {
			return source[0], source[1]
		}
	}
	return "", ""
}

func (a Artifact) sources() [][2]string {
	return [][2]string{{"build", a.Build}, {"file", a.File}, {"directory", a.Directory}, {"archive", a.Archive}}
}

// OnInstance returns the file without its content, unless the settings have it.
func (f File) OnInstance() userdata.File {
	file := userdata.File{Path: f.Path, Mode: f.Mode, Owner: f.Owner, Group: f.Group}
	if f.Content != nil {
		file.Content = []byte(*f.Content)
	}
	return file
}

// OnInstance returns the command as the instance runs it.
func (s Setup) OnInstance() userdata.Setup {
	return userdata.Setup{
		Name: s.Name, Command: s.Command, User: s.User, Directory: s.Directory, Environment: s.Environment, Timeout: s.Timeout,
	}
}

// OnInstance returns the service as the instance runs it.
func (s Service) OnInstance() userdata.Service {
	return userdata.Service{
		Name: s.Name, Command: s.Command, Before: s.Before, User: s.User, Directory: s.Directory, Environment: s.Environment,
		EnvironmentFile: s.EnvironmentFile,
		Sandbox:         s.Sandbox, Relax: s.Relax,
		Limits: userdata.Limits{OpenFiles: s.Limits.OpenFiles, MemoryMiB: s.Limits.Memory, Tasks: s.Limits.Tasks},
	}
}

// archiveEndings are the file names of archives that are known.
var archiveEndings = []string{".tar.gz", ".tgz", ".zip"}

func (a Artifact) validate(l *invalid.List, at string) {
	var given []string
	for _, source := range a.sources() {
		if source[1] != "" {
			given = append(given, source[0])
		}
	}
	switch {
	case len(given) == 0:
		l.Missing(at, "must have build, file, directory or archive")
	case len(given) > 1:
		l.Missing(at, "has %s: one of them is the source", strings.Join(given, " and "))
	case a.Build != "" && (!packagePattern.MatchString(a.Build) || strings.Contains(a.Build, "...")):
		l.Add(at+".build", a.Build, "is not one Go package such as ./cmd/musicguru")
	case a.Archive != "" && !hasSuffix(a.Archive, archiveEndings):
		l.Add(at+".archive", a.Archive, "is not an archive: its name ends in %s", strings.Join(archiveEndings, ", "))
	}
	validateFree(l, at, a.Path)
}

// validateFree refuses the place of the health responder.
func validateFree(l *invalid.List, at, place string) {
	switch {
	case path.Base(place) == path.Base(healthcheck.Path):
		l.Add(at+".path", place, "has the file name of the health responder, %s", healthcheck.Path)
	case strings.HasPrefix(place, healthcheck.Path+"/"):
		l.Add(at+".path", place, "is below the file of the health responder, %s", healthcheck.Path)
	}
}

func hasSuffix(text string, suffixes []string) bool {
	return slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(text, suffix) })
}

func (f File) validate(l *invalid.List, at string) {
	switch {
	case f.Content == nil && f.File == "":
		l.Missing(at, "must have content or file")
	case f.Content != nil && f.File != "":
		l.Missing(at, "has content and file: one of them is the content")
	}
	if f.Path == healthcheck.Path || strings.HasPrefix(f.Path, healthcheck.Path+"/") {
		l.Add(at+".path", f.Path, "is the file of the health responder")
	}
}
