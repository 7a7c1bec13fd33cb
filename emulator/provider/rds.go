package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
)

type dbSubnetGroupInputs struct {
	Name        string            `pulumi:"name"`
	Description string            `pulumi:"description"`
	SubnetIDs   []string          `pulumi:"subnetIds"`
	Tags        map[string]string `pulumi:"tags"`
}

type dbParameterGroupInputs struct {
	Name        string `pulumi:"name"`
	Family      string `pulumi:"family"`
	Description string `pulumi:"description"`
	Parameters  []struct {
		Name        string `pulumi:"name"`
		Value       string `pulumi:"value"`
		ApplyMethod string `pulumi:"applyMethod"`
	} `pulumi:"parameters"`
	SkipDestroy bool              `pulumi:"skipDestroy"`
	Tags        map[string]string `pulumi:"tags"`
}

type dbInstanceInputs struct {
	Identifier                 string            `pulumi:"identifier"`
	Engine                     string            `pulumi:"engine"`
	EngineVersion              string            `pulumi:"engineVersion"`
	InstanceClass              string            `pulumi:"instanceClass"`
	AllocatedStorage           int               `pulumi:"allocatedStorage"`
	MaxAllocatedStorage        int               `pulumi:"maxAllocatedStorage"`
	StorageType                string            `pulumi:"storageType"`
	StorageEncrypted           bool              `pulumi:"storageEncrypted"`
	KmsKeyID                   string            `pulumi:"kmsKeyId"`
	DBName                     string            `pulumi:"dbName"`
	Username                   string            `pulumi:"username"`
	Password                   string            `pulumi:"password"`
	ManageMasterUserPassword   bool              `pulumi:"manageMasterUserPassword"`
	DBSubnetGroupName          string            `pulumi:"dbSubnetGroupName"`
	VpcSecurityGroupIDs        []string          `pulumi:"vpcSecurityGroupIds"`
	ParameterGroupName         string            `pulumi:"parameterGroupName"`
	PubliclyAccessible         bool              `pulumi:"publiclyAccessible"`
	MultiAz                    bool              `pulumi:"multiAz"`
	AvailabilityZone           string            `pulumi:"availabilityZone"`
	Port                       int               `pulumi:"port"`
	BackupRetentionPeriod      int               `pulumi:"backupRetentionPeriod"`
	BackupWindow               string            `pulumi:"backupWindow"`
	MaintenanceWindow          string            `pulumi:"maintenanceWindow"`
	CopyTagsToSnapshot         bool              `pulumi:"copyTagsToSnapshot"`
	DeletionProtection         bool              `pulumi:"deletionProtection"`
	DeleteAutomatedBackups     *bool             `pulumi:"deleteAutomatedBackups"`
	EngineLifecycleSupport     string            `pulumi:"engineLifecycleSupport"`
	SkipFinalSnapshot          bool              `pulumi:"skipFinalSnapshot"`
	FinalSnapshotIdentifier    string            `pulumi:"finalSnapshotIdentifier"`
	ApplyImmediately           bool              `pulumi:"applyImmediately"`
	AutoMinorVersionUpgrade    *bool             `pulumi:"autoMinorVersionUpgrade"`
	AllowMajorVersionUpgrade   bool              `pulumi:"allowMajorVersionUpgrade"`
	CaCertIdentifier           string            `pulumi:"caCertIdentifier"`
	EnabledLogs                []string          `pulumi:"enabledCloudwatchLogsExports"`
	IAMAuthentication          bool              `pulumi:"iamDatabaseAuthenticationEnabled"`
	PerformanceInsightsEnabled bool              `pulumi:"performanceInsightsEnabled"`
	MonitoringInterval         int               `pulumi:"monitoringInterval"`
	MonitoringRoleArn          string            `pulumi:"monitoringRoleArn"`
	Tags                       map[string]string `pulumi:"tags"`
}

func dbSubnetGroup() resourceType {
	return define(resourceType{
		token: "aws:rds/subnetGroup:SubnetGroup", kind: Recorded, name: "name", nameMax: 255, replaceOn: []string{"name"},
	}, handlers[dbSubnetGroupInputs, arnOutput]{
		create: func(m *cloud.Model, in dbSubnetGroupInputs) (string, arnOutput, error) {
			err := m.RDS.CreateSubnetGroup(rds.SubnetGroup{Name: in.Name, Subnets: in.SubnetIDs})
			return in.Name, arnOutput{m.Region.ARN("rds", "subgrp:"+in.Name)}, err
		},
		update: func(m *cloud.Model, id string, _, now dbSubnetGroupInputs) (*arnOutput, error) {
			return nil, m.RDS.UpdateSubnetGroup(rds.SubnetGroup{Name: id, Subnets: now.SubnetIDs})
		},
		remove: func(m *cloud.Model, id string, _ dbSubnetGroupInputs) error { return m.RDS.DeleteSubnetGroup(id) },
	})
}

func dbParameterGroup() resourceType {
	return define(resourceType{
		token: "aws:rds/parameterGroup:ParameterGroup", kind: Recorded, name: "name", nameMax: 255,
		replaceOn: []string{"name", "family", "description"},
	}, handlers[dbParameterGroupInputs, arnOutput]{
		create: func(m *cloud.Model, in dbParameterGroupInputs) (string, arnOutput, error) {
			err := m.RDS.CreateParameterGroup(in.group())
			return in.Name, arnOutput{m.Region.ARN("rds", "pg:"+in.Name)}, err
		},
		update: func(m *cloud.Model, _ string, _, now dbParameterGroupInputs) (*arnOutput, error) {
			m.RDS.UpdateParameterGroup(now.group())
			return nil, nil
		},
		remove: func(m *cloud.Model, id string, _ dbParameterGroupInputs) error { return m.RDS.DeleteParameterGroup(id) },
	})
}

func (in dbParameterGroupInputs) group() rds.ParameterGroup {
	group := rds.ParameterGroup{Name: in.Name, Family: in.Family, Parameters: map[string]string{}}
	for _, p := range in.Parameters {
		group.Parameters[p.Name] = p.Value
	}
	return group
}

type dbInstanceOutputs struct {
	ARN                 string               `pulumi:"arn"`
	Address             string               `pulumi:"address"`
	Endpoint            string               `pulumi:"endpoint"`
	EngineVersionActual string               `pulumi:"engineVersionActual"`
	HostedZoneID        string               `pulumi:"hostedZoneId"`
	MasterUserSecrets   []dbMasterUserSecret `pulumi:"masterUserSecrets"`
	Port                int                  `pulumi:"port"`
	ResourceID          string               `pulumi:"resourceId"`
	Status              string               `pulumi:"status"`

	// What waits for the maintenance window is not there yet.
	AllocatedStorage      int    `pulumi:"allocatedStorage"`
	BackupRetentionPeriod int    `pulumi:"backupRetentionPeriod"`
	InstanceClass         string `pulumi:"instanceClass"`
	MultiAz               bool   `pulumi:"multiAz"`
}

type dbMasterUserSecret struct {
	KmsKeyID     string `pulumi:"kmsKeyId"`
	SecretARN    string `pulumi:"secretArn"`
	SecretStatus string `pulumi:"secretStatus"`
}

func dbInstance() resourceType {
	return define(resourceType{
		token: "aws:rds/instance:Instance", kind: Run, name: "identifier", nameMax: 63, replaceOn: []string{
			"engine", "username", "dbName", "storageEncrypted", "kmsKeyId", "availabilityZone",
		},
		present: []string{"allocatedStorage", "backupRetentionPeriod", "instanceClass", "multiAz"},
		grows:   map[string]string{"allocatedStorage": "maxAllocatedStorage"},
	}, handlers[dbInstanceInputs, dbInstanceOutputs]{
		create: func(m *cloud.Model, in dbInstanceInputs) (string, dbInstanceOutputs, error) {
			spec, err := in.spec()
			if err != nil {
				return "", dbInstanceOutputs{}, err
			}
			made, err := m.RDS.CreateDatabase(spec, m.Clock.Now())
			return made.ID, outputsOfDatabase(m, made), err
		},
		afterCreate: func(ctx context.Context, c *cloud.Cloud, id string, _ dbInstanceInputs) (*dbInstanceOutputs, error) {
			return awaitDatabase(ctx, c, id)
		},
		retryUpdate: retry{codes: []string{"InvalidDBInstanceState"}, timeout: 80 * time.Minute},
		update: func(m *cloud.Model, id string, _, now dbInstanceInputs) (*dbInstanceOutputs, error) {
			spec, err := now.spec()
			if err != nil {
				return nil, err
			}
			if present := m.RDS.Databases[id]; present != nil && now.MaxAllocatedStorage > 0 {
				spec.StorageGiB = max(spec.StorageGiB, present.Spec.StorageGiB)
			}
			how := rds.Modification{Immediately: now.ApplyImmediately, AllowMajor: now.AllowMajorVersionUpgrade}
			if err := m.RDS.UpdateDatabase(id, spec, how, m.Clock.Now()); err != nil {
				return nil, err
			}
			return new(outputsOfDatabase(m, *m.RDS.Databases[id])), nil
		},
		afterUpdate: func(ctx context.Context, c *cloud.Cloud, id string, _, _ dbInstanceInputs) (*dbInstanceOutputs, error) {
			return awaitDatabase(ctx, c, id)
		},
		remove: func(m *cloud.Model, id string, in dbInstanceInputs) error {
			switch {
			case in.SkipFinalSnapshot:
				return m.RDS.DeleteDatabase(id, "", m.Clock.Now())
			case in.FinalSnapshotIdentifier == "":
				return fmt.Errorf("final_snapshot_identifier is required when skip_final_snapshot is false")
			}
			return m.RDS.DeleteDatabase(id, in.FinalSnapshotIdentifier, m.Clock.Now())
		},
	})
}

// awaitDatabase waits until a database is available, as the real provider does, and returns its outputs.
func awaitDatabase(ctx context.Context, c *cloud.Cloud, id string) (*dbInstanceOutputs, error) {
	var last rds.Database
	err := await(ctx, c, noTimeout, func(m *cloud.Model) (bool, error) {
		d := m.RDS.Databases[id]
		switch {
		case d == nil:
			return false, fmt.Errorf("DB instance %s is gone", id)
		case d.Status == rds.Failed:
			return false, fmt.Errorf("unexpected state '%s', wanted target 'available': %s", d.Status, d.Reason)
		}
		last = *d
		return d.Status == rds.Available, nil
	})
	if err != nil {
		return nil, err
	}
	outputs := cloud.Get(c, func(m *cloud.Model) dbInstanceOutputs { return outputsOfDatabase(m, last) })
	return &outputs, nil
}

func (in dbInstanceInputs) spec() (rds.DatabaseSpec, error) {
	spec := rds.DatabaseSpec{
		Identifier: in.Identifier, Engine: in.Engine, Version: in.EngineVersion, Class: in.InstanceClass,
		StorageGiB: in.AllocatedStorage, MaxStorageGiB: in.MaxAllocatedStorage, Name: in.DBName, Username: in.Username,
		Password: in.Password, ManagedPassword: in.ManageMasterUserPassword, SubnetGroup: in.DBSubnetGroupName, Zone: in.AvailabilityZone,
		ParameterGroup: in.ParameterGroupName, Groups: in.VpcSecurityGroupIDs,
		MultiAZ: in.MultiAz, BackupDays: in.BackupRetentionPeriod, Protected: in.DeletionProtection,
		ExtendedSupport: in.EngineLifecycleSupport != "open-source-rds-extended-support-disabled",
	}
	switch {
	case in.StorageType != "" && in.StorageType != "gp3":
		return spec, unsupported("storageType", in.StorageType, "gp3")
	case in.Port != 0 && in.Port != spec.Port():
		return spec, unsupported("port", fmt.Sprint(in.Port), fmt.Sprintf("the engine's own, %d", spec.Port()))
	case in.MultiAz && in.AvailabilityZone != "":
		return spec, fmt.Errorf("InvalidParameterCombination: Requesting a specific availability zone is not valid for Multi-AZ instances")
	}
	return spec, nil
}

func outputsOfDatabase(m *cloud.Model, d rds.Database) dbInstanceOutputs {
	address, port := m.RDS.DatabaseAddress(d.Spec), d.Spec.Port()
	outputs := dbInstanceOutputs{
		ARN: m.RDS.ARN(d.Spec), Address: address, Endpoint: fmt.Sprintf("%s:%d", address, port),
		EngineVersionActual: d.Running, HostedZoneID: "Z2R2ITUGPM61AM", MasterUserSecrets: []dbMasterUserSecret{},
		Port: port, ResourceID: d.ID, Status: string(d.Status),
		AllocatedStorage: d.Spec.StorageGiB, BackupRetentionPeriod: d.Spec.BackupDays, InstanceClass: d.Spec.Class, MultiAz: d.Spec.MultiAZ,
	}
	if d.Secret != "" {
		outputs.MasterUserSecrets = append(outputs.MasterUserSecrets, dbMasterUserSecret{
			KmsKeyID: m.Region.ARN("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab"), SecretARN: d.Secret, SecretStatus: "active",
		})
	}
	return outputs
}
