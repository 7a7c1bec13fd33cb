package network

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/tags"
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
		Tags:               tags.Named(args.Tags, name),
	}, pulumi.Parent(n), pulumi.DependsOn([]pulumi.Resource{policy}))
	return err
}

// flowLogsRole creates the role that writes to the log group. It may not create log groups: otherwise a last batch of
// records could bring back a log group that was deleted.
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
