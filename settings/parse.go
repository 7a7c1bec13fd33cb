package settings

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/burstable"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/internal/project"
)

const (
	namespace = "elastic-service:"
	regionKey = "aws:region"
)

// Load reads the settings of the stack that is being deployed, see [Parse].
func Load(ctx *pulumi.Context) (*Settings, error) {
	config, err := configuration(ctx)
	if err != nil {
		return nil, err
	}
	return Parse(config, secrets(ctx)...)
}

// secrets returns the paths of the settings that are secrets. Pulumi tells the keys of which a part is a secret. The stack's file
// tells which part, if it is where Pulumi has it by default.
func secrets(ctx *pulumi.Context) []string {
	root := cmp.Or(ctx.RootDirectory(), os.Getenv(project.RootVariable))
	encrypted, _ := project.Encrypted(root, ctx.Stack()) // without the file, the whole key is named
	var paths []string
	for _, key := range Keys() {
		if !ctx.IsConfigSecret(key) {
			continue
		}
		parts := slices.DeleteFunc(slices.Clone(encrypted), func(path string) bool { return !within(path, key) })
		if len(parts) == 0 {
			parts = []string{key}
		}
		paths = append(paths, parts...)
	}
	return paths
}

// configuration returns the stack's configuration. The context only answers for keys that the caller names. Undeclared keys are
// found in the environment, where the language host puts the whole configuration.
func configuration(ctx *pulumi.Context) (map[string]string, error) {
	config := map[string]string{}
	if env := os.Getenv(pulumi.EnvConfig); env != "" {
		if err := json.Unmarshal([]byte(env), &config); err != nil {
			return nil, fmt.Errorf("reading %s: %w", pulumi.EnvConfig, err)
		}
	}
	for _, key := range append(Keys(), regionKey) {
		if value, ok := ctx.GetConfig(key); ok {
			config[key] = value
		}
	}
	return config, nil
}

// Keys returns the keys of the namespace elastic-service, with the namespace, in the order of the fields of [Settings].
func Keys() []string {
	var keys []string
	for _, f := range fields(reflect.TypeFor[Settings]()) {
		keys = append(keys, namespace+f.key)
	}
	return keys
}

// Parse reads a stack's configuration as Pulumi passes it to a program: keys with their namespace, structured values as JSON. Of other
// namespaces it takes aws:region, ignores the keys of providers, and refuses the rest.
//
// The secrets are paths of values that are encrypted in the stack's file, such as elastic-service:app.services[0].environment.TOKEN.
// Parse refuses those of its namespace that are not values of secrets, and refuses values of secrets that are not among them.
//
// The error lists every problem. The settings that are returned with an error hold what could be read. Use them to look for more
// problems, not to deploy.
func Parse(config map[string]string, secrets ...string) (*Settings, error) {
	var d decoder
	s := &Settings{Region: config[regionKey]}
	d.object("", d.document(config), reflect.ValueOf(s).Elem())
	s.complete()
	refuseStrangers(&d.problems, config)
	d.requireEncryption(s, secrets)
	d.refuseSecrets(secrets)
	return s, d.conclude(s.Validate())
}

// refuseSecrets refuses the secrets of the namespace. What else is wrong with such a value is left out, because it would show the
// value.
func (d *decoder) refuseSecrets(secrets []string) {
	problems := d.problems.Problems()
	d.problems = invalid.List{}
	for _, full := range secrets {
		path, ours := strings.CutPrefix(full, namespace)
		if !ours || secretSetting.MatchString(path) {
			continue
		}
		problems = slices.DeleteFunc(problems, func(p invalid.Problem) bool { return within(p.Path, path) })
		d.problems.Missing(path, "is a secret, and would be plain text in Pulumi's state and in the user data of the instances, which their "+
			"processes can read: pulumi config rm --path '%s', and use the secrets of a service or of the containers", full)
	}
	for _, p := range problems {
		d.problems.Include("", p)
	}
}

// document returns the configuration as one tree. The values of text keys are not parsed as JSON. An empty object counts as left
// out if the section is optional, because Pulumi needs a default for every optional key.
func (d *decoder) document(config map[string]string) map[string]any {
	text, optional := map[string]bool{}, map[string]bool{}
	for _, f := range fields(reflect.TypeFor[Settings]()) {
		text[f.key] = f.Type.Kind() == reflect.String
		optional[f.key] = f.Type.Kind() == reflect.Pointer
	}
	tree := map[string]any{}
	for _, full := range slices.Sorted(maps.Keys(config)) {
		key, ours := strings.CutPrefix(full, namespace)
		isText, known := text[key]
		section, _, dotted := strings.Cut(key, ".")
		_, nested := text[section]
		switch {
		case !ours:
		case !known && dotted && nested:
			d.problems.Missing(key, "is a field of %s, not a key of its own: pulumi config set --path '%s'", section, full)
		case isText && config[full] == "": // nothing was set
		case isText:
			tree[key] = config[full]
		default:
			tree[key] = parseJSON(config[full])
			if object, is := tree[key].(map[string]any); is && len(object) == 0 && optional[key] {
				delete(tree, key)
			}
		}
	}
	return tree
}

// standardBake is long enough for a service that dies within a minute to be found unhealthy by the standard check.
const standardBake = 2 * time.Minute

// complete fills in the defaults that depend on other settings.
func (s *Settings) complete() {
	if s.Compute.PublicAddress == nil {
		public := !s.Network.InPrivate()
		s.Compute.PublicAddress = &public
	}
	if _, earns := burstable.Baseline(s.Compute.InstanceType); earns && s.Compute.CPUCredits == "" {
		s.Compute.CPUCredits = burstable.Unlimited
	}
	if s.Health.Protocol == healthcheck.TCP && s.Health.Port == 0 {
		s.Health.Port = healthcheck.DefaultPort
	}
	if s.Scaling.Release.Bake == nil && s.Containers == nil {
		s.Scaling.Release.Bake = new(standardBake)
	}
	if port := s.standardPort(); s.Balancer.Listeners == nil && isPort(port) {
		s.Balancer.Listeners = []Listener{{Port: port}}
		for _, t := range s.targets() {
			if isPort(t.Port) {
				s.Balancer.Listeners = append(s.Balancer.Listeners, Listener{Port: t.Port, Target: t.Name})
			}
		}
	}
	for i := range s.Balancer.Listeners {
		if l := &s.Balancer.Listeners[i]; l.Protocol == "" && len(protocols[s.Balancer.Type]) > 0 {
			l.Protocol = protocols[s.Balancer.Type][0]
		}
	}
}

func (s *Settings) standardPort() int {
	if s.Balancer.Type == application {
		return 80
	}
	return s.TargetPort()
}

// TargetPort returns the port of the service, inside its container if it has one; 0 if none is set.
func (s *Settings) TargetPort() int {
	switch {
	case s.Containers != nil:
		return s.Containers.Port
	case s.App != nil:
		return s.App.Port
	}
	return 0
}

// conclude returns all problems in the order of the settings. A problem of the rules is left out if the decoder could not read the
// value that it is about.
func (d *decoder) conclude(rules error) error {
	unread := d.problems.Problems()
	var broken, all invalid.List
	broken.Include("", rules)
	problems := slices.Clone(unread)
	for _, f := range broken.Problems() {
		if !slices.ContainsFunc(unread, func(u invalid.Problem) bool { return within(f.Path, u.Path) }) {
			problems = append(problems, f)
		}
	}
	slices.SortStableFunc(problems, func(a, b invalid.Problem) int { return section(a.Path) - section(b.Path) })
	for _, f := range problems {
		all.Include("", f)
	}
	return all.Err()
}

// section returns the position of a path's first key among the settings: the region is first, an unknown key last.
func section(path string) int {
	keys := append([]string{regionKey}, Keys()...)
	i := slices.IndexFunc(keys, func(key string) bool { return within(path, strings.TrimPrefix(key, namespace)) })
	if i < 0 {
		return len(keys)
	}
	return i
}

// within reports whether path is prefix or lies below it.
func within(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
