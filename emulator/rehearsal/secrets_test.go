package rehearsal

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/iam"
	"github.com/elastic-service/elastic-service/emulator/cloud/secretsmanager"
	"github.com/elastic-service/elastic-service/emulator/cloud/ssm"
	"github.com/elastic-service/elastic-service/emulator/engine"
	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// The secrets of the tests, and the passphrase with which Pulumi encrypts the first.
const (
	ownValue       = "own-Zw8#hunter2 \"quoted\" ä"
	laterValue     = "later-Qx41-hunter3"
	keptValue      = "kept-Lm55-hunter4"
	parameterValue = "parameter-Vb09-hunter5"
	passphrase     = "correct horse"
	ownPath        = "elastic-service:app.services[0].secrets.OWN.value"
)

// setSecret encrypts a setting with Pulumi's CLI, as a user does.
func setSecret(t *testing.T, root, project, path, value string) {
	t.Helper()
	cli := must(engine.CLI(t.Context(), root, io.Discard))(t)
	environment := []string{
		"PULUMI_HOME=" + t.TempDir(), "PULUMI_BACKEND_URL=file://" + t.TempDir(), "PULUMI_CONFIG_PASSPHRASE=" + passphrase,
	}
	run := func(in io.Reader, args ...string) {
		_, stderr, _, err := cli.Run(t.Context(), project, in, nil, nil, environment, append(args, "--stack", "dev", "--non-interactive")...)
		require.NoError(t, err, stderr)
	}
	run(nil, "stack", "init")
	run(strings.NewReader(value), "config", "set", "--secret", "--path", path)
}

// withSecrets returns a copy of the stack dev whose service has a secret of each kind.
func withSecrets(t *testing.T) string {
	t.Helper()
	root, project := must(session.EnterProject("dev"))(t), t.TempDir()
	copySettings(t, root, project, strings.NewReplacer(
		"        command: [/usr/local/bin/musicguru, serve]\n",
		"        command: [/usr/local/bin/musicguru, serve]\n        secrets:\n          KEPT: {secret: web/api, key: token}\n"+
			"          PARAMETER: {parameter: /web/token}\n"))
	setSecret(t, root, project, ownPath, ownValue)
	return project
}

// keepSecrets puts what others keep into the emulated cloud. The function that it returns takes it away.
func keepSecrets(t *testing.T, c *cloud.Cloud) (forget func()) {
	t.Helper()
	require.NoError(t, c.Change(func(m *cloud.Model) error {
		text, err := json.Marshal(map[string]string{"token": keptValue})
		if err != nil {
			return err
		}
		_, err = m.Secrets.CreateSecret(secretsmanager.Secret{Name: "web/api"}, secretsmanager.Version{Text: string(text)}, m.Clock.Now())
		if err != nil {
			return err
		}
		_, err = m.SSM.PutParameter(ssm.Parameter{Name: "/web/token", Type: "SecureString", Value: parameterValue}, false, m.Clock.Now())
		return err
	}))
	return func() {
		assert.NoError(t, c.Change(func(m *cloud.Model) error {
			if _, err := m.Secrets.DeleteSecret("web/api", 0, true, m.Clock.Now()); err != nil {
				return err
			}
			return m.SSM.DeleteParameter("/web/token")
		}))
	}
}

// environmentOf returns the environment of the service's process on an instance; "" without a process.
func environmentOf(r *Rehearsal, instance string) string {
	for _, i := range r.deployment.Status().Instances {
		for _, s := range i.Services {
			if i.ID == instance && s.Name == "musicguru" && s.PID != 0 {
				content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.PID)) // it may have ended
				return "\x00" + string(content)
			}
		}
	}
	return ""
}

func TestAServiceHasItsSecretsAndNothingElseHas(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	t.Setenv("PULUMI_CONFIG_PASSPHRASE", passphrase)
	project := withSecrets(t)
	r := opened(t, project, "dev")
	d := r.deployment
	forget := keepSecrets(t, d.Cloud())
	require.NoError(t, r.deploy(t.Context()))
	require.NoError(t, r.awaitHealthy(t.Context()))
	for _, i := range d.Healthy() {
		has := environmentOf(r, i.ID)
		for _, want := range []string{"OWN=" + ownValue, "KEPT=" + keptValue, "PARAMETER=" + parameterValue} {
			assert.Contains(t, has, "\x00"+want+"\x00", i.ID)
		}
	}
	t.Run("they are nowhere else", func(t *testing.T) { nowhereElse(t, r, ownValue, keptValue, parameterValue) })
	t.Run("without permission the service does not start", func(t *testing.T) { withoutPermission(t, r) })
	t.Run("another value is a release", func(t *testing.T) {
		old := d.Healthy()[0].ID
		setSecret(t, must(session.EnterProject("dev"))(t), d.Session.Options().Root, ownPath, laterValue)
		must(d.Up(t.Context()))(t)
		require.NoError(t, r.awaitHealthy(t.Context()))
		for _, i := range d.Healthy() {
			assert.NotEqual(t, old, i.ID)
			assert.Contains(t, environmentOf(r, i.ID), "\x00OWN="+laterValue+"\x00")
		}
		nowhereElse(t, r, laterValue)
	})
	forget()
	require.NoError(t, r.destroy(t.Context()))
	nowhereElse(t, r, laterValue)
}

// withoutPermission takes the permission to read from the role, ends the services, and gives the permission back.
func withoutPermission(t *testing.T, r *Rehearsal) {
	d := r.deployment
	victim := d.Healthy()[0]
	var role, name, document string
	require.NoError(t, d.Cloud().Change(func(m *cloud.Model) error {
		for _, candidate := range m.IAM.Roles {
			for policy, text := range candidate.Policies {
				if strings.Contains(policy, "read-secrets") {
					role, name, document = candidate.Name, policy, text
				}
			}
		}
		return m.IAM.DeleteRolePolicy(role, name)
	}))
	require.True(t, iam.Evaluate([]string{document}, "ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/web/token"))
	require.False(t, iam.Evaluate([]string{document}, "ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/web/other"))
	for _, s := range victim.Services {
		if s.Name == "musicguru" {
			require.NoError(t, unix.Kill(s.PID, unix.SIGTERM))
		}
	}
	log := func() string {
		text, err := os.ReadFile(filepath.Join(d.Session.Options().Folder, "instances", victim.ID, "log", "musicguru.log"))
		require.NoError(t, err)
		return string(text)
	}
	require.Eventually(t, func() bool { return strings.Contains(log(), "is not started") }, time.Minute, 50*time.Millisecond)
	for _, want := range []string{
		"withsecrets: OWN: secret:arn:aws:secretsmanager:us-east-1:123456789012:secret:musicguru-secrets-",
		"withsecrets: KEPT: secret:web/api#token: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/" + role + "/" + victim.ID +
			" is not authorized to perform: secretsmanager:GetSecretValue on resource: ",
		"withsecrets: PARAMETER: parameter:/web/token: AccessDeniedException: ",
		"/usr/local/bin/musicguru is not started\n",
	} {
		assert.Contains(t, log(), want)
	}
	require.NoError(t, d.Cloud().Change(func(m *cloud.Model) error { return m.IAM.PutRolePolicy(role, name, document) }))
	require.Eventually(t, func() bool { return strings.Contains(environmentOf(r, victim.ID), "KEPT="+keptValue) }, time.Minute,
		50*time.Millisecond)
	require.NoError(t, r.awaitHealthy(t.Context()))
}

// nowhereElse searches everything that the emulator keeps and tells, decoded, for values.
func nowhereElse(t *testing.T, r *Rehearsal, values ...string) {
	t.Helper()
	folder := r.deployment.Session.Options().Folder
	search := func(name string, content []byte) {
		for _, text := range decodings(content, 3) {
			for _, value := range values {
				quoted := must(json.Marshal(value))(t)
				for _, form := range []string{value, strings.Trim(string(quoted), `"`)} {
					assert.NotContains(t, string(text), form, name)
				}
			}
		}
	}
	searched := 0
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if filepath.Base(path) == "cloud.json" {
			content = withoutStores(t, content)
		}
		searched++
		search(strings.TrimPrefix(path, folder), content)
		return err
	}))
	assert.Greater(t, searched, 10)
	search("status", must(json.Marshal(r.deployment.Status()))(t))
}

// withoutStores returns the saved cloud without Secrets Manager and Systems Manager, which keep what they are given.
func withoutStores(t *testing.T, content []byte) []byte {
	t.Helper()
	var saved map[string]any
	require.NoError(t, json.Unmarshal(content, &saved))
	services := saved["cloud"].(map[string]any)["Services"].(map[string]any)
	require.Contains(t, services, "secretsmanager")
	require.Contains(t, services, "ssm")
	delete(services, "secretsmanager")
	delete(services, "ssm")
	return must(json.Marshal(saved))(t)
}

var encoded = regexp.MustCompile(`[A-Za-z0-9+/]{40,}={0,2}`)

// decodings returns a content with what is in it in base64 and compressed.
func decodings(content []byte, depth int) [][]byte {
	all := [][]byte{content}
	if depth == 0 || len(content) > 8<<20 { // a program
		return all
	}
	if reader, err := gzip.NewReader(bytes.NewReader(content)); err == nil {
		if text, err := io.ReadAll(reader); err == nil {
			all = append(all, decodings(text, depth-1)...)
		}
	}
	for _, text := range encoded.FindAll(content, -1) {
		if decoded, err := base64.StdEncoding.DecodeString(string(text)); err == nil {
			all = append(all, decodings(decoded, depth-1)...)
		}
	}
	return all
}

func TestAStackWithEncryptedValuesNeedsItsKey(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	project := withSecrets(t)
	for name, c := range map[string]struct {
		passphrase, want string
	}{
		"none": {"", "is encrypted: set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE, to the passphrase of the stack"},
		"another": {
			"wrong", "is encrypted by another passphrase than that in PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PULUMI_CONFIG_PASSPHRASE", c.passphrase)
			if c.passphrase == "" {
				require.NoError(t, os.Unsetenv("PULUMI_CONFIG_PASSPHRASE"))
			}
			r := opened(t, project, "dev")
			_, err := r.deployment.Up(t.Context())
			require.EqualError(t, err, "stack dev: elastic-service:app.services[0].secrets.OWN.value "+c.want)
		})
	}
	t.Run("in a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "passphrase")
		require.NoError(t, os.WriteFile(file, []byte(passphrase+"\n"), 0o600))
		t.Setenv("PULUMI_CONFIG_PASSPHRASE_FILE", file)
		r := opened(t, project, "dev")
		forget := keepSecrets(t, r.deployment.Cloud())
		require.NoError(t, r.deploy(t.Context()))
		forget()
		require.NoError(t, r.destroy(t.Context()))
	})
}
