package database

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/rds"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// parameters creates the parameter group of an engine that needs other parameters than RDS's own, and returns its name; nil
// for other engines. Another major version makes a new group beside the old one, which goes when the instance has left it.
func (d *Database) parameters(ctx *pulumi.Context, name string, args *Args) (pulumi.StringPtrInput, error) {
	engine := engines[args.Engine]
	if len(engine.parameters) == 0 {
		return nil, nil
	}
	var parameters rds.ParameterGroupParameterArray
	for _, p := range engine.parameters {
		parameters = append(parameters, &rds.ParameterGroupParameterArgs{Name: pulumi.String(p.name), Value: pulumi.String(p.value)})
	}
	group, err := rds.NewParameterGroup(ctx, name+"-database", &rds.ParameterGroupArgs{
		Family:      pulumi.String(args.family()),
		Description: pulumi.String("Database of " + name),
		Parameters:  parameters,
		Tags:        pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(d))
	if err != nil {
		return nil, err
	}
	return group.Name, nil
}

// instance creates the instance.
//
// What RDS is told is applied at once: a change that waits for the maintenance window is shown by each preview until then, and
// made again by each update. What must not happen at once is held back, see [Args].
//
// RDS takes EngineLifecycleSupport when it creates an instance, and does not change it.
func (d *Database) instance(
	ctx *pulumi.Context, name string, args *Args,
	group *ec2.SecurityGroup, subnets *rds.SubnetGroup, parameters pulumi.StringPtrInput,
) (*rds.Instance, error) {
	engine := engines[args.Engine]
	in := &rds.InstanceArgs{
		Engine:                       pulumi.String(args.Engine),
		EngineVersion:                pulumi.String(args.Version),
		AutoMinorVersionUpgrade:      pulumi.Bool(!engine.minor(args.Version)),
		AllowMajorVersionUpgrade:     pulumi.Bool(args.AllowMajorUpgrade),
		InstanceClass:                pulumi.String(args.InstanceClass),
		AllocatedStorage:             pulumi.Int(args.StorageGiB),
		StorageType:                  pulumi.String("gp3"),
		StorageEncrypted:             pulumi.Bool(true),
		MultiAz:                      pulumi.Bool(args.MultiAZ),
		DbName:                       pulumi.String(args.Name),
		Username:                     pulumi.String(args.Username),
		ManageMasterUserPassword:     pulumi.Bool(true), // it is in no state, no log and no user data
		Port:                         pulumi.Int(d.Port),
		DbSubnetGroupName:            subnets.Name,
		VpcSecurityGroupIds:          pulumi.StringArray{group.ID()},
		ParameterGroupName:           parameters,
		PubliclyAccessible:           pulumi.Bool(false),
		EnabledCloudwatchLogsExports: pulumi.ToStringArray(engine.logs),
		BackupRetentionPeriod:        pulumi.Int(args.BackupDays),
		CopyTagsToSnapshot:           pulumi.Bool(true),
		DeletionProtection:           pulumi.Bool(args.Protect),
		SkipFinalSnapshot:            pulumi.Bool(!args.FinalSnapshot),
		DeleteAutomatedBackups:       pulumi.Bool(!args.FinalSnapshot),
		ApplyImmediately:             pulumi.Bool(true),
		Tags:                         pulumi.ToStringMap(args.Tags),
	}
	if args.MaxStorageGiB > args.StorageGiB {
		in.MaxAllocatedStorage = pulumi.Int(args.MaxStorageGiB)
	}
	if engine.extendedSupport {
		in.EngineLifecycleSupport = pulumi.String("open-source-rds-extended-support-disabled")
	}
	if args.FinalSnapshot {
		// The name of a snapshot can be used once. The subnet group's ends with letters that Pulumi chooses for each new one.
		in.FinalSnapshotIdentifier = pulumi.Sprintf("%s-final", subnets.Name)
	}
	return rds.NewInstance(ctx, name+"-database", in, pulumi.Parent(d), pulumi.IgnoreChanges(args.held()))
}
