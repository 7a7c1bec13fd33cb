package compute

import (
	"fmt"
	"path"
	"strings"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/userdata"
)

// Software is what instances run.
type Software struct {
	// Region is where the artifacts are kept, the instances' own.
	Region string

	// Artifacts are put on each instance at its first boot.
	Artifacts []File

	// Services run from boot to shutdown. At least one, except on instances of a cluster.
	Services []userdata.Service

	// Packages are installed at the first boot, from the repositories that the image knows.
	Packages []string
}

// Validate reports what is wrong with the software, and user data that would exceed AWS's limit whatever name the bucket
// gets.
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

// key is an artifact's in the bucket. The content's hash is part of it: a new build is a new object, which is there
// before the launch template names it and whose predecessor stays until no template does.
func key(artifact File) string {
	return path.Join(strings.TrimPrefix(artifact.Path, "/"), artifact.SHA256)
}
