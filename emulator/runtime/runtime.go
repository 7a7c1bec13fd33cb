// Package runtime says what the emulator's controller needs of the thing that instances are made of.
//
//	controller ──Boot, Dial──▶ Runtime ◀── process: processes of this machine, on 127/8
//	     ▲                        │      ◀── nspawn:  booted machines in network namespaces
//	     └────── Host ────────────┘
//
// A runtime asks its [Host] for the objects that an instance fetches and for the network that it is in.
package runtime

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/guest"
)

// Kind names a runtime.
type Kind string

// The kinds of runtimes.
const (
	Process Kind = "process" // processes of this machine, on 127/8
	Nspawn  Kind = "machine" // booted machines in network namespaces, at their private addresses; needs root
)

// Runtime boots instances and reaches them.
type Runtime interface {
	// Boot starts an instance. It returns when the instance runs its user data.
	Boot(ctx context.Context, spec Spec) (Instance, error)
	// Dial connects to a private address of an instance.
	Dial(ctx context.Context, address netip.AddrPort) (net.Conn, error)
	// HostAddress returns where a private address is found on this machine.
	HostAddress(address netip.Addr) netip.Addr
	// Publish lets instances reach servers of their networks, by name and private address, and no others.
	Publish(servers []Server)
	// RemoveVolumes deletes the volumes of an instance that has ended. Its logs stay.
	RemoveVolumes(directory string) error
	// Close ends what instances had in common.
	Close() error
}

// Spec describes an instance to boot.
type Spec struct {
	ID        string
	Address   netip.Addr // private
	Subnet    string     // ID
	Directory string     // folder of its volumes and logs
	Image     string     // folder with the files of the instance that its image was made from; "" for a stock image
	ImageID   string
	Type      string // e.g. t3.micro
	Role      string // "" without an instance profile
	UserData  []byte
}

// Instance is an instance that runs.
type Instance interface {
	// Shutdown ends the services in their order, then all other processes.
	Shutdown(ctx context.Context) error
	// Kill ends all processes at once, as a power cut does.
	Kill()
	// StopService stops a service as `systemctl stop` does.
	StopService(name string) error
	// SignalProcess signals the processes of a service, or those of a program's name.
	SignalProcess(name string, signal unix.Signal) error
	// Stress keeps a number of this machine's cores busy.
	Stress(cores float64) (*guest.Stress, error)
	// Services returns the state of its systemd services.
	Services() []guest.ServiceStatus
	// Skipped says what the user data asks for and the runtime does not do.
	Skipped() []string
	// CPUTime returns the processor time that its processes have used so far.
	CPUTime() time.Duration
}

// Host is the emulator as a runtime sees it.
type Host interface {
	// Object opens an object of S3 with the permissions of an instance. The error of a key that does not exist is fs.ErrNotExist.
	Object(instance, bucket, key string) (io.ReadCloser, error)
	// API answers AWS's API with the permissions and the network of an instance.
	API(instance string) http.Handler
	// Route decides where a connection of an instance or container leads, by its private address, see [loopback.Route].
	Route(from netip.Addr, to netip.AddrPort) (netip.AddrPort, bool)
	// NetworkOf returns the VPC of a subnet.
	NetworkOf(subnet string) Network
	// HasNetwork reports whether a VPC exists.
	HasNetwork(id string) bool
}

// Server is a server in a VPC that is no instance: a database.
type Server struct {
	Network string         // ID of the VPC
	Name    string         // DNS name
	Address netip.AddrPort // private
	Host    netip.AddrPort // where it listens on this machine
}

// Network is a VPC.
type Network struct {
	ID      string
	CIDR    netip.Prefix
	Subnets []Subnet
}

// Subnet is a subnet of a VPC.
type Subnet struct {
	CIDR netip.Prefix
	Zone string
}
