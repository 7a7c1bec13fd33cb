package elb

import (
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// The kinds of load balancer.
const (
	Network     = "network"     // forwards flows
	Application = "application" // forwards HTTP requests
)

// LoadBalancerSpec describes a load balancer.
type LoadBalancerSpec struct {
	Name           string
	Kind           string // Network or Application; "" stands for Network
	Internal       bool
	Subnets        []string
	SecurityGroups []string
	CrossZone      bool          // always true for an application load balancer
	Protected      bool          // deletion protection
	AccessLogs     string        // name of the bucket; "" for none
	IdleTimeout    time.Duration // of an application load balancer: 1–4000 s; 0 stands for 60 s
}

// defaults sets the values that AWS fills in.
func (spec *LoadBalancerSpec) defaults() {
	if spec.Kind == "" {
		spec.Kind = Network
	}
	if spec.Kind == Application {
		spec.CrossZone = true
		if spec.IdleTimeout == 0 {
			spec.IdleTimeout = time.Minute
		}
	}
}

// LoadBalancer is a load balancer. In the emulator it has one address; AWS gives it an address per zone.
type LoadBalancer struct {
	ARN     string
	Spec    LoadBalancerSpec
	Address netip.Addr // 127.255.0.N; it is also the DNS name, so that clients on this machine reach it
	Created time.Time
}

// owner returns the owner of the load balancer's nodes: it has a network interface in each of its subnets.
func (spec *LoadBalancerSpec) owner() vpc.Owner {
	return vpc.Owner{Kind: vpc.OwnerBalancer, ID: spec.Name}
}

// elbName matches names of load balancers and target groups (API: CreateLoadBalancer, CreateTargetGroup).
var elbName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$`)

// checkELBName refuses a name that ELB refuses.
func checkELBName(name string) error {
	if !elbName.MatchString(name) {
		return aws.Refuse("ValidationError", "The name '%s' must be 1 to 32 letters, digits and hyphens, and not begin or end "+
			"with a hyphen", name)
	}
	return nil
}

// CreateLoadBalancer creates a load balancer at a free address.
func (s *Store) CreateLoadBalancer(spec LoadBalancerSpec, now time.Time) (LoadBalancer, error) {
	spec.defaults()
	folder := map[string]string{Network: "net", Application: "app"}[spec.Kind]
	if err := s.checkBalancer(spec); err != nil {
		return LoadBalancer{}, err
	}
	address, err := s.balancerAddress()
	if err != nil {
		return LoadBalancer{}, err
	}
	if err := s.vpc.SetInterfaces(spec.owner(), spec.Subnets, spec.SecurityGroups, !spec.Internal); err != nil {
		return LoadBalancer{}, err
	}
	made := LoadBalancer{
		ARN:     s.region.ARN("elasticloadbalancing", "loadbalancer/"+folder+"/"+spec.Name+"/"+aws.RandomHex(8)),
		Spec:    spec,
		Address: address,
		Created: now,
	}
	copied := made
	s.LoadBalancers[made.ARN] = &copied
	return made, nil
}

// checkBalancer refuses a load balancer that ELB refuses (API: CreateLoadBalancer).
func (s *Store) checkBalancer(spec LoadBalancerSpec) error {
	if err := checkELBName(spec.Name); err != nil {
		return err
	}
	if spec.Kind != Network && spec.Kind != Application {
		return aws.Refuse("ValidationError", "Load balancer type '%s' must be one of 'network, application'", spec.Kind)
	}
	if strings.HasPrefix(spec.Name, "internal-") {
		return aws.Refuse("ValidationError", "Load balancer name '%s' cannot begin with 'internal-'", spec.Name)
	}
	for _, other := range s.LoadBalancers {
		if other.Spec.Name == spec.Name {
			return aws.Refuse("DuplicateLoadBalancerName", "A load balancer with the name '%s' already exists", spec.Name)
		}
	}
	if s.balancersOfKind(spec.Kind) >= maxBalancers {
		return aws.Refuse("TooManyLoadBalancers", "The quota '%d' for the number of load balancers has been reached", maxBalancers)
	}
	return s.checkSubnets(spec)
}

// Default quotas ("Quotas for your Network Load Balancers", "Quotas for your Application Load Balancers").
const (
	maxBalancers = 50 // per region and kind
	maxListeners = 50 // per load balancer
)

// balancersOfKind counts the load balancers of a kind.
func (s *Store) balancersOfKind(kind string) int {
	count := 0
	for _, b := range s.LoadBalancers {
		if b.Spec.Kind == kind {
			count++
		}
	}
	return count
}

// checkSubnets checks the subnets, then what else ELB wants of the kind, the security groups and the attributes.
func (s *Store) checkSubnets(spec LoadBalancerSpec) error {
	if len(spec.Subnets) == 0 {
		return aws.Refuse("ValidationError", "At least one subnet must be specified")
	}
	zones := map[string]bool{}
	for _, id := range spec.Subnets {
		subnet := s.vpc.Subnets[id]
		if subnet == nil {
			return aws.Refuse("SubnetNotFound", "The subnet ID '%s' does not exist", id)
		}
		if zones[subnet.Zone] {
			return aws.Refuse("InvalidConfigurationRequest", "A load balancer cannot be attached to multiple subnets in the "+
				"same Availability Zone")
		}
		zones[subnet.Zone] = true
		if !spec.Internal && s.vpc.RouteTo(id, vpc.Internet().Address).Target == "" && !s.vpc.HasGateway(subnet.VPC) {
			return aws.Refuse("InvalidSubnet", "VPC %s has no internet gateway", subnet.VPC)
		}
	}
	if spec.Kind == Application {
		if err := s.checkApplication(spec); err != nil {
			return err
		}
	}
	return s.checkBalancerAttributes(spec)
}

// freeForApplication is how many free addresses an application load balancer needs in each of its subnets, which must
// be at least a /27 (ELB: "Subnets for your load balancer").
const freeForApplication = 8

// checkApplication checks the subnets and security groups of an application load balancer.
func (s *Store) checkApplication(spec LoadBalancerSpec) error {
	if len(spec.Subnets) < 2 {
		return aws.Refuse("ValidationError", "At least two subnets in two different Availability Zones must be specified")
	}
	if len(spec.SecurityGroups) == 0 {
		return aws.Refuse("InvalidConfigurationRequest", "An application load balancer without a security group would take the "+
			"default one of its VPC, which the emulator doesn't have: name one")
	}
	for _, id := range spec.Subnets {
		if subnet := s.vpc.Subnets[id]; subnet.CIDR.Bits() > 27 || s.vpc.FreeAddresses(subnet) < freeForApplication {
			return aws.Refuse("InvalidSubnet", "Not enough IP space available in %s. ELB requires at least %d free IP addresses "+
				"in each subnet, and a /27.", id, freeForApplication)
		}
	}
	return nil
}

// checkBalancerAttributes checks the security groups and attributes.
func (s *Store) checkBalancerAttributes(spec LoadBalancerSpec) error {
	for _, id := range spec.SecurityGroups {
		if s.vpc.SecurityGroups[id] == nil {
			return aws.Refuse("InvalidSecurityGroup", "One or more security groups are invalid: %s", id)
		}
	}
	if spec.AccessLogs != "" && !s.takesLogs(spec.Kind, spec.AccessLogs) { // ELB tries to write when access logs are enabled
		return aws.Refuse("InvalidConfigurationRequest", "Access Denied for bucket: %s. Please check S3bucket permission", spec.AccessLogs)
	}
	if idle := spec.IdleTimeout; spec.Kind == Application && (idle < time.Second || idle > 4000*time.Second) {
		return aws.Refuse("ValidationError", "The idle timeout '%v' must be between 1 and 4000 seconds", idle)
	}
	return nil
}

// balancerAddress returns a free address of 127.255.0.0/24.
func (s *Store) balancerAddress() (netip.Addr, error) {
	taken := map[netip.Addr]bool{}
	for _, b := range s.LoadBalancers {
		taken[b.Address] = true
	}
	for _, n := range rand.Perm(254) { // at random, so that two emulators rarely choose the same address
		address := netip.AddrFrom4([4]byte{127, 255, 0, byte(n + 1)})
		if !taken[address] && s.free(address) {
			return address, nil
		}
	}
	return netip.Addr{}, aws.Refuse("TooManyLoadBalancers", "none of the addresses 127.255.0.1 to 127.255.0.254 is free")
}

// UpdateLoadBalancer changes a load balancer in place: its attributes, its security groups and its subnets. A network
// load balancer can get subnets but not lose them, and it keeps having security groups or having none.
func (s *Store) UpdateLoadBalancer(arn string, spec LoadBalancerSpec) error {
	b := s.LoadBalancers[arn]
	if b == nil {
		return noLoadBalancer(arn)
	}
	if b.Spec.Kind == Network && (len(spec.SecurityGroups) == 0) != (len(b.Spec.SecurityGroups) == 0) {
		return aws.Refuse("InvalidConfigurationRequest", "A network load balancer has security groups from its creation on or "+
			"never, and at least one if it has any")
	}
	spec.Name, spec.Kind, spec.Internal = b.Spec.Name, b.Spec.Kind, b.Spec.Internal
	if spec.Kind == Network && !containsAll(spec.Subnets, b.Spec.Subnets) {
		return aws.Refuse("InvalidConfigurationRequest", "Subnet removal is not supported for Network Load Balancers.")
	}
	spec.defaults()
	if err := s.checkSubnets(spec); err != nil {
		return err
	}
	if err := s.vpc.SetInterfaces(spec.owner(), spec.Subnets, spec.SecurityGroups, !spec.Internal); err != nil {
		return err
	}
	b.Spec = spec
	return nil
}

// containsAll reports whether all has every wanted string.
func containsAll(all, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(one string) bool { return !slices.Contains(all, one) })
}

// DeleteLoadBalancer deletes a load balancer with its listeners, unless deletion protection is enabled.
func (s *Store) DeleteLoadBalancer(arn string) error {
	b := s.LoadBalancers[arn]
	switch {
	case b == nil:
		return nil
	case b.Spec.Protected:
		return aws.Refuse("OperationNotPermitted", "Load balancer '%s' cannot be deleted because deletion protection is enabled", arn)
	}
	s.vpc.DeleteInterfaces(b.Spec.owner())
	delete(s.LoadBalancers, arn)
	for id, listener := range s.Listeners {
		if listener.Balancer == arn {
			delete(s.Listeners, id)
		}
	}
	return nil
}

// LoadBalancer returns a copy of a load balancer.
func (s *Store) LoadBalancer(arn string) (LoadBalancer, error) {
	b := s.LoadBalancers[arn]
	if b == nil {
		return LoadBalancer{}, noLoadBalancer(arn)
	}
	return b.copied(), nil
}

func noLoadBalancer(arn string) error {
	return aws.Refuse("LoadBalancerNotFound", "Load balancer '%s' not found", arn)
}

// copied returns a copy that shares nothing with the load balancer.
func (b *LoadBalancer) copied() LoadBalancer {
	c := *b
	c.Spec.Subnets, c.Spec.SecurityGroups = slices.Clone(b.Spec.Subnets), slices.Clone(b.Spec.SecurityGroups)
	return c
}

// DescribeLoadBalancers returns copies of the load balancers, sorted by ARN (API: DescribeLoadBalancers).
func (s *Store) DescribeLoadBalancers() []LoadBalancer {
	var all []LoadBalancer
	for _, arn := range aws.Keys(s.LoadBalancers) {
		all = append(all, s.LoadBalancers[arn].copied())
	}
	return all
}
