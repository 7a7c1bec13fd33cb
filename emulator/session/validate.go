package session

import (
	"fmt"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/runtime"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/internal/project"
	"github.com/elastic-service/elastic-service/settings"
)

// validate refuses settings without a region that exists, and what booted machines cannot run. The program reports all other
// mistakes in the settings.
func (o Options) validate(config map[string]string) error {
	s, err := settings.Parse(config)
	if isAbout(err, "aws:region") {
		return err
	}
	switch {
	case o.Runtime != runtime.Nspawn:
	case s.Containers != nil:
		return fmt.Errorf("%w: --runtime machine has no containers, which stack %s runs", ErrUsage, o.Stack)
	case s.Image.FromInstance != "":
		return fmt.Errorf("%w: --runtime machine boots no image of an instance, which stack %s has", ErrUsage, o.Stack)
	}
	return nil
}

// isAbout reports whether one of the errors in err is about one of the settings as a whole.
func isAbout(err error, paths ...string) bool {
	var all invalid.List
	all.Include("", err)
	return slices.ContainsFunc(all.Problems(), func(p invalid.Problem) bool { return slices.Contains(paths, p.Path) })
}

// validateTypes refuses settings that Pulumi refuses before it runs the program: those whose type is wrong, and secrets, for whose key
// it asks. Pulumi reports them one at a time, and in words of its own; this reports all that is wrong with the settings at once.
func validateTypes(root, stack string) error {
	config, err := project.Config(root, stack)
	if err != nil {
		return err
	}
	secrets, err := project.Encrypted(root, stack)
	if err != nil {
		return err
	}
	var paths []string
	for _, path := range append(settings.Keys(), secrets...) {
		_, name, _ := strings.Cut(path, ":")
		paths = append(paths, name)
	}
	if _, err := settings.Parse(config, secrets...); isAbout(err, paths...) {
		return err
	}
	return nil
}
