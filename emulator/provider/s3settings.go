package provider

import (
	"cmp"
	"fmt"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/s3"
)

type encryptionInputs struct {
	Bucket string `pulumi:"bucket"`
	Rules  []struct {
		ApplyServerSideEncryptionByDefault struct {
			SseAlgorithm string `pulumi:"sseAlgorithm"`
		} `pulumi:"applyServerSideEncryptionByDefault"`
	} `pulumi:"rules"`
}

type publicAccessInputs struct {
	Bucket                string `pulumi:"bucket"`
	BlockPublicAcls       bool   `pulumi:"blockPublicAcls"`
	BlockPublicPolicy     bool   `pulumi:"blockPublicPolicy"`
	IgnorePublicAcls      bool   `pulumi:"ignorePublicAcls"`
	RestrictPublicBuckets bool   `pulumi:"restrictPublicBuckets"`
}

type ownershipInputs struct {
	Bucket string `pulumi:"bucket"`
	Rule   struct {
		ObjectOwnership string `pulumi:"objectOwnership"`
	} `pulumi:"rule"`
}

type versioningInputs struct {
	Bucket                  string `pulumi:"bucket"`
	VersioningConfiguration struct {
		Status string `pulumi:"status"`
	} `pulumi:"versioningConfiguration"`
}

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
		Tag    *struct {
			Key   string `pulumi:"key"`
			Value string `pulumi:"value"`
		} `pulumi:"tag"`
	} `pulumi:"filter"`
	AbortIncompleteMultipartUpload *struct {
		DaysAfterInitiation int `pulumi:"daysAfterInitiation"`
	} `pulumi:"abortIncompleteMultipartUpload"`
	NoncurrentVersionExpiration *struct {
		NoncurrentDays          int `pulumi:"noncurrentDays"`
		NewerNoncurrentVersions int `pulumi:"newerNoncurrentVersions"`
	} `pulumi:"noncurrentVersionExpiration"`
}

func bucketEncryption() resourceType {
	return recorded("aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
		func(in encryptionInputs) string { return in.Bucket })
}

func bucketOwnership() resourceType {
	return recorded("aws:s3/bucketOwnershipControls:BucketOwnershipControls",
		func(in ownershipInputs) string { return in.Bucket })
}

func bucketPublicAccess() resourceType {
	return recorded("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
		func(in publicAccessInputs) string { return in.Bucket })
}

func bucketVersioning() resourceType {
	return recorded("aws:s3/bucketVersioningV2:BucketVersioningV2",
		func(in versioningInputs) string { return in.Bucket })
}

// recorded returns the type of a setting that is kept and has no behaviour. Its ID is the name of its bucket.
func recorded[I any](token string, bucket func(I) string) resourceType {
	return define(resourceType{token: token, kind: Recorded, replaceOn: []string{"bucket"}}, handlers[I, none]{
		create: func(_ *cloud.Model, in I) (string, none, error) { return bucket(in), none{}, nil },
	})
}

func bucketLifecycle() resourceType {
	return define(resourceType{
		token: "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2", kind: Run, replaceOn: []string{"bucket"},
	}, handlers[lifecycleInputs, none]{
		create: func(m *cloud.Model, in lifecycleInputs) (string, none, error) { return in.Bucket, none{}, in.put(m) },
		update: func(m *cloud.Model, _ string, _, now lifecycleInputs) (*none, error) { return nil, now.put(m) },
		remove: func(m *cloud.Model, _ string, in lifecycleInputs) error {
			return m.S3.DeleteLifecycle(in.Bucket)
		},
	})
}

// put gives the bucket the rules that expire objects. The others have no behaviour: there are no versions and no multipart uploads.
func (in lifecycleInputs) put(m *cloud.Model) error {
	if err := in.check(); err != nil {
		return err
	}
	var rules []s3.Rule
	for _, given := range in.Rules {
		if given.Status != "Enabled" || given.Expiration == nil || given.Expiration.Days == 0 {
			continue
		}
		rule := s3.Rule{Prefix: given.Prefix, Days: given.Expiration.Days}
		if f := given.Filter; f != nil {
			rule.Prefix = cmp.Or(f.Prefix, rule.Prefix)
			if f.Tag != nil {
				rule.Tag, rule.Is = f.Tag.Key, f.Tag.Value
			}
		}
		rules = append(rules, rule)
	}
	return m.S3.PutLifecycle(in.Bucket, rules)
}

// check applies S3's rules for lifecycle configurations.
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
