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

	// Version is the engine's major version, such as 17 for PostgreSQL (15 at least), 8.4 for MySQL (8.4 at least), 11.4 for
	// MariaDB (10.11 at least): RDS chooses the minor version and keeps it up to date. If a minor version is given, the
	// database stays at it. A later change to an older version is refused, and one to another major version unless
	// AllowMajorUpgrade is set.
	Version string

	// AllowMajorUpgrade lets a newer major version replace the present one, at once and for good. Test it with a copy.
	AllowMajorUpgrade bool

	// InstanceClass is such as db.t4g.micro.
	InstanceClass string

	// StorageGiB is the volume's first size, 20–65536. It can grow later, by 10 % at least, and not shrink.
	StorageGiB int

	// MaxStorageGiB is the size up to which the volume grows by itself when a tenth is left: 10 % above StorageGiB at least,
	// 65536 at most. It does not grow by itself if that is 0 or StorageGiB.
	MaxStorageGiB int

	// MultiAZ keeps a standby in another zone, which takes over within one to two minutes.
	MultiAZ bool

	// Name is the name of the first database, Username its owner: letters, digits and underscores, a letter first, at most 63
	// and 16 characters, and no word that the engine reserves.
	Name, Username string

	// BackupDays is how long daily backups are kept, 0–35; 0: no backups.
	BackupDays int

	// FinalSnapshot keeps a last snapshot, and the backups until they expire, when the database is deleted. Otherwise it
	// leaves nothing.
	FinalSnapshot bool

	// ApplyImmediately makes changes of class, storage and standby at once; another class interrupts the database for
	// minutes. Otherwise they are held back, which is said at each deployment. Left to RDS, they would wait for the
	// maintenance window, and each preview until then would show them again.
	ApplyImmediately bool

	// Protect makes RDS refuse the database's deletion.
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
	if to := a.MaxStorageGiB; to != 0 && to != a.StorageGiB && (to*10 < a.StorageGiB*11 || to > 65536) {
		problems.Add("maxStorageGiB", to, "is neither storageGiB (%d) nor between 10 %% more and 65536", a.StorageGiB)
	}
	if a.BackupDays < 0 || a.BackupDays > 35 {
		problems.Add("backupDays", a.BackupDays, "is not between 0 and 35")
	}
	return problems.Err()
}

// Database is a database.
type Database struct {
	pulumi.ResourceState

	// ID is the instance's identifier, as metrics name it.
	ID pulumi.StringOutput

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
	if err := d.register(ctx, name, args, opts); err != nil {
		return nil, fmt.Errorf("database %s: %w", name, err)
	}
	instance, err := d.children(ctx, name, args)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", name, err)
	}
	return d, ctx.RegisterResourceOutputs(d, pulumi.Map{
		"address":         d.Address,
		"port":            pulumi.Int(d.Port),
		"secretArn":       d.SecretARN,
		"securityGroupId": d.SecurityGroupID,
		outputVersion:     instance.EngineVersionActual,
		outputStorage:     instance.AllocatedStorage,
		"heldBack":        d.heldBack(ctx, args, instance),
	})
}

func (d *Database) children(ctx *pulumi.Context, name string, args *Args) (*rds.Instance, error) {
	group, err := ec2.NewSecurityGroup(ctx, name+"-database", &ec2.SecurityGroupArgs{
		VpcId:       args.VPCID,
		Description: pulumi.String("Database of " + name), // cannot be changed without a replacement
		Tags:        pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(d))
	if err != nil {
		return nil, err
	}
	subnets, err := rds.NewSubnetGroup(ctx, name+"-database", &rds.SubnetGroupArgs{
		SubnetIds:   args.SubnetIDs,
		Description: pulumi.String("Database of " + name),
		Tags:        pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(d))
	if err != nil {
		return nil, err
	}
	parameters, err := d.parameters(ctx, name, args)
	if err != nil {
		return nil, err
	}
	instance, err := d.instance(ctx, name, args, group, subnets, parameters)
	if err != nil {
		return nil, err
	}
	d.ID = instance.Identifier
	d.Address = instance.Address
	d.SecretARN = instance.MasterUserSecrets.Index(pulumi.Int(0)).SecretArn().Elem()
	d.SecurityGroupID = group.ID().ToStringOutput()
	d.Ready = []pulumi.Resource{instance}
	return instance, nil
}
