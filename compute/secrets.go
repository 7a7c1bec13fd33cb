package compute

import (
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/iam"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/secrets"
	"github.com/elastic-service/elastic-service/userdata"
)

// CreatedSecret is a secret that the stack creates, whose ARN only AWS knows. The secrets of services name it as [Created] does.
type CreatedSecret struct {
	ARN     pulumi.StringInput
	Version pulumi.StringInput // the ID of a version; nil: the current version
}

// Created returns what a service's secret has instead of an ARN, for a secret of Args.CreatedSecrets.
func Created(name string) string { return createdPrefix + name }

// createdPrefix is in no name of a secret.
const createdPrefix = "created "

// Stand-ins for what Secrets Manager chooses.
var (
	longestARN     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:" + strings.Repeat("s", 110)
	longestVersion = strings.Repeat("v", 36)
)

// lateSecrets returns the inputs of the created secrets: ARNs and versions by name.
func (a *Args) lateSecrets() (arns, versions pulumi.StringMap) {
	arns, versions = pulumi.StringMap{}, pulumi.StringMap{}
	for name, created := range a.CreatedSecrets {
		arns[name] = created.ARN
		if created.Version != nil {
			versions[name] = created.Version
		}
	}
	return arns, versions
}

// longestSecrets returns the longest sources that created secrets can have.
func (a *Args) longestSecrets() map[string]secrets.Source {
	longest := map[string]secrets.Source{}
	for name, created := range a.CreatedSecrets {
		source := secrets.Source{Secret: longestARN}
		if created.Version != nil {
			source.Version = longestVersion
		}
		longest[name] = source
	}
	return longest
}

// located returns the secrets of a service with the ARNs of those that the stack creates.
func (l late) located(given []userdata.Secret) []userdata.Secret {
	found := slices.Clone(given)
	for i := range found {
		source := &found[i].Source
		if name, created := strings.CutPrefix(source.Secret, createdPrefix); created {
			source.Secret, source.Version = l.secrets[name].Secret, l.secrets[name].Version
		}
	}
	return found
}

// validSecrets reports secrets that are to be created by nobody.
func (a *Args) validSecrets() error {
	var problems invalid.List
	for _, name := range slices.Sorted(maps.Keys(a.CreatedSecrets)) {
		problems.Need("createdSecrets."+name+".arn", a.CreatedSecrets[name].ARN != nil)
	}
	a.Software.eachSecret(func(at string, secret userdata.Secret) {
		name, created := strings.CutPrefix(secret.Source.Secret, createdPrefix)
		if _, known := a.CreatedSecrets[name]; created && !known {
			problems.Add("software."+at+".secrets."+secret.Variable, name, "is not among the created secrets")
		}
	})
	return problems.Err()
}

// eachSecret calls a function with each secret of the setup and of the services, in their order.
func (s *Software) eachSecret(f func(at string, secret userdata.Secret)) {
	for _, setup := range s.Setup {
		for _, secret := range setup.Secrets {
			f("setup."+setup.Name, secret)
		}
	}
	for _, service := range s.Services {
		for _, secret := range service.Secrets {
			f("services."+service.Name, secret)
		}
	}
}

// sources returns the places of all secrets, each once, in the order of setup and services.
func (s *Software) sources() []secrets.Source {
	var all []secrets.Source
	s.eachSecret(func(_ string, secret userdata.Secret) {
		source := secret.Source
		source.Key = ""
		if !slices.Contains(all, source) {
			all = append(all, source)
		}
	})
	return all
}

// readSecrets returns the policy that allows reading the services' secrets and parameters, and nothing else. Account is the number of the
// stack's. It is nil without secrets.
func (a *Args) readSecrets(account pulumi.StringOutput) pulumi.StringInput {
	sources := a.Software.sources()
	if len(sources) == 0 {
		return nil
	}
	arns, _ := a.lateSecrets()
	return pulumi.All(account, arns).ApplyT(func(known []any) (string, error) {
		created, _ := known[1].(map[string]string)
		return secretsPolicy(a.Software.Region, known[0].(string), sources, created)
	}).(pulumi.StringOutput)
}

// secretsPolicy returns the policy for sources. A secret's ARN ends with six characters that its name does not tell.
func secretsPolicy(region, account string, sources []secrets.Source, created map[string]string) (string, error) {
	var managed, parameters []string
	for _, source := range sources {
		name, isCreated := strings.CutPrefix(source.Secret, createdPrefix)
		switch {
		case source.Parameter != "":
			parameters = append(parameters, iam.Parameter(region, account, source.Parameter))
		case isCreated:
			managed = append(managed, created[name])
		default:
			managed = append(managed, iam.Secret(region, account, source.Secret))
		}
	}
	return iam.ReadSecrets(managed, parameters, "ssm:GetParameter")
}
