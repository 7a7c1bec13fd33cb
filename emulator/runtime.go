package emulator

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/loopback"
)

// Runtime is what instances are made of.
type Runtime string

// The runtimes.
const (
	Processes Runtime = "process" // processes of this machine, on 127/8
	Machines  Runtime = "machine" // booted machines in namespaces, at their private addresses; takes root
)

// runtime makes instances and reaches them.
type runtime interface {
	boot(ctx context.Context, i ec2.Instance) (instance, error)
	// dial connects to a private address, of an instance.
	dial(ctx context.Context, address netip.AddrPort) (net.Conn, error)
	// found is where an instance is found on this machine, for people.
	found(address netip.Addr) netip.Addr
	// remove deletes the volumes of an instance that has ended.
	remove(id string) error
	close() error
}

// instance runs.
type instance interface {
	Shutdown(ctx context.Context) error
	Kill()
	StopService(name string) error
	SignalProcess(name string, signal unix.Signal) error
	Stress(cores float64) (*guest.Stress, error)
	Services() []guest.ServiceStatus
	Skipped() []string
	CPUTime() time.Duration
}

func (e *Emulator) newRuntime() (runtime, error) {
	switch e.options.Runtime {
	case Processes, "":
		return processes{e}, nil
	case Machines:
		return newMachines(e)
	}
	return nil, fmt.Errorf("runtime %q is not %s or %s", e.options.Runtime, Processes, Machines)
}

// processes is the runtime that needs nothing.
type processes struct{ *Emulator }

func (p processes) boot(ctx context.Context, i ec2.Instance) (instance, error) {
	booted, err := guest.Boot(ctx, guest.Spec{
		ID: i.ID, Address: i.Address, Directory: p.folder(i.ID), UserData: i.Script(), Image: p.imageOf(i),
		Clock: p.clock, Log: p.options.Log,
		Fetch: func(_ context.Context, bucket, key string) (io.ReadCloser, error) { return p.fetch(i.ID, bucket, key) },
	})
	if err != nil {
		return nil, err
	}
	return booted, nil
}

func (p processes) dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	return loopback.Dial(ctx, onLoopback(address))
}

// onLoopback is where a private address of a process is found on this machine.
func onLoopback(at netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(loopback.Address(at.Addr()), at.Port())
}

func (p processes) found(address netip.Addr) netip.Addr { return loopback.Address(address) }

func (p processes) remove(id string) error { return os.RemoveAll(filepath.Join(p.folder(id), "root")) }

func (p processes) close() error { return nil }
