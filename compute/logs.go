package compute

import (
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/iam"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/journal"
)

// Logs is a log group of CloudWatch Logs that the template creates. One of the artifacts is the program that sends the journal there, see
// [journal.Path].
type Logs struct {
	Group     string // its name, see [journal.GroupName]
	Retention int    // in days, one of [journal.Retentions]
}

func (l *Logs) validate() error {
	var problems invalid.List
	problems.Need("group", l.Group != "")
	if !slices.Contains(journal.Retentions, l.Retention) {
		problems.Add("retention", l.Retention, "is not one of %v", journal.Retentions)
	}
	return problems.Err()
}

// logGroup creates the log group; nil without one. Its name is known beforehand: user data has it.
func (t *Template) logGroup(ctx *pulumi.Context, name string, args *Args) (*cloudwatch.LogGroup, error) {
	if args.Software.Logs == nil {
		return nil, nil
	}
	return cloudwatch.NewLogGroup(ctx, name+"-logs", &cloudwatch.LogGroupArgs{
		Name:            pulumi.String(args.Software.Logs.Group),
		RetentionInDays: pulumi.Int(args.Software.Logs.Retention),
		Tags:            pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(t))
}

// writeLogs allows writing to streams of a log group, and neither to read them nor to create the group: otherwise the last lines of an
// instance could bring back a log group that was deleted.
func writeLogs(groupARN string) (string, error) {
	return iam.Policy(iam.Statement{
		Sid:      "WriteLogs",
		Effect:   iam.Allow,
		Action:   []string{"logs:CreateLogStream", "logs:PutLogEvents"},
		Resource: groupARN + ":*",
	})
}
