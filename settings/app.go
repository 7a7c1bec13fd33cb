package settings

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/userdata"
)

var packagePattern = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.~/-]*$`)

// App is the software of an instance.
type App struct {
	// The port on which the service listens. Below 1024, the services get the right to bind it.
	// Limits: 1 to 65535, not 22.
	Port int `required:"true" minimum:"1" maximum:"65535" unit:"TCP port"`

	// Files that are installed on each instance, with mode 0755.
	// Limits: the file names of their paths differ.
	Artifacts []Artifact

	// Processes that systemd starts at each boot, and again 1 s after they end.
	// Limits: at least one.
	Services []Service `required:"true"`

	// Packages that are installed at the first boot from the image's repositories. They open port 80 outward beside 443.
	// Limits: names of packages, each once.
	Packages []string
}

// Artifact is a file that is installed on each instance.
type Artifact struct {
	// A Go package that is built for the instance's processor, as a static program.
	// Limits: one Go package, such as `./cmd/musicguru`; not beside `file`.
	Build string `oneof:"source"`

	// A file that is installed as it is.
	// Limits: a regular file, relative to Pulumi.yaml and in its folder, links followed; not beside `build`.
	File string `oneof:"source"`

	// The place of the file on the instance. A file that the image has at this path is kept.
	// Limits: below `/usr/local`, `/opt` or `/srv`; letters, digits and `._+@-`, at most 255; the file name is not `healthcheck`, has no
	// `@` and at most 238 characters; not in the path of another artifact.
	Path string `required:"true"`
}

// Service is a process that systemd keeps running.
type Service struct {
	// The name of the systemd unit.
	// Limits: at most 64 of a–z, 0–9, `_` and `-`, beginning with a letter; each once; not `healthcheck`; not the name of a unit of
	// the system or of its folder in `/var/lib`, nor, without `user`, of an account.
	Name string `required:"true"`

	// The program and its arguments, without a shell. It starts when all artifacts are in place.
	// Limits: begins with an absolute path; no line breaks.
	Command []string `required:"true"`

	// The system user that runs the process. It is created if it is missing.
	// Default: a dynamic user.
	// Limits: at most 31 of a–z, 0–9, `_` and `-`, not beginning with a digit; not an account or a group of the system, such as `root`,
	// `ec2-user` and `nobody`.
	User string

	// The working directory. `/var/lib/NAME` exists, and the service may write to it.
	// Default: `/`.
	// Limits: absolute; must exist.
	Directory string

	// Environment variables. They are no place for secrets.
	// Limits: names of letters, digits and `_`; no line breaks.
	Environment map[string]string

	// A file on the instance with more variables, `NAME=VALUE` in each line, as systemd reads it. The service does not start without it.
	// Limits: an absolute path of letters, digits and `._+@-`.
	EnvironmentFile string

	// Environment variables whose values are kept elsewhere. They are fetched with the instance's role at each start of the service, which
	// does not start without them.
	// Limits: names of letters, digits and `_`, not beginning with `AWS_`, not in `environment`.
	Secrets map[string]Secret
}

// validate leaves the rules of services, artifacts' paths and packages to package userdata, which renders them.
func (a App) validate(l *invalid.List) {
	validatePort(l, "app.port", a.Port)
	machine := userdata.Bootstrap{Packages: a.Packages}
	for i, artifact := range a.Artifacts {
		artifact.validate(l, fmt.Sprintf("app.artifacts[%d]", i))
		machine.Artifacts = append(machine.Artifacts, userdata.Artifact{Path: artifact.Path})
	}
	for i, s := range a.Services {
		if s.Name == healthcheck.ServiceName || s.Name == healthcheck.FormerServiceName {
			l.Add(fmt.Sprintf("app.services[%d].name", i), s.Name, "is the name of a service of the health responder")
		}
		machine.Services = append(machine.Services, userdata.Service{
			Name: s.Name, Command: s.Command, User: s.User, Directory: s.Directory, Environment: s.Environment,
			EnvironmentFile: s.EnvironmentFile,
		})
	}
	l.Include("app", machine.ValidateMachine())
}

func (a Artifact) validate(l *invalid.List, at string) {
	switch {
	case a.Build == "" && a.File == "":
		l.Missing(at, "must have build or file")
	case a.Build != "" && a.File != "":
		l.Missing(at, "has both build and file: one of them is the source")
	case a.Build != "" && (!packagePattern.MatchString(a.Build) || strings.Contains(a.Build, "...")):
		l.Add(at+".build", a.Build, "is not one Go package such as ./cmd/musicguru")
	}
	switch {
	case strings.HasSuffix(a.Path, "/"+healthcheck.ServiceName):
		l.Add(at+".path", a.Path, "has the file name of the health responder, %s", healthcheck.Path)
	case strings.HasPrefix(a.Path, healthcheck.Path+"/"):
		l.Add(at+".path", a.Path, "is below the file of the health responder, %s", healthcheck.Path)
	}
}
