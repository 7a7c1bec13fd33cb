package aws

import (
	"context"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	model "github.com/elastic-service/elastic-service/emulator/cloud/rds"
)

func (a *API) rds() *service {
	return &service{
		name: "rds", title: "RDS", namespace: "http://rds.amazonaws.com/doc/2014-10-31/",
		operations: map[string]operation{
			"DescribeDBInstances":             answering(a.describeDBInstances),
			"ModifyDBInstance":                answering(a.modifyDBInstance),
			"RebootDBInstance":                answering(a.rebootDBInstance),
			"CreateDBSnapshot":                answering(a.createDBSnapshot),
			"DescribeDBSnapshots":             answering(a.describeDBSnapshots),
			"DeleteDBSnapshot":                answering(a.deleteDBSnapshot),
			"RestoreDBInstanceFromDBSnapshot": answering(a.restoreDBInstance),
			"DeleteDBInstance":                answering(a.deleteDBInstance),
		},
	}
}

type describeDBInstancesInput struct {
	DBInstanceIdentifier string
	MaxRecords           *int32
	Marker               *string
}

type describeDBInstancesOutput struct {
	Databases []dbInstance `xml:"DBInstances>DBInstance"`
	Marker    *string
}

type dbInstance struct {
	DBInstanceIdentifier  string
	DbiResourceID         string `xml:"DbiResourceId"`
	DBInstanceArn         string
	DBInstanceClass       string
	DBInstanceStatus      string
	Engine                string
	EngineVersion         string
	MasterUsername        string
	DBName                string `xml:",omitempty"`
	AllocatedStorage      int
	InstanceCreateTime    time.Time
	AvailabilityZone      string
	SecondaryZone         string `xml:"SecondaryAvailabilityZone,omitempty"`
	Endpoint              endpoint
	MultiAZ               bool
	BackupRetentionPeriod int
	DeletionProtection    bool
	SecurityGroups        []vpcSecurityGroup `xml:"VpcSecurityGroups>VpcSecurityGroupMembership"`
	MasterUserSecret      *masterUserSecret
}

type endpoint struct {
	Address string
	Port    int
}

type vpcSecurityGroup struct {
	VpcSecurityGroupID string `xml:"VpcSecurityGroupId"`
	Status             string
}

type masterUserSecret struct {
	SecretArn    string
	SecretStatus string
}

func (a *API) describeDBInstances(_ context.Context, in *describeDBInstancesInput) (*describeDBInstancesOutput, error) {
	var found []dbInstance
	err := a.read(func(m *cloud.Model) error {
		if in.DBInstanceIdentifier != "" {
			if _, err := m.RDS.Database(in.DBInstanceIdentifier); err != nil {
				return err
			}
		}
		for _, d := range m.RDS.List() {
			if in.DBInstanceIdentifier == "" || in.DBInstanceIdentifier == d.Spec.Identifier {
				found = append(found, describeDatabase(m, d))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	found, next, err := page(found, in.MaxRecords, in.Marker, 100)
	return &describeDBInstancesOutput{found, next}, err
}

func describeDatabase(m *cloud.Model, d model.Database) dbInstance {
	s := d.Spec
	described := dbInstance{
		DBInstanceIdentifier: s.Identifier, DbiResourceID: d.ID, DBInstanceArn: m.RDS.ARN(s), DBInstanceClass: s.Class,
		DBInstanceStatus: string(d.Status), Engine: s.Engine, EngineVersion: d.Running, MasterUsername: s.Username, DBName: s.Name,
		AllocatedStorage: s.StorageGiB, InstanceCreateTime: d.Created.UTC(), Endpoint: endpoint{m.RDS.DatabaseAddress(s), s.Port()},
		MultiAZ: s.MultiAZ, BackupRetentionPeriod: s.BackupDays, DeletionProtection: s.Protected,
	}
	described.AvailabilityZone, described.SecondaryZone = zoneOf(m, d.Subnet), zoneOf(m, m.RDS.Standby(d))
	for _, id := range s.Groups {
		described.SecurityGroups = append(described.SecurityGroups, vpcSecurityGroup{id, "active"})
	}
	if d.Secret != "" {
		described.MasterUserSecret = &masterUserSecret{d.Secret, "active"}
	}
	return described
}

// zoneOf returns the zone of a subnet, or "".
func zoneOf(m *cloud.Model, subnet string) string {
	if found := m.VPC.Subnets[subnet]; found != nil {
		return found.Zone
	}
	return ""
}

// modifyDBInstanceInput has the changes that need no other resource.
type modifyDBInstanceInput struct {
	DBInstanceIdentifier     string
	DeletionProtection       *bool
	BackupRetentionPeriod    *int
	RotateMasterUserPassword bool
	ApplyImmediately         bool
}

// dbInstanceOutput is the answer of what creates, changes or deletes a database.
type dbInstanceOutput struct {
	Database dbInstance `xml:"DBInstance"`
}

func (a *API) modifyDBInstance(_ context.Context, in *modifyDBInstanceInput) (*dbInstanceOutput, error) {
	return cloud.Make(a.cloud, func(m *cloud.Model) (*dbInstanceOutput, error) {
		d, err := m.RDS.Database(in.DBInstanceIdentifier)
		if err != nil {
			return nil, err
		}
		spec := d.Wanted()
		if in.DeletionProtection != nil {
			spec.Protected = *in.DeletionProtection
		}
		if in.BackupRetentionPeriod != nil {
			spec.BackupDays = *in.BackupRetentionPeriod
		}
		if err := m.RDS.UpdateDatabase(d.ID, spec, model.Modification{Immediately: in.ApplyImmediately}, m.Clock.Now()); err != nil {
			return nil, err
		}
		if in.RotateMasterUserPassword {
			if err := m.RDS.RotatePassword(d.ID, m.Clock.Now()); err != nil {
				return nil, err
			}
		}
		return &dbInstanceOutput{describeDatabase(m, *m.RDS.Databases[d.ID])}, nil
	})
}

type rebootDBInstanceInput struct {
	DBInstanceIdentifier string
	ForceFailover        bool
}

func (a *API) rebootDBInstance(_ context.Context, in *rebootDBInstanceInput) (*dbInstanceOutput, error) {
	return cloud.Make(a.cloud, func(m *cloud.Model) (*dbInstanceOutput, error) {
		d, err := m.RDS.Reboot(in.DBInstanceIdentifier, in.ForceFailover, m.Clock.Now())
		return &dbInstanceOutput{describeDatabase(m, d)}, err
	})
}

type deleteDBInstanceInput struct {
	DBInstanceIdentifier      string
	SkipFinalSnapshot         bool
	FinalDBSnapshotIdentifier string
}

func (a *API) deleteDBInstance(_ context.Context, in *deleteDBInstanceInput) (*dbInstanceOutput, error) {
	return cloud.Make(a.cloud, func(m *cloud.Model) (*dbInstanceOutput, error) {
		if in.SkipFinalSnapshot == (in.FinalDBSnapshotIdentifier != "") {
			return nil, aws.Refuse("InvalidParameterCombination", "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is "+
				"specified, and must not be specified with it.")
		}
		d, err := m.RDS.Database(in.DBInstanceIdentifier)
		if err != nil {
			return nil, err
		}
		described := describeDatabase(m, d)
		described.DBInstanceStatus = "deleting"
		return &dbInstanceOutput{described}, m.RDS.DeleteDatabase(d.ID, in.FinalDBSnapshotIdentifier, m.Clock.Now())
	})
}

type createDBSnapshotInput struct {
	DBInstanceIdentifier string
	DBSnapshotIdentifier string
}

type createDBSnapshotOutput struct {
	Snapshot dbSnapshot `xml:"DBSnapshot"`
}

type dbSnapshot struct {
	DBSnapshotIdentifier string
	DBSnapshotArn        string
	DBInstanceIdentifier string
	DbiResourceID        string `xml:"DbiResourceId"`
	SnapshotType         string
	Status               string
	Engine               string
	EngineVersion        string
	AllocatedStorage     int
	MasterUsername       string
	SnapshotCreateTime   time.Time
	PercentProgress      int
}

func describeSnapshot(m *cloud.Model, s model.Snapshot) dbSnapshot {
	described := dbSnapshot{
		DBSnapshotIdentifier: s.Name, DBSnapshotArn: m.Region.ARN("rds", "snapshot:"+s.Name), DBInstanceIdentifier: s.Spec.Identifier,
		DbiResourceID: s.Database, SnapshotType: "manual", Status: string(s.Status), Engine: s.Spec.Engine, EngineVersion: s.Running,
		AllocatedStorage: s.Spec.StorageGiB, MasterUsername: s.Spec.Username, SnapshotCreateTime: s.Created.UTC(),
	}
	if s.Status == model.Available {
		described.PercentProgress = 100
	}
	return described
}

func (a *API) createDBSnapshot(_ context.Context, in *createDBSnapshotInput) (*createDBSnapshotOutput, error) {
	return cloud.Make(a.cloud, func(m *cloud.Model) (*createDBSnapshotOutput, error) {
		if err := m.RDS.CreateSnapshot(in.DBInstanceIdentifier, in.DBSnapshotIdentifier, m.Clock.Now()); err != nil {
			return nil, err
		}
		return &createDBSnapshotOutput{describeSnapshot(m, *m.RDS.Snapshots[in.DBSnapshotIdentifier])}, nil
	})
}

type deleteDBSnapshotInput struct{ DBSnapshotIdentifier string }

func (a *API) deleteDBSnapshot(_ context.Context, in *deleteDBSnapshotInput) (*createDBSnapshotOutput, error) {
	return cloud.Make(a.cloud, func(m *cloud.Model) (*createDBSnapshotOutput, error) {
		deleted, err := m.RDS.DeleteSnapshot(in.DBSnapshotIdentifier)
		if err != nil {
			return nil, err
		}
		described := describeSnapshot(m, deleted)
		described.Status = "deleted"
		return &createDBSnapshotOutput{described}, nil
	})
}

// restoreDBInstanceInput has the parameters that the emulator knows.
type restoreDBInstanceInput struct {
	DBInstanceIdentifier     string
	DBSnapshotIdentifier     string
	DBInstanceClass          string
	DBSubnetGroupName        string
	DBParameterGroupName     string
	AvailabilityZone         string
	MultiAZ                  *bool
	DeletionProtection       bool
	ManageMasterUserPassword bool
	VpcSecurityGroupIDs      struct {
		IDs []string `mapstructure:"VpcSecurityGroupId"`
	} `mapstructure:"VpcSecurityGroupIds"`
}

func (a *API) restoreDBInstance(_ context.Context, in *restoreDBInstanceInput) (*dbInstanceOutput, error) {
	return cloud.Make(a.cloud, func(m *cloud.Model) (*dbInstanceOutput, error) {
		d, err := m.RDS.Restore(in.DBSnapshotIdentifier, model.Restoration{
			Identifier: in.DBInstanceIdentifier, Class: in.DBInstanceClass, SubnetGroup: in.DBSubnetGroupName,
			ParameterGroup: in.DBParameterGroupName, Zone: in.AvailabilityZone, Groups: in.VpcSecurityGroupIDs.IDs, MultiAZ: in.MultiAZ,
			Protected: in.DeletionProtection, ManagedPassword: in.ManageMasterUserPassword,
		}, m.Clock.Now())
		if err != nil {
			return nil, err
		}
		return &dbInstanceOutput{describeDatabase(m, d)}, nil
	})
}

type describeDBSnapshotsInput struct {
	DBSnapshotIdentifier string
	MaxRecords           *int32
	Marker               *string
}

type describeDBSnapshotsOutput struct {
	Snapshots []dbSnapshot `xml:"DBSnapshots>DBSnapshot"`
	Marker    *string
}

func (a *API) describeDBSnapshots(_ context.Context, in *describeDBSnapshotsInput) (*describeDBSnapshotsOutput, error) {
	var found []dbSnapshot
	a.cloud.View(func(m *cloud.Model) {
		for _, name := range aws.Keys(m.RDS.Snapshots) {
			if in.DBSnapshotIdentifier == "" || in.DBSnapshotIdentifier == name {
				found = append(found, describeSnapshot(m, *m.RDS.Snapshots[name]))
			}
		}
	})
	if in.DBSnapshotIdentifier != "" && len(found) == 0 {
		return nil, aws.Refuse("DBSnapshotNotFound", "DBSnapshot %s not found.", in.DBSnapshotIdentifier)
	}
	found, next, err := page(found, in.MaxRecords, in.Marker, 100)
	return &describeDBSnapshotsOutput{found, next}, err
}
