package settings

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// ExistingNetwork is a VPC that is there, with subnets for the stack. The stack looks them up at its first deployment, and keeps those
// that it found until these settings change.
type ExistingNetwork struct {
	// The VPC.
	// Limits: the ID of a VPC of the stack's region, such as `vpc-0a1b2c3d`, that resolves names (enableDnsSupport).
	VPC string `oneof:"vpc"`

	// Tags that the VPC has, and no other VPC.
	// Limits: at least one.
	Tags map[string]string `oneof:"vpc"`

	// The subnets of the balancer, of the bastion, and without `private` of the instances.
	// Limits: their route tables lead to an internet gateway, unless the balancer is internal; they have the zones of the instances.
	Public *ExistingSubnets

	// The subnets of the instances, which get no public addresses there; and of an internal balancer.
	// Limits: their route tables do not lead to an internet gateway. Without a route to the internet (a NAT gateway, a transit
	// gateway) the VPC has the endpoints of S3 and of the other AWS services that the settings need.
	Private *ExistingSubnets

	// The subnets of the database.
	// Default: `private`.
	Isolated *ExistingSubnets
}

// ExistingSubnets are subnets of an existing VPC, of two zones or more, and at most one a zone.
type ExistingSubnets struct {
	// The subnets.
	// Limits: IDs such as `subnet-0a1b2c3d`, each once, at least two.
	Subnets []string `oneof:"subnets"`

	// Tags that the subnets have, and no other subnet of the VPC.
	// Limits: at least one.
	Tags map[string]string `oneof:"subnets"`
}

var (
	vpcPattern    = regexp.MustCompile(`^vpc-([0-9a-f]{8}|[0-9a-f]{17})$`)
	subnetPattern = regexp.MustCompile(`^subnet-([0-9a-f]{8}|[0-9a-f]{17})$`)
)

// InPrivate reports whether the instances are in private subnets.
func (n Network) InPrivate() bool { return n.Private || n.Existing != nil && n.Existing.Private != nil }

// validateExisting checks the names of what exists, and refuses settings of a VPC that the stack would create.
func (n Network) validateExisting(l *invalid.List) {
	n.validateLeftOut(l)
	e := n.Existing
	one := func(at string, isSet, tagged bool, name string) {
		if isSet == tagged {
			l.Missing(at, "needs exactly one of %s and tags", name)
		}
	}
	one("network.existing", e.VPC != "", len(e.Tags) > 0, "vpc")
	if e.VPC != "" && !vpcPattern.MatchString(e.VPC) {
		l.Add("network.existing.vpc", e.VPC, "is not the ID of a VPC such as vpc-0a1b2c3d")
	}
	for _, tier := range []struct {
		at      string
		subnets *ExistingSubnets
	}{{"public", e.Public}, {"private", e.Private}, {"isolated", e.Isolated}} {
		if tier.subnets == nil {
			continue
		}
		at := "network.existing." + tier.at
		one(at, len(tier.subnets.Subnets) > 0, len(tier.subnets.Tags) > 0, "subnets")
		tier.subnets.validate(l, at+".subnets")
	}
	if e.Public == nil && e.Private == nil {
		l.Missing("network.existing", "needs public or private, the subnets of the instances")
	}
}

func (s ExistingSubnets) validate(l *invalid.List, at string) {
	for i, id := range s.Subnets {
		switch at := at + "[" + strconv.Itoa(i) + "]"; {
		case !subnetPattern.MatchString(id):
			l.Add(at, id, "is not the ID of a subnet such as subnet-0a1b2c3d")
		case slices.Contains(s.Subnets[:i], id):
			l.Add(at, id, "is listed twice")
		}
	}
	if len(s.Subnets) == 1 {
		l.Add(at, s.Subnets[0], "is the only one: at least %d zones need a subnet each", minZones)
	}
}

// validateLeftOut refuses settings that describe a VPC which the stack creates.
func (n Network) validateLeftOut(l *invalid.List) {
	var d decoder
	standard := Network{}
	d.object("network", map[string]any{}, reflect.ValueOf(&standard).Elem())
	given, defaults := reflect.ValueOf(n), reflect.ValueOf(standard)
	for _, f := range fields(given.Type()) {
		if f.key == "existing" || f.key == "egress" {
			continue
		}
		if value := given.FieldByIndex(f.Index).Interface(); !reflect.DeepEqual(value, defaults.FieldByIndex(f.Index).Interface()) {
			l.Missing("network."+f.key, "is for a VPC that the stack creates: leave it out with network.existing")
		}
	}
}

// validateTiers checks that what is in the network has its subnets.
func (s *Settings) validateTiers(l *invalid.List) {
	e := s.Network.Existing
	switch {
	case e == nil:
		return
	case e.Public == nil && !s.Balancer.Internal:
		l.Missing("network.existing.public", "must be set: the balancer is in it, unless balancer.internal is true")
	case e.Public == nil && s.Compute.Bastion != nil:
		l.Missing("network.existing.public", "must be set: the bastion is in it")
	case e.Public != nil && e.Private != nil && s.Balancer.Internal && s.Compute.Bastion == nil:
		l.Missing("network.existing.public", "would be without use: an internal balancer is in the private subnets")
	}
	if e.Isolated != nil && s.Database == nil {
		l.Missing("network.existing.isolated", "would be without use: it is for a database")
	}
}
