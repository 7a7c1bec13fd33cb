// Package vault keeps values that only the program knows in a secret of Secrets Manager.
//
//	values ──▶ secret, as one JSON object ──▶ version 1, version 2 …
//
// The values are secrets of Pulumi, encrypted in its state. A change makes a new version of the secret. Former versions stay readable by
// their IDs, so that whatever was deployed with them can still start, for example after a rollback.
package vault

import (
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/secretsmanager"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// recoveryDays is how long a deleted secret can be restored: Secrets Manager's shortest window.
const recoveryDays = 7

// mostBytes is the size of a secret (API: CreateSecret).
const mostBytes = 65536

// Args describes a vault.
type Args struct {
	// Values are kept by their keys: at least one, together 65536 bytes as JSON at most.
	Values map[string]string

	// Tags are put on the secret.
	Tags map[string]string
}

// Validate reports every problem of the arguments. It shows no value.
func (a *Args) Validate() error {
	var problems invalid.List
	text, err := a.text()
	switch {
	case err != nil:
		problems.Missing("values", "cannot be written as JSON")
	case len(a.Values) == 0:
		problems.Missing("values", "at least one is needed")
	case len(text) > mostBytes:
		problems.Missing("values", "have %d bytes together, as JSON: a secret has %d at most", len(text), mostBytes)
	}
	return problems.Err()
}

// text returns the values as the secret has them: the same text for the same values.
func (a *Args) text() (string, error) {
	text, err := json.Marshal(a.Values)
	return string(text), err
}

// Vault is a secret with its values.
type Vault struct {
	pulumi.ResourceState

	// ARN is the secret's, Version the ID of the version that has the values.
	ARN, Version pulumi.StringOutput
}

// New registers a vault.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Vault, error) {
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("vault %s: %w", name, err)
	}
	v := &Vault{}
	if err := ctx.RegisterComponentResource("elastic-service:vault:Vault", name, v, opts...); err != nil {
		return nil, fmt.Errorf("vault %s: %w", name, err)
	}
	if err := v.children(ctx, name, args); err != nil {
		return nil, fmt.Errorf("vault %s: %w", name, err)
	}
	return v, ctx.RegisterResourceOutputs(v, pulumi.Map{"arn": v.ARN, "version": v.Version})
}

func (v *Vault) children(ctx *pulumi.Context, name string, args *Args) error {
	secret, err := secretsmanager.NewSecret(ctx, name+"-secrets", &secretsmanager.SecretArgs{
		Description:          pulumi.String("Secrets of " + name + ", as its stack's configuration has them"),
		RecoveryWindowInDays: pulumi.Int(recoveryDays),
		Tags:                 pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(v))
	if err != nil {
		return err
	}
	text, err := args.text()
	if err != nil {
		return err
	}
	// Deleting a version takes its labels away, and Secrets Manager deletes versions without labels before others.
	version, err := secretsmanager.NewSecretVersion(ctx, name+"-values", &secretsmanager.SecretVersionArgs{
		SecretId:     secret.ID(),
		SecretString: pulumi.ToSecret(pulumi.String(text)).(pulumi.StringOutput),
	}, pulumi.Parent(v), pulumi.RetainOnDelete(true))
	if err != nil {
		return err
	}
	v.ARN, v.Version = secret.Arn, version.VersionId
	return nil
}
