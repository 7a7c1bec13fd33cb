package settings

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// secretOf gives the service a secret TOKEN.
func secretOf(fields string) string {
	return oneService(`name: a, command: [/bin/a], secrets: {TOKEN: {` + fields + `}}`)
}

func permission(fields string) string { return app(`permissions: [{` + fields + `}]`) }

func egress(fields string) string { return `network: {egress: [{` + fields + `}]}` }

const tokenAt = `app.services[0].secrets.TOKEN`

func TestSecretsPermissionsAndWaysOutThatCannotWorkAreRefused(t *testing.T) {
	for _, c := range []struct{ name, given, more, want string }{
		{name: "a secret from nowhere", given: secretOf(``), want: tokenAt + `: must have secret, parameter, value or database`},
		{
			name:  "a secret from two places",
			given: secretOf(`secret: a, parameter: b`),
			want:  tokenAt + `: has secret and parameter: one of them is the source`,
		},
		{
			name:  "a name that no secret has",
			given: secretOf(`secret: my secret`),
			want:  tokenAt + `.secret: "my secret" is neither the name of a secret (at most 512 letters, digits and /_+=.@!-) nor its ARN`,
		},
		{
			name:  "an ARN without its end",
			given: secretOf(`secret: "arn:aws:secretsmanager:us-east-1:123456789012:secret:api"`),
			want: tokenAt + `.secret: "arn:aws:secretsmanager:us-east-1:123456789012:secret:api" is not the whole ARN of a secret: it ends with a ` +
				`hyphen and six letters or digits, see aws secretsmanager describe-secret`,
		},
		{
			name:  "a secret of another region",
			given: secretOf(`secret: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:api-AbCdEf"`),
			want: tokenAt + `.secret: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:api-AbCdEf" is in eu-west-1: the instances of the ` +
				`stack read in its own region, us-east-1`,
		},
		{
			name:  "a topic for a secret",
			given: secretOf(`secret: "arn:aws:sns:us-east-1:123456789012:api"`),
			want:  tokenAt + `.secret: "arn:aws:sns:us-east-1:123456789012:api" is an ARN of sns, not of secretsmanager`,
		},
		{
			name:  "an ARN of no account",
			given: secretOf(`secret: "arn:aws:secretsmanager:::secret:api-AbCdEf"`),
			want:  tokenAt + `.secret: "arn:aws:secretsmanager:::secret:api-AbCdEf" is not the ARN of a resource in an account's region`,
		},
		{
			name:  "a key of a parameter",
			given: secretOf(`parameter: /a, key: b`),
			want:  tokenAt + `.key: "b" needs secret: other sources have no keys`,
		},
		{
			name:  "a key with a space",
			given: secretOf(`secret: a, key: b c`),
			want:  tokenAt + `.key: "b c" is not a key of at most 256 letters, digits and ._-`,
		},
		{
			name:  "a parameter with half a path",
			given: secretOf(`parameter: a/b`),
			want:  tokenAt + `.parameter: "a/b" is neither the name of a parameter, such as /web/token, nor its ARN`,
		},
		{
			name:  "a document for a parameter",
			given: secretOf(`parameter: "arn:aws:ssm:us-east-1:123456789012:document/a"`),
			want: tokenAt + `.parameter: "arn:aws:ssm:us-east-1:123456789012:document/a" is not the ARN of a parameter: ` +
				`arn:aws:ssm:REGION:ACCOUNT:parameter/NAME`,
		},
		{
			name:  "the password of no database",
			given: secretOf(`database: password`),
			want:  tokenAt + `.database: "password" needs database: the stack has none`,
		},
		{
			name:  "what the secret of a database does not have",
			given: secretOf(`database: host`),
			want:  tokenAt + `.database: "host" is not username or password`,
		},
		{
			name:  "a variable twice",
			given: oneService(`name: a, command: [/bin/a], environment: {TOKEN: b}, secrets: {TOKEN: {secret: a}}`),
			want:  tokenAt + `: is set in environment, too: leave out one of them`,
		},
		{
			name:  "credentials for AWS",
			given: oneService(`name: a, command: [/bin/a], secrets: {AWS_SECRET_ACCESS_KEY: {secret: a}}`),
			want: `app.services[0].secrets.AWS_SECRET_ACCESS_KEY: begins with AWS_: the service calls AWS with the role of the instance or ` +
				`the task, see permissions`,
		},
		{
			name:  "a variable with a hyphen",
			given: oneService(`name: a, command: [/bin/a], secrets: {MY-TOKEN: {secret: a}}`),
			want:  `app.services[0].secrets: "MY-TOKEN" is not the name of a variable: letters, digits and _`,
		},
		{
			name:  "a secret of containers by its name",
			given: containers,
			more:  `containers: {image: nginx, port: 80, secrets: {TOKEN: {secret: api}}}`,
			want: `containers.secrets.TOKEN.secret: "api" is not an ARN, by which alone ECS finds a secret: see aws secretsmanager ` +
				`describe-secret`,
		},
		{
			name:  "a value in plain text",
			given: secretOf(`value: hunter2`),
			want: tokenAt + `.value: is plain text: give it anew by pulumi config set --secret --path ` +
				`'elastic-service:app.services[0].secrets.TOKEN.value'`,
		},
		{
			name:  "a list of secrets",
			given: oneService(`name: a, command: [/bin/a], secrets: [TOKEN]`),
			want:  `app.services[0].secrets: a list is not an object of names and objects`,
		},
		{
			name:  "a relative environment file",
			given: oneService(`name: a, command: [/bin/a], environmentFile: .env`),
			want:  `app.services[0].environmentFile: ".env" ` + plainPathRule,
		},
		{
			name:  "everything, by accident",
			given: permission(`actions: ["*"], resources: ["*"]`),
			want:  `app.permissions[0]: allows everything in the account: name actions and resources, or set everything to true`,
		},
		{
			name:  "everything of one action",
			given: permission(`actions: [s3:GetObject], resources: ["*"], everything: true`),
			want:  `app.permissions[0].everything: true needs * among actions and among resources`,
		},
		{
			name:  "an action without its service",
			given: permission(`actions: [GetObject], resources: ["*"]`),
			want:  `app.permissions[0].actions[0]: "GetObject" is not an action such as s3:GetObject`,
		},
		{
			name:  "a bucket's name for its ARN",
			given: permission(`actions: [s3:GetObject], resources: [bucket]`),
			want:  `app.permissions[0].resources[0]: "bucket" is neither an ARN such as arn:aws:s3:::bucket/* nor *`,
		},
		{
			name:  "a resource in China",
			given: permission(`actions: [s3:GetObject], resources: ["arn:aws-cn:s3:::bucket"]`),
			want: `app.permissions[0].resources[0]: "arn:aws-cn:s3:::bucket" is in the partition aws-cn, not in that of the stack's region, ` +
				`aws`,
		},
		{
			name:  "no action",
			given: permission(`actions: [], resources: ["*"]`),
			want:  `app.permissions[0].actions: must have at least one`,
		},
		{
			name:  "an operator that IAM does not have",
			given: permission(`actions: [s3:GetObject], resources: ["*"], conditions: [{operator: Equals, key: aws:SourceVpc, values: [a]}]`),
			want:  `app.permissions[0].conditions[0].operator: "Equals" is not an operator of IAM such as StringEquals`,
		},
		{
			name:  "a condition without its service",
			given: permission(`actions: [s3:GetObject], resources: ["*"], conditions: [{operator: Bool, key: SourceVpc, values: [a]}]`),
			want:  `app.permissions[0].conditions[0].key: "SourceVpc" is not a key such as aws:ResourceTag/Team`,
		},
		{
			name:  "a way to a name",
			given: egress(`to: db.example.com, port: 5432`),
			want: `network.egress[0].to: "db.example.com" is neither a range such as 203.0.113.0/24 nor the ID of a prefix list or a ` +
				`security group`,
		},
		{
			name:  "a way over IPv6",
			given: egress(`to: "2001:db8::/32", port: 5432`),
			want:  `network.egress[0].to: "2001:db8::/32" is a range of IPv6: the VPC has addresses of IPv4 only`,
		},
		{
			name:  "a way to a host in a range",
			given: egress(`to: 203.0.113.7/24, port: 5432`),
			want:  `network.egress[0].to: "203.0.113.7/24" has host bits set, it should be 203.0.113.0/24`,
		},
		{
			name:  "a way that is open",
			given: egress(`to: 0.0.0.0/0, port: 443`),
			want:  `network.egress[0].port: 443 is open to everywhere anyway: leave this out`,
		},
		{
			name:  "a way that no gateway leads",
			given: `network: {private: true, endpoints: true, egress: [{to: 203.0.113.0/24, port: 5432}]}`,
			want: `network.egress[0].to: "203.0.113.0/24" is outside of the VPC, and private instances have no way there without ` +
				`network.nat`,
		},
		{
			name:  "a prefix list in a network ACL",
			given: `network: {acl: true, egress: [{to: pl-63a5400a, port: 443}]}`,
			want:  `network.egress[0].to: "pl-63a5400a" cannot be let out by network.acl, which knows ranges only: list the ranges`,
		},
		{
			name:  "ports backwards",
			given: egress(`to: 203.0.113.0/24, port: 90, lastPort: 80`),
			want:  `network.egress[0].lastPort: 80 is not from network.egress[0].port (90) to 65535`,
		},
		{
			name:  "a way out twice",
			given: `network: {egress: [{to: 203.0.113.0/24, port: 25}, {to: 203.0.113.0/24, port: 25}]}`,
			want:  `network.egress[1]: is network.egress[0] again`,
		},
		{
			name:  "a way out over ICMP",
			given: egress(`to: 203.0.113.0/24, port: 25, protocol: icmp`),
			want:  `network.egress[0].protocol: "icmp" is not tcp or udp`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			documents := []string{smallest, c.given}
			if c.more != "" {
				documents = append(documents, c.more)
			}
			_, err := Parse(config(t, documents...))
			require.Error(t, err)
			assert.Equal(t, c.want, err.Error())
		})
	}
}

func TestValuesOfSecretsAreTheOnlySettingsThatAreEncrypted(t *testing.T) {
	const path = `elastic-service:app.services[0].secrets.TOKEN.value`
	s, err := Parse(config(t, smallest, secretOf(`value: hunter2`)), path)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a.TOKEN": "hunter2"}, s.GivenSecrets())

	for _, path := range []string{
		"app.services[0].secrets.TOKEN.secret", "app.services[0].environment.TOKEN", "app.services[0].secrets.TOKEN", "network.egress[0].to",
		"app.permissions[0].resources[0]", "app.services[0].environmentFile",
	} {
		_, err := Parse(config(t, smallest, secretOf(`secret: hunter2`)), namespace+path)
		require.ErrorContains(t, err, path+": is a secret, and would be plain text")
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

func TestSecretsThatAreTooLongTogetherAreRefused(t *testing.T) {
	_, err := Parse(config(t, smallest, secretOf(`value: `+strings.Repeat("x", mostSecretText+1))),
		`elastic-service:app.services[0].secrets.TOKEN.value`)
	require.EqualError(t, err, tokenAt+`.value: is one of the values that have 32769 characters together: 32768 at most`)
}
