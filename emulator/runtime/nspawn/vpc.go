package nspawn

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/elastic-service/elastic-service/emulator/identity"
	"github.com/elastic-service/elastic-service/emulator/resolver"
	"github.com/elastic-service/elastic-service/internal/ca"
)

// Addresses of AWS's services in every VPC. The address of S3 is one for documentation (RFC 5737); only DNS leads to it.
var (
	metadataAddress = netip.MustParseAddr("169.254.169.254")
	resolverAddress = netip.MustParseAddr("169.254.169.253")
	storeAddress    = netip.MustParseAddr("198.51.100.53")
)

// Subnet is a part of a VPC's addresses in one zone. Its first address is the router's.
type Subnet struct {
	CIDR netip.Prefix
	Zone string
}

func (s Subnet) router() netip.Addr { return s.CIDR.Masked().Addr().Next() }

// Config describes a VPC.
type Config struct {
	Name    string // in logs
	Region  string // "us-east-1" when empty
	CIDR    netip.Prefix
	Subnets []Subnet // at least one, within CIDR, none overlapping another

	Authority *ca.Authority // signs the certificates of AWS's services; a new one when nil
	Log       *slog.Logger  // slog.Default() when nil
}

// VPC is a network namespace with a bridge for each subnet. Packets are routed between the subnets and nowhere else.
type VPC struct {
	config    Config
	space     *namespace
	authority *ca.Authority // the VPC's machines trust it
	metadata  *identity.Metadata
	published map[netip.AddrPort]*published
	closers   []func()

	mu       sync.Mutex
	machines map[netip.Addr]*Machine
	names    map[string]netip.Addr
	store    *http.Server // nil while S3 is unreachable
}

// NewVPC makes a VPC without machines, and removes the machines that killed processes have left.
// [VPC.Close] removes the VPC.
func NewVPC(ctx context.Context, config Config) (*VPC, error) {
	if missing := Missing(); missing != "" {
		return nil, errors.New(missing)
	}
	config.complete()
	if err := config.validate(); err != nil {
		return nil, err
	}
	if err := removeLeftovers(); err != nil {
		return nil, err
	}
	v := &VPC{
		config: config, machines: map[netip.Addr]*Machine{}, names: map[string]netip.Addr{}, published: map[netip.AddrPort]*published{},
	}
	if err := v.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("VPC %s: %w", config.CIDR, err), v.Close())
	}
	return v, nil
}

func (c *Config) complete() {
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
}

func (c *Config) validate() error {
	if len(c.Subnets) == 0 {
		return errors.New("a VPC needs a subnet")
	}
	for i, s := range c.Subnets {
		if !s.CIDR.Addr().Is4() || s.CIDR.Bits() < c.CIDR.Bits() || !c.CIDR.Contains(s.CIDR.Addr()) {
			return fmt.Errorf("subnet %v is not within %v", s.CIDR, c.CIDR)
		}
		for _, other := range c.Subnets[:i] {
			if s.CIDR.Overlaps(other.CIDR) {
				return fmt.Errorf("subnet %v overlaps %v", s.CIDR, other.CIDR)
			}
		}
	}
	return nil
}

// open makes the network, then starts the services in it.
func (v *VPC) open(ctx context.Context) (err error) {
	if v.space, err = newNamespace(); err != nil {
		return err
	}
	v.closers = append(v.closers, v.space.close)
	if v.authority = v.config.Authority; v.authority == nil {
		if v.authority, err = ca.New("elastic-service VPC"); err != nil {
			return err
		}
	}
	if err := v.space.ip(ctx, v.links()); err != nil {
		return err
	}
	if err := v.space.route(); err != nil {
		return err
	}
	for i := range v.config.Subnets {
		if err := v.openDHCP(i); err != nil {
			return err
		}
	}
	if err := v.openDNS(); err != nil {
		return err
	}
	if err := v.openMetadata(); err != nil {
		return err
	}
	return v.SetStoreReachable(true)
}

func bridge(i int) string { return fmt.Sprintf("subnet%d", i) }

func (v *VPC) links() []string {
	commands := []string{"link set lo up"}
	for _, address := range []netip.Addr{metadataAddress, resolverAddress, storeAddress} {
		commands = append(commands, fmt.Sprintf("address add %s/32 dev lo", address))
	}
	for i, s := range v.config.Subnets {
		commands = append(commands,
			fmt.Sprintf("link add %s type bridge", bridge(i)),
			fmt.Sprintf("address add %s/%d dev %s", s.router(), s.CIDR.Bits(), bridge(i)),
			fmt.Sprintf("link set %s up", bridge(i)))
	}
	return commands
}

// openDHCP serves DHCP in a subnet.
func (v *VPC) openDHCP(i int) error {
	conn, err := v.space.listenPacket(onDevice(bridge(i)), ":67")
	if err != nil {
		return fmt.Errorf("DHCP: %w", err)
	}
	v.closers = append(v.closers, func() { _ = conn.Close() })
	subnet := v.config.Subnets[i]
	go serveDHCP(conn, func(mac net.HardwareAddr) (lease, bool) {
		m := v.find(func(m *Machine) bool { return m.mac().String() == mac.String() })
		if m == nil {
			return lease{}, false
		}
		return lease{
			address: m.spec.Address, router: subnet.router(), dns: resolverAddress,
			mask: net.CIDRMask(subnet.CIDR.Bits(), 32), domain: v.domain(),
		}, true
	})
	return nil
}

func (v *VPC) openDNS() error {
	conn, err := v.space.listenPacket(net.ListenConfig{}, netip.AddrPortFrom(resolverAddress, 53).String())
	if err != nil {
		return fmt.Errorf("DNS: %w", err)
	}
	v.closers = append(v.closers, func() { _ = conn.Close() })
	go resolver.Serve(conn, v.lookup)
	return nil
}

func (v *VPC) openMetadata() error {
	listener, err := v.space.listen("tcp4", netip.AddrPortFrom(metadataAddress, 80).String())
	if err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	v.metadata = identity.NewMetadata(func(a netip.Addr) map[string]string {
		m := v.find(func(m *Machine) bool { return m.spec.Address == a })
		if m == nil {
			return nil
		}
		return m.metadata()
	})
	server := &http.Server{Handler: v.metadata, ReadHeaderTimeout: time.Minute}
	v.closers = append(v.closers, func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	return nil
}

// SetStoreReachable opens or closes S3. A closed S3 refuses connections.
func (v *VPC) SetStoreReachable(reachable bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !reachable && v.store != nil {
		defer func() { v.store = nil }()
		return v.store.Close()
	}
	if !reachable || v.store != nil {
		return nil
	}
	s := &store{region: v.config.Region, holder: func(key string) *Machine {
		return v.find(func(m *Machine) bool { return m.spec.Role != "" && m.credentials.Key == key })
	}}
	certificate, err := v.authority.Certificate(s.host(), "*."+s.host(), "*."+v.services())
	if err != nil {
		return err
	}
	listener, err := v.space.listen("tcp4", netip.AddrPortFrom(storeAddress, 443).String())
	if err != nil {
		return fmt.Errorf("S3: %w", err)
	}
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(v.config.Log.Handler(), slog.LevelDebug),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12},
	}
	v.store = server
	go func() { _ = server.ServeTLS(listener, "", "") }()
	return nil
}

// SetName makes the VPC's resolver know a name, e.g. of a database or a balancer.
func (v *VPC) SetName(name string, address netip.Addr) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.names[strings.ToLower(strings.TrimSuffix(name, "."))] = address
}

func (v *VPC) lookup(name string) (netip.Addr, bool) {
	s3 := (&store{region: v.config.Region}).host()
	if name == s3 || strings.HasSuffix(name, "."+s3) {
		return storeAddress, true
	}
	if service, ok := strings.CutSuffix(name, "."+v.services()); ok && slices.Contains(apiServices, service) {
		return storeAddress, true
	}
	if m := v.find(func(m *Machine) bool { return m.hostname() == name }); m != nil {
		return m.spec.Address, true
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	address, known := v.names[name]
	return address, known
}

// apiServices lists the services beside S3 that a machine reaches.
var apiServices = []string{
	"autoscaling", "ec2", "ecs", "elasticloadbalancing", "logs", "monitoring", "rds", "secretsmanager", "ssm", "sts",
}

// services returns the domain of the names of AWS's services in the region.
func (v *VPC) services() string { return v.config.Region + ".amazonaws.com" }

// domain returns the domain of machines' names. The domain of us-east-1 differs from those of other regions.
func (v *VPC) domain() string {
	if v.config.Region == "us-east-1" {
		return "ec2.internal"
	}
	return v.config.Region + ".compute.internal"
}

func (v *VPC) id() string {
	sum := sha256.Sum256([]byte(v.config.Name + v.config.CIDR.String()))
	return "vpc-" + hex.EncodeToString(sum[:])[:17]
}

func (v *VPC) find(is func(*Machine) bool) *Machine {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range v.machines {
		if is(m) {
			return m
		}
	}
	return nil
}

// Requests counts a machine's requests to the metadata service by path.
func (v *VPC) Requests(machine netip.Addr) map[string]int {
	return v.metadata.Requests(machine)
}

// Dial connects as a node of a balancer in the VPC does: from the router's address of the subnet, to a numeric address, e.g.
// 192.168.0.57:5001.
func (v *VPC) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return v.space.dial(ctx, network, address)
}

// Do runs f on a thread in the VPC's network. Sockets that f opens and processes that it starts stay in that network.
func (v *VPC) Do(f func() error) error { return v.space.do(f) }

// Listen listens at an address that the machines reach: the router of a subnet, which is the subnet's first address.
func (v *VPC) Listen(network, address string) (net.Listener, error) {
	return v.space.listen(network, address)
}

// Close kills the machines and removes the VPC. Only the machines' folders stay.
func (v *VPC) Close() error {
	v.mu.Lock()
	machines := v.machines
	v.machines = map[netip.Addr]*Machine{}
	v.mu.Unlock()
	for _, m := range machines {
		m.Kill()
	}
	err := v.SetStoreReachable(false)
	for _, p := range v.published {
		err = errors.Join(err, p.listener.Close())
	}
	for _, closer := range v.closers {
		closer()
	}
	v.closers = nil
	return err
}
