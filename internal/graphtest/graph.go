package graphtest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Resource is a registration.
type Resource struct {
	Type, Name string
	URN        string
	Custom     bool // has a provider; false for components, the remote ones included
	Remote     bool // a component that a provider makes
	Inputs     resource.PropertyMap
	Outputs    resource.PropertyMap

	// DeleteBeforeReplace, RetainOnDelete, IgnoreChanges, Protect are the options of the same names.
	DeleteBeforeReplace, RetainOnDelete, Protect bool
	IgnoreChanges                                []string

	parent     string
	deps       []string            // all URNs, sorted
	properties map[string][]string // URNs by input property, sorted
}

// Invoke is a call of a provider's function.
type Invoke struct {
	Token string
	Args  resource.PropertyMap
}

// Graph is what a program registered, sorted by type and name, and what it asked for, in the order of asking.
type Graph struct {
	Resources []*Resource
	Invokes   []Invoke

	byURN map[string]*Resource
}

func newGraph(resources []*Resource, invokes []Invoke) *Graph {
	g := &Graph{Resources: resources, Invokes: invokes, byURN: map[string]*Resource{}}
	slices.SortFunc(g.Resources, func(a, b *Resource) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name))
	})
	for _, r := range resources {
		g.byURN[r.URN] = r
	}
	return g
}

// OfType returns the resources of a type: the whole token, or its last part such as "Listener".
func (g *Graph) OfType(typ string) []*Resource {
	var found []*Resource
	for _, r := range g.Resources {
		if r.Type == typ || strings.HasSuffix(r.Type, ":"+typ) {
			found = append(found, r)
		}
	}
	return found
}

// Find returns the resource of a type, see [Graph.OfType], and a name; nil if there is none.
func (g *Graph) Find(typ, name string) *Resource {
	for _, r := range g.OfType(typ) {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// Custom returns the resources that a provider creates, without components.
func (g *Graph) Custom() []*Resource {
	return slices.DeleteFunc(slices.Clone(g.Resources), func(r *Resource) bool { return !r.Custom })
}

// Parent returns the component that a resource belongs to; nil at the top.
func (g *Graph) Parent(r *Resource) *Resource { return g.byURN[r.parent] }

// Top returns the outermost component of a resource, or the resource itself.
func (g *Graph) Top(r *Resource) *Resource {
	for g.Parent(r) != nil {
		r = g.Parent(r)
	}
	return r
}

// Descendants returns the resources below r, in the order of the graph.
func (g *Graph) Descendants(r *Resource) []*Resource {
	var below []*Resource
	for _, other := range g.Resources {
		for up := g.Parent(other); up != nil; up = g.Parent(up) {
			if up == r {
				below = append(below, other)
				break
			}
		}
	}
	return below
}

// Dependencies returns the resources that must exist before r: those that its inputs come from and those of DependsOn.
func (g *Graph) Dependencies(r *Resource) []*Resource { return g.lookup(r.deps) }

// InputsFrom returns the resources that r's inputs come from.
func (g *Graph) InputsFrom(r *Resource) []*Resource {
	var urns []string
	for _, from := range r.properties {
		urns = append(urns, from...)
	}
	slices.Sort(urns)
	return g.lookup(slices.Compact(urns))
}

// InputFrom returns the resources that an input of r comes from.
func (g *Graph) InputFrom(r *Resource, property string) []*Resource {
	return g.lookup(r.properties[property])
}

func (g *Graph) lookup(urns []string) []*Resource {
	var found []*Resource
	for _, urn := range urns {
		if r := g.byURN[urn]; r != nil {
			found = append(found, r)
		}
	}
	return found
}

// Before returns the resources that must exist before r: its dependencies and its parent, with what that depends on.
func (g *Graph) Before(r *Resource) []*Resource {
	before := g.Dependencies(r)
	if parent := g.Parent(r); parent != nil {
		before = append(before, parent)
	}
	return before
}

// Reaches reports whether to must exist before from, directly or through others; so that from is also deleted before to.
func (g *Graph) Reaches(from, to *Resource) bool {
	seen := map[*Resource]bool{}
	var walk func(*Resource) bool
	walk = func(r *Resource) bool {
		for _, next := range g.Before(r) {
			if next == to {
				return true
			}
			if !seen[next] {
				seen[next] = true
				if walk(next) {
					return true
				}
			}
		}
		return false
	}
	return walk(from)
}

// NeedsAll reports whether r depends on all other resources, so that it is deleted before any of them.
func (g *Graph) NeedsAll(r *Resource) bool {
	needed := g.Dependencies(r)
	return len(needed) > 1 && !slices.ContainsFunc(g.Resources, func(other *Resource) bool {
		return (other.Custom || other.Remote) && other != r && !slices.Contains(needed, other)
	})
}

// CriticalPath returns the longest chain of resources, each needing the resource before it, and its duration. The function
// edges returns what a resource needs: [Graph.Before] or [Graph.InputsFrom].
func (g *Graph) CriticalPath(
	cost func(*Resource) time.Duration, edges func(*Resource) []*Resource,
) (path []*Resource, total time.Duration) {
	ends, before := map[*Resource]time.Duration{}, map[*Resource]*Resource{}
	var end func(*Resource) time.Duration
	end = func(r *Resource) time.Duration {
		if done, ok := ends[r]; ok {
			return done
		}
		var ready time.Duration
		for _, dep := range edges(r) {
			if at := end(dep); at > ready {
				ready, before[r] = at, dep
			}
		}
		ends[r] = ready + cost(r)
		return ends[r]
	}
	var last *Resource
	for _, r := range g.Resources {
		if at := end(r); at > total {
			total, last = at, r
		}
	}
	for r := last; r != nil; r = before[r] {
		path = append(path, r)
	}
	slices.Reverse(path)
	return path, total
}
