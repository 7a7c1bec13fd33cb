// Package process is the runtime that needs nothing: instances are processes of this machine, and the private address
// 192.168.0.57 is found at 127.168.0.57. See packages guest and loopback.
package process

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/jonboulle/clockwork"

	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/identity"
	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/emulator/runtime"
)

// Runtime boots instances as processes of this machine.
type Runtime struct {
	host   runtime.Host
	region string
	clock  clockwork.Clock
	trust  string
	log    *slog.Logger
}

// New returns a runtime whose instances live in emulated time. Their programs trust the authorities in the file trust.
func New(host runtime.Host, region string, clock clockwork.Clock, trust string, log *slog.Logger) *Runtime {
	return &Runtime{host, region, clock, trust, log}
}

// Boot starts the services of an instance.
func (r *Runtime) Boot(ctx context.Context, spec runtime.Spec) (runtime.Instance, error) {
	endpoint, err := identity.ServeInstance(loopback.Address(spec.Address), r.identityOf(spec), r.host.API(spec.ID))
	if err != nil {
		return nil, err
	}
	booted, err := guest.Boot(ctx, guest.Spec{
		Environment: endpoint.Environment(),
		ID:          spec.ID, Address: spec.Address, Directory: spec.Directory, UserData: spec.UserData, Image: spec.Image,
		Clock: r.clock, Log: r.log, Trust: r.trust, Logs: cloudwatchlogs.NewFromConfig(identity.Config(r.region, r.host.API(spec.ID))),
		Route: func(to netip.AddrPort) (netip.AddrPort, bool) { return r.host.Route(spec.Address, to) },
		Fetch: func(_ context.Context, bucket, key string) (io.ReadCloser, error) {
			return r.host.Object(spec.ID, bucket, key)
		},
	})
	if err != nil {
		endpoint.Close()
		return nil, err // not a nil *guest.Instance in an interface
	}
	go func() {
		<-booted.Done()
		endpoint.Close()
	}()
	return booted, nil
}

// identityOf returns what the metadata service tells an instance.
func (r *Runtime) identityOf(spec runtime.Spec) identity.Instance {
	network := r.host.NetworkOf(spec.Subnet)
	i := identity.Instance{
		ID: spec.ID, Type: spec.Type, ImageID: spec.ImageID, Address: spec.Address, UserData: spec.UserData, Region: r.region,
		Hostname: "ip-" + strings.ReplaceAll(spec.Address.String(), ".", "-") + "." + r.region + ".compute.internal",
		MAC:      append(net.HardwareAddr{0x02, 0}, spec.Address.AsSlice()...).String(), Digest: strings.TrimPrefix(spec.ID, "i-"),
		VPC: network.ID, VPCRange: network.CIDR, Started: r.clock.Now().UTC(), Role: spec.Role, Credentials: identity.NewCredentials(),
	}
	for _, subnet := range network.Subnets {
		if subnet.CIDR.Contains(spec.Address) {
			i.Subnet, i.Zone = subnet.CIDR, subnet.Zone
		}
	}
	return i
}

// Dial connects to the loopback address that stands for a private address.
func (r *Runtime) Dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	return loopback.Dial(ctx, netip.AddrPortFrom(loopback.Address(address.Addr()), address.Port()))
}

// HostAddress returns the loopback address that stands for a private address.
func (r *Runtime) HostAddress(address netip.Addr) netip.Addr { return loopback.Address(address) }

// Publish does nothing: [runtime.Host] routes each connection.
func (r *Runtime) Publish([]runtime.Server) {}

// RemoveVolumes deletes the instance's root.
func (r *Runtime) RemoveVolumes(directory string) error {
	return os.RemoveAll(filepath.Join(directory, "root"))
}

// Close does nothing: processes have nothing in common.
func (r *Runtime) Close() error { return nil }
