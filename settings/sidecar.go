package settings

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/internal/circle"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Sidecar is a container beside the main one in each task. It starts and stops with the task, on the same instance.
type Sidecar struct {
	// The name of the container, by which `links` and `dependsOn` name it and its logs are found.
	// Limits: 1 to 63 lower-case letters, digits and hyphens, a letter first; not `service`; each once.
	Name string `required:"true"`

	// The image of the container.
	// Limits: as `containers.image`.
	Image string `required:"true"`

	// The command that is started in the container.
	// Default: the image's.
	Command []string

	// Environment variables. Do not put secrets into them.
	// Limits: names of letters, digits and `_`.
	Environment map[string]string

	// Environment variables whose values are kept elsewhere, as `containers.secrets`.
	// Limits: names of letters, digits and `_`, not beginning with `AWS_`, not in `environment`.
	Secrets map[string]Secret

	// Containers of the task that it reaches by their names, on any port. It starts after them.
	// Limits: sidecars and `service`, without circles.
	Links []string

	// What it waits for before it starts: containers of the task with `START`, `COMPLETE` or `SUCCESS`, as `containers.dependsOn`.
	// Limits: without circles.
	DependsOn map[string]string

	// Its end stops the task, which ECS replaces. Without it the task goes on when this container ends, as after a command that runs once.
	Essential bool `default:"true"`

	// The container's share of the instance's CPU.
	// Limits: from 2 (ECS API Reference, ContainerDefinition).
	CPU int `default:"64" minimum:"2" unit:"1/1024 vCPU"`

	// The container is killed when it uses more memory.
	// Limits: from 6 (ContainerDefinition).
	Memory int `default:"64" minimum:"6" unit:"MiB"`
}

// mostSidecars leaves room for the main container in a task definition of 10 (ECS service quotas).
const mostSidecars = 9

// The conditions of dependsOn.
const conditionStart = "START"

var (
	conditions     = []string{conditionStart, "COMPLETE", "SUCCESS"}
	sidecarPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
)

func (c Containers) validateSidecars(l *invalid.List, service string) {
	if len(c.Sidecars) > mostSidecars {
		l.Add("containers.sidecars", len(c.Sidecars), "are more than %d: ECS has 10 containers in a task", mostSidecars)
	}
	sidecars := map[string]Sidecar{}
	for i, s := range c.Sidecars {
		at := fmt.Sprintf("containers.sidecars[%d]", i)
		_, twice := sidecars[s.Name]
		switch {
		case !sidecarPattern.MatchString(s.Name):
			l.Add(at+".name", s.Name, "is not a name of at most 63 lower-case letters, digits and hyphens, a letter first")
		case s.Name == service:
			l.Add(at+".name", s.Name, "is the name of the main container (service)")
		case twice:
			l.Add(at+".name", s.Name, "is the name of another sidecar")
		}
		sidecars[s.Name] = s
		validateContainer(l, at, s.Image, s.CPU, s.Memory, s.Environment)
	}
	after := map[string][]string{}
	each := func(at, name string, links []string, dependsOn map[string]string) {
		for i, other := range links {
			if _, found := sidecars[other]; !found && other != service {
				l.Add(fmt.Sprintf("%s.links[%d]", at, i), other, "is not a container of the task")
			}
		}
		for _, other := range slices.Sorted(maps.Keys(dependsOn)) {
			sidecar, found := sidecars[other]
			validateCondition(l, at+".dependsOn."+other, dependsOn[other], found || other == service, !found || sidecar.Essential)
		}
		after[name] = slices.Concat(links, slices.Sorted(maps.Keys(dependsOn)))
	}
	each("containers", service, c.Links, c.DependsOn)
	for i, s := range c.Sidecars {
		each(fmt.Sprintf("containers.sidecars[%d]", i), s.Name, s.Links, s.DependsOn)
	}
	if names := circle.Find(after); names != nil {
		l.Missing("containers", "has containers that wait for each other by links or dependsOn: %s", strings.Join(names, ", "))
	}
}

// validateCondition checks what a container waits for (ECS API Reference, ContainerDependency).
func validateCondition(l *invalid.List, at, condition string, found, essential bool) {
	switch {
	case !found:
		l.Missing(at, "is not a container of the task")
	case !slices.Contains(conditions, condition):
		l.Add(at, condition, "is not START, COMPLETE or SUCCESS")
	case essential && condition != conditionStart:
		l.Add(at, condition, "is for a sidecar with essential: false: the end of another container stops the task")
	}
}
