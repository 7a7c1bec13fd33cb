package network

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// retention is how long flow logs are kept, in days.
const retention = 30

// flowLogs records every connection of the VPC, accepted or rejected.
func (n *Network) flowLogs(ctx *pulumi.Context, name string, args *Args) error {
	group, err := cloudwatch.NewLogGroup(ctx, name+"-flows", &cloudwatch.LogGroupArgs{
		RetentionInDays: pulumi.Int(retention),
		Tags:            pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(n))
	if err != nil {
		return err
	}
	role, policy, err := n.flowLogsRole(ctx, name, args, group)
	if err != nil {
		return err
	}
	_, err = ec2.NewFlowLog(ctx, name+"-flow-log", &ec2.FlowLogArgs{
		VpcId:              n.VPCID,
		TrafficType:        pulumi.String("ALL"),
		LogDestinationType: pulumi.String("cloud-watch-logs"),
		LogDestination:     group.Arn,
		IamRoleArn:         role.Arn,
		Tags:               named(args.Tags, name),
	}, pulumi.Parent(n), pulumi.DependsOn([]pulumi.Resource{policy}))
	return err
}

// flowLogsRole may write to the one log group. It may not create one: a log group that is deleted stays so, even if a
// last batch of records is under way.
func (n *Network) flowLogsRole(
	ctx *pulumi.Context, name string, args *Args, group *cloudwatch.LogGroup,
) (*iam.Role, *iam.RolePolicy, error) {
	role, err := iam.NewRole(ctx, name+"-flows-role", &iam.RoleArgs{
		Description:      pulumi.String("Flow logs of " + name),
		AssumeRolePolicy: group.Arn.ApplyT(trustFlowLogs).(pulumi.StringOutput),
		Tags:             pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(n))
	if err != nil {
		return nil, nil, err
	}
	policy, err := iam.NewRolePolicy(ctx, name+"-write-flows", &iam.RolePolicyArgs{
		Role:   role.Name,
		Policy: group.Arn.ApplyT(writeLogs).(pulumi.StringOutput),
	}, pulumi.Parent(n))
	return role, policy, err
}

// policy is an IAM policy document. Its fields are in the order in which AWS returns them.
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect    string
	Principal map[string]string `json:",omitempty"`
	Action    any
	Resource  string                       `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

func (s statement) json() (string, error) {
	text, err := json.Marshal(policy{Version: "2012-10-17", Statement: []statement{s}})
	return string(text), err
}

// trustFlowLogs lets the service take the role on behalf of the log group's account alone. Without that condition it
// could be talked into taking it for somebody else's flow log.
func trustFlowLogs(groupARN string) (string, error) {
	parts := strings.Split(groupARN, ":")
	if len(parts) < 6 {
		return "", fmt.Errorf("%q is not the ARN of a log group", groupARN)
	}
	return statement{
		Effect:    "Allow",
		Principal: map[string]string{"Service": "vpc-flow-logs.amazonaws.com"},
		Action:    "sts:AssumeRole",
		Condition: map[string]map[string]string{"StringEquals": {"aws:SourceAccount": parts[4]}},
	}.json()
}

// writeLogs allows writing to the streams of a log group.
func writeLogs(groupARN string) (string, error) {
	return statement{
		Effect:   "Allow",
		Action:   []string{"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"},
		Resource: groupARN + ":*",
	}.json()
}
