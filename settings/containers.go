package settings

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Containers is an ECS service on the instances.
type Containers struct {
	// The image of the container.
	// Limits: registry, repository, and a tag or a digest (`@sha256:` and 64 hex digits); in private subnets without `network.nat` an image
	// of ECR in the stack's region. The instances may pull from ECR in their own account.
	Image string `required:"true"`

	// The command that is started in the container.
	// Default: the image's.
	Command []string

	// Environment variables. Do not put secrets into them.
	// Limits: names of letters, digits and `_`.
	Environment map[string]string

	// Environment variables whose values are kept elsewhere. ECS fetches them with the task's execution role when a container starts, which
	// does not start without them.
	// Limits: names of letters, digits and `_`, not beginning with `AWS_`, not in `environment`.
	Secrets map[string]Secret

	// More containers in each task, on the same instance as the main container, whose name is `service`.
	// Limits: at most 9.
	Sidecars []Sidecar

	// Sidecars that the main container reaches by their names, on any port. It starts after them.
	Links []string

	// What the main container waits for before it starts: sidecars with `START` (it has started), `COMPLETE` (it has ended) or `SUCCESS`
	// (it has ended with exit code 0).
	// Limits: `COMPLETE` and `SUCCESS` for a sidecar that is not essential.
	DependsOn map[string]string

	// What the containers may do in AWS, with a role of their own.
	Permissions []Permission

	// The port on which the container listens. On the instance, ECS maps it to a port from 32768 up.
	// Limits: 1 to 65535.
	Port int `required:"true" minimum:"1" maximum:"65535" unit:"TCP port"`

	// The container's share of the instance's CPU.
	// Limits: from 2 (ECS API Reference, ContainerDefinition).
	CPU int `default:"256" minimum:"2" unit:"1/1024 vCPU"`

	// The container is killed when it uses more memory. A t3.micro has about 900 for all of its containers.
	// Limits: from 6 (ContainerDefinition).
	Memory int `default:"256" minimum:"6" unit:"MiB"`

	// The lowest number of containers.
	// Limits: 1 to `max`.
	Min int `default:"1" minimum:"1" unit:"containers"`

	// The number of containers at the beginning; scaling changes it afterwards.
	// Limits: `min` to `max`.
	Desired int `default:"1" minimum:"1" unit:"containers"`

	// The highest number of containers, except while a revision is rolled out.
	// Limits: `min` or more.
	Max int `default:"2" minimum:"1" unit:"containers"`

	// The CPU use that scaling holds by changing the number of containers; 0 keeps the number fixed.
	// Limits: 0 to 100.
	TargetCPU float64 `default:"60" minimum:"0" maximum:"100" unit:"%"`

	// `pulumi up` waits until the containers are healthy, 20 minutes at most, and fails if ECS rolls the revision back. Without
	// it, the events of the service tell how a deployment ends.
	Wait bool
}

// The ECS agent refuses less than 6 MiB for a container, and Linux refuses CPU shares below 2 (API: ContainerDefinition).
const (
	leastMemory = 6
	leastCPU    = 2
)

var (
	// Registry, repository, tag and digest (API: ContainerDefinition, image).
	containerPattern = regexp.MustCompile(`^[a-z0-9][A-Za-z0-9._:/@-]{0,254}$`)
	digestPattern    = regexp.MustCompile(`^[^@]+@sha256:[0-9a-f]{64}$`)
	ecrPattern       = regexp.MustCompile(`^[0-9]{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/`)
	variablePattern  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

func (c Containers) validate(l *invalid.List, service string) {
	validateContainer(l, "containers", c.Image, c.CPU, c.Memory, c.Environment)
	if !isPort(c.Port) {
		l.Add("containers.port", c.Port, "is not from 1 to 65535")
	}
	c.validateSidecars(l, service)
	c.validateScaling(l)
}

// validateContainer checks what the main container and sidecars have in common.
func validateContainer(l *invalid.List, at, image string, cpu, memory int, environment map[string]string) {
	if !containerPattern.MatchString(image) {
		l.Add(at+".image", image, "is not an image such as public.ecr.aws/docker/library/nginx:1.29")
	}
	if strings.Contains(image, "@") && !digestPattern.MatchString(image) {
		l.Add(at+".image", image, "has a digest that is not sha256: and 64 lower-case hex digits")
	}
	if cpu < leastCPU {
		l.Add(at+".cpu", cpu, "is below %d units", leastCPU)
	}
	if memory < leastMemory {
		l.Add(at+".memory", memory, "is below %d MiB", leastMemory)
	}
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		if !variablePattern.MatchString(name) {
			l.Add(at+".environment", name, "is not the name of a variable: letters, digits and _")
		}
	}
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

// fromECR reports whether an image is in a private registry of ECR in a region, whose endpoints the VPC has.
func fromECR(image, region string) bool {
	registry := ecrPattern.FindStringSubmatch(image)
	return registry != nil && registry[1] == region
}
