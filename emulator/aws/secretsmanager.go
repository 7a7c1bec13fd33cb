package aws

import (
	"context"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	model "github.com/elastic-service/elastic-service/emulator/cloud/secretsmanager"
)

func (a *API) secretsManager() *service {
	return &service{name: "secretsmanager", title: "Secrets Manager", operations: map[string]operation{
		"CreateSecret":   answering(a.createSecret),
		"DescribeSecret": answering(a.describeSecret),
		"ListSecrets":    answering(a.listSecrets),
		"GetSecretValue": answering(a.getSecretValue),
		"PutSecretValue": answering(a.putSecretValue),
		"DeleteSecret":   answering(a.deleteSecret),
	}}
}

// secretInput is the input of all operations on a secret, of which each has some members.
type secretInput struct {
	SecretID           string `mapstructure:"SecretId"`
	Name               string
	Description        string
	ClientRequestToken string
	SecretString       string
	SecretBinary       []byte
	VersionID          string `mapstructure:"VersionId"`
	VersionStage       string
	RecoveryWindow     int  `mapstructure:"RecoveryWindowInDays"`
	Force              bool `mapstructure:"ForceDeleteWithoutRecovery"`
}

func (in *secretInput) value() model.Version {
	return model.Version{ID: in.ClientRequestToken, Text: in.SecretString, Bytes: in.SecretBinary}
}

type secretVersionOutput struct {
	ARN           string
	Name          string
	VersionID     string   `json:"VersionId,omitempty"`
	VersionStages []string `json:",omitempty"`
	SecretString  *string  `json:",omitempty"`
	SecretBinary  []byte   `json:",omitempty"`
	CreatedDate   epoch    `json:",omitzero"`
	DeletionDate  epoch    `json:",omitzero"`
}

func (a *API) createSecret(_ context.Context, in *secretInput) (*secretVersionOutput, error) {
	made, err := cloud.Make(a.cloud, func(m *cloud.Model) (model.Secret, error) {
		return m.Secrets.CreateSecret(model.Secret{Name: in.Name, Description: in.Description}, in.value(), m.Clock.Now())
	})
	out := &secretVersionOutput{ARN: made.ARN, Name: made.Name}
	if len(made.Versions) > 0 {
		out.VersionID = made.Versions[0].ID
	}
	return out, err
}

func (a *API) getSecretValue(_ context.Context, in *secretInput) (out *secretVersionOutput, err error) {
	a.cloud.View(func(m *cloud.Model) {
		var secret model.Secret
		var value model.Version
		secret, value, err = m.Secrets.Value(in.SecretID, in.VersionID, in.VersionStage)
		out = &secretVersionOutput{
			ARN: secret.ARN, Name: secret.Name, VersionID: value.ID, VersionStages: value.Stages, SecretString: optional(value.Text),
			SecretBinary: value.Bytes, CreatedDate: epoch(value.Made),
		}
	})
	return out, err
}

func (a *API) putSecretValue(_ context.Context, in *secretInput) (*secretVersionOutput, error) {
	return cloud.Make(a.cloud, func(m *cloud.Model) (*secretVersionOutput, error) {
		secret, value, err := m.Secrets.PutValue(in.SecretID, in.value(), m.Clock.Now())
		return &secretVersionOutput{ARN: secret.ARN, Name: secret.Name, VersionID: value.ID, VersionStages: value.Stages}, err
	})
}

func (a *API) deleteSecret(_ context.Context, in *secretInput) (*secretVersionOutput, error) {
	secret, err := cloud.Make(a.cloud, func(m *cloud.Model) (model.Secret, error) {
		return m.Secrets.DeleteSecret(in.SecretID, in.RecoveryWindow, in.Force, m.Clock.Now())
	})
	return &secretVersionOutput{ARN: secret.ARN, Name: secret.Name, DeletionDate: epoch(secret.DeleteAt)}, err
}

type describedSecret struct {
	ARN                string
	Name               string
	Description        string              `json:",omitempty"`
	OwningService      string              `json:",omitempty"`
	CreatedDate        epoch               `json:",omitzero"`
	LastChangedDate    epoch               `json:",omitzero"`
	DeletedDate        epoch               `json:",omitzero"`
	VersionIDsToStages map[string][]string `json:"VersionIdsToStages,omitempty"` // in DescribeSecret
	SecretVersions     map[string][]string `json:"SecretVersionsToStages,omitempty"`
}

func describeSecret(s model.Secret) describedSecret {
	return describedSecret{
		ARN: s.ARN, Name: s.Name, Description: s.Description, OwningService: s.Owner, CreatedDate: epoch(s.Created),
		LastChangedDate: epoch(s.Changed), DeletedDate: epoch(s.Deleted),
	}
}

// stages returns the stages of the versions that have any: versions without stages are deprecated, and not shown.
func stages(s model.Secret) map[string][]string {
	found := map[string][]string{}
	for _, v := range s.Versions {
		if len(v.Stages) > 0 {
			found[v.ID] = v.Stages
		}
	}
	return found
}

func (a *API) describeSecret(_ context.Context, in *secretInput) (*describedSecret, error) {
	secret, err := cloud.Find(a.cloud, func(m *cloud.Model) (model.Secret, error) { return m.Secrets.Secret(in.SecretID) })
	described := describeSecret(secret)
	described.VersionIDsToStages = stages(secret)
	return &described, err
}

type listSecretsInput struct {
	Filters []struct {
		Key    string
		Values []string
	}
	MaxResults *int32
	NextToken  *string
}

type listSecretsOutput struct {
	SecretList []describedSecret
	NextToken  *string `json:",omitempty"`
}

// listSecrets lists the secrets whose names begin as a filter says.
func (a *API) listSecrets(_ context.Context, in *listSecretsInput) (*listSecretsOutput, error) {
	found := []describedSecret{}
	for _, secret := range cloud.Get(a.cloud, func(m *cloud.Model) []model.Secret { return m.Secrets.List() }) {
		matches := true
		for _, f := range in.Filters {
			if f.Key != "name" {
				return nil, aws.Refuse("InvalidParameterException", "Filters: the emulator knows the key name, not %s", f.Key)
			}
			matches = matches && hasPrefix(secret.Name, f.Values)
		}
		if matches {
			described := describeSecret(secret)
			described.SecretVersions = stages(secret)
			found = append(found, described)
		}
	}
	found, next, err := page(found, in.MaxResults, in.NextToken, 100)
	return &listSecretsOutput{found, next}, err
}

// hasPrefix reports whether a text begins with one of some prefixes.
func hasPrefix(text string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}
