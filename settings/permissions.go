package settings

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/internal/iam"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Permission is a statement of an IAM policy that allows something.
type Permission struct {
	// What is allowed.
	// Limits: at least one; `service:Action`, with `*` and `?`, such as `s3:GetObject`.
	Actions []string `required:"true"`

	// On what.
	// Limits: at least one; ARNs of the partition of the stack's region, or `*`.
	Resources []string `required:"true"`

	// All of them must hold.
	Conditions []Condition

	// Says that `*` on `*` is meant: everything in the account.
	// Limits: needs `*` among the actions and among the resources.
	Everything bool
}

// Condition is a condition of a statement.
type Condition struct {
	// The operator, such as `StringEquals` or `ForAnyValue:StringLike`.
	// Limits: an operator of IAM (IAM User Guide, condition operators).
	Operator string `required:"true"`

	// The key, such as `aws:ResourceTag/Team`.
	Key string `required:"true"`

	// The values, of which one must match.
	// Limits: at least one.
	Values []string `required:"true"`
}

// Statement returns the permission as a policy has it.
func (p Permission) Statement() iam.Statement {
	s := iam.Statement{Effect: iam.Allow, Action: p.Actions, Resource: p.Resources}
	for _, c := range p.Conditions {
		if s.Condition == nil {
			s.Condition = iam.Condition{}
		}
		if s.Condition[c.Operator] == nil {
			s.Condition[c.Operator] = map[string]any{}
		}
		s.Condition[c.Operator][c.Key] = c.Values
	}
	return s
}

var (
	actionPattern   = regexp.MustCompile(`^([a-z0-9-]+:[A-Za-z0-9*?]+|\*)$`)
	operatorPattern = regexp.MustCompile(`^((ForAnyValue|ForAllValues):)?(Bool|BinaryEquals|Null|IpAddress|NotIpAddress|` +
		`(String(Not)?Equals(IgnoreCase)?|String(Not)?Like|Numeric((Not)?Equals|(Less|Greater)Than(Equals)?)|` +
		`Date((Not)?Equals|(Less|Greater)Than(Equals)?)|Arn(Not)?(Equals|Like)))(IfExists)?$`)
	conditionPattern = regexp.MustCompile(`^[a-z0-9-]+:[A-Za-z0-9._/:+=@-]+$`)
)

func (s *Settings) validatePermissions(l *invalid.List) {
	validate := func(at string, permissions []Permission) {
		for i, p := range permissions {
			p.validate(l, fmt.Sprintf("%s[%d]", at, i), partition(s.Region))
		}
	}
	if s.App != nil {
		validate("app.permissions", s.App.Permissions)
	}
	if s.Containers != nil {
		validate("containers.permissions", s.Containers.Permissions)
	}
}

func (p Permission) validate(l *invalid.List, at, partition string) {
	for i, action := range p.Actions {
		if !actionPattern.MatchString(action) {
			l.Add(fmt.Sprintf("%s.actions[%d]", at, i), action, "is not an action such as s3:GetObject")
		}
	}
	for i, resource := range p.Resources {
		at := fmt.Sprintf("%s.resources[%d]", at, i)
		switch arn, err := iam.ParseARN(resource); {
		case resource == "*":
		case err != nil:
			l.Add(at, resource, "is neither an ARN such as arn:aws:s3:::bucket/* nor *")
		case arn.Partition != partition:
			l.Add(at, resource, "is in the partition %s, not in that of the stack's region, %s", arn.Partition, partition)
		}
	}
	everything := slices.Contains(p.Actions, "*") && slices.Contains(p.Resources, "*")
	switch {
	case everything && !p.Everything:
		l.Missing(at, "allows everything in the account: name actions and resources, or set everything to true")
	case !everything && p.Everything:
		l.Add(at+".everything", true, "needs * among actions and among resources")
	}
	for _, list := range []struct {
		key   string
		count int
	}{{"actions", len(p.Actions)}, {"resources", len(p.Resources)}} {
		if list.count == 0 {
			l.Missing(at+"."+list.key, "must have at least one")
		}
	}
	for i, c := range p.Conditions {
		c.validate(l, fmt.Sprintf("%s.conditions[%d]", at, i), p.Conditions[:i])
	}
}

func (c Condition) validate(l *invalid.List, at string, before []Condition) {
	if !operatorPattern.MatchString(c.Operator) {
		l.Add(at+".operator", c.Operator, "is not an operator of IAM such as StringEquals")
	}
	if !conditionPattern.MatchString(c.Key) {
		l.Add(at+".key", c.Key, "is not a key such as aws:ResourceTag/Team")
	}
	if len(c.Values) == 0 {
		l.Missing(at+".values", "must have at least one")
	}
	if slices.ContainsFunc(before, func(b Condition) bool { return b.Operator == c.Operator && b.Key == c.Key }) {
		l.Add(at+".key", c.Key, "has a condition with this operator already: put all values into one")
	}
}

// Egress is a way out of the instances.
type Egress struct {
	// The destination.
	// Limits: an IPv4 range without host bits, such as `203.0.113.0/24`; a prefix list, `pl-…`; or a security group, `sg-…`. With
	// `network.acl` not a prefix list. Without `nat`, private instances reach ranges within `network.cidr` only.
	To string `required:"true"`

	// The port.
	// Limits: 1 to 65535; not what is open anyway: 443 to everywhere, and 80 with `app.packages`.
	Port int `required:"true" minimum:"1" maximum:"65535" unit:"port"`

	// The last of several ports, of which `port` is the first.
	// Default: `port` alone.
	// Limits: `port` to 65535.
	LastPort int `minimum:"1" maximum:"65535" unit:"port"`

	// The protocol.
	// Limits: `tcp`, `udp`.
	Protocol string `default:"\"tcp\"" enum:"tcp,udp"`
}

// Last returns the last port.
func (e Egress) Last() int { return max(e.Port, e.LastPort) }

// Range returns the destination if it is a range.
func (e Egress) Range() (netip.Prefix, bool) {
	prefix, err := netip.ParsePrefix(e.To)
	return prefix, err == nil
}

// mostEgress leaves room in a network ACL, which has 20 rules in each direction (VPC User Guide, quotas).
const mostEgress = 12

var awsIDPattern = regexp.MustCompile(`^(pl|sg)-([0-9a-f]{8}|[0-9a-f]{17})$`)

func (s *Settings) validateEgress(l *invalid.List) {
	if count := len(s.Network.Egress); count > mostEgress {
		l.Add("network.egress", count, "ways out are more than %d", mostEgress)
	}
	for i, e := range s.Network.Egress {
		at := fmt.Sprintf("network.egress[%d]", i)
		s.validateDestination(l, at+".to", e)
		switch {
		case !isPort(e.Port):
			l.Add(at+".port", e.Port, "is not from 1 to 65535")
		case e.LastPort != 0 && (e.LastPort < e.Port || e.LastPort > 65535):
			l.Add(at+".lastPort", e.LastPort, "is not from %s.port (%d) to 65535", at, e.Port)
		case e.Protocol != "tcp" && e.Protocol != "udp":
			l.Add(at+".protocol", e.Protocol, "is not tcp or udp")
		case e.To == "0.0.0.0/0" && e.Protocol == "tcp" && s.isOpen(e.Port) && e.Last() == e.Port:
			l.Add(at+".port", e.Port, "is open to everywhere anyway: leave this out")
		}
		if j := slices.Index(s.Network.Egress[:i], e); j >= 0 {
			l.Missing(at, "is network.egress[%d] again", j)
		}
	}
}

func (s *Settings) isOpen(port int) bool {
	return port == 443 || port == 80 && s.App != nil && len(s.App.Packages) > 0
}

func (s *Settings) validateDestination(l *invalid.List, at string, e Egress) {
	prefix, isRange := e.Range()
	switch {
	case strings.HasPrefix(e.To, "pl-") && s.Network.ACL:
		l.Add(at, e.To, "cannot be let out by network.acl, which knows ranges only: list the ranges")
	case awsIDPattern.MatchString(e.To):
	case !isRange:
		l.Add(at, e.To, "is neither a range such as 203.0.113.0/24 nor the ID of a prefix list or a security group")
	case !prefix.Addr().Is4():
		l.Add(at, e.To, "is a range of IPv6: the VPC has addresses of IPv4 only")
	case prefix != prefix.Masked():
		l.Add(at, e.To, "has host bits set, it should be %s", prefix.Masked())
	case s.Network.Private && s.Network.NAT == noNAT && (!s.Network.CIDR.IsValid() || !covers(s.Network.CIDR, prefix)):
		l.Add(at, e.To, "is outside of the VPC, and private instances have no way there without network.nat")
	}
}
