package aws_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/cloud/s3"
)

// commandLine is a line of a code block of a document that runs the AWS CLI.
type commandLine struct{ document, text string }

// commandLines returns the lines of the project's documents that run the AWS CLI.
func commandLines(t *testing.T) []commandLine {
	t.Helper()
	documents, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	var found []commandLine
	for _, document := range append(documents, "../../README.md") {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		inside := false
		lines := strings.SplitSeq(strings.ReplaceAll(string(text), "\\\n", ""), "\n")
		for line := range lines {
			if strings.HasPrefix(line, "```") {
				inside = !inside
			}
			if line = strings.TrimPrefix(line, "$ "); inside && strings.HasPrefix(line, "aws ") {
				found = append(found, commandLine{filepath.Base(document), line})
			}
		}
	}
	return found
}

// notRun says why commands of the documents are not run. Their words are checked nevertheless.
var notRun = map[string]string{
	"aws ssm start-session":                         "the AWS CLI starts a program that talks to the agent on a machine of AWS",
	"aws ec2-instance-connect send-ssh-public-key ": "no SSH server listens on instances of the emulator",
}

// outside is the beginning of commands of a service that the emulator leaves out: every key may do everything there. They must be refused
// for this reason alone.
const outside = "aws iam create-policy "

// documented is a world with what the documents' commands are about.
type documented struct {
	*world
	values  *strings.Replacer // of the documents' placeholders
	folder  string
	image   ec2.Image
	balance string
}

func newDocumented(t *testing.T) *documented {
	t.Helper()
	d := &documented{world: newWorld(t), folder: t.TempDir()}
	object := filepath.Join(d.folder, "object")
	require.NoError(t, os.WriteFile(object, []byte("a line of an access log"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(d.folder, "id.pub"), []byte("ssh-ed25519 "+strings.Repeat("A", 68)), 0o600))
	documents, err := filepath.Abs("../../docs")
	require.NoError(t, err)
	var instance, secret string
	require.NoError(t, d.cloud.Change(func(m *cloud.Model) (err error) {
		instance = m.EC2.DescribeInstances()[0].ID
		d.image, err = m.EC2.CreateImage("cardweb", instance, map[string]string{"Service": "cardweb"})
		require.NoError(t, err)
		secret = d.addDatabase(t, m)
		require.NoError(t, m.CloudWatch.CreateLogGroup(cloudwatch.LogGroup{Name: "/musicguru/dev/instances"}))
		require.NoError(t, m.CloudWatch.CreateLogStream("/musicguru/dev/instances", instance, m.Clock.Now()))
		require.NoError(t, m.S3.CreateBucket("logs"))
		require.NoError(t, m.S3.PutObject("logs", s3.Object{
			Key: "AWSLogs/1", Source: object, SHA256: strings.Repeat("0", 64), Modified: m.Clock.Now(),
		}))
		balancer := m.ELB.DescribeLoadBalancers()[0]
		balancer.Spec.Protected = true
		d.balance = balancer.ARN
		return m.ELB.UpdateLoadBalancer(balancer.ARN, balancer.Spec)
	}))
	d.values = strings.NewReplacer(
		"--endpoint-url http://127.0.0.1:4566", "",
		"$(pulumi stack output -s prod balancer)", d.balance, "$(pulumi stack output group)", "web",
		"$(pulumi stack output -s cache targetGroup)", d.targets, "--target-group-arn …", "--target-group-arn "+d.targets,
		"$DATABASE_SECRET", secret, "lamp-database-…", "database", "swiftcode-database-…", "database",
		"--db-instance-identifier …", "--db-instance-identifier database",
		"i-…", instance, "i-BASTION", instance, "--instance-id BASTION", "--instance-id "+instance,
		"ami-…", d.image.ID, "snap-…", d.image.Snapshot, "s3://… …", "s3://logs copy", "s3://…", "s3://logs",
		"$HOME/.ssh/id_ed25519.pub", "id.pub", "file://docs/", "file://"+documents+"/",
	)
	return d
}

// addDatabase adds a database that is protected, and returns the ARN of the secret that RDS manages for it.
func (d *documented) addDatabase(t *testing.T, m *cloud.Model) string {
	t.Helper()
	var subnets []string
	for id := range m.VPC.Subnets {
		subnets = append(subnets, id)
	}
	require.NoError(t, m.RDS.CreateSubnetGroup(rds.SubnetGroup{Name: "database", Subnets: subnets}))
	made, err := m.RDS.CreateDatabase(rds.DatabaseSpec{
		Identifier: "database", Engine: "postgres", Version: "17", Class: "db.t4g.micro", StorageGiB: 20, Username: "service",
		ManagedPassword: true, SubnetGroup: "database", Protected: true,
	}, m.Clock.Now())
	require.NoError(t, err)
	return made.Secret
}

// shell runs a line as a shell does in which `aws` talks to the emulator.
func (d *documented) shell(t *testing.T, line string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c",
		`aws() { `+awsCommand+` --endpoint-url "$ENDPOINT" "$@"; }`+"\n"+line)
	command.Dir = d.folder
	command.Env = append(os.Environ(), "ENDPOINT="+d.url, "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=key", "AWS_PAGER=",
		"AWS_CONFIG_FILE=/dev/null", "AWS_REGION=us-east-1")
	out, err := command.CombinedOutput()
	return string(out), err
}

var placeholder = regexp.MustCompile(`…|\$\(|\$[A-Z_]+|[A-Z]{2,}-…`)

func TestTheCommandsOfTheDocumentsRun(t *testing.T) {
	needAWSCommand(t)
	d := newDocumented(t)
	lines := commandLines(t)
	require.NotEmpty(t, lines)
	unused := map[string]bool{}
	for prefix := range notRun {
		unused[prefix] = true
	}
	for _, line := range lines {
		t.Run(line.document+": "+line.text, func(t *testing.T) {
			command := d.values.Replace(line.text)
			require.NotRegexp(t, placeholder, command, "a placeholder without a value: give it one in newDocumented")
			for prefix := range notRun {
				if strings.HasPrefix(line.text, prefix) {
					unused[prefix] = false
					command, _, _ = strings.Cut(command, " #")
					command += " --generate-cli-skeleton output" // which checks the words, and asks nothing
				}
			}
			out, err := d.shell(t, command)
			if strings.HasPrefix(line.text, outside) {
				require.Error(t, err)
				require.Contains(t, out, `the emulator does not answer for the service "iam"`)
				return
			}
			require.NoError(t, err, out)
			t.Log(out)
		})
	}
	for prefix, isUnused := range unused {
		assert.False(t, isUnused, "no document has %q any more", prefix)
	}
	d.assertDone(t)
}

// assertDone checks that the commands had the effects that the documents say.
func (d *documented) assertDone(t *testing.T) {
	t.Helper()
	assert.FileExists(t, filepath.Join(d.folder, "copy", "AWSLogs", "1"))
	d.cloud.View(func(m *cloud.Model) {
		assert.Empty(t, m.S3.Buckets["logs"].Objects)
		assert.Empty(t, m.EC2.DescribeImages())
		assert.Empty(t, m.EC2.Snapshots)
		assert.False(t, m.RDS.List()[0].Spec.Protected)
		assert.Len(t, m.RDS.Snapshots, 2)
		assert.False(t, slices.ContainsFunc(m.ELB.DescribeLoadBalancers(), func(b elb.LoadBalancer) bool { return b.Spec.Protected }))
		group, _ := m.AutoScaling.Group("web")
		assert.Len(t, group.Refreshes, 1)
	})
}
