package provider

import (
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	model "github.com/elastic-service/elastic-service/emulator/cloud/secretsmanager"
)

type secretInputs struct {
	Name                 string            `pulumi:"name"`
	Description          string            `pulumi:"description"`
	RecoveryWindowInDays *int              `pulumi:"recoveryWindowInDays"`
	Tags                 map[string]string `pulumi:"tags"`
}

func secret() resourceType {
	return define(resourceType{
		token: "aws:secretsmanager/secret:Secret", kind: Run, name: "name", nameMax: 512, replaceOn: []string{"name"},
	}, handlers[secretInputs, arnOutput]{
		create: func(m *cloud.Model, in secretInputs) (string, arnOutput, error) {
			made, err := m.Secrets.CreateSecret(model.Secret{Name: in.Name, Description: in.Description}, model.Version{}, m.Clock.Now())
			return made.ARN, arnOutput{made.ARN}, err
		},
		update: func(m *cloud.Model, id string, _, now secretInputs) (*arnOutput, error) {
			return nil, m.Secrets.Describe(id, now.Description)
		},
		remove: deleteSecret,
	})
}

// deleteSecret deletes a secret at once if its recovery window is 0 (secret.go), and otherwise marks it for deletion.
func deleteSecret(m *cloud.Model, id string, in secretInputs) error {
	days := orElse(in.RecoveryWindowInDays, 0)
	_, err := m.Secrets.DeleteSecret(id, days, in.RecoveryWindowInDays != nil && days == 0, m.Clock.Now())
	return err
}

type secretVersionInputs struct {
	SecretID     string `pulumi:"secretId"`
	SecretString string `pulumi:"secretString"`
}

type secretVersionOutputs struct {
	ARN           string   `pulumi:"arn"`
	VersionID     string   `pulumi:"versionId"`
	VersionStages []string `pulumi:"versionStages"`
}

func secretVersion() resourceType {
	return define(resourceType{
		token: "aws:secretsmanager/secretVersion:SecretVersion", kind: Run, replaceOn: []string{"secretId", "secretString"},
		confidential: []string{"secretString"},
	}, handlers[secretVersionInputs, secretVersionOutputs]{
		create: func(m *cloud.Model, in secretVersionInputs) (string, secretVersionOutputs, error) {
			secret, value, err := m.Secrets.PutValue(in.SecretID, model.Version{Text: in.SecretString}, m.Clock.Now())
			return secret.ARN + "|" + value.ID, secretVersionOutputs{secret.ARN, value.ID, value.Stages}, err
		},
		remove: func(m *cloud.Model, id string, _ secretVersionInputs) error {
			secret, version, _ := strings.Cut(id, "|")
			return m.Secrets.Unlabel(secret, version)
		},
	})
}
