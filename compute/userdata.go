package compute

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/secrets"
	"github.com/elastic-service/elastic-service/userdata"
)

// standIn returns a stand-in for a name or a value that is not known yet, as long as it can get, and as hard to compress: one of random
// characters, the same each time.
func standIn(name, alphabet string, length int) string {
	var text []byte
	for block := 0; len(text) < length; block++ {
		for _, b := range sha256.Sum256(fmt.Appendf(nil, "%s %d", name, block)) {
			text = append(text, alphabet[int(b)%len(alphabet)])
		}
	}
	return string(text[:length])
}

const (
	lowerCase = "abcdefghijklmnopqrstuvwxyz0123456789"
	mixedCase = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + lowerCase + "-_"
)

// A bucket's name has at most 63 characters, a cluster's 255. Values count as 255 characters, the longest name of a host; the ARN of a
// secret of RDS has about 110. The ! makes it necessary to quote the value.
func longestBucket() string           { return standIn("bucket", lowerCase, 63) }
func longestCluster() string          { return standIn("cluster", mixedCase, 255) }
func longestValue(name string) string { return "!" + standIn("value of "+name, mixedCase, 254) }

// spare is how many bytes a compressed document must have left: other names of the same length may compress a little worse.
const spare = 256

// late holds what the user data contains and only AWS knows, after it has created it.
type late struct {
	bucket, cluster string
	environment     map[string]string
	secrets         map[string]secrets.Source // those of Args.CreatedSecrets
}

// longest returns the longest values that late can get. The names of variables are known, unless the whole map is an output.
func (a *Args) longest() late {
	worst := late{bucket: longestBucket(), environment: map[string]string{}, secrets: a.longestSecrets()}
	if a.Cluster != nil {
		worst.cluster = longestCluster()
	}
	known, _ := a.Environment.(pulumi.StringMap)
	for name, value := range known {
		worst.environment[name] = longestValue(name)
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
	if a.Software.Logs != nil {
		problems.Include("logs", a.Software.Logs.validate())
	}
	problems.Include("", a.bootstrap(a.longest()).Validate())
	if problems.Err() == nil {
		problems.Include("", a.fits())
	}
	return problems.Err()
}

// fits returns an error if the user data may become too large.
func (a *Args) fits() error {
	document, err := a.bootstrap(a.longest()).Render()
	if size := len(document); err == nil && userdata.IsCompressed(document) && size > userdata.MaxBytes-spare {
		err = fmt.Errorf("user data has %d bytes, compressed: EC2 takes %d at most, of which %d are for names that are not known yet",
			size, userdata.MaxBytes, spare)
	}
	return err
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
	if a.Software.Logs != nil {
		b.LogGroup = a.Software.Logs.Group
	}
	for _, service := range a.Software.Services {
		service.Environment = merged(l.environment, service.Environment)
		service.Secrets = l.located(service.Secrets)
		b.Services = append(b.Services, service)
	}
	for _, setup := range a.Software.Setup {
		setup.Environment = merged(l.environment, setup.Environment)
		setup.Secrets = l.located(setup.Secrets)
		b.Setup = append(b.Setup, setup)
	}
	for _, artifact := range a.Software.Artifacts {
		b.Artifacts = append(b.Artifacts, userdata.Artifact{
			Path:    artifact.Path,
			Bucket:  l.bucket,
			Key:     key(artifact.Path, artifact.SHA256),
			SHA256:  artifact.SHA256,
			Archive: artifact.Archive,
		})
	}
	for _, config := range a.Software.Files {
		file := config.File
		if config.Source != "" {
			file.Bucket, file.Key = l.bucket, key(file.Path, file.SHA256)
		}
		b.Files = append(b.Files, file)
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
