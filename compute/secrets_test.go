package compute

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
	"github.com/elastic-service/elastic-service/internal/iam"
	"github.com/elastic-service/elastic-service/secrets"
	"github.com/elastic-service/elastic-service/userdata"
)

func withSecrets() *Args {
	a := args()
	a.CreatedSecrets = map[string]CreatedSecret{
		"own": {ARN: pulumi.String("arn:aws:secretsmanager:us-east-1:123456789012:secret:own-AbCdEf"), Version: pulumi.String("v-1")},
	}
	a.Software.Services[0].Secrets = []userdata.Secret{
		{Variable: "A", Source: secrets.Source{Secret: Created("own"), Key: "web.A"}},
		{Variable: "B", Source: secrets.Source{Secret: "web/api", Key: "token"}},
		{Variable: "C", Source: secrets.Source{Secret: "web/api", Key: "other"}},
		{Variable: "D", Source: secrets.Source{Parameter: "/web/d"}},
		{Variable: "E", Source: secrets.Source{Parameter: "e"}},
	}
	return a
}

func TestTheRoleReadsExactlyTheSecretsOfItsServices(t *testing.T) {
	g := mustDeploy(t, withSecrets())
	assert.JSONEq(t, `{"Version": "2012-10-17", "Statement": [
		{"Sid": "ReadSecrets", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": [
			"arn:aws:secretsmanager:us-east-1:123456789012:secret:own-AbCdEf",
			"arn:aws:secretsmanager:us-east-1:123456789012:secret:web/api-??????"]},
		{"Sid": "ReadParameters", "Effect": "Allow", "Action": "ssm:GetParameter", "Resource": [
			"arn:aws:ssm:us-east-1:123456789012:parameter/web/d", "arn:aws:ssm:us-east-1:123456789012:parameter/e"]}]}`,
		g.Find("RolePolicy", "musicguru-read-secrets").Inputs["policy"].StringValue())
}

func TestUserDataNamesThePlacesOfSecrets(t *testing.T) {
	document := graphtest.UserData(mustDeploy(t, withSecrets()).OfType("LaunchTemplate")[0])
	assert.Contains(t, document, `A=secret:arn:aws:secretsmanager:us-east-1:123456789012:secret:own-AbCdEf#web.A#v-1`)
	assert.Contains(t, document, `B=secret:web/api#token`)
	assert.Contains(t, document, `D=parameter:/web/d`)
	assert.Contains(t, document, `-- /usr/local/bin/musicguru serve`)
}

func TestASecretThatNobodyCreatesRegistersNothing(t *testing.T) {
	a := withSecrets()
	a.CreatedSecrets = nil
	g, err := deploy(t, a)
	require.ErrorContains(t, err, `software.services.musicguru.secrets.A: "own" is not among the created secrets`)
	assert.Empty(t, g.Resources)
}

func TestPermissionsAndWaysOutAreAsAskedFor(t *testing.T) {
	a := args()
	a.Permissions = []iam.Statement{{
		Effect: iam.Allow, Action: []string{"sqs:SendMessage"}, Resource: []string{"arn:aws:sqs:us-east-1:123456789012:q"},
		Condition: iam.Condition{"Bool": {"aws:SecureTransport": []string{"true"}}},
	}}
	a.Egress = []Egress{
		{To: "203.0.113.0/24", Port: 5432, LastPort: 5440, Protocol: "tcp"}, {To: "pl-63a5400a", Port: 443, LastPort: 443, Protocol: "tcp"},
		{To: "sg-0123456789abcdef0", Port: 53, LastPort: 53, Protocol: "udp"},
	}
	g := mustDeploy(t, a)
	assert.JSONEq(t, `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sqs:SendMessage"],
		"Resource": ["arn:aws:sqs:us-east-1:123456789012:q"], "Condition": {"Bool": {"aws:SecureTransport": ["true"]}}}]}`,
		g.Find("RolePolicy", "musicguru-permissions").Inputs["policy"].StringValue())
	in := g.Find("SecurityGroupEgressRule", "musicguru-to-203.0.113.0/24-tcp-5432-5440").Inputs
	assert.Equal(t, "203.0.113.0/24", in["cidrIpv4"].StringValue())
	assert.InDelta(t, 5440, in["toPort"].NumberValue(), 0)
	list := g.Find("SecurityGroupEgressRule", "musicguru-to-pl-63a5400a-tcp-443-443").Inputs
	assert.Equal(t, "pl-63a5400a", list["prefixListId"].StringValue())
	udp := g.Find("SecurityGroupEgressRule", "musicguru-to-sg-0123456789abcdef0-udp-53-53").Inputs
	assert.Equal(t, "udp", udp["ipProtocol"].StringValue())
	assert.Equal(t, "sg-0123456789abcdef0", udp["referencedSecurityGroupId"].StringValue())
}
