// Package database gives a service a relational database of RDS: encrypted, in subnets without a route out, with a password
// that only RDS and the service know.
//
//	instances ──[path of the composition: 5432]──▶ security group ──▶ database ══ standby in another zone
//	    └── read ──▶ secret (Secrets Manager) ◀── password, made and rotated by RDS
//
// The security group has no rules: the caller, who knows the clients, adds them. The database accepts TLS connections only.
// PostgreSQL does so by default; MySQL and MariaDB get a parameter group for this purpose alone.
package database

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/rds"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Args describes a database.
type Args struct {
	// VPCID is the VPC of the database's security group.
	VPCID pulumi.StringInput

	// SubnetIDs lists the database's subnets, in at least two zones, even without a standby.
	SubnetIDs pulumi.StringArrayInput

	// Engine is "postgres", "mysql" or "mariadb".
	Engine string

	// Version is the engine's major version, such as 17 for PostgreSQL (15 at least), 8.4 for MySQL (8.0 at least), 11.4 for
	// MariaDB (10.6 at least): RDS chooses the minor version and keeps it up to date. If a minor version is given, the
	// database stays at it. Another major version later is refused: such an upgrade needs a plan, and a test with a copy.
	Version string

	// InstanceClass is such as db.t4g.micro.
	InstanceClass string

	// StorageGiB is the volume's size, 20–65536. It can grow later, not shrink.
	StorageGiB int

	// MultiAZ keeps a standby in another zone, which takes over within one to two minutes.
	MultiAZ bool

	// Name is the name of the first database, Username its owner: letters, digits and underscores, a letter first, at most 63
	// and 16 characters, and no word that the engine reserves.
	Name, Username string

	// BackupDays is how long daily backups are kept, 0–35; 0: no backups.
	BackupDays int

	// Protect makes RDS refuse the database's deletion. If that is lifted by hand, the database leaves a last snapshot when it
	// is deleted. Without Protect it leaves nothing.
	Protect bool

	// Tags are put on everything that takes tags, snapshots included.
	Tags map[string]string
}

// Validate reports every problem of the arguments, as paths below a database.
func (a *Args) Validate() error {
	var problems invalid.List
	if a.VPCID == nil {
		problems.Missing("vpcId", "a VPC is needed")
	}
	if a.SubnetIDs == nil {
		problems.Missing("subnetIds", "subnets are needed")
	} else if list, plain := a.SubnetIDs.(pulumi.StringArray); plain && len(list) < 2 {
		problems.Add("subnetIds", len(list), "is not enough: RDS needs subnets in two zones")
	}
	problems.Include("", a.ValidatePlain())
	return problems.Err()
}

// ValidatePlain reports the problems that do not depend on other resources: VPCID and SubnetIDs may be missing.
func (a *Args) ValidatePlain() error {
	var problems invalid.List
	problems.Include("", a.validEngine())
	problems.Include("", validClass(a.InstanceClass))
	if a.StorageGiB < 20 || a.StorageGiB > 65536 {
		problems.Add("storageGiB", a.StorageGiB, "is not between 20 and 65536")
	}
	if a.BackupDays < 0 || a.BackupDays > 35 {
		problems.Add("backupDays", a.BackupDays, "is not between 0 and 35")
	}
	return problems.Err()
}

// Database is a database.
type Database struct {
	pulumi.ResourceState

	// Address is the database's host name. It stays when the standby takes over.
	Address pulumi.StringOutput

	// Port is the usual port of the engine.
	Port int

	// SecretARN is the ARN of the secret that holds username and password, as JSON.
	SecretARN pulumi.StringOutput

	// SecurityGroupID is the database's security group. It lets nothing in.
	SecurityGroupID pulumi.StringOutput

	// Ready lists the resources that anything connecting to the database must depend on. Depending on the Database would not
	// be enough: the Go SDK learns of a component's children concurrently.
	Ready []pulumi.Resource
}

// New registers a database. Its creation ends when it accepts connections, after 10 to 20 minutes.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Database, error) {
	var problems invalid.List
	problems.Include("", validName(name))
	problems.Include("", args.Validate())
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("database %s: %w", name, err)
	}
	d := &Database{Port: engines[args.Engine].port}
	if err := ctx.RegisterComponentResource("elastic-service:database:Database", name, d, opts...); err != nil {
		return nil, fmt.Errorf("database %s: %w", name, err)
	}
	if err := d.children(ctx, name, args); err != nil {
		return nil, fmt.Errorf("database %s: %w", name, err)
	}
	return d, ctx.RegisterResourceOutputs(d, pulumi.Map{
		"address":         d.Address,
		"port":            pulumi.Int(d.Port),
		"secretArn":       d.SecretARN,
		"securityGroupId": d.SecurityGroupID,
	})
}

func (d *Database) children(ctx *pulumi.Context, name string, args *Args) error {
	group, err := ec2.NewSecurityGroup(ctx, name+"-database", &ec2.SecurityGroupArgs{
		VpcId:       args.VPCID,
		Description: pulumi.String("Database of " + name), // cannot be changed without a replacement
		Tags:        pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(d))
	if err != nil {
		return err
	}
	subnets, err := rds.NewSubnetGroup(ctx, name+"-database", &rds.SubnetGroupArgs{
		SubnetIds:   args.SubnetIDs,
		Description: pulumi.String("Database of " + name),
		Tags:        pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(d))
	if err != nil {
		return err
	}
	parameters, err := d.parameters(ctx, name, args)
	if err != nil {
		return err
	}
	instance, err := d.instance(ctx, name, args, group, subnets, parameters)
	if err != nil {
		return err
	}
	d.Address = instance.Address
	d.SecretARN = instance.MasterUserSecrets.Index(pulumi.Int(0)).SecretArn().Elem()
	d.SecurityGroupID = group.ID().ToStringOutput()
	d.Ready = []pulumi.Resource{instance}
	return nil
}

// parameters creates the parameter group of an engine that would accept connections without TLS, and returns its name; nil
// for other engines.
func (d *Database) parameters(ctx *pulumi.Context, name string, args *Args) (pulumi.StringPtrInput, error) {
	engine := engines[args.Engine]
	if engine.requireTLS == "" {
		return nil, nil
	}
	group, err := rds.NewParameterGroup(ctx, name+"-database", &rds.ParameterGroupArgs{
		Family:      pulumi.String(args.family()),
		Description: pulumi.String("Database of " + name),
		Parameters: rds.ParameterGroupParameterArray{
			&rds.ParameterGroupParameterArgs{Name: pulumi.String(engine.requireTLS), Value: pulumi.String("1")},
		},
		Tags: pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(d))
	if err != nil {
		return nil, err
	}
	return group.Name, nil
}

// instance creates the instance. Changes that interrupt the service wait for the maintenance window: another class, more
// storage, a new minor version.
//
// Its last snapshot is named for the VPC, too: a stack that is destroyed and created again has another VPC, and the name of
// a snapshot can be used only once.
func (d *Database) instance(
	ctx *pulumi.Context, name string, args *Args,
	group *ec2.SecurityGroup, subnets *rds.SubnetGroup, parameters pulumi.StringPtrInput,
) (*rds.Instance, error) {
	in := &rds.InstanceArgs{
		Engine:                   pulumi.String(args.Engine),
		EngineVersion:            pulumi.String(args.Version),
		AutoMinorVersionUpgrade:  pulumi.Bool(!engines[args.Engine].minor(args.Version)),
		InstanceClass:            pulumi.String(args.InstanceClass),
		AllocatedStorage:         pulumi.Int(args.StorageGiB),
		StorageType:              pulumi.String("gp3"),
		StorageEncrypted:         pulumi.Bool(true),
		MultiAz:                  pulumi.Bool(args.MultiAZ),
		DbName:                   pulumi.String(args.Name),
		Username:                 pulumi.String(args.Username),
		ManageMasterUserPassword: pulumi.Bool(true), // it is in no state, no log and no user data
		Port:                     pulumi.Int(d.Port),
		DbSubnetGroupName:        subnets.Name,
		VpcSecurityGroupIds:      pulumi.StringArray{group.ID()},
		ParameterGroupName:       parameters,
		PubliclyAccessible:       pulumi.Bool(false),
		BackupRetentionPeriod:    pulumi.Int(args.BackupDays),
		CopyTagsToSnapshot:       pulumi.Bool(true),
		DeletionProtection:       pulumi.Bool(args.Protect),
		SkipFinalSnapshot:        pulumi.Bool(!args.Protect),
		ApplyImmediately:         pulumi.Bool(false),
		Tags:                     pulumi.ToStringMap(args.Tags),
	}
	if args.Protect {
		in.FinalSnapshotIdentifier = pulumi.Sprintf("%s-final-%s", name, args.VPCID)
	}
	return rds.NewInstance(ctx, name+"-database", in, pulumi.Parent(d))
}
