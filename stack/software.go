package stack

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/secrets"
	"github.com/elastic-service/elastic-service/settings"
	"github.com/elastic-service/elastic-service/userdata"
)

// responderPackage is the responder's program in this project.
const responderPackage = "./cmd/healthcheck"

// prepareSoftware builds the artifacts and lists the services. Instances that run containers have no software of their own.
func (p *plan) prepareSoftware(ctx *pulumi.Context, problems *invalid.List) {
	p.software = compute.Software{Region: p.settings.Region}
	if p.settings.App != nil {
		p.prepareApp(ctx, p.settings.App, problems)
	}
}

// prepareApp puts the responder last: when an instance shuts down, the responder stops first, so that no check finds a
// service healthy that is about to stop. A service with an HTTP check answers it itself and needs no responder.
func (p *plan) prepareApp(ctx *pulumi.Context, app *settings.App, problems *invalid.List) {
	p.software.Packages = app.Packages
	for i, artifact := range app.Artifacts {
		field, _ := artifact.Source()
		p.addArtifact(ctx, fmt.Sprintf("app.artifacts[%d].%s", i, field), artifact, problems)
	}
	for i, file := range app.Files {
		p.addFile(ctx, fmt.Sprintf("app.files[%d].file", i), file, problems)
	}
	for _, setup := range app.Setup {
		unit := setup.OnInstance()
		unit.Secrets = secretsOf(settings.SetupOwner(setup.Name), setup.Secrets)
		p.software.Setup = append(p.software.Setup, unit)
	}
	responders := p.responders()
	if len(responders) > 0 {
		p.addArtifact(ctx, "health", settings.Artifact{Build: responderPackage, Path: healthcheck.Path}, problems)
	}
	if hasSecrets(app) {
		p.addArtifact(ctx, "app", settings.Artifact{Build: withSecretsPackage, Path: secrets.Path}, problems)
	}
	p.prepareLogs(ctx, problems)
	var names []string
	for _, service := range app.Services {
		names = append(names, service.Name)
		unit := service.OnInstance()
		unit.Description, unit.Port = "Service "+service.Name, slices.Min(p.servicePorts())
		unit.Secrets = secretsOf(service.Name, service.Secrets)
		p.software.Services = append(p.software.Services, unit)
	}
	for _, r := range responders {
		r.After = names
		p.software.Services = append(p.software.Services, r)
	}
}

// responders returns the services that listen on the health port of a target, and on a former one, while the target's service listens on
// its own. Each is a unit of its own: a health port that is taken does not make the other targets unhealthy.
func (p *plan) responders() []userdata.Service {
	var responders []userdata.Service
	add := func(target settings.Target, port int, former bool) {
		description := "Health of " + p.settings.Service
		if target.Name != "" {
			description += " " + target.Name
		}
		responders = append(responders, userdata.Service{
			Name:        healthcheck.ServiceName(target.Name, former),
			Description: description,
			Command:     []string{healthcheck.Path, "-port", strconv.Itoa(port), "-service-port", strconv.Itoa(target.Port)},
			Port:        port,
		})
	}
	for _, t := range p.settings.AllTargets() {
		if t.Health.Protocol == healthcheck.TCP {
			add(t, t.Health.Port, false)
		}
		if t.Health.FormerPort != 0 {
			add(t, t.Health.FormerPort, true)
		}
	}
	return responders
}

// addArtifact builds or finds an artifact's file. A failure is a problem of the setting at path.
func (p *plan) addArtifact(ctx *pulumi.Context, path string, artifact settings.Artifact, problems *invalid.List) {
	root, err := projectRoot(ctx)
	if err != nil {
		problems.Include(path, err)
		return
	}
	file := compute.File{Path: artifact.Path, Archive: artifact.IsFolder()}
	switch field, source := artifact.Source(); field {
	case "build":
		arch := compute.Architecture(p.settings.Compute.InstanceType)
		file.Source, err = compute.Build(ctx.Context(), root, source, arch)
	case "file":
		file.Source, err = regularFile(root, source)
	case "directory":
		file.Source, err = packed(folder, root, source, compute.PackFolder)
	case "archive":
		file.Source, err = packed(regularFile, root, source, compute.PackArchive)
	default:
		return // the settings report it
	}
	if err == nil {
		file.SHA256, err = compute.Hash(file.Source)
	}
	if err != nil {
		problems.Include(path, err)
		return
	}
	p.software.Artifacts = append(p.software.Artifacts, file)
}

// packed finds a folder or an archive and packs its content.
func packed(find func(root, name string) (string, error), root, name string, pack func(string) (string, error)) (string, error) {
	found, err := find(root, name)
	if err != nil {
		return "", err
	}
	if found, err = pack(found); err != nil {
		return "", invalid.Problem{Value: strconv.Quote(name), Rule: "cannot be used: " + err.Error()}
	}
	return found, nil
}

// mostInUserData is how many bytes a file may have whose content is in the user data. EC2 takes 16384 for all together.
const mostInUserData = 4096

// addFile reads a file's content. A failure is a problem of the setting at path.
func (p *plan) addFile(ctx *pulumi.Context, path string, file settings.File, problems *invalid.List) {
	config := compute.Config{File: file.OnInstance()}
	var err error
	switch {
	case file.File != "":
		var root string
		if root, err = projectRoot(ctx); err == nil {
			config.Source, err = regularFile(root, file.File)
		}
		if err == nil {
			config.Content, err = os.ReadFile(config.Source)
		}
	case len(config.Content) > mostInUserData:
		config.Source, err = compute.KeepContent(filepath.Base(config.Path), config.Content)
	}
	if err != nil {
		problems.Include(path, err)
		return
	}
	if len(config.Content) > mostInUserData {
		sum := sha256.Sum256(config.Content)
		config.SHA256, config.Content = hex.EncodeToString(sum[:]), nil
	} else {
		config.Source = ""
	}
	p.software.Files = append(p.software.Files, config)
}

// regularFile returns the full name of a file that is given relative to the project.
func regularFile(root, name string) (string, error) {
	return within(root, name, fs.FileMode.IsRegular, "a regular file")
}

// folder returns the full name of a folder that is given relative to the project. The project's own folder has the stack files, and
// what the emulator writes.
func folder(root, name string) (string, error) {
	if filepath.Clean(name) == "." {
		return "", invalid.Problem{Value: strconv.Quote(name), Rule: "is the project's folder: name a folder in it"}
	}
	return within(root, name, fs.FileMode.IsDir, "a folder")
}

// within returns the full name of a file or a folder that is given relative to the project. It must be in the project's folder, after
// every symbolic link in its name is followed: a stack file from elsewhere must not carry the user's other files to the instances.
func within(root, name string, is func(fs.FileMode) bool, kind string) (string, error) {
	refused := func(rule string) (string, error) {
		return "", invalid.Problem{Value: strconv.Quote(name), Rule: rule}
	}
	switch {
	case filepath.IsAbs(name):
		return refused("is not relative to the project's folder")
	case !filepath.IsLocal(name):
		return refused("is outside the project's folder: copy it into " + root)
	}
	project, err := os.OpenRoot(root) // follows links within the folder only
	if err != nil {
		return "", err
	}
	defer project.Close() //nolint:errcheck // only read
	switch info, err := project.Stat(name); {
	case errors.Is(err, fs.ErrNotExist):
		return refused("does not exist in " + root)
	case isOutside(root, name):
		return refused("is a link to a file outside the project's folder: copy it into " + root)
	case err != nil:
		return "", err
	case !is(info.Mode()):
		return refused("is not " + kind)
	}
	return filepath.Join(root, name), nil
}

// isOutside reports whether the links in a file's name lead out of a folder.
func isOutside(root, name string) bool {
	root, rootErr := filepath.EvalSymlinks(root)
	file, err := filepath.EvalSymlinks(filepath.Join(root, name))
	if rootErr != nil || err != nil {
		return false
	}
	inside, err := filepath.Rel(root, file)
	return err != nil || !filepath.IsLocal(inside)
}

// projectRoot returns the folder of the Go module. This is the project's folder, unless Pulumi runs a copy of the project's
// files, as its Automation API does; then it is the working directory.
func projectRoot(ctx *pulumi.Context) (string, error) {
	if root := ctx.RootDirectory(); root != "" {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return root, nil
		}
	}
	return os.Getwd()
}
