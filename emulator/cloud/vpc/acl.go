package vpc

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// NetworkACL filters the packets that cross the border of its subnets. It does not track connections: answers need a
// rule as well. A subnet without a network ACL has the VPC's default ACL, which allows everything.
type NetworkACL struct {
	ID           string
	VPC          string
	Rules        []ACLRule
	Associations map[string]string // association ID → subnet ID
}

// ACLRule is a numbered rule. Of the rules that match a packet the one with the lowest number decides. A packet that no
// rule matches is dropped.
type ACLRule struct {
	Number   int
	Egress   bool
	Protocol string // tcp, udp, icmp or a protocol number; -1: any protocol and port
	Allow    bool
	CIDR     string // of the peer
	From, To int    // ports, inclusive
}

// maxACLRules is the default quota per direction ("Amazon VPC quotas": 20).
const maxACLRules = 20

// CreateACL creates a network ACL without rules, which denies everything.
func (s *Store) CreateACL(vpc string) (NetworkACL, error) {
	acl := &NetworkACL{ID: aws.NewID("acl"), VPC: vpc, Associations: map[string]string{}}
	if s.VPCs[vpc] == nil {
		return NetworkACL{}, aws.NotFound("InvalidVpcID.NotFound", "vpc", vpc)
	}
	s.NetworkACLs[acl.ID] = acl
	return NetworkACL{ID: acl.ID, VPC: vpc}, nil
}

// DeleteACL deletes an ACL that is associated with no subnet.
func (s *Store) DeleteACL(id string) error {
	if acl := s.NetworkACLs[id]; acl != nil && len(acl.Associations) > 0 {
		return aws.InUse("networkAcl", id, "association "+aws.Keys(acl.Associations)[0])
	}
	delete(s.NetworkACLs, id)
	return nil
}

// PutACLRule adds a rule to an ACL.
func (s *Store) PutACLRule(id string, rule ACLRule) error {
	acl := s.NetworkACLs[id]
	if acl == nil {
		return aws.NotFound("InvalidNetworkAclID.NotFound", "networkAcl", id)
	}
	if err := acl.check(rule); err != nil {
		return err
	}
	acl.Rules = append(acl.Rules, rule)
	slices.SortFunc(acl.Rules, func(a, b ACLRule) int { return cmp.Compare(a.Number, b.Number) })
	return nil
}

// check refuses a rule that EC2 refuses for this ACL (API: CreateNetworkAclEntry).
func (a *NetworkACL) check(rule ACLRule) error {
	if rule.Number < 1 || rule.Number > 32766 {
		return aws.Refuse("InvalidParameterValue", "Value (%d) for parameter ruleNumber is invalid. "+
			"A rule number is between 1 and 32766.", rule.Number)
	}
	if _, err := parseCIDR(rule.CIDR); err != nil {
		return err
	}
	if rule.Protocol != "-1" && (rule.From < 0 || rule.To > 65535 || rule.From > rule.To) {
		return aws.Refuse("InvalidParameterValue", "Invalid value for portRange: %d-%d. Must specify both from and to ports "+
			"between 0 and 65535, from not above to.", rule.From, rule.To)
	}
	same := 0
	for _, other := range a.Rules {
		if other.Egress != rule.Egress {
			continue
		}
		same++
		if other.Number == rule.Number {
			return aws.Refuse("NetworkAclEntryAlreadyExists", "The network acl entry identified by %d already exists.", rule.Number)
		}
	}
	if same >= maxACLRules {
		return aws.Refuse("NetworkAclEntryLimitExceeded", "The maximum number of network acl entries has been reached.")
	}
	return nil
}

// DeleteACLRule deletes a rule.
func (s *Store) DeleteACLRule(id string, number int, egress bool) error {
	if acl := s.NetworkACLs[id]; acl != nil {
		acl.Rules = slices.DeleteFunc(acl.Rules, func(r ACLRule) bool { return r.Number == number && r.Egress == egress })
	}
	return nil
}

// AssociateACL associates an ACL with a subnet, in place of the ACL that the subnet had, and returns the ID of the
// association (API: ReplaceNetworkAclAssociation).
func (s *Store) AssociateACL(id, subnet string) (string, error) {
	association := aws.NewID("aclassoc")
	acl, found := s.NetworkACLs[id], s.Subnets[subnet]
	switch {
	case acl == nil:
		return "", aws.NotFound("InvalidNetworkAclID.NotFound", "networkAcl", id)
	case found == nil:
		return "", aws.NotFound("InvalidSubnetID.NotFound", "subnet", subnet)
	case found.VPC != acl.VPC:
		return "", aws.Refuse("InvalidParameterValue", "Network ACL %s and subnet %s belong to different networks", id, subnet)
	}
	s.dropACL(func(_, of string) bool { return of == subnet })
	acl.Associations[association] = subnet
	return association, nil
}

// DisassociateACL ends an association. The subnet falls back to the default ACL of its VPC.
func (s *Store) DisassociateACL(association string) error {
	s.dropACL(func(id, _ string) bool { return id == association })
	return nil
}

// ReleaseACL ends the associations of an ACL with the subnets, or with all subnets if none is given.
func (s *Store) ReleaseACL(id string, subnets ...string) error {
	if acl := s.NetworkACLs[id]; acl != nil {
		maps.DeleteFunc(acl.Associations, func(_, subnet string) bool {
			return len(subnets) == 0 || slices.Contains(subnets, subnet)
		})
	}
	return nil
}

// dropACL ends the associations that match.
func (s *Store) dropACL(which func(association, subnet string) bool) {
	for _, acl := range s.NetworkACLs {
		maps.DeleteFunc(acl.Associations, which)
	}
}

// aclOf returns the network ACL of a subnet. Nil stands for the default ACL.
func (s *Store) aclOf(subnet string) *NetworkACL {
	for _, acl := range s.NetworkACLs {
		for _, associated := range acl.Associations {
			if associated == subnet {
				return acl
			}
		}
	}
	return nil
}

// ports is a range of ports, inclusive.
type ports struct{ from, to int }

// decidingRule returns the rule with the lowest number that matches TCP on a port, or nil.
func (a *NetworkACL) decidingRule(egress bool, other netip.Addr, port int) *ACLRule {
	for n, rule := range a.Rules {
		prefix, err := netip.ParsePrefix(rule.CIDR)
		if err != nil || rule.Egress != egress || !prefix.Contains(other) {
			continue
		}
		tcp := rule.Protocol == "tcp" || rule.Protocol == "6"
		if rule.Protocol == "-1" || tcp && rule.From <= port && port <= rule.To {
			return &a.Rules[n]
		}
	}
	return nil
}

// admits reports whether the ACL allows TCP on each of the ports in a direction. If not, it names the rule that denies
// the first port that is denied.
func (a *NetworkACL) admits(egress bool, other netip.Addr, span ports) (by string, allows bool) {
	if a == nil {
		return "", true // the default ACL
	}
	// The answer can change only where a rule begins or ends.
	points := []int{span.from}
	for _, rule := range a.Rules {
		points = append(points, rule.From, rule.To+1)
	}
	slices.Sort(points)
	for _, port := range points {
		if port < span.from || port > span.to {
			continue
		}
		if rule := a.decidingRule(egress, other, port); rule == nil || !rule.Allow {
			return rule.describe(), false
		}
	}
	return "", true
}

// describe names a rule. Nil stands for the last rule, which denies what no other rule decides and is shown with an
// asterisk.
func (r *ACLRule) describe() string {
	if r == nil {
		return "rule *"
	}
	return fmt.Sprintf("rule %d", r.Number)
}
