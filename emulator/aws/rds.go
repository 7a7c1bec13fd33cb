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
			"DescribeDBInstances": answering(a.describeDBInstances),
			"ModifyDBInstance":    answering(a.modifyDBInstance),
			"CreateDBSnapshot":    answering(a.createDBSnapshot),
			"DescribeDBSnapshots": answering(a.describeDBSnapshots),
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
		DBInstanceStatus: "available", Engine: s.Engine, EngineVersion: d.Running, MasterUsername: s.Username, DBName: s.Name,
		AllocatedStorage: s.StorageGiB, InstanceCreateTime: d.Created.UTC(), Endpoint: endpoint{m.RDS.DatabaseAddress(s), s.Port()},
		MultiAZ: s.MultiAZ, BackupRetentionPeriod: s.BackupDays, DeletionProtection: s.Protected,
	}
	for _, id := range s.Groups {
		described.SecurityGroups = append(described.SecurityGroups, vpcSecurityGroup{id, "active"})
	}
	if d.Secret != "" {
		described.MasterUserSecret = &masterUserSecret{d.Secret, "active"}
	}
	return described
}

// modifyDBInstanceInput has the changes that need no other resource.
type modifyDBInstanceInput struct {
	DBInstanceIdentifier  string
	DeletionProtection    *bool
	BackupRetentionPeriod *int
	ApplyImmediately      bool
}

type modifyDBInstanceOutput struct {
	Database dbInstance `xml:"DBInstance"`
}

func (a *API) modifyDBInstance(_ context.Context, in *modifyDBInstanceInput) (*modifyDBInstanceOutput, error) {
	return cloud.Make(a.cloud, func(m *cloud.Model) (*modifyDBInstanceOutput, error) {
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
		return &modifyDBInstanceOutput{describeDatabase(m, *m.RDS.Databases[d.ID])}, nil
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
	DBInstanceIdentifier string `xml:",omitempty"`
	SnapshotType         string
	Status               string
	PercentProgress      int
}

func describeSnapshot(m *cloud.Model, name, database string) dbSnapshot {
	return dbSnapshot{
		DBSnapshotIdentifier: name, DBSnapshotArn: m.Region.ARN("rds", "snapshot:"+name), DBInstanceIdentifier: database,
		SnapshotType: "manual", Status: "available", PercentProgress: 100,
	}
}

func (a *API) createDBSnapshot(_ context.Context, in *createDBSnapshotInput) (*createDBSnapshotOutput, error) {
	return cloud.Make(a.cloud, func(m *cloud.Model) (*createDBSnapshotOutput, error) {
		err := m.RDS.CreateSnapshot(in.DBInstanceIdentifier, in.DBSnapshotIdentifier)
		return &createDBSnapshotOutput{describeSnapshot(m, in.DBSnapshotIdentifier, in.DBInstanceIdentifier)}, err
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
				found = append(found, describeSnapshot(m, name, m.RDS.Snapshots[name]))
			}
		}
	})
	if in.DBSnapshotIdentifier != "" && len(found) == 0 {
		return nil, aws.Refuse("DBSnapshotNotFound", "DBSnapshot %s not found.", in.DBSnapshotIdentifier)
	}
	found, next, err := page(found, in.MaxRecords, in.Marker, 100)
	return &describeDBSnapshotsOutput{found, next}, err
}
