package compute

import (
	"encoding/base64"
	"maps"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/secrets"
	"github.com/elastic-service/elastic-service/userdata"
)

// Stand-ins for names and values that are not known yet, as long as they can get: a bucket's name has at most 63 characters,
// a cluster's 255. Values count as 255 characters, the longest name of a host; the ARN of a secret of RDS has about 110. The
// ! makes it necessary to quote the value.
var (
	longestBucket  = strings.Repeat("b", 63)
	longestCluster = strings.Repeat("c", 255)
	longestValue   = "!" + strings.Repeat("v", 254)
)

// late holds what the user data contains and only AWS knows, after it has created it.
type late struct {
	bucket, cluster string
	environment     map[string]string
	secrets         map[string]secrets.Source // those of Args.CreatedSecrets
}

// longest returns the longest values that late can get. The names of variables are known, unless the whole map is an output.
func (a *Args) longest() late {
	worst := late{bucket: longestBucket, environment: map[string]string{}, secrets: a.longestSecrets()}
	if a.Cluster != nil {
		worst.cluster = longestCluster
	}
	known, _ := a.Environment.(pulumi.StringMap)
	for name, value := range known {
		worst.environment[name] = longestValue
		if text, ok := value.(pulumi.String); ok {
			worst.environment[name] = string(text)
		}
	}
	return worst
}

// validSoftware reports every problem of the software, and user data that would exceed AWS's limit with the longest values
// that are not known yet.
func (a *Args) validSoftware() error {
	var problems invalid.List
	problems.Include("", a.Software.validSources())
	problems.Include("", a.bootstrap(a.longest()).Validate())
	if problems.Err() == nil {
		_, err := a.userData(a.longest())
		problems.Include("", err)
	}
	return problems.Err()
}

// userData returns the document, in base64, from which an instance sets itself up.
func (a *Args) userData(l late) (string, error) {
	document, err := a.bootstrap(l).Render()
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(document), nil
}

func (a *Args) bootstrap(l late) userdata.Bootstrap {
	b := userdata.Bootstrap{
		Region:       a.Software.Region,
		Packages:     a.Software.Packages,
		Cluster:      l.cluster,
		MemoryMetric: a.MemoryMetric,
	}
	for _, service := range a.Software.Services {
		service.Environment = merged(l.environment, service.Environment)
		service.Secrets = l.located(service.Secrets)
		b.Services = append(b.Services, service)
	}
	for _, artifact := range a.Software.Artifacts {
		b.Artifacts = append(b.Artifacts, userdata.Artifact{
			Path:   artifact.Path,
			Bucket: l.bucket,
			Key:    key(artifact),
			SHA256: artifact.SHA256,
		})
	}
	return b
}

// merged returns the variables of both. The service's own take precedence.
func merged(common, own map[string]string) map[string]string {
	if len(common) == 0 {
		return own
	}
	both := maps.Clone(common)
	maps.Copy(both, own)
	return both
}

// userDataInput returns the user data as an input, with the names that AWS chooses. The bucket is nil without artifacts.
func (a *Args) userDataInput(bucket *s3.BucketV2) (pulumi.StringInput, error) {
	if bucket == nil && a.Cluster == nil && a.Environment == nil && len(a.CreatedSecrets) == 0 {
		document, err := a.userData(late{})
		return pulumi.String(document), err
	}
	names, environment := pulumi.StringMap{}, pulumi.StringMapInput(pulumi.StringMap{})
	if bucket != nil {
		names["bucket"] = bucket.Bucket
	}
	if a.Cluster != nil {
		names["cluster"] = a.Cluster
	}
	if a.Environment != nil {
		environment = a.Environment
	}
	arns, versions := a.lateSecrets()
	inputs := pulumi.StringMapMap{"names": names, "environment": environment, "secrets": arns, "versions": versions}
	return inputs.ToStringMapMapOutput().ApplyT(func(known map[string]map[string]string) (string, error) {
		created := map[string]secrets.Source{}
		for name, arn := range known["secrets"] {
			created[name] = secrets.Source{Secret: arn, Version: known["versions"][name]}
		}
		return a.userData(late{
			secrets:     created,
			bucket:      known["names"]["bucket"],
			cluster:     known["names"]["cluster"],
			environment: known["environment"],
		})
	}).(pulumi.StringOutput), nil
}
