package provider

import (
	"context"
	"fmt"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type subnetGroupInputs struct {
	Name        string            `pulumi:"name"`
	Description string            `pulumi:"description"`
	SubnetIDs   []string          `pulumi:"subnetIds"`
	Tags        map[string]string `pulumi:"tags"`
}

type parameterGroupInputs struct {
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

type databaseInputs struct {
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

func (in databaseInputs) spec() (cloud.DatabaseSpec, error) {
	spec := cloud.DatabaseSpec{
		Identifier: in.Identifier, Engine: in.Engine, Version: in.EngineVersion, Class: in.InstanceClass,
		StorageGiB: in.AllocatedStorage, Name: in.DBName, Username: in.Username, Password: in.Password != "",
		ManagedPassword: in.ManageMasterUserPassword, SubnetGroup: in.DBSubnetGroupName,
		ParameterGroup: in.ParameterGroupName, Groups: in.VpcSecurityGroupIDs,
		MultiAZ: in.MultiAz, BackupDays: in.BackupRetentionPeriod, Protected: in.DeletionProtection,
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

func databaseOutputs(c *cloud.Cloud, d cloud.Database) map[string]any {
	address := c.DatabaseAddress(d.Spec)
	outputs := map[string]any{
		"arn": c.ARN("rds", "db:"+d.Spec.Identifier), "resourceId": d.ID, "status": "available", "hostedZoneId": "Z2R2ITUGPM61AM",
		"address": address, "port": d.Spec.Port(), "endpoint": fmt.Sprintf("%s:%d", address, d.Spec.Port()),
		"engineVersionActual": d.Spec.Version, "masterUserSecrets": []any{},
	}
	if d.Spec.ManagedPassword {
		outputs["masterUserSecrets"] = []any{map[string]any{
			"secretArn": c.ARN("secretsmanager", "secret:rds!"+d.ID+"-a1b2c3"), "secretStatus": "active",
			"kmsKeyId": c.ARN("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab"),
		}}
	}
	return outputs
}

func init() {
	define(resourceType{
		token: "aws:rds/subnetGroup:SubnetGroup", kind: Recorded, name: "name", nameMax: 255, replaceOn: []string{"name"},
	}, handlers[subnetGroupInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in subnetGroupInputs) (string, map[string]any, error) {
			err := c.CreateSubnetGroup(cloud.SubnetGroup{Name: in.Name, Subnets: in.SubnetIDs})
			return idUnless(err, in.Name), map[string]any{"arn": c.ARN("rds", "subgrp:"+in.Name)}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now subnetGroupInputs) (map[string]any, error) {
			return nil, c.UpdateSubnetGroup(cloud.SubnetGroup{Name: id, Subnets: now.SubnetIDs})
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ subnetGroupInputs) error {
			return c.DeleteSubnetGroup(id)
		},
	})
	define(resourceType{
		token: "aws:rds/parameterGroup:ParameterGroup", kind: Recorded, name: "name", nameMax: 255,
		replaceOn: []string{"name", "family", "description"},
	}, handlers[parameterGroupInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in parameterGroupInputs) (string, map[string]any, error) {
			return in.Name, map[string]any{"arn": c.ARN("rds", "pg:"+in.Name)}, nil
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ parameterGroupInputs) error {
			return c.CheckParameterGroupUnused(id)
		},
	})
	define(resourceType{
		token: "aws:rds/instance:Instance", kind: Recorded, name: "identifier", nameMax: 63, replaceOn: []string{
			"engine", "username", "dbName", "storageEncrypted", "kmsKeyId", "availabilityZone",
		},
	}, handlers[databaseInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in databaseInputs) (string, map[string]any, error) {
			spec, err := in.spec()
			if err != nil {
				return "", nil, err
			}
			database, err := c.CreateDatabase(spec)
			return idUnless(err, database.ID), databaseOutputs(c, database), err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now databaseInputs) (map[string]any, error) {
			spec, err := now.spec()
			if err == nil {
				err = c.UpdateDatabase(id, spec)
			}
			return databaseOutputs(c, cloud.Database{ID: id, Spec: spec}), err
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, in databaseInputs) error {
			switch {
			case in.SkipFinalSnapshot:
				return c.DeleteDatabase(id, "")
			case in.FinalSnapshotIdentifier == "":
				return fmt.Errorf("final_snapshot_identifier is required when skip_final_snapshot is false")
			}
			return c.DeleteDatabase(id, in.FinalSnapshotIdentifier)
		},
	})
}
