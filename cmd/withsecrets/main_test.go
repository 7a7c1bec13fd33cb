package main

import (
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/logstore"
)

// asCommand makes this test binary the command.
const asCommand = "WITHSECRETS_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(run(os.Args[1:], os.Stderr))
	}
	os.Exit(m.Run())
}

// account is an emulated cloud with some secrets.
type account struct {
	url     string
	secrets *secretsmanager.Client
}

func newAccount(t *testing.T) account {
	t.Helper()
	c, err := cloud.New("us-east-1", clockwork.NewFakeClockAt(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
		func(netip.Addr) bool { return true })
	require.NoError(t, err)
	server := httptest.NewServer(aws.New(c, t.TempDir(), logstore.Open(t.TempDir())))
	t.Cleanup(server.Close)
	config := sdk.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("any", "key", ""),
	}
	a := account{server.URL, secretsmanager.NewFromConfig(config)}
	for name, value := range map[string]string{
		"whole":  "s3cr3t with spaces = and\nlines",
		"object": `{"token": "t0ken", "count": 3, "on": true, "none": null, "list": ["s3cr3t"], "zero": "a\u0000b"}`,
	} {
		a.create(t, &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value})
	}
	a.create(t, &secretsmanager.CreateSecretInput{Name: sdk.String("bytes"), SecretBinary: []byte{1, 2}})
	_, err = ssm.NewFromConfig(config).PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: sdk.String("/web/flags"), Value: sdk.String("fast"), Type: types.ParameterTypeString,
	})
	require.NoError(t, err)
	return a
}

func (a account) create(t *testing.T, in *secretsmanager.CreateSecretInput) {
	t.Helper()
	_, err := a.secrets.CreateSecret(t.Context(), in)
	require.NoError(t, err)
}

// run runs the command, and returns what it and the program print.
func (a account) run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, args...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(os.Environ(), asCommand+"=1", "AWS_ENDPOINT_URL="+a.url, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=any",
		"AWS_SECRET_ACCESS_KEY=key", "AWS_MAX_ATTEMPTS=1", "KEPT=kept", "TOKEN=of the environment")
	_ = cmd.Run() // the exit code says it
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestAProgramHasItsSecretsInItsEnvironment(t *testing.T) {
	a := newAccount(t)
	out, errs, code := a.run(t, "TOKEN=secret:object#token", "COUNT=secret:object#count", "ON=secret:object#on", "WHOLE=secret:whole",
		"FLAGS=parameter:/web/flags", "--", "/bin/sh", "-c", `printf '%s|' "$TOKEN" "$COUNT" "$ON" "$WHOLE" "$FLAGS" "$KEPT" "$1"; exit 7`,
		"sh", "an argument")
	assert.Equal(t, "t0ken|3|true|s3cr3t with spaces = and\nlines|fast|kept|an argument|", out)
	assert.Empty(t, errs)
	assert.Equal(t, 7, code, "it has become the program")
}

// Every missing value is named with its reason, no value is shown, and the program does not run.
func TestWhatIsMissingIsNamedAndNothingRuns(t *testing.T) {
	a := newAccount(t)
	for name, c := range map[string]struct{ source, want string }{
		"no such secret":    {"secret:other", "ResourceNotFoundException: Secrets Manager can't find the specified secret."},
		"no such key":       {"secret:object#other", `the secret has no key "other"`},
		"no object":         {"secret:whole#token", "the secret is not a JSON object, which has keys"},
		"a list":            {"secret:object#list", `the value of the key "list" is neither text, number, true nor false`},
		"null":              {"secret:object#none", `the value of the key "none" is neither text, number, true nor false`},
		"bytes":             {"secret:bytes", "the secret is bytes, not text"},
		"a zero byte":       {"secret:object#zero", "the value has a zero byte, which no environment variable can have"},
		"no such parameter": {"parameter:/web/other", "ParameterNotFound: "},
	} {
		t.Run(name, func(t *testing.T) {
			out, errs, code := a.run(t, "FIRST="+c.source, "SECOND="+c.source, "THIRD=secret:whole", "--", "/bin/echo", "started")
			assert.Empty(t, out)
			assert.Contains(t, errs, "withsecrets: FIRST: "+c.source+": "+c.want)
			assert.Contains(t, errs, "withsecrets: SECOND: "+c.source+": "+c.want)
			assert.Contains(t, errs, "withsecrets: /bin/echo is not started\n")
			assert.NotContains(t, errs, "s3cr3t")
			assert.Equal(t, missing, code)
		})
	}
}

func TestWrongArgumentsAreSaid(t *testing.T) {
	a := newAccount(t)
	for name, c := range map[string]struct {
		args []string
		want string
		code int
	}{
		"no program":           {[]string{"TOKEN=secret:whole"}, "no program is given: NAME=SOURCE … -- PROGRAM", wrongUsage},
		"nothing after --":     {[]string{"TOKEN=secret:whole", "--"}, "no program is given", wrongUsage},
		"no source":            {[]string{"TOKEN", "--", "/bin/true"}, "TOKEN", wrongUsage},
		"an unknown flag":      {[]string{"-regions", "a", "--", "/bin/true"}, "flag provided but not defined: -regions", wrongUsage},
		"a program of nowhere": {[]string{"TOKEN=secret:whole", "--", "/bin/nowhere"}, "withsecrets: /bin/nowhere: ", noProgram},
	} {
		t.Run(name, func(t *testing.T) {
			_, errs, code := a.run(t, c.args...)
			assert.Contains(t, errs, c.want)
			assert.Equal(t, c.code, code)
		})
	}
}

// A rotated secret is read anew at the next start, and a version by its ID.
func TestAnotherStartReadsAnotherVersion(t *testing.T) {
	a := newAccount(t)
	show := func(source string) string {
		out, errs, _ := a.run(t, "VALUE="+source, "--", "/bin/sh", "-c", `printf %s "$VALUE"`)
		assert.Empty(t, errs)
		return out
	}
	first, err := a.secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: sdk.String("object")})
	require.NoError(t, err)
	_, err = a.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: sdk.String("object"), SecretString: sdk.String(`{"token": "another"}`),
	})
	require.NoError(t, err)
	assert.Equal(t, "another", show("secret:object#token"))
	for version := range first.VersionIdsToStages {
		assert.Equal(t, "t0ken", show("secret:object#token#"+version))
	}
}
