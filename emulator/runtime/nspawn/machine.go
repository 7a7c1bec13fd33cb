package nspawn

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/elastic-service/elastic-service/emulator/identity"
	"github.com/elastic-service/elastic-service/userdata"
)

// Spec describes a machine.
type Spec struct {
	ID        string     // i- and 8 to 17 hexadecimal digits
	Address   netip.Addr // in one of the VPC's subnets, beyond its first four addresses, which are AWS's
	Directory string     // its own folder with its disk and its console's log; made if missing, otherwise the machine is rebooted
	UserData  []byte     // decoded; at most 16,384 bytes. Its packages are those of Debian

	Role  string       // of its credentials; without a role there are none
	Fetch Fetch        // reads what the role may read of S3; nothing when nil
	API   http.Handler // answers the machine's requests for AWS's other services; nil refuses them

	InstanceType string // "t3.micro" when empty
	AMI          string // "ami-0123456789abcdef0" when empty
}

var instanceID = regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)

func (s *Spec) complete() {
	if s.InstanceType == "" {
		s.InstanceType = "t3.micro"
	}
	if s.AMI == "" {
		s.AMI = "ami-0123456789abcdef0"
	}
}

func (s *Spec) validate() error {
	switch {
	case !instanceID.MatchString(s.ID):
		return fmt.Errorf("%q is not the ID of an instance", s.ID)
	case len(s.UserData) > userdata.MaxBytes:
		return fmt.Errorf("user data has %d bytes: EC2 takes at most %d", len(s.UserData), userdata.MaxBytes)
	case strings.ContainsAny(s.Directory, `:,\`):
		return fmt.Errorf("directory %q has a character that separates folders in overlayfs's options", s.Directory)
	}
	return nil
}

// reservedAddresses is how many addresses at the start of every subnet AWS reserves: network, router, resolver, future use.
const reservedAddresses = 4

// subnetOf returns the index of the subnet that an address is in.
func (v *VPC) subnetOf(a netip.Addr) (int, error) {
	for i, s := range v.config.Subnets {
		if !s.CIDR.Contains(a) {
			continue
		}
		first := s.CIDR.Masked().Addr()
		for range reservedAddresses {
			if first == a {
				return 0, fmt.Errorf("%s is one of the first four addresses of %s", a, s.CIDR)
			}
			first = first.Next()
		}
		return i, nil
	}
	return 0, fmt.Errorf("%s is not in a subnet of the VPC", a)
}

// Machine is a disk with an address. It is running or off.
type Machine struct {
	vpc         *VPC
	base        string // folder of the root that it shares with other machines
	spec        Spec
	index       int // of its subnet
	subnet      Subnet
	created     time.Time
	credentials identity.Credentials

	mu   sync.Mutex
	life *life         // nil before the first start
	used time.Duration // processor time of lives that have ended
}

// Boot makes a machine and starts it. It returns when systemd starts, long before the services run. If a machine has been booted
// in the Directory before, Boot reboots it with the disk as it was.
func (v *VPC) Boot(ctx context.Context, spec Spec) (*Machine, error) {
	packages, err := packagesOf(spec.UserData)
	if err != nil {
		return nil, fmt.Errorf("boot %s: %w", spec.ID, err)
	}
	base, err := Base(ctx, v.config.Log, packages...)
	if err != nil {
		return nil, fmt.Errorf("boot %s: %w", spec.ID, err)
	}
	m, err := v.add(spec, base)
	if err != nil {
		return nil, fmt.Errorf("boot %s: %w", spec.ID, err)
	}
	if err := m.Start(ctx); err != nil {
		m.forget()
		return nil, fmt.Errorf("boot %s: %w", spec.ID, err)
	}
	return m, nil
}

func (v *VPC) add(spec Spec, base string) (*Machine, error) {
	spec.complete()
	if err := spec.validate(); err != nil {
		return nil, err
	}
	index, err := v.subnetOf(spec.Address)
	if err != nil {
		return nil, err
	}
	if spec.Directory, err = filepath.Abs(spec.Directory); err != nil {
		return nil, err
	}
	m := &Machine{
		vpc: v, base: base, spec: spec, index: index, subnet: v.config.Subnets[index],
		created: time.Now().UTC(), credentials: identity.NewCredentials(),
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if other := v.machines[spec.Address]; other != nil {
		return nil, fmt.Errorf("%s is the address of %s", spec.Address, other.spec.ID)
	}
	v.machines[spec.Address] = m
	return m, nil
}

// forget frees the machine's address.
func (m *Machine) forget() {
	m.vpc.mu.Lock()
	defer m.vpc.mu.Unlock()
	if m.vpc.machines[m.spec.Address] == m {
		delete(m.vpc.machines, m.spec.Address)
	}
}

// ID returns the ID of the instance.
func (m *Machine) ID() string { return m.spec.ID }

// Address returns the machine's private address, at which it is reached in the VPC, see [VPC.Dial].
func (m *Machine) Address() netip.Addr { return m.spec.Address }

func (m *Machine) hostname() string {
	return "ip-" + strings.ReplaceAll(m.spec.Address.String(), ".", "-") + "." + m.vpc.domain()
}

// mac returns a locally administered MAC address, as EC2's are, which is derived from the private address.
func (m *Machine) mac() net.HardwareAddr {
	return append(net.HardwareAddr{0x02, 0}, m.spec.Address.AsSlice()...)
}

// link returns the name of the interface that connects the machine to the bridge.
func (m *Machine) link() string { return "m" + hex.EncodeToString(m.spec.Address.AsSlice()) }

// digest returns the digits of which the IDs of the machine's parts are made.
func (m *Machine) digest() string {
	sum := sha256.Sum256([]byte(m.spec.ID))
	return hex.EncodeToString(sum[:])[:17]
}

// metadata returns what the metadata service tells the machine.
func (m *Machine) metadata() map[string]string {
	return identity.Instance{
		ID: m.spec.ID, Type: m.spec.InstanceType, ImageID: m.spec.AMI, Hostname: m.hostname(), Address: m.spec.Address,
		MAC: m.mac().String(), Digest: m.digest(), Zone: m.subnet.Zone, Region: m.vpc.config.Region, Subnet: m.subnet.CIDR,
		VPC: m.vpc.id(), VPCRange: m.vpc.config.CIDR, Started: m.created, UserData: m.spec.UserData, Role: m.spec.Role,
		Credentials: m.credentials,
	}.Tree()
}

func (m *Machine) path(name string) string { return filepath.Join(m.spec.Directory, name) }

// Parts of a machine's folder.
const (
	upperFolder      = "upper" // its disk: what differs from the common root
	workFolder       = "work"  // of overlayfs
	rootFolder       = "root"  // where the overlay is mounted, in the machine's mount namespace
	hypervisorFolder = "hypervisor"
	consoleFile      = "console.log"
)

const trustStore = "etc/ssl/certs/ca-certificates.crt"

// prepare makes the machine's folder and makes the machine trust the certificate authority of its VPC.
func (m *Machine) prepare() error {
	for _, folder := range []string{upperFolder, workFolder, rootFolder, hypervisorFolder} {
		//nolint:gosec // the root of a machine is for all of its users
		if err := errors.Join(os.MkdirAll(m.path(folder), 0o755), os.Chmod(m.path(folder), 0o755)); err != nil {
			return err
		}
	}
	// cloud-init recognizes EC2 by the hypervisor's UUID.
	uuid := fmt.Sprintf("ec2%s-%s-4%s-8%s-%s%s\n", m.digest()[:5], m.digest()[5:9], m.digest()[9:12], m.digest()[12:15],
		m.digest()[5:16], "0")
	if err := writeBelow(m.path(hypervisorFolder), "uuid", []byte(uuid), 0o644); err != nil {
		return err
	}
	trusted, err := os.ReadFile(filepath.Join(m.base, trustStore))
	if err != nil {
		return err
	}
	return writeBelow(m.path(upperFolder), trustStore, append(trusted, m.vpc.authority.PEM()...), 0o644)
}

// Running reports whether the machine is on.
func (m *Machine) Running() bool {
	select {
	case <-m.Done():
		return false
	default:
		return true
	}
}

// Done returns a channel that is closed when the machine is off: stopped, killed, or shut down from inside. A reboot from inside
// does not close it. [Machine.Start] makes a new channel.
func (m *Machine) Done() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.life == nil {
		off := make(chan struct{})
		close(off)
		return off
	}
	return m.life.done
}

// Start turns the machine on. It returns when systemd starts.
func (m *Machine) Start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.Running() {
		return errors.New("the machine runs already")
	}
	if err := m.prepare(); err != nil {
		return err
	}
	l := &life{done: make(chan struct{})}
	m.mu.Lock()
	m.life = l
	m.mu.Unlock()
	started := make(chan error, 1)
	go m.live(l, started)
	return <-started
}

// Stop shuts the machine down as EC2's StopInstances does: systemd ends the services in order. If ctx ends first, Stop kills the
// machine and returns ctx's error. The disk stays for [Machine.Start].
func (m *Machine) Stop(ctx context.Context) error {
	for again := time.NewTicker(time.Second); ; {
		m.askToPowerOff()
		select {
		case <-m.Done():
			again.Stop()
			return nil
		case <-ctx.Done():
			again.Stop()
			m.Kill()
			return ctx.Err()
		case <-again.C: // systemd may not have run yet when it was asked
		}
	}
}

// Kill ends the machine as a power cut does. It returns when none of its processes runs.
func (m *Machine) Kill() {
	l := m.current()
	if l == nil {
		return
	}
	l.end()
	for again := time.NewTicker(20 * time.Millisecond); ; {
		l.kill()
		select {
		case <-l.done:
			again.Stop()
			return
		case <-again.C: // it may have been about to start
		}
	}
}

// Terminate kills the machine, deletes its disk and frees its address. The log of its console stays.
func (m *Machine) Terminate() error {
	m.Kill()
	m.forget()
	return removeDisk(m.spec.Directory)
}

// removeDisk deletes the disk of a machine that is off. The log of its console stays.
func removeDisk(directory string) (err error) {
	for _, folder := range []string{upperFolder, workFolder, rootFolder, hypervisorFolder} {
		err = errors.Join(err, os.RemoveAll(filepath.Join(directory, folder)))
	}
	return err
}

// CPUTime returns the processor time that the machine's processes, including systemd and cloud-init, have used since it was made.
// It never decreases.
func (m *Machine) CPUTime() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.life == nil {
		return m.used
	}
	return m.used + m.life.cpuTime()
}

func (m *Machine) current() *life {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.life
}
