package provider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type bucketInputs struct {
	Bucket       string            `pulumi:"bucket"`
	ForceDestroy bool              `pulumi:"forceDestroy"`
	Tags         map[string]string `pulumi:"tags"`
}

type objectInputs struct {
	Bucket string            `pulumi:"bucket"`
	Key    string            `pulumi:"key"`
	Source string            `pulumi:"source"`
	Tags   map[string]string `pulumi:"tags"`
}

type roleInputs struct {
	Name             string            `pulumi:"name"`
	Description      string            `pulumi:"description"`
	AssumeRolePolicy string            `pulumi:"assumeRolePolicy"`
	Tags             map[string]string `pulumi:"tags"`
}

type rolePolicyInputs struct {
	Name   string `pulumi:"name"`
	Role   string `pulumi:"role"`
	Policy string `pulumi:"policy"`
}

type profileInputs struct {
	Name string            `pulumi:"name"`
	Role string            `pulumi:"role"`
	Tags map[string]string `pulumi:"tags"`
}

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

type bucketPolicyInputs struct {
	Bucket string `pulumi:"bucket"`
	Policy string `pulumi:"policy"`
}

func init() {
	define(resourceType{
		token: "aws:s3/bucketV2:BucketV2", kind: Run, name: "bucket", nameMax: 63, replaceOn: []string{"bucket"},
	}, handlers[bucketInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in bucketInputs) (string, map[string]any, error) {
			err := c.CreateBucket(in.Bucket)
			return idUnless(err, in.Bucket), map[string]any{
				"arn": "arn:aws:s3:::" + in.Bucket, "region": c.Region(),
				"bucketDomainName": in.Bucket + ".s3.amazonaws.com",
			}, err
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, in bucketInputs) error {
			return c.DeleteBucket(id, in.ForceDestroy)
		},
	})
	defineObject()
	record[encryptionInputs]("aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
		"bucket", "bucket")
	record[publicAccessInputs]("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "bucket", "bucket")
	record[ownershipInputs]("aws:s3/bucketOwnershipControls:BucketOwnershipControls", "bucket", "bucket")
	defineBucketPolicy()
	define(resourceType{
		token: "aws:iam/role:Role", kind: Run, name: "name", nameMax: 64, replaceOn: []string{"name"},
	}, handlers[roleInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in roleInputs) (string, map[string]any, error) {
			err := c.CreateRole(in.Name, in.AssumeRolePolicy)
			return idUnless(err, in.Name), map[string]any{"arn": globalARN("role", in.Name)}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now roleInputs) (map[string]any, error) {
			return nil, c.UpdateTrust(id, now.AssumeRolePolicy)
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ roleInputs) error { return c.DeleteRole(id) },
	})
	define(resourceType{
		token: "aws:iam/rolePolicy:RolePolicy", kind: Run, name: "name", nameMax: 128, replaceOn: []string{"name", "role"},
	}, handlers[rolePolicyInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in rolePolicyInputs) (string, map[string]any, error) {
			err := c.PutRolePolicy(in.Role, in.Name, in.Policy)
			return idUnless(err, in.Role+":"+in.Name), nil, err
		},
		update: func(_ context.Context, c *cloud.Cloud, _ string, _, now rolePolicyInputs) (map[string]any, error) {
			return nil, c.PutRolePolicy(now.Role, now.Name, now.Policy)
		},
		remove: func(_ context.Context, c *cloud.Cloud, _ string, in rolePolicyInputs) error {
			return c.DeleteRolePolicy(in.Role, in.Name)
		},
	})
	define(resourceType{
		token: "aws:iam/instanceProfile:InstanceProfile", kind: Run, name: "name", nameMax: 128, replaceOn: []string{"name"},
	}, handlers[profileInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in profileInputs) (string, map[string]any, error) {
			err := c.CreateProfile(in.Name, in.Role)
			return idUnless(err, in.Name), map[string]any{"arn": globalARN("instance-profile", in.Name)}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now profileInputs) (map[string]any, error) {
			return nil, c.UpdateProfile(id, now.Role)
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ profileInputs) error { return c.DeleteProfile(id) },
	})
}

func defineBucketPolicy() {
	define(resourceType{
		token: "aws:s3/bucketPolicy:BucketPolicy", kind: Recorded, replaceOn: []string{"bucket"},
	}, handlers[bucketPolicyInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in bucketPolicyInputs) (string, map[string]any, error) {
			err := c.PutBucketPolicy(in.Bucket, in.Policy)
			return idUnless(err, in.Bucket), nil, err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now bucketPolicyInputs) (map[string]any, error) {
			return nil, c.PutBucketPolicy(id, now.Policy)
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ bucketPolicyInputs) error {
			return c.DeleteBucketPolicy(id)
		},
	})
}

func globalARN(kind, name string) string {
	return "arn:aws:iam::" + cloud.Account + ":" + kind + "/" + name
}

// objectInputs.Source is what upload made of the asset: the object's bytes in the emulator's own folder, below the name of
// their SHA-256.
func defineObject() {
	put := func(c *cloud.Cloud, in objectInputs) (map[string]any, error) {
		err := c.PutObject(in.Bucket, cloud.Object{Key: in.Key, Source: in.Source, SHA256: filepath.Base(in.Source)})
		return map[string]any{"arn": "arn:aws:s3:::" + in.Bucket + "/" + in.Key}, err
	}
	define(resourceType{
		token: "aws:s3/bucketObjectv2:BucketObjectv2", kind: Run, replaceOn: []string{"bucket", "key"},
	}, handlers[objectInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in objectInputs) (string, map[string]any, error) {
			computed, err := put(c, in)
			return idUnless(err, in.Key), computed, err
		},
		update: func(_ context.Context, c *cloud.Cloud, _ string, _, now objectInputs) (map[string]any, error) {
			return put(c, now)
		},
		remove: func(_ context.Context, c *cloud.Cloud, _ string, in objectInputs) error {
			return c.DeleteObject(in.Bucket, in.Key)
		},
	})
}

// upload copies the file behind each asset among the inputs into the emulator's folder, as S3 would, and replaces the
// asset by the copy's path.
func (p *aws) upload(inputs resource.PropertyMap) (resource.PropertyMap, error) {
	uploaded := inputs.Copy()
	for key, value := range inputs {
		if !value.IsAsset() {
			continue
		}
		path, ok := value.AssetValue().GetPath()
		if !ok {
			return nil, fmt.Errorf("%s is not a file on this machine: the emulator takes file assets", key)
		}
		stored, err := store(path, p.objects)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		uploaded[key] = resource.NewStringProperty(stored)
	}
	return uploaded, nil
}

func store(file, folder string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	stored := filepath.Join(folder, hex.EncodeToString(sum[:]))
	if _, err := os.Stat(stored); err == nil {
		return stored, nil
	}
	partial := stored + ".new"
	if err := os.WriteFile(partial, data, 0o600); err != nil {
		return "", errors.Join(err, os.Remove(partial))
	}
	return stored, os.Rename(partial, stored)
}
