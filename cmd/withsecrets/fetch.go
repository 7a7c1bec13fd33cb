package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/elastic-service/elastic-service/secrets"
)

// fetcher gets values from AWS, and each secret once: several variables may have keys of one secret.
type fetcher struct {
	secrets    *secretsmanager.Client
	parameters *ssm.Client
	fetched    map[secrets.Source]string // whole secrets, by a source without a key
}

func newFetcher(config aws.Config) *fetcher {
	return &fetcher{secretsmanager.NewFromConfig(config), ssm.NewFromConfig(config), map[secrets.Source]string{}}
}

// environment returns NAME=VALUE for each variable. The error names every variable whose value is missing, its source and the reason,
// and never a value.
func (f *fetcher) environment(ctx context.Context, variables []secrets.Variable) ([]string, error) {
	var environment []string
	var missing []error
	for _, v := range variables {
		value, err := f.value(ctx, v.Source)
		if err == nil && strings.ContainsRune(value, 0) {
			err = errors.New("the value has a zero byte, which no environment variable can have")
		}
		if err != nil {
			missing = append(missing, fmt.Errorf("%s: %s: %w", v.Name, v.Source, plain(err)))
			continue
		}
		environment = append(environment, v.Name+"="+value)
	}
	return environment, errors.Join(missing...)
}

func (f *fetcher) value(ctx context.Context, source secrets.Source) (string, error) {
	if source.Parameter != "" {
		out, err := f.parameters.GetParameter(ctx, &ssm.GetParameterInput{Name: &source.Parameter, WithDecryption: aws.Bool(true)})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.Parameter.Value), nil
	}
	whole, err := f.secret(ctx, source)
	if err != nil || source.Key == "" {
		return whole, err
	}
	return valueOf(whole, source.Key)
}

// secret returns a whole secret.
func (f *fetcher) secret(ctx context.Context, source secrets.Source) (string, error) {
	source.Key = ""
	if value, ok := f.fetched[source]; ok {
		return value, nil
	}
	in := &secretsmanager.GetSecretValueInput{SecretId: &source.Secret}
	if source.Version != "" {
		in.VersionId = &source.Version
	}
	out, err := f.secrets.GetSecretValue(ctx, in)
	if err != nil {
		return "", err
	}
	if out.SecretString == nil {
		return "", errors.New("the secret is bytes, not text")
	}
	f.fetched[source] = *out.SecretString
	return *out.SecretString, nil
}

// valueOf returns the value of a key in a JSON object: text as it is, numbers and truth values as JSON has them.
func valueOf(text, key string) (string, error) {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &object) != nil { // its error could show a part of the secret
		return "", errors.New("the secret is not a JSON object, which has keys")
	}
	raw, ok := object[key]
	if !ok {
		return "", fmt.Errorf("the secret has no key %q", key)
	}
	switch first := raw[0]; {
	case first == '"':
		var value string
		err := json.Unmarshal(raw, &value)
		return value, err
	case first == '{', first == '[', string(raw) == "null":
		return "", fmt.Errorf("the value of the key %q is neither text, number, true nor false", key)
	}
	return string(raw), nil
}

// plain returns an error of the SDK without what names the request.
func plain(err error) error {
	if refused, ok := errors.AsType[smithy.APIError](err); ok {
		return fmt.Errorf("%s: %s", refused.ErrorCode(), refused.ErrorMessage())
	}
	return err
}
