package provider

import (
	"context"
	"fmt"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type lifecycleInputs struct {
	Bucket string          `pulumi:"bucket"`
	Rules  []lifecycleRule `pulumi:"rules"`
}

type lifecycleRule struct {
	ID         string `pulumi:"id"`
	Status     string `pulumi:"status"`
	Prefix     string `pulumi:"prefix"`
	Expiration *struct {
		Days                      int  `pulumi:"days"`
		ExpiredObjectDeleteMarker bool `pulumi:"expiredObjectDeleteMarker"`
	} `pulumi:"expiration"`
	Filter *struct {
		Prefix string `pulumi:"prefix"`
	} `pulumi:"filter"`
	AbortIncompleteMultipartUpload *struct {
		DaysAfterInitiation int `pulumi:"daysAfterInitiation"`
	} `pulumi:"abortIncompleteMultipartUpload"`
	NoncurrentVersionExpiration *struct {
		NoncurrentDays          int `pulumi:"noncurrentDays"`
		NewerNoncurrentVersions int `pulumi:"newerNoncurrentVersions"`
	} `pulumi:"noncurrentVersionExpiration"`
}

type versioningInputs struct {
	Bucket                  string `pulumi:"bucket"`
	VersioningConfiguration struct {
		Status string `pulumi:"status"`
	} `pulumi:"versioningConfiguration"`
}

type attachmentInputs struct {
	Role      string `pulumi:"role"`
	PolicyArn string `pulumi:"policyArn"`
}

// check holds S3's rules for lifecycle configurations.
func (in lifecycleInputs) check() error {
	if len(in.Rules) == 0 {
		return fmt.Errorf("MalformedXML: a lifecycle configuration has at least one rule")
	}
	names := map[string]bool{}
	for i, rule := range in.Rules {
		switch {
		case rule.ID == "" || len(rule.ID) > 255 || names[rule.ID]:
			return fmt.Errorf("InvalidArgument: rules[%d].id: %q: a rule's ID is unique and has 1 to 255 characters", i, rule.ID)
		case rule.Status != "Enabled" && rule.Status != "Disabled":
			return notOneOf(fmt.Sprintf("rules[%d].status", i), rule.Status, "Enabled", "Disabled")
		case rule.Expiration == nil && rule.AbortIncompleteMultipartUpload == nil && rule.NoncurrentVersionExpiration == nil:
			return fmt.Errorf("InvalidRequest: rules[%d]: at least one action needs to be specified in a rule", i)
		case rule.Expiration != nil && rule.Expiration.Days < 1 && !rule.Expiration.ExpiredObjectDeleteMarker:
			return fmt.Errorf("InvalidArgument: rules[%d]: 'Days' for Expiration action must be a positive integer", i)
		}
		names[rule.ID] = true
	}
	return nil
}

func init() {
	const lifecycle = "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2"
	define(resourceType{token: lifecycle, kind: Recorded, replaceOn: []string{"bucket"}}, handlers[lifecycleInputs]{
		create: func(_ context.Context, _ *cloud.Cloud, in lifecycleInputs) (string, map[string]any, error) {
			err := in.check()
			return idUnless(err, lifecycle+"/"+in.Bucket), nil, err
		},
		update: func(_ context.Context, _ *cloud.Cloud, _ string, _, now lifecycleInputs) (map[string]any, error) {
			return nil, now.check()
		},
		remove: func(context.Context, *cloud.Cloud, string, lifecycleInputs) error { return nil },
	})
	record[versioningInputs]("aws:s3/bucketVersioningV2:BucketVersioningV2", "bucket", "bucket")
	define(resourceType{
		token: "aws:iam/rolePolicyAttachment:RolePolicyAttachment", kind: Run, replaceOn: []string{"role", "policyArn"},
	}, handlers[attachmentInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in attachmentInputs) (string, map[string]any, error) {
			err := c.AttachRolePolicy(in.Role, in.PolicyArn)
			return idUnless(err, in.Role+"/"+in.PolicyArn), nil, err
		},
		remove: func(_ context.Context, c *cloud.Cloud, _ string, in attachmentInputs) error {
			return c.DetachRolePolicy(in.Role, in.PolicyArn)
		},
	})
}
