package engine

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"

	"github.com/elastic-service/elastic-service/internal/project"
)

// passphrase encrypts the emulator's copy of a stack's secrets. It protects nothing: the emulated cloud keeps them in plain text in the
// same folder, which only its user reads.
const passphrase = "emulator"

// reencrypted returns a stack's file in which the values that the user's key encrypts are encrypted by the emulator's passphrase, and the
// line that Pulumi needs to read them. Only the settings of the project are: the rest, such as a key of AWS, is not needed. Salt is the
// line of an earlier copy, if there is any.
func (o Options) reencrypted(ctx context.Context, file, salt []byte) (text []byte, line string, err error) {
	encrypted, err := project.EncryptedIn(file)
	if err != nil {
		return nil, "", err
	}
	if len(encrypted) == 0 {
		return file, "", nil
	}
	values, err := o.decrypted(ctx, encrypted)
	if err != nil {
		return nil, "", fmt.Errorf("stack %s: %w", o.Stack, err)
	}
	crypter, line, err := ownCrypter(ctx, salt)
	if err != nil {
		return nil, "", err
	}
	text, err = project.Reencrypt(file, func(path string) (string, error) {
		value, ok := values.at(path)
		if !ok {
			return "", fmt.Errorf("%s: Pulumi shows no value", path)
		}
		return crypter.EncryptValue(ctx, value)
	})
	return text, line, err
}

// ownCrypter returns the crypter of the emulator's passphrase with the line of the stack's file that has its salt, as the CLI writes it.
func ownCrypter(ctx context.Context, line []byte) (config.Crypter, string, error) {
	_, former, _ := strings.Cut(strings.TrimSpace(string(line)), "encryptionsalt: v1:")
	text, _, _ := strings.Cut(former, ":")
	if salt, err := base64.StdEncoding.DecodeString(text); err == nil && len(salt) > 0 {
		return config.NewSymmetricCrypterFromPassphrase(passphrase, salt), string(line), nil
	}
	salt := make([]byte, 8)
	_, _ = rand.Read(salt) // it never fails
	crypter := config.NewSymmetricCrypterFromPassphrase(passphrase, salt)
	check, err := crypter.EncryptValue(ctx, "pulumi")
	return crypter, fmt.Sprintf("encryptionsalt: v1:%s:%s\n", base64.StdEncoding.EncodeToString(salt), check), err
}

// decrypted has Pulumi read the stack's configuration with the user's own passphrase or key, in a folder that is removed afterwards.
func (o Options) decrypted(ctx context.Context, encrypted []string) (configuration, error) {
	folder, err := os.MkdirTemp("", "elastic-service-secrets-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	if err := project.Copy(o.Root, o.Stack, folder); err != nil {
		return nil, err
	}
	backend := filepath.Join(folder, "backend")
	if err := os.MkdirAll(backend, 0o700); err != nil {
		return nil, err
	}
	environment := append(o.usersAWS(), "PULUMI_HOME="+filepath.Join(folder, "home"), "PULUMI_BACKEND_URL=file://"+backend,
		"PULUMI_SKIP_UPDATE_CHECK=true")
	run := func(args ...string) (string, error) {
		out, problem, _, err := o.CLI.Run(ctx, folder, nil, nil, nil, environment, append(args, "--stack", o.Stack, "--non-interactive")...)
		if err != nil {
			return "", explainKey(problem, encrypted, err)
		}
		return out, nil
	}
	if _, err := run("stack", "init"); err != nil {
		return nil, err
	}
	text, err := run("config", "--show-secrets", "--json")
	if err != nil {
		return nil, err
	}
	values := configuration{}
	return values, json.Unmarshal([]byte(text), &values)
}

// usersAWS returns the user's own variables in place of those that lead the SDKs to the emulator: the key may be one of KMS.
func (o Options) usersAWS() []string {
	var variables []string
	for name := range o.Environment {
		if strings.HasPrefix(name, "AWS_") {
			variables = append(variables, name+"="+usersEnvironment[name])
		}
	}
	return variables
}

// usersEnvironment has the variables before an engine changed them.
var usersEnvironment = func() map[string]string {
	variables := map[string]string{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		variables[name] = value
	}
	return variables
}()

// explainKey says what to do about a key that is missing or wrong.
func explainKey(problem string, encrypted []string, err error) error {
	which := encrypted[0] + " is encrypted"
	if len(encrypted) > 1 {
		which = fmt.Sprintf("%s and %d more are encrypted", encrypted[0], len(encrypted)-1)
	}
	switch {
	case strings.Contains(problem, "passphrase must be set"):
		return fmt.Errorf("%s: set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, to the passphrase of the stack", which)
	case strings.Contains(problem, "incorrect passphrase"):
		return fmt.Errorf("%s by another passphrase than that in PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE", which)
	}
	if message := strings.TrimSpace(problem); message != "" {
		err = errors.New(strings.TrimPrefix(message, "error: "))
	}
	return fmt.Errorf("%s, and Pulumi cannot read it with the passphrase or key of the environment: %w (values that Pulumi Cloud encrypted: "+
		"pulumi stack change-secrets-provider passphrase)", which, err)
}

// configuration is what `pulumi config --json` prints.
type configuration map[string]struct {
	Value  string `json:"value"`
	Object any    `json:"objectValue"`
}

// at returns the text at a path such as elastic-service:app.services[0].secrets.TOKEN.value.
func (c configuration) at(path string) (string, bool) {
	key, rest, nested := strings.Cut(path, ".")
	if !nested {
		value, ok := c[key]
		return value.Value, ok
	}
	found := c[key].Object
	for step := range strings.SplitSeq(strings.ReplaceAll(rest, "[", ".["), ".") {
		var index int
		if n, _ := fmt.Sscanf(step, "[%d]", &index); n == 1 {
			list, _ := found.([]any)
			if index >= len(list) {
				return "", false
			}
			found = list[index]
			continue
		}
		object, _ := found.(map[string]any)
		found = object[step]
	}
	text, ok := found.(string)
	return text, ok
}
