package cloud

import (
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The kinds of load balancer.
const (
	NetworkBalancer     = "network"     // forwards flows
	ApplicationBalancer = "application" // forwards HTTP requests
)

// LoadBalancerSpec is what a load balancer is made of.
type LoadBalancerSpec struct {
	Name           string
	Kind           string // NetworkBalancer or ApplicationBalancer; "" is the first
	Internal       bool
	Subnets        []string
	SecurityGroups []string
	CrossZone      bool          // always so with an application balancer
	Protected      bool          // from deletion
	AccessLogs     string        // bucket; "" for none
	IdleTimeout    time.Duration // of an application balancer, 1–4000 s; 0 is 60 s
}

// defaults are what AWS fills in.
func (spec *LoadBalancerSpec) defaults() {
	if spec.Kind == "" {
		spec.Kind = NetworkBalancer
	}
	if spec.Kind == ApplicationBalancer {
		spec.CrossZone = true
		if spec.IdleTimeout == 0 {
			spec.IdleTimeout = time.Minute
		}
	}
}

// LoadBalancer is a load balancer. It has one address here, where AWS gives it one a zone.
type LoadBalancer struct {
	ARN     string
	Spec    LoadBalancerSpec
	Address netip.Addr // 127.255.0.N, and its DNS name, so that clients of this machine find it
	Created time.Time
}

// owner is what has the balancer's nodes: a network interface in each of its subnets.
func (spec *LoadBalancerSpec) owner() Owner { return Owner{OwnerBalancer, spec.Name} }

// elbName is the rule for names of balancers and target groups (API: CreateLoadBalancer, CreateTargetGroup).
var elbName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$`)

func checkELBName(name string) error {
	if !elbName.MatchString(name) {
		return refuse("ValidationError", "The name '%s' must be 1 to 32 letters, digits and hyphens, and not begin or end "+
			"with a hyphen", name)
	}
	return nil
}

// CreateBalancer makes a load balancer at the first of its addresses that is free.
func (c *Cloud) CreateBalancer(spec LoadBalancerSpec) (LoadBalancer, error) {
	spec.defaults()
	folder := map[string]string{NetworkBalancer: "net", ApplicationBalancer: "app"}[spec.Kind]
	var made LoadBalancer
	err := c.change(func(s *state) error {
		if err := s.checkBalancer(spec); err != nil {
			return err
		}
		address, err := s.balancerAddress(s.free)
		if err != nil {
			return err
		}
		if err := s.SetInterfaces(spec.owner(), spec.Subnets, spec.SecurityGroups, !spec.Internal); err != nil {
			return err
		}
		made = LoadBalancer{
			ARN:     c.ARN("elasticloadbalancing", "loadbalancer/"+folder+"/"+spec.Name+"/"+randomHex(8)),
			Spec:    spec,
			Address: address,
			Created: c.clock.Now(),
		}
		copied := made
		s.Balancers[made.ARN] = &copied
		return nil
	})
	return made, err
}

func (s *state) checkBalancer(spec LoadBalancerSpec) error {
	if err := checkELBName(spec.Name); err != nil {
		return err
	}
	if spec.Kind != NetworkBalancer && spec.Kind != ApplicationBalancer {
		return refuse("ValidationError", "Load balancer type '%s' must be one of 'network, application'", spec.Kind)
	}
	if strings.HasPrefix(spec.Name, "internal-") {
		return refuse("ValidationError", "Load balancer name '%s' cannot begin with 'internal-'", spec.Name)
	}
	for _, other := range s.Balancers {
		if other.Spec.Name == spec.Name {
			return refuse("DuplicateLoadBalancerName", "A load balancer with the name '%s' already exists", spec.Name)
		}
	}
	if s.balancersOfKind(spec.Kind) >= maxBalancers {
		return refuse("TooManyLoadBalancers", "The quota '%d' for the number of load balancers has been reached", maxBalancers)
	}
	return s.checkPlace(spec)
}

// Default quotas ("Quotas for your Network Load Balancers", "Quotas for your Application Load Balancers").
const (
	maxBalancers = 50 // a Region, of each kind
	maxListeners = 50 // a balancer
)

func (s *state) balancersOfKind(kind string) int {
	count := 0
	for _, b := range s.Balancers {
		if b.Spec.Kind == kind {
			count++
		}
	}
	return count
}

// checkPlace holds what AWS wants of a balancer's subnets, security groups and attributes.
func (s *state) checkPlace(spec LoadBalancerSpec) error {
	if len(spec.Subnets) == 0 {
		return refuse("ValidationError", "At least one subnet must be specified")
	}
	zones := map[string]bool{}
	for _, id := range spec.Subnets {
		subnet := s.Subnets[id]
		if subnet == nil {
			return refuse("SubnetNotFound", "The subnet ID '%s' does not exist", id)
		}
		if zones[subnet.Zone] {
			return refuse("InvalidConfigurationRequest", "A load balancer cannot be attached to multiple subnets in the "+
				"same Availability Zone")
		}
		zones[subnet.Zone] = true
		if !spec.Internal && s.routeOut(id, Internet().Address).target == "" && !s.hasGateway(subnet.VPC) {
			return refuse("InvalidSubnet", "VPC %s has no internet gateway", subnet.VPC)
		}
	}
	if spec.Kind == ApplicationBalancer {
		if err := s.checkApplicationPlace(spec); err != nil {
			return err
		}
	}
	return s.checkBalancerAttributes(spec)
}

// freeForApplication is how many addresses an application balancer wants free in each of its subnets, which are at least
// a /27 (ELB: "Subnets for your load balancer").
const freeForApplication = 8

func (s *state) checkApplicationPlace(spec LoadBalancerSpec) error {
	if len(spec.Subnets) < 2 {
		return refuse("ValidationError", "At least two subnets in two different Availability Zones must be specified")
	}
	if len(spec.SecurityGroups) == 0 {
		return refuse("InvalidConfigurationRequest", "An application load balancer without a security group would take the "+
			"default one of its VPC, which the emulator doesn't have: name one")
	}
	for _, id := range spec.Subnets {
		if subnet := s.Subnets[id]; subnet.CIDR.Bits() > 27 || s.FreeAddresses(subnet) < freeForApplication {
			return refuse("InvalidSubnet", "Not enough IP space available in %s. ELB requires at least %d free IP addresses "+
				"in each subnet, and a /27.", id, freeForApplication)
		}
	}
	return nil
}

// takesLogs reports whether a bucket exists and has a policy. It does not check that the policy lets the balancer write.
func (s *state) takesLogs(bucket string) bool {
	found := s.Buckets[bucket]
	return found != nil && found.Policy != ""
}

func (s *state) checkBalancerAttributes(spec LoadBalancerSpec) error {
	for _, id := range spec.SecurityGroups {
		if s.Groups[id] == nil {
			return refuse("InvalidSecurityGroup", "One or more security groups are invalid: %s", id)
		}
	}
	if spec.AccessLogs != "" && !s.takesLogs(spec.AccessLogs) { // a balancer tries to write when it is told to
		return refuse("InvalidConfigurationRequest", "Access Denied for bucket: %s. Please check S3bucket permission", spec.AccessLogs)
	}
	if idle := spec.IdleTimeout; spec.Kind == ApplicationBalancer && (idle < time.Second || idle > 4000*time.Second) {
		return refuse("ValidationError", "The idle timeout '%v' must be between 1 and 4000 seconds", idle)
	}
	return nil
}

func (s *state) balancerAddress(free func(netip.Addr) bool) (netip.Addr, error) {
	taken := map[netip.Addr]bool{}
	for _, b := range s.Balancers {
		taken[b.Address] = true
	}
	for _, n := range rand.Perm(254) { // at random, so that two emulators hardly choose the same one at once
		address := netip.AddrFrom4([4]byte{127, 255, 0, byte(n + 1)})
		if !taken[address] && free(address) {
			return address, nil
		}
	}
	return netip.Addr{}, refuse("TooManyLoadBalancers", "none of the addresses 127.255.0.1 to 127.255.0.254 is free")
}

// UpdateBalancer changes what can be changed in place: the attributes, the members of a set of security groups that was
// there from the start, and the subnets of an application balancer.
func (c *Cloud) UpdateBalancer(arn string, spec LoadBalancerSpec) error {
	return c.change(func(s *state) error {
		b := s.Balancers[arn]
		if b == nil {
			return refuse("LoadBalancerNotFound", "Load balancer '%s' not found", arn)
		}
		if b.Spec.Kind == NetworkBalancer && (len(spec.SecurityGroups) == 0) != (len(b.Spec.SecurityGroups) == 0) {
			return refuse("InvalidConfigurationRequest", "A network load balancer has security groups from its creation on or "+
				"never, and at least one if it has any")
		}
		spec.Name, spec.Kind, spec.Internal = b.Spec.Name, b.Spec.Kind, b.Spec.Internal
		if spec.Kind == NetworkBalancer && !containsAll(spec.Subnets, b.Spec.Subnets) {
			return refuse("InvalidConfigurationRequest", "Subnet removal is not supported for Network Load Balancers.")
		}
		spec.defaults()
		if err := s.checkPlace(spec); err != nil {
			return err
		}
		if err := s.SetInterfaces(spec.owner(), spec.Subnets, spec.SecurityGroups, !spec.Internal); err != nil {
			return err
		}
		b.Spec = spec
		return nil
	})
}

func containsAll(all, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(one string) bool { return !slices.Contains(all, one) })
}

// DeleteBalancer removes a balancer with its listeners, unless it is protected.
func (c *Cloud) DeleteBalancer(arn string) error {
	return c.change(func(s *state) error {
		b := s.Balancers[arn]
		switch {
		case b == nil:
			return nil
		case b.Spec.Protected:
			return refuse("OperationNotPermitted", "Load balancer '%s' cannot be deleted because deletion protection is enabled", arn)
		}
		s.DeleteInterfaces(b.Spec.owner())
		delete(s.Balancers, arn)
		for id, listener := range s.Listeners {
			if listener.Balancer == arn {
				delete(s.Listeners, id)
			}
		}
		return nil
	})
}
