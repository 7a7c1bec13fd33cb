package nspawn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/runtime"
	"github.com/elastic-service/elastic-service/internal/ca"
)

// Runtime boots instances as machines. Each VPC is a network namespace, into which the balancers connect from this
// machine's own.
type Runtime struct {
	host      runtime.Host
	region    string
	authority *ca.Authority
	log       *slog.Logger

	mu      sync.Mutex
	vpcs    map[string]*VPC
	servers []runtime.Server
}

// New builds the machines' common root, before anything waits for it. The machines trust the authority. New returns an error that says
// what this machine lacks.
func New(host runtime.Host, region string, authority *ca.Authority, log *slog.Logger) (*Runtime, error) {
	if missing := Missing(); missing != "" {
		return nil, errors.New(missing)
	}
	if _, err := Base(context.Background(), log); err != nil {
		return nil, err
	}
	return &Runtime{host: host, region: region, authority: authority, log: log, vpcs: map[string]*VPC{}}, nil
}

// Boot boots a machine in the network of its VPC.
func (r *Runtime) Boot(ctx context.Context, spec runtime.Spec) (runtime.Instance, error) {
	if spec.Image != "" {
		return nil, errors.New("runtime machine boots the Debian that is built for it, not the image of an instance: use runtime process")
	}
	vpc, err := r.vpcOf(ctx, spec.Subnet)
	if err != nil {
		return nil, err
	}
	booted, err := vpc.Boot(ctx, Spec{
		ID: spec.ID, Address: spec.Address, Directory: spec.Directory, UserData: spec.UserData,
		Role: spec.Role, InstanceType: spec.Type, AMI: spec.ImageID, API: r.host.API(spec.ID),
		Fetch: func(_ context.Context, bucket, key string) (io.ReadCloser, error) {
			return r.host.Object(spec.ID, bucket, key)
		},
	})
	if err != nil {
		return nil, err
	}
	i := &instance{machine: booted}
	go i.watchServices(ctx)
	return i, nil
}

// vpcOf returns the namespace of a subnet's VPC, with all of its subnets.
func (r *Runtime) vpcOf(ctx context.Context, subnet string) (*VPC, error) {
	network := r.host.NetworkOf(subnet)
	r.mu.Lock()
	defer r.mu.Unlock()
	if vpc := r.vpcs[network.ID]; vpc != nil {
		return vpc, nil
	}
	config := Config{Name: network.ID, Region: r.region, CIDR: network.CIDR, Authority: r.authority, Log: r.log}
	for _, s := range network.Subnets {
		config.Subnets = append(config.Subnets, Subnet(s))
	}
	vpc, err := NewVPC(ctx, config)
	if err != nil {
		return nil, err
	}
	r.vpcs[network.ID] = vpc
	r.publishLocked()
	return vpc, nil
}

// Publish lets the machines of each VPC reach its servers.
func (r *Runtime) Publish(servers []runtime.Server) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.servers = servers
	r.publishLocked()
}

func (r *Runtime) publishLocked() {
	for id, vpc := range r.vpcs {
		var own []runtime.Server
		for _, s := range r.servers {
			if s.Network == id {
				own = append(own, s)
			}
		}
		if err := vpc.publish(own, r.host.Route); err != nil {
			r.log.Error("machines cannot reach a server of their network", "vpc", id, "error", err)
		}
	}
}

// Dial connects from within the VPC that has the address.
func (r *Runtime) Dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	r.mu.Lock()
	var found *VPC
	for id, vpc := range r.vpcs {
		if vpc.config.CIDR.Contains(address.Addr()) && r.host.HasNetwork(id) {
			found = vpc
		}
	}
	r.mu.Unlock()
	if found == nil {
		return nil, fmt.Errorf("no machine has booted in the network of %s", address)
	}
	return found.Dial(ctx, "tcp", address.String())
}

// HostAddress returns the address itself: machines have their private addresses.
func (r *Runtime) HostAddress(address netip.Addr) netip.Addr { return address }

// RemoveVolumes deletes the disk of a machine that is off.
func (r *Runtime) RemoveVolumes(directory string) error { return removeDisk(directory) }

// Close removes the VPCs with their machines.
func (r *Runtime) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	for _, vpc := range r.vpcs {
		err = errors.Join(err, vpc.Close())
	}
	return err
}

// instance is a machine as the controller sees it.
type instance struct {
	machine *Machine

	mu       sync.Mutex
	services []guest.ServiceStatus
}

// watchPeriod is the real time between two looks at a machine's services: each look starts a process in it.
const watchPeriod = 2 * time.Second

// watchServices keeps the state of the machine's services, for callers that ask often.
func (i *instance) watchServices(ctx context.Context) {
	ticker := time.NewTicker(watchPeriod)
	defer ticker.Stop()
	for {
		if found, err := i.machine.Services(ctx); err == nil {
			i.mu.Lock()
			i.services = statuses(found)
			i.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-i.machine.Done():
			return
		case <-ticker.C:
		}
	}
}

// states maps systemd's states of units to those of package guest.
var states = map[string]guest.State{
	"active": guest.Running, "activating": guest.Starting, "reloading": guest.Running,
	"inactive": guest.Stopped, "deactivating": guest.Stopped, "failed": guest.Failed,
}

func statuses(found []ServiceStatus) []guest.ServiceStatus {
	all := make([]guest.ServiceStatus, 0, len(found))
	for _, s := range found {
		status := guest.ServiceStatus{Name: s.Name, State: states[s.Active], PID: s.PID, Restarts: s.Restarts, LastExit: s.Result}
		if s.Sub == "auto-restart" {
			status.State = guest.Restarting
		}
		if s.Result == "success" {
			status.LastExit = "exit status 0"
		}
		all = append(all, status)
	}
	return all
}

// Shutdown stops the machine, whose services end in their order. Its disk stays for the next boot.
func (i *instance) Shutdown(ctx context.Context) error {
	defer i.machine.forget()
	return i.machine.Stop(ctx)
}

func (i *instance) Kill() {
	i.machine.Kill()
	i.machine.forget()
}

func (i *instance) StopService(name string) error {
	return i.machine.StopService(context.Background(), name)
}

func (i *instance) SignalProcess(name string, signal unix.Signal) error {
	number := fmt.Sprintf("--signal=%d", signal)
	r, err := i.machine.Exec(context.Background(), "systemctl", "kill", number, name+".service")
	if err == nil && r.Code != 0 {
		r, err = i.machine.Exec(context.Background(), "pkill", number, "--exact", name)
	}
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("no process %q on %s", name, i.machine.ID())
	}
	return err
}

// Stress refuses: the CPU that a machine gets is not limited, so that load on it would be load on everything.
func (i *instance) Stress(float64) (*guest.Stress, error) {
	return nil, errors.New("runtime machine cannot put an instance's CPU under stress: its share of this machine's CPU is not limited")
}

func (i *instance) Services() []guest.ServiceStatus {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.services
}

// Skipped returns nothing: a machine does all that user data says.
func (i *instance) Skipped() []string { return nil }

func (i *instance) CPUTime() time.Duration { return i.machine.CPUTime() }
