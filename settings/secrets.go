package settings

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/internal/iam"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Secret says where the value of an environment variable is kept.
type Secret struct {
	// A secret of Secrets Manager in the stack's region.
	// Limits: its name, or its whole ARN with the six characters at the end; with `containers` the ARN.
	Secret string `oneof:"source"`

	// The key whose value is taken from the secret's JSON object.
	// Default: the whole secret.
	// Limits: with `secret` only; at most 256 letters, digits and `._-`.
	Key string

	// A parameter of Systems Manager in the stack's region, of any type.
	// Limits: its name or its ARN.
	Parameter string `oneof:"source"`

	// The value itself, encrypted by `pulumi config set --secret --path`. The stack keeps it in Secrets Manager, and a change replaces
	// the instances or containers.
	// Limits: encrypted, not empty; all values of a stack together at most 32768 characters.
	Value string `oneof:"source"`

	// The user name or the password of the stack's database.
	// Limits: `username`, `password`; needs `database`.
	Database string `oneof:"source" enum:"username,password"`
}

// mostSecretText is half of what a secret of Secrets Manager holds (API: CreateSecret): as JSON, with names and escapes, text is longer.
const mostSecretText = 32768

var (
	// API: CreateSecret, Name.
	secretNamePattern = regexp.MustCompile(`^[A-Za-z0-9/_+=.@!-]{1,512}$`)
	// Secrets Manager adds six random characters to a name.
	secretResourcePattern = regexp.MustCompile(`^secret:[A-Za-z0-9/_+=.@!-]{1,512}-[A-Za-z0-9]{6}$`)
	secretKeyPattern      = regexp.MustCompile(`^[A-Za-z0-9._-]{1,256}$`)
	// API: PutParameter, Name.
	parameterNamePattern = regexp.MustCompile(`^((/[A-Za-z0-9_.-]+){1,15}|[A-Za-z0-9_.-]+)$`)
	// The settings that are to be secrets.
	secretSetting = regexp.MustCompile(`^(app\.(services|setup)\[[0-9]+\]|containers(\.sidecars\[[0-9]+\])?)\.secrets\.[A-Za-z0-9_]+\.value$`)
)

// GivenSecrets returns the values that the stack keeps in Secrets Manager: by the name of their variable, which follows the name of its
// service where there are services.
func (s *Settings) GivenSecrets() map[string]string {
	given := map[string]string{}
	s.eachSecret(func(_, owner, variable string, secret Secret) {
		if secret.Value != "" {
			given[GivenKey(owner, variable)] = secret.Value
		}
	})
	return given
}

// SetupOwner returns the name by which the secrets of a setup command are told from those of services.
func SetupOwner(name string) string { return "setup-" + name }

// GivenKey returns the key of a service's variable in what [Settings.GivenSecrets] returns.
func GivenKey(service, variable string) string { return strings.TrimPrefix(service+"."+variable, ".") }

// eachSecret calls f with each secret, its path and the name of its service, in the order of services and variables.
func (s *Settings) eachSecret(f func(at, service, variable string, secret Secret)) {
	each := func(at, service string, secrets map[string]Secret) {
		for _, variable := range slices.Sorted(maps.Keys(secrets)) {
			f(at+".secrets."+variable, service, variable, secrets[variable])
		}
	}
	if s.App != nil {
		for i, service := range s.App.Services {
			each(fmt.Sprintf("app.services[%d]", i), service.Name, service.Secrets)
		}
		for i, setup := range s.App.Setup {
			each(fmt.Sprintf("app.setup[%d]", i), SetupOwner(setup.Name), setup.Secrets)
		}
	}
	if s.Containers != nil {
		each("containers", "", s.Containers.Secrets)
		for i, sidecar := range s.Containers.Sidecars {
			each(fmt.Sprintf("containers.sidecars[%d]", i), sidecar.Name, sidecar.Secrets)
		}
	}
}

func (s *Settings) validateSecrets(l *invalid.List) {
	total := 0
	s.eachSecret(func(at, _, _ string, secret Secret) {
		total += len(secret.Value)
		s.validateSecret(l, at, secret)
	})
	if total > mostSecretText {
		s.eachSecret(func(at, _, _ string, secret Secret) {
			if secret.Value != "" {
				l.Missing(at+".value", "is one of the values that have %d characters together: %d at most", total, mostSecretText)
			}
		})
	}
	if s.App != nil {
		for i, service := range s.App.Services {
			validateVariables(l, fmt.Sprintf("app.services[%d].secrets", i), service.Secrets, service.Environment)
		}
		for i, setup := range s.App.Setup {
			validateVariables(l, fmt.Sprintf("app.setup[%d].secrets", i), setup.Secrets, setup.Environment)
		}
	}
	if s.Containers != nil {
		validateVariables(l, "containers.secrets", s.Containers.Secrets, s.Containers.Environment)
		for i, sidecar := range s.Containers.Sidecars {
			validateVariables(l, fmt.Sprintf("containers.sidecars[%d].secrets", i), sidecar.Secrets, sidecar.Environment)
		}
	}
}

// validateVariables checks the names of variables.
func validateVariables(l *invalid.List, at string, secrets map[string]Secret, environment map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		_, twice := environment[name]
		switch {
		case !variablePattern.MatchString(name):
			l.Add(at, name, "is not the name of a variable: letters, digits and _")
		case twice:
			l.Missing(at+"."+name, "is set in environment, too: leave out one of them")
		case strings.HasPrefix(name, "AWS_"):
			l.Missing(at+"."+name, "begins with AWS_: the service calls AWS with the role of the instance or the task, see permissions")
		}
	}
}

func (s *Settings) validateSecret(l *invalid.List, at string, secret Secret) {
	var sources []string
	for _, source := range [][2]string{
		{"secret", secret.Secret}, {"parameter", secret.Parameter}, {"value", secret.Value}, {"database", secret.Database},
	} {
		if source[1] != "" {
			sources = append(sources, source[0])
		}
	}
	switch {
	case len(sources) == 0:
		l.Missing(at, "must have secret, parameter, value or database")
	case len(sources) > 1:
		l.Missing(at, "has %s: one of them is the source", strings.Join(sources, " and "))
	}
	if secret.Secret != "" {
		s.validateManagedSecret(l, at+".secret", secret.Secret)
	}
	if secret.Key != "" && secret.Secret == "" {
		l.Add(at+".key", secret.Key, "needs secret: other sources have no keys")
	} else if secret.Key != "" && !secretKeyPattern.MatchString(secret.Key) {
		l.Add(at+".key", secret.Key, "is not a key of at most 256 letters, digits and ._-")
	}
	if secret.Parameter != "" {
		s.validateParameter(l, at+".parameter", secret.Parameter)
	}
	switch field := secret.Database; {
	case field == "":
	case field != "username" && field != "password":
		l.Add(at+".database", field, "is not username or password")
	case s.Database == nil:
		l.Add(at+".database", field, "needs database: the stack has none")
	}
}

// validateManagedSecret checks the name or the ARN of a secret of Secrets Manager.
func (s *Settings) validateManagedSecret(l *invalid.List, at, id string) {
	switch arn, isARN := s.validateARN(l, at, id, "secretsmanager"); {
	case isARN && arn.Service != "" && !secretResourcePattern.MatchString(arn.Resource):
		l.Add(at, id, "is not the whole ARN of a secret: it ends with a hyphen and six letters or digits, see aws secretsmanager describe-secret")
	case isARN:
	case !secretNamePattern.MatchString(id):
		l.Add(at, id, "is neither the name of a secret (at most 512 letters, digits and /_+=.@!-) nor its ARN")
	case s.Containers != nil:
		l.Add(at, id, "is not an ARN, by which alone ECS finds a secret: see aws secretsmanager describe-secret")
	}
}

// validateParameter checks the name or the ARN of a parameter of Systems Manager.
func (s *Settings) validateParameter(l *invalid.List, at, id string) {
	switch arn, isARN := s.validateARN(l, at, id, "ssm"); {
	case isARN && arn.Service != "" && !strings.HasPrefix(arn.Resource, "parameter/"):
		l.Add(at, id, "is not the ARN of a parameter: arn:aws:ssm:REGION:ACCOUNT:parameter/NAME")
	case isARN:
	case !parameterNamePattern.MatchString(id):
		l.Add(at, id, "is neither the name of a parameter, such as /web/token, nor its ARN")
	}
}

// validateARN checks that an ARN is of a service in the stack's region. It returns no ARN after a problem, and false for text that is no
// ARN.
func (s *Settings) validateARN(l *invalid.List, at, text, service string) (iam.ARN, bool) {
	if !strings.HasPrefix(text, "arn:") {
		return iam.ARN{}, false
	}
	arn, err := iam.ParseRegional(text)
	switch {
	case err != nil:
		l.Add(at, text, "is not the ARN of a resource in an account's region")
	case arn.Service != service:
		l.Add(at, text, "is an ARN of %s, not of %s", arn.Service, service)
	case arn.Partition != partition(s.Region) || arn.Region != s.Region:
		l.Add(at, text, "is in %s: the instances of the stack read in its own region, %s", arn.Region, s.Region)
	default:
		return arn, true
	}
	return iam.ARN{}, true
}

// requireEncryption refuses values of secrets that are plain text in the stack's file. It does not show them.
func (d *decoder) requireEncryption(s *Settings, encrypted []string) {
	s.eachSecret(func(at, _, _ string, secret Secret) {
		path := at + ".value"
		if secret.Value != "" && !slices.Contains(encrypted, namespace+path) {
			d.problems.Missing(path, "is plain text: give it anew by pulumi config set --secret --path '%s%s'", namespace, path)
		}
	})
}
