package stack

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/containers"
	"github.com/elastic-service/elastic-service/internal/iam"
	"github.com/elastic-service/elastic-service/secrets"
	"github.com/elastic-service/elastic-service/settings"
	"github.com/elastic-service/elastic-service/userdata"
	"github.com/elastic-service/elastic-service/vault"
)

// The secrets that the stack creates, as the secrets of services name them.
const (
	ownSecret      = "own"
	databaseSecret = "database"
)

// withSecretsPackage is the program in this project that starts services with their secrets.
const withSecretsPackage = "./cmd/withsecrets"

// vaultComponent keeps the values of secrets that the configuration has.
var vaultComponent = component{
	wanted: func(p *plan) bool { return len(p.settings.GivenSecrets()) > 0 },
	add: func(p *plan, ctx *pulumi.Context, c *components) (err error) {
		c.vault, err = vault.New(ctx, p.settings.Service, &vault.Args{Values: p.settings.GivenSecrets(), Tags: p.tags})
		return err
	},
}

// secretsOf returns the secrets of a service or a setup command, in the order of their variables.
func secretsOf(owner string, given map[string]settings.Secret) []userdata.Secret {
	var all []userdata.Secret
	for _, variable := range slices.Sorted(maps.Keys(given)) {
		all = append(all, userdata.Secret{Variable: variable, Source: source(owner, variable, given[variable])})
	}
	return all
}

func source(service, variable string, secret settings.Secret) secrets.Source {
	switch {
	case secret.Value != "":
		return secrets.Source{Secret: compute.Created(ownSecret), Key: settings.GivenKey(service, variable)}
	case secret.Database != "":
		return secrets.Source{Secret: compute.Created(databaseSecret), Key: secret.Database}
	}
	return secrets.Source{Secret: secret.Secret, Key: secret.Key, Parameter: secret.Parameter}
}

// hasSecrets reports whether a service or a setup command has secrets.
func hasSecrets(app *settings.App) bool {
	return slices.ContainsFunc(app.Services, func(s settings.Service) bool { return len(s.Secrets) > 0 }) ||
		slices.ContainsFunc(app.Setup, func(s settings.Setup) bool { return len(s.Secrets) > 0 })
}

// createdSecrets returns the secrets that the stack creates and services read.
func (p *plan) createdSecrets(c *components) map[string]compute.CreatedSecret {
	created := map[string]compute.CreatedSecret{}
	if c.vault != nil {
		created[ownSecret] = compute.CreatedSecret{ARN: c.vault.ARN, Version: c.vault.Version}
	}
	if c.database != nil && p.readsDatabaseSecret() {
		created[databaseSecret] = compute.CreatedSecret{ARN: c.database.SecretARN}
	}
	return created
}

func (p *plan) readsDatabaseSecret() bool {
	ofDatabase := func(s userdata.Secret) bool { return s.Source.Secret == compute.Created(databaseSecret) }
	return slices.ContainsFunc(p.software.Services, func(s userdata.Service) bool { return slices.ContainsFunc(s.Secrets, ofDatabase) }) ||
		slices.ContainsFunc(p.software.Setup, func(s userdata.Setup) bool { return slices.ContainsFunc(s.Secrets, ofDatabase) })
}

// containerSecrets returns the secrets of a container. The owner is the name of a sidecar, or "" for the main container.
func containerSecrets(c *components, owner string, given map[string]settings.Secret) map[string]containers.Secret {
	all := map[string]containers.Secret{}
	for variable, secret := range given {
		switch {
		case secret.Value != "":
			all[variable] = containers.Secret{ARN: c.vault.ARN, Version: c.vault.Version, Key: settings.GivenKey(owner, variable)}
		case secret.Database != "":
			all[variable] = containers.Secret{ARN: c.database.SecretARN, Key: secret.Database}
		case secret.Parameter != "":
			all[variable] = containers.Secret{Parameter: secret.Parameter}
		default:
			all[variable] = containers.Secret{ARN: pulumi.String(secret.Secret), Key: secret.Key}
		}
	}
	return all
}

// readFrom reports whether the instances or containers read secrets of Secrets Manager, and parameters.
func (p *plan) readFrom() (secretsManager, parameters bool) {
	all := map[string]settings.Secret{}
	if p.settings.Containers != nil {
		maps.Copy(all, p.settings.Containers.Secrets)
		for _, sidecar := range p.settings.Containers.Sidecars {
			for variable, secret := range sidecar.Secrets {
				all[settings.GivenKey(sidecar.Name, variable)] = secret
			}
		}
	} else if p.settings.App != nil {
		for _, service := range p.settings.App.Services {
			for variable, secret := range service.Secrets {
				all[settings.GivenKey(service.Name, variable)] = secret
			}
		}
		for _, setup := range p.settings.App.Setup {
			for variable, secret := range setup.Secrets {
				all[settings.GivenKey(settings.SetupOwner(setup.Name), variable)] = secret
			}
		}
	}
	for _, secret := range all {
		secretsManager = secretsManager || secret.Parameter == ""
		parameters = parameters || secret.Parameter != ""
	}
	return secretsManager, parameters
}

// statements returns permissions as policies have them.
func statements(permissions []settings.Permission) []iam.Statement {
	var all []iam.Statement
	for _, p := range permissions {
		all = append(all, p.Statement())
	}
	return all
}
