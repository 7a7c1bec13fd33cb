package compute

import (
	"fmt"
	"path"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/userdata"
)

// Software is what instances run.
type Software struct {
	// Region is the region of the artifacts and of the instances.
	Region string

	// Artifacts are put on each instance at its first boot.
	Artifacts []File

	// Services run from boot to shutdown. Instances of a cluster need none, others at least one.
	Services []userdata.Service

	// Packages are installed at the first boot, from the repositories that the image knows.
	Packages []string
}

// Validate reports every problem of the software, and user data that would exceed AWS's limit with the longest name that the
// bucket can get.
func (s *Software) Validate() error {
	return (&Args{Software: *s}).validSoftware()
}

func (s *Software) validSources() error {
	var problems invalid.List
	for i, artifact := range s.Artifacts {
		if artifact.Source == "" {
			problems.Missing(fmt.Sprintf("artifacts[%d].source", i), "a local file is needed")
		}
	}
	return problems.Err()
}

// artifacts is the prefix of the artifacts in their bucket.
const artifacts = "artifacts"

// key returns an artifact's key in the bucket. The content's hash is part of it: a new build is a new object, which exists
// before the launch template names it. The old object stays, see [Template.objects].
func key(artifact File) string {
	return path.Join(artifacts, artifact.Path, artifact.SHA256)
}
