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

	// Files are put into place at the first boot, after the artifacts.
	Files []Config

	// Setup runs once, after the files are in place and before the services start.
	Setup []userdata.Setup

	// Services run from boot to shutdown. Instances of a cluster need none, others at least one.
	Services []userdata.Service

	// Packages are installed at the first boot, from the repositories that the image knows.
	Packages []string

	// Logs is the log group for the journal of the instances; nil: the journal stays on them.
	Logs *Logs
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
	for i, f := range s.Files {
		if f.Source == "" && f.SHA256 != "" {
			problems.Missing(fmt.Sprintf("files[%d].source", i), "a local file is needed")
		}
	}
	return problems.Err()
}

// object is a local file in the bucket.
type object struct{ path, key, source string }

// HasObjects reports whether something goes through a bucket.
func (s *Software) HasObjects() bool { return len(s.objects()) > 0 }

// objects returns what goes through the bucket: the artifacts, and the files that are not in the user data.
func (s *Software) objects() []object {
	var all []object
	for _, a := range s.Artifacts {
		all = append(all, object{a.Path, key(a.Path, a.SHA256), a.Source})
	}
	for _, f := range s.Files {
		if f.Source != "" {
			all = append(all, object{f.Path, key(f.Path, f.SHA256), f.Source})
		}
	}
	return all
}

// artifacts is the prefix of the artifacts in their bucket.
const artifacts = "artifacts"

// key returns the key in the bucket of a file for a path. The content's hash is part of it: a new build is a new object, which exists
// before the launch template names it. The old object stays, see [Template.objects].
func key(place, sum string) string {
	return path.Join(artifacts, place, sum)
}
