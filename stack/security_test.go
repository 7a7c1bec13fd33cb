package stack

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/docstest"
	"github.com/elastic-service/elastic-service/internal/project"
)

// control is a check of AWS Foundational Security Best Practices, made on the golden graphs.
type control struct {
	id, what string
	typ      string // of the resources that it is about
	each     string // matches each of them that passes
	none     string // matches those that fail
	when     string // matches those that it is about; all if empty
	reason   string // why a stack does not pass
}

var controls = []control{
	{id: "EC2.8", what: "instance metadata by IMDSv2 only, one hop", typ: "LaunchTemplate",
		each: `"httpPutResponseHopLimit":1,"httpTokens":"required"`},
	{id: "EC2.3", what: "volumes encrypted", typ: "LaunchTemplate", each: `"encrypted":"true"`},
	{id: "EC2.25", what: "instances without a public address", typ: "LaunchTemplate", each: `"associatePublicIpAddress":"false"`,
		reason: "in public subnets the address is the way out, which costs less than a NAT gateway; `network.private` gives private instances"},
	{id: "EC2.2", what: "default security group without rules", typ: "DefaultSecurityGroup", each: `(?s)egress: \[\].*ingress: \[\]`},
	{id: "EC2.13, EC2.14", what: "ports 22 and 3389 closed to the world", typ: "SecurityGroupIngressRule",
		none: `(?s)cidrIpv4: "0\.0\.0\.0/0".*fromPort: (22|3389)\n`},
	{id: "EC2.15", what: "subnets that give no public address by themselves", typ: "awsx:ec2:Vpc", each: `mapPublicIpOnLaunch`,
		reason: "awsx sets it on public subnets and has no option for it; the launch template says for each instance whether it gets an address"},
	{id: "EC2.6", what: "flow logs", typ: "FlowLog", each: `ALL`, reason: "CloudWatch bills them by volume; `network.flowLogs` creates them"},
	{id: "ELB.5", what: "access logs of the balancer", typ: "LoadBalancer", each: `accessLogs: .*"enabled":true`,
		reason: "`balancer.accessLogs` creates them; a network balancer logs TLS only"},
	{id: "ELB.6", what: "balancer protected from deletion", typ: "LoadBalancer", each: `enableDeletionProtection: true`,
		reason: "`protect` does it; the other stacks are made to be destroyed"},
	{id: "ELB.4", what: "invalid headers dropped", typ: "LoadBalancer", when: `"application"`, each: `dropInvalidHeaderFields: true`},
	{id: "ELB.2, ELB.3", what: "TLS at every listener that forwards", typ: "Listener", when: `"forward"`, each: `protocol: "(TLS|HTTPS)"`,
		reason: "it takes a domain: add a listener and `balancer.alias`"},
	{id: "S3.8", what: "public access to buckets blocked", typ: "BucketPublicAccessBlock",
		each: `(?s)blockPublicAcls: true.*blockPublicPolicy: true.*ignorePublicAcls: true.*restrictPublicBuckets: true`},
	{id: "S3.5", what: "buckets take TLS only", typ: "BucketPolicy", each: `aws:SecureTransport`},
	{id: "S3.14", what: "buckets with versions", typ: "BucketVersioningV2", each: `Enabled`,
		reason: "an artifact's key has its content's hash, so no object is ever written over; logs are written once"},
	{id: "SNS.1", what: "topic encrypted by KMS", typ: "sns/topic:Topic", each: `kmsMasterKeyId`,
		reason: "the key `alias/aws/sns` lets neither CloudWatch nor EventBridge publish, so alarms would be lost (SNS Developer Guide, key " +
			"management); a key of one's own costs 1 $ a month, and the messages have no secrets"},
	{id: "CloudWatch.16", what: "logs kept for a year", typ: "LogGroup", each: `retentionInDays: (365|400|545|731|[1-9][0-9]{3})`,
		reason: "they are kept for 30 days; ship them to an archive if a rule asks for a year"},
	{id: "RDS.3", what: "database encrypted", typ: "rds/instance:Instance", each: `storageEncrypted: true`},
	{id: "RDS.2", what: "database not public", typ: "rds/instance:Instance", none: `publiclyAccessible: true`},
	{id: "RDS.5", what: "database with a standby", typ: "rds/instance:Instance", each: `multiAz: true`,
		reason: "it doubles the price of a demonstration; `database.multiAZ` is true by default"},
	{id: "IAM.1", what: "no role may do everything", typ: "RolePolicy", none: `\\"Action\\":\\"\*\\"`},
	{id: "ECS.4", what: "no privileged container", typ: "TaskDefinition", none: `privileged\\":true`},
	{id: "ECS.5", what: "root file system of containers read-only", typ: "TaskDefinition", each: `readonlyRootFilesystem\\":true`,
		reason: "an image of someone else's may write to it"},
}

// expected are the types whose absence is a failure: the controls ask for them.
var expected = map[string]string{"FlowLog": "Vpc", "BucketVersioningV2": "BucketV2"}

// verdict says whether the resources of a golden graph pass: yes, no, or – if there are none.
func (c control) verdict(resources []string) string {
	verdict := "–"
	for _, r := range resources {
		head, body, _ := strings.Cut(r, "\n")
		typ, _, _ := strings.Cut(head, " ")
		switch {
		case expected[c.typ] != "" && strings.HasSuffix(typ, ":"+expected[c.typ]) && verdict == "–":
			verdict = "no"
		case !strings.HasSuffix(typ, ":"+c.typ) && !strings.HasSuffix(typ, "/"+c.typ) && typ != c.typ,
			c.when != "" && !regexp.MustCompile(c.when).MatchString(body):
		case c.each != "" && !regexp.MustCompile(c.each).MatchString(body), c.none != "" && regexp.MustCompile(c.none).MatchString(body+"\n"):
			return "no"
		default:
			verdict = "yes"
		}
	}
	return verdict
}

func TestTheControlsInTheDocumentAreThoseOfTheStacks(t *testing.T) {
	head := append(append([]string{"control", "asks for"}, project.Shipped...), "reason for no")
	var rows [][]string
	for _, c := range controls {
		row, verdicts := []string{c.id, c.what}, []string{}
		for _, stack := range project.Shipped {
			golden, err := os.ReadFile(filepath.Join("testdata", stack+".golden"))
			require.NoError(t, err)
			verdicts = append(verdicts, c.verdict(strings.Split(string(golden), "\n\n")))
		}
		assert.Equal(t, c.reason != "", strings.Contains(strings.Join(verdicts, " "), "no"), "%s: a reason belongs to a no", c.id)
		rows = append(rows, append(append(row, verdicts...), c.reason))
	}
	docstest.Section(t, "../docs/security.md", "controls", docstest.Table(head, rows))
}

func TestAControlFailsForOneResourceThatFails(t *testing.T) {
	rule := func(cidr, port string) string {
		return "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule r\n  cidrIpv4: \"" + cidr + "\"\n  fromPort: " + port
	}
	open := controls[4]
	require.Equal(t, "EC2.13, EC2.14", open.id)
	assert.Equal(t, "yes", open.verdict([]string{rule("0.0.0.0/0", "2222"), rule("10.0.0.0/8", "22")}))
	assert.Equal(t, "no", open.verdict([]string{rule("0.0.0.0/0", "22"), rule("10.0.0.0/8", "22")}))
	assert.Equal(t, "–", open.verdict([]string{"aws:sns/topic:Topic t\n  tags: {}"}))
}
