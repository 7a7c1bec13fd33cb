package containers

import (
	"fmt"
	"maps"
	"slices"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Sidecar is a container beside the one that serves, in the same task. The fields are those of [Args].
type Sidecar struct {
	Name        string // not the service's, each once
	Image       string
	Command     []string
	Environment map[string]string // the variables of the stack are added
	Secrets     map[string]Secret
	Links       []string          // containers of the task, the main one by the service's name
	DependsOn   map[string]string // START, COMPLETE or SUCCESS, by the container's name
	Essential   bool              // its end stops the task
	CPU, Memory int               // units, MiB
}

// all returns the containers of a task, the main one first.
func (a *Args) all(name string) []Sidecar {
	return slices.Concat([]Sidecar{{
		Name: name, Image: a.Image, Command: a.Command, Environment: a.Environment, Secrets: a.Secrets, Links: a.Links,
		DependsOn: a.DependsOn, Essential: true, CPU: a.CPU, Memory: a.Memory,
	}}, a.Sidecars)
}

// hasSecrets reports whether a container of a task has secrets.
func (a *Args) hasSecrets() bool {
	return slices.ContainsFunc(a.all(""), func(c Sidecar) bool { return len(c.Secrets) > 0 })
}

// secretKey is how [located] names a variable of a container.
func secretKey(container, variable string) string { return container + "." + variable }

// dependencies returns what a container waits for.
func (c Sidecar) dependencies() []dependency {
	var all []dependency
	for _, name := range slices.Sorted(maps.Keys(c.DependsOn)) {
		all = append(all, dependency{name, c.DependsOn[name]})
	}
	return all
}

func (a *Args) validSidecars() error {
	var problems invalid.List
	for i, c := range a.Sidecars {
		at := fmt.Sprintf("sidecars[%d]", i)
		problems.Need(at+".name", c.Name != "")
		problems.Include(at, c.valid())
	}
	return problems.Err()
}
