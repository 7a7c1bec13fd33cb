package stack

import (
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/network"
	"github.com/elastic-service/elastic-service/settings"
)

// plan is everything that has to be known before anything is registered.
type plan struct {
	settings     *settings.Settings
	stack        string // its name
	tags         map[string]string
	zones        []string       // availability zones, one for each subnet
	offering     []string       // the region's zones that offer the types of the instances
	existing     *network.Found // the VPC that the stack uses; nil if it creates a VPC
	image        image          // of the instances
	bastionImage image
	zoneID       string // of the hosted zone that the alias is in, unless the stack creates the zone
	software     compute.Software
}

// newPlan looks at what the settings can only name: the region's zones, images, the hosted zone, and local files. The plan is
// complete only if no problem was added.
func newPlan(ctx *pulumi.Context, s *settings.Settings, problems *invalid.List) *plan {
	p := &plan{settings: s, stack: ctx.Stack(), tags: tagsOf(s, ctx.Stack())}
	for _, c := range order {
		if c.look != nil {
			c.look(p, ctx, problems)
		}
	}
	p.countObjectTags(ctx, problems)
	return p
}

// components returns the components that the settings ask for, in order.
func (p *plan) components() []component {
	return slices.DeleteFunc(slices.Clone(order), func(c component) bool { return c.wanted != nil && !c.wanted(p) })
}

// validate asks the components what they have against their settings, before the first of them is registered. It leaves out those whose
// settings have a problem that is known: they know arguments, which are no settings then.
func (p *plan) validate(known []invalid.Problem) error {
	var problems invalid.List
	for _, c := range p.components() {
		if c.validate != nil && !c.hasProblem(known) {
			problems.Include(c.section, c.validate(p))
		}
	}
	return problems.Err()
}

// hasProblem reports whether a problem is in one of the sections that the component validates.
func (c *component) hasProblem(known []invalid.Problem) bool {
	return slices.ContainsFunc(known, func(k invalid.Problem) bool {
		section, _, _ := strings.Cut(k.Path, ".")
		section, _, _ = strings.Cut(section, "[")
		own, _, _ := strings.Cut(c.section, ".")
		return section == own || slices.Contains(c.reads, section)
	})
}
