package vpc

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// SecurityGroup is a stateful filter of network interfaces. Its rules are separate resources, see [Rule].
type SecurityGroup struct {
	ID   string
	Name string
	VPC  string
}

// Rule allows traffic through a security group. Traffic that no rule allows is dropped.
type Rule struct {
	ID       string
	Group    string
	Egress   bool
	Protocol string // tcp, udp, icmp; -1: any protocol and port
	From, To int    // ports, inclusive
	CIDR     string // peer: a range,
	Peer     string // or the members of a security group,
	List     string // or the ranges of a prefix list
}

// CreateSecurityGroup creates a group without rules. A name has at most 255 characters and does not begin with "sg-"
// (API: CreateSecurityGroup).
func (s *Store) CreateSecurityGroup(name, vpc string) (SecurityGroup, error) {
	group := &SecurityGroup{ID: aws.NewID("sg"), Name: name, VPC: vpc}
	switch {
	case s.VPCs[vpc] == nil:
		return SecurityGroup{}, aws.NotFound("InvalidVpcID.NotFound", "vpc", vpc)
	case strings.HasPrefix(name, "sg-"):
		return SecurityGroup{}, aws.Refuse("InvalidParameterValue", "Value (%s) for parameter GroupName is invalid. "+
			"Group names may not be in the format sg-*.", name)
	case len(name) > 255:
		return SecurityGroup{}, aws.Refuse("InvalidParameterValue", "Value (%s) for parameter GroupName is invalid. "+
			"A group name has at most 255 characters.", name)
	}
	for _, other := range s.SecurityGroups {
		if other.VPC == vpc && other.Name == name {
			return SecurityGroup{}, aws.Refuse("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, vpc)
		}
	}
	s.SecurityGroups[group.ID] = group
	return *group, nil
}

// DeleteSecurityGroup deletes a group and its rules. It fails while a network interface uses the group or a rule of
// another group names it.
func (s *Store) DeleteSecurityGroup(id string) error {
	for _, rule := range s.Rules {
		if rule.Peer == id && rule.Group != id {
			return groupInUse(id, "rule "+rule.ID+" of "+rule.Group)
		}
	}
	if user := s.ownerWhere(func(n *Interface) bool { return slices.Contains(n.Groups, id) }); user != "" {
		return groupInUse(id, user)
	}
	delete(s.SecurityGroups, id)
	delete(s.Tags, id)
	maps.DeleteFunc(s.Rules, func(_ string, rule *Rule) bool { return rule.Group == id })
	return nil
}

// groupInUse refuses to delete a security group that something uses.
func groupInUse(id, by string) error {
	return aws.Refuse("DependencyViolation", "resource %s has a dependent object: %s", id, by)
}

// CreateRule adds a rule to a group.
func (s *Store) CreateRule(rule Rule) (Rule, error) {
	rule.ID = aws.NewID("sgr")
	if err := s.checkRule(rule); err != nil {
		return Rule{}, err
	}
	s.Rules[rule.ID] = &rule
	return rule, nil
}

// checkRule refuses a rule that EC2 refuses (API: AuthorizeSecurityGroupIngress).
func (s *Store) checkRule(rule Rule) error {
	if s.SecurityGroups[rule.Group] == nil {
		return aws.NotFound("InvalidGroup.NotFound", "security group", rule.Group)
	}
	if peer := s.SecurityGroups[rule.Peer]; rule.Peer != "" && (peer == nil || peer.VPC != s.SecurityGroups[rule.Group].VPC) {
		return aws.NotFound("InvalidGroup.NotFound", "security group", rule.Peer)
	}
	if peers := slices.DeleteFunc([]string{rule.CIDR, rule.Peer, rule.List}, func(peer string) bool { return peer == "" }); len(peers) != 1 {
		return aws.Refuse("InvalidParameterCombination", "a rule names one CIDR, one security group or one prefix list")
	}
	if _, known := prefixListByID(rule.List); rule.List != "" && !known {
		return aws.NotFound("InvalidPrefixListID.NotFound", "prefix list", rule.List)
	}
	if rule.CIDR != "" {
		if _, err := parseCIDR(rule.CIDR); err != nil {
			return err
		}
	}
	if rule.Protocol != "-1" && (rule.From < 0 || rule.To > 65535 || rule.From > rule.To) {
		return aws.Refuse("InvalidParameterValue", "Invalid value for portRange: %d-%d. Must specify both from and to ports "+
			"between 0 and 65535, from not above to.", rule.From, rule.To)
	}
	return s.checkOtherRules(rule)
}

// checkOtherRules refuses a duplicate rule and more rules than the quota allows.
func (s *Store) checkOtherRules(rule Rule) error {
	beside := 0
	for _, other := range s.Rules {
		if other.ID == rule.ID || other.Group != rule.Group || other.Egress != rule.Egress {
			continue
		}
		beside++
		same := *other
		same.ID = rule.ID
		if same == rule {
			return aws.Refuse("InvalidPermission.Duplicate", "the specified rule already exists")
		}
	}
	if beside >= maxRules {
		return aws.Refuse("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
	}
	return nil
}

// UpdateRule changes a rule in place. The group, the direction and the kind of peer (range or group) must stay the
// same.
func (s *Store) UpdateRule(id string, rule Rule) error {
	rule.ID = id
	old := s.Rules[id]
	if old == nil {
		return aws.Refuse("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", id)
	}
	if old.Group != rule.Group || old.Egress != rule.Egress || (old.CIDR == "") != (rule.CIDR == "") ||
		(old.Peer == "") != (rule.Peer == "") {
		return aws.Refuse("InvalidParameterValue", "You may not modify the source type of a rule, its group or its direction.")
	}
	if err := s.checkRule(rule); err != nil {
		return err
	}
	s.Rules[id] = &rule
	return nil
}

// DeleteRule deletes a rule.
func (s *Store) DeleteRule(id string) error {
	delete(s.Rules, id)
	return nil
}

// allows reports whether the rule allows TCP on a port between its group and a peer with an address and security
// groups.
func (r *Rule) allows(port int, address netip.Addr, groups []string) bool {
	if r.Protocol != "-1" && (r.Protocol != "tcp" || port < r.From || port > r.To) {
		return false
	}
	if r.Peer != "" {
		return slices.Contains(groups, r.Peer)
	}
	_, inside := contains(r.CIDR+r.List, address)
	return inside
}

// describe returns the traffic that the rule allows, for people.
func (r *Rule) describe() string {
	span := "all traffic"
	if r.Protocol != "-1" {
		span = fmt.Sprintf("%s %d", strings.ToUpper(r.Protocol), r.From)
		if r.From != r.To {
			span += fmt.Sprintf("–%d", r.To)
		}
	}
	if r.Egress {
		return span + " to " + r.CIDR + r.Peer + r.List
	}
	return span + " from " + r.CIDR + r.Peer + r.List
}
