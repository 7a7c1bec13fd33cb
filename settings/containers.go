package settings

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// ECS's agent takes no less than 6 MiB for a container, and Linux CPU shares of 2 at least (API: ContainerDefinition).
const (
	leastMemory = 6
	leastCPU    = 2
)

var (
	// Registry, repository, tag and digest (API: ContainerDefinition, image).
	containerPattern = regexp.MustCompile(`^[a-z0-9][A-Za-z0-9._:/@-]{0,254}$`)
	variablePattern  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

func (c Containers) validate(l *invalid.List) {
	if !containerPattern.MatchString(c.Image) {
		l.Add("containers.image", c.Image, "is not an image such as public.ecr.aws/docker/library/nginx:1.29")
	}
	if !isPort(c.Port) {
		l.Add("containers.port", c.Port, "is not from 1 to 65535")
	}
	if c.CPU < leastCPU {
		l.Add("containers.cpu", c.CPU, "is below %d units", leastCPU)
	}
	if c.Memory < leastMemory {
		l.Add("containers.memory", c.Memory, "is below %d MiB", leastMemory)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Environment)) {
		if !variablePattern.MatchString(name) {
			l.Add("containers.environment", name, "is not the name of a variable: letters, digits and _")
		}
	}
	c.validateScaling(l)
}

func (c Containers) validateScaling(l *invalid.List) {
	if c.Min < 1 {
		l.Add("containers.min", c.Min, "is below 1: the service would have no container")
	}
	if c.Max < c.Min {
		l.Add("containers.max", c.Max, "is below containers.min (%d)", c.Min)
	} else if c.Desired < c.Min || c.Desired > c.Max {
		l.Add("containers.desired", c.Desired, "is not from containers.min (%d) to containers.max (%d)", c.Min, c.Max)
	}
	if c.TargetCPU < 0 || c.TargetCPU > 100 {
		l.Add("containers.targetCPU", c.TargetCPU, "is not from 0 (not scaled) to 100 percent")
	}
}

// private reports whether the image is in a private registry of ECR.
func (c Containers) private() bool { return strings.Contains(c.Image, ".dkr.ecr.") }
