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

// validate refuses a region that does not exist, and what booted machines cannot run. The program reports all other
// mistakes in the settings.
func (o Options) validate(config map[string]string) error {
	s, err := settings.Parse(config)
	if err := firstAbout(err, "aws:region"); err != nil {
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

// firstAbout returns the first of the errors in err that concern one of the keys as a whole.
func firstAbout(err error, keys ...string) error {
	var all invalid.List
	all.Include("", err)
	for _, f := range all.Problems() {
		if slices.Contains(keys, f.Path) {
			return f
		}
	}
	return nil
}

// validateTypes refuses settings whose type Pulumi refuses before it runs the program. Pulumi reports them one at a time, and
// in words of its own; this reports all that is wrong with the settings at once.
func validateTypes(root, stack string) error {
	config, err := project.Config(root, stack)
	if err != nil {
		return err
	}
	var keys []string
	for _, key := range settings.Keys() {
		_, name, _ := strings.Cut(key, ":")
		keys = append(keys, name)
	}
	if _, err := settings.Parse(config); firstAbout(err, keys...) != nil {
		return err
	}
	return nil
}
