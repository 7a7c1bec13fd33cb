package compute

import (
	"encoding/base64"
	"fmt"
	"path"
	"strings"

	"github.com/elastic-service/elastic-service/internal/fault"
	"github.com/elastic-service/elastic-service/userdata"
)

// longestBucket stands for a bucket's name where the real one is not known yet: S3 allows 63 characters.
var longestBucket = strings.Repeat("b", 63)

// Software is what instances run.
type Software struct {
	// Region is where the artifacts are kept, the instances' own.
	Region string

	// Artifacts are put on each instance at its first boot.
	Artifacts []File

	// Services run from boot to shutdown.
	Services []userdata.Service

	// Packages are installed at the first boot, from the repositories that the image knows.
	Packages []string
}

// Validate reports what is wrong with the software, and user data that would exceed AWS's limit whatever name the bucket
// gets.
func (s *Software) Validate() error {
	var faults fault.List
	for i, artifact := range s.Artifacts {
		if artifact.Source == "" {
			faults.Missing(fmt.Sprintf("artifacts[%d].source", i), "a local file is needed")
		}
	}
	faults.Include("", s.bootstrap(longestBucket).Validate())
	if faults.Err() == nil {
		_, err := s.UserData(longestBucket)
		faults.Include("userData", err)
	}
	return faults.Err()
}

// UserData is the document, in base64, from which an instance sets itself up with the artifacts in the named bucket.
func (s *Software) UserData(bucket string) (string, error) {
	document, err := s.bootstrap(bucket).Render()
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(document), nil
}

func (s *Software) bootstrap(bucket string) userdata.Bootstrap {
	b := userdata.Bootstrap{Region: s.Region, Packages: s.Packages, Services: s.Services}
	for _, artifact := range s.Artifacts {
		b.Artifacts = append(b.Artifacts, userdata.Artifact{
			Path:   artifact.Path,
			Bucket: bucket,
			Key:    key(artifact),
			SHA256: artifact.SHA256,
		})
	}
	return b
}

// key is an artifact's in the bucket. The content's hash is part of it: a new build is a new object, which is there
// before the launch template names it and whose predecessor stays until no template does.
func key(artifact File) string {
	return path.Join(strings.TrimPrefix(artifact.Path, "/"), artifact.SHA256)
}
