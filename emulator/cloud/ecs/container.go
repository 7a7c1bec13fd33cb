package ecs

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/internal/circle"
)

// Dependency makes a container wait for another one of its task (API: ContainerDependency).
type Dependency struct {
	Container string    `json:"containerName"`
	Condition Condition `json:"condition"`
}

// Condition is what a container waits for.
type Condition string

// The conditions of a dependency.
const (
	ConditionStart    Condition = "START"    // the other container has started
	ConditionComplete Condition = "COMPLETE" // it has ended
	ConditionSuccess  Condition = "SUCCESS"  // it has ended with exit code 0
	ConditionHealthy  Condition = "HEALTHY"  // its health check, which the emulator does not run, has passed
)

// Container is a container of a task.
type Container struct {
	Name        string
	Image       string
	Essential   bool              // its end ends the task
	Command     []string          // entry point and command; empty: those of the image
	Environment map[string]string // variables
	Secrets     map[string]string // variables with the places of their values, which are fetched when the container starts
	Links       map[string]string // names of containers by the names by which this one reaches them
	DependsOn   []Dependency      // those of links included
	Address     netip.Addr        // 127.254.x.x: unique on this machine
	Logs        LogSettings       // where its output goes
	StopTimeout time.Duration     // from SIGTERM to SIGKILL
	ExitCode    *int              // once it has ended
}

// container returns a container of the definition, as a task has it.
func (d ContainerDefinition) container() Container {
	c := Container{
		Name: d.Name, Image: d.Image, Essential: d.essential(), Command: slices.Concat(d.EntryPoint, d.Command),
		Environment: map[string]string{}, Secrets: map[string]string{}, Links: map[string]string{},
		DependsOn: d.dependencies(), StopTimeout: d.stopTimeout(),
	}
	if d.LogConfiguration != nil {
		c.Logs = *d.LogConfiguration
	}
	for _, variable := range d.Environment {
		c.Environment[variable.Name] = variable.Value
	}
	for _, secret := range d.Secrets {
		c.Secrets[secret.Name] = secret.ValueFrom
	}
	for _, link := range d.Links {
		name, alias := splitLink(link)
		c.Links[alias] = name
	}
	return c
}

// splitLink returns the container of a link and the name by which it is reached.
func splitLink(link string) (name, alias string) {
	name, alias, given := strings.Cut(link, ":")
	if !given {
		alias = name
	}
	return name, alias
}

// dependencies returns what the container waits for. A container starts after those that it is linked with.
func (d ContainerDefinition) dependencies() []Dependency {
	all := slices.Clone(d.DependsOn)
	for _, link := range d.Links {
		name, _ := splitLink(link)
		all = append(all, Dependency{Container: name, Condition: ConditionStart})
	}
	return all
}

// checkOrder checks the names of containers, their links and what they wait for.
func checkOrder(containers []ContainerDefinition) error {
	named := map[string]ContainerDefinition{}
	for _, d := range containers {
		if _, twice := named[d.Name]; twice {
			return clientException("Duplicate container name '%s'.", d.Name)
		}
		named[d.Name] = d
	}
	after := map[string][]string{}
	for _, d := range containers {
		for _, on := range d.dependencies() {
			after[d.Name] = append(after[d.Name], on.Container)
			if err := checkDependency(d, on, named); err != nil {
				return err
			}
		}
	}
	if circle := circle.Find(after); circle != nil {
		return clientException("Containers wait for each other by dependsOn or links: %s.", strings.Join(circle, ", "))
	}
	return nil
}

// checkDependency checks what a container waits for (API: ContainerDependency).
func checkDependency(d ContainerDefinition, on Dependency, named map[string]ContainerDefinition) error {
	other, found := named[on.Container]
	switch {
	case !found:
		return clientException("Container '%s' depends on or is linked with '%s', which the task definition does not have.", d.Name, on.Container)
	case on.Condition == ConditionHealthy:
		return clientException("the condition HEALTHY of container '%s' has no behaviour in the emulator yet, which runs no health checks of "+
			"containers", d.Name)
	case on.Condition != ConditionStart && on.Condition != ConditionComplete && on.Condition != ConditionSuccess:
		return clientException("Invalid condition '%s' in the dependsOn of container '%s'.", on.Condition, d.Name)
	case on.Condition != ConditionStart && other.essential():
		return clientException("Container '%s' depends on the condition %s of '%s', which cannot be set on an essential container.", d.Name,
			on.Condition, on.Container)
	}
	return nil
}

// ByName returns the container with a name, or nil.
func (t *Task) ByName(name string) *Container {
	at := slices.IndexFunc(t.Containers, func(c Container) bool { return c.Name == name })
	if at < 0 {
		return nil
	}
	return &t.Containers[at]
}
