package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"path"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/runtime/nspawn"
)

// machines is the runtime of booted machines: each VPC is a network namespace, to which the balancers reach out of this
// machine's own.
type machines struct {
	*Emulator

	mu   sync.Mutex
	vpcs map[string]*nspawn.VPC
}

// newMachines says what is missing, and builds the machines' common root before anything waits for it.
func newMachines(e *Emulator) (*machines, error) {
	if missing := nspawn.Missing(); missing != "" {
		return nil, errors.New(missing)
	}
	if _, err := nspawn.Base(context.Background(), e.options.Log); err != nil {
		return nil, err
	}
	return &machines{Emulator: e, vpcs: map[string]*nspawn.VPC{}}, nil
}

func (m *machines) boot(ctx context.Context, i ec2.Instance) (instance, error) {
	if image := m.imageOf(i); image != "" {
		return nil, errors.New("machines boot the Debian that is built for them, no image of an instance")
	}
	vpc, err := m.vpc(ctx, i.Subnet)
	if err != nil {
		return nil, err
	}
	booted, err := vpc.Boot(ctx, nspawn.Spec{
		ID: i.ID, Address: i.Address, Directory: m.folder(i.ID), UserData: i.Script(),
		Role: path.Base(i.Profile), InstanceType: i.Type, AMI: i.ImageID,
		Fetch: func(_ context.Context, bucket, key string) (io.ReadCloser, error) {
			object, err := m.fetch(i.ID, bucket, key)
			var refused *aws.Error
			if errors.As(err, &refused) && refused.Code == "NoSuchKey" {
				return nil, fs.ErrNotExist
			}
			return object, err
		},
	})
	if err != nil {
		return nil, err
	}
	one := &bootedMachine{machine: booted}
	one.follow(ctx)
	return one, nil
}

// vpc is the namespace of a subnet's VPC, with all of its subnets.
func (m *machines) vpc(ctx context.Context, subnet string) (*nspawn.VPC, error) {
	network, subnets := cloud.Find(m.Cloud, func(m *cloud.Model) (vpc.VPC, []vpc.Subnet) { return m.VPC.NetworkOf(subnet) })
	m.mu.Lock()
	defer m.mu.Unlock()
	if vpc := m.vpcs[network.ID]; vpc != nil {
		return vpc, nil
	}
	config := nspawn.Config{Name: network.ID, Region: m.options.Region, CIDR: network.CIDR, Log: m.options.Log}
	for _, s := range subnets {
		config.Subnets = append(config.Subnets, nspawn.Subnet{CIDR: s.CIDR, Zone: s.Zone})
	}
	vpc, err := nspawn.NewVPC(ctx, config)
	if err != nil {
		return nil, err
	}
	m.vpcs[network.ID] = vpc
	return vpc, nil
}

func (m *machines) dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	m.mu.Lock()
	var vpc *nspawn.VPC
	for id, one := range m.vpcs {
		inside := cloud.Get(m.Cloud, func(m *cloud.Model) bool {
			network, found := m.VPC.VPC(id)
			return found && network.CIDR.Contains(address.Addr())
		})
		if inside {
			vpc = one
		}
	}
	m.mu.Unlock()
	if vpc == nil {
		return nil, fmt.Errorf("no machine has booted in the network of %s", address)
	}
	return vpc.Dial(ctx, "tcp", address.String())
}

func (m *machines) found(address netip.Addr) netip.Addr { return address }

// remove leaves the disk to the instance that has it: see bootedMachine.Shutdown.
func (m *machines) remove(string) error { return nil }

func (m *machines) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var err error
	for _, vpc := range m.vpcs {
		err = errors.Join(err, vpc.Close())
	}
	return err
}

// bootedMachine is an instance that is a machine.
type bootedMachine struct {
	machine *nspawn.Machine

	mu       sync.Mutex
	services []guest.ServiceStatus
}

// look is how often a machine is asked for its services, real time: each look starts a process in it.
const look = 2 * time.Second

// follow keeps what the machine says of its services, for whoever asks often.
func (b *bootedMachine) follow(ctx context.Context) {
	go func() {
		for again := time.NewTicker(look); ; {
			if found, err := b.machine.Services(ctx); err == nil {
				b.mu.Lock()
				b.services = statuses(found)
				b.mu.Unlock()
			}
			select {
			case <-ctx.Done():
				again.Stop()
				return
			case <-b.machine.Done():
				again.Stop()
				return
			case <-again.C:
			}
		}
	}()
}

// states are systemd's, in the words of the data plane's.
var states = map[string]guest.State{
	"active": guest.Running, "activating": guest.Starting, "reloading": guest.Running,
	"inactive": guest.Stopped, "deactivating": guest.Stopped, "failed": guest.Failed,
}

func statuses(found []nspawn.ServiceStatus) []guest.ServiceStatus {
	all := make([]guest.ServiceStatus, 0, len(found))
	for _, s := range found {
		state := states[s.Active]
		if s.Sub == "auto-restart" {
			state = guest.Restarting
		}
		one := guest.ServiceStatus{Name: s.Name, State: state, PID: s.PID, Restarts: s.Restarts, LastExit: s.Result}
		if s.Result == "success" {
			one.LastExit = "exit status 0"
		}
		all = append(all, one)
	}
	return all
}

// Shutdown is a termination: the services end in their order, and the disk goes with the machine.
func (b *bootedMachine) Shutdown(ctx context.Context) error {
	err := b.machine.Stop(ctx)
	return errors.Join(err, b.machine.Terminate())
}

func (b *bootedMachine) Kill() { b.machine.Kill() }

func (b *bootedMachine) StopService(name string) error {
	return b.machine.StopService(context.Background(), name)
}

// SignalProcess signals the processes of a service, or those of a name.
func (b *bootedMachine) SignalProcess(name string, signal unix.Signal) error {
	number := fmt.Sprintf("--signal=%d", signal)
	r, err := b.machine.Exec(context.Background(), "systemctl", "kill", number, name+".service")
	if err == nil && r.Code != 0 {
		r, err = b.machine.Exec(context.Background(), "pkill", number, "--exact", name)
	}
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("no process %q on %s", name, b.machine.ID())
	}
	return err
}

func (b *bootedMachine) Stress(float64) (*guest.Stress, error) {
	return nil, errors.New("a machine's CPU is not put under stress: its share of this machine's is not limited")
}

func (b *bootedMachine) Services() []guest.ServiceStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.services
}

// Skipped is nothing: a machine does all that user data says.
func (b *bootedMachine) Skipped() []string { return nil }

func (b *bootedMachine) CPUTime() time.Duration { return b.machine.CPUTime() }
