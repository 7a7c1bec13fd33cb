// Package emulator is AWS on one machine, as far as this project's stacks use it: the real Pulumi engine deploys to it,
// instances are processes, balancers and health checks are sockets on 127/8, and failures are real.
//
//	pulumi engine ──▶ provider ──▶ cloud (the model) ◀──▶ controller ──▶ guest, proxy: processes, flows, probes
//	                                      ▲
//	          status, terminate, … ──▶ control API on 127.0.0.1:4566
//
// [Emulator] is the controller: it makes the machine look like the model says, and tells the model what happened.
package emulator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/elastic-service/elastic-service/emulator/clock"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/emulator/provider"
	"github.com/elastic-service/elastic-service/emulator/provider/ledger"
	"github.com/elastic-service/elastic-service/internal/ca"
	"github.com/elastic-service/elastic-service/internal/sockets"
)

// Options of an emulator.
type Options struct {
	Folder string  // everything that it keeps: the model, objects, the instances' files and logs
	Region string  // e.g. us-east-1
	Speed  float64 // how many seconds of the cloud pass in a second, above 0
	Log    *slog.Logger

	Runtime Runtime // Processes when empty
}

// Emulator runs one region of a cloud.
type Emulator struct {
	Cloud     *cloud.Cloud
	Providers *provider.Servers

	options Options
	clock   clockwork.Clock
	claims  loopback.Claims // of the addresses that the cloud has given out
	ledger  *ledger.Ledger

	saving  sync.Mutex
	saved   uint64    // version that is on disk, see version
	savedAt time.Time // real time
	unsaved string    // why it can't be saved, said once

	runtime   runtime
	authority *ca.Authority // of the certificates of TLS and HTTPS listeners

	mu         sync.Mutex
	machines   map[string]*machine
	tasks      map[string]*task
	listeners  map[string]*listener
	probers    map[string]*prober
	registered map[string]registration  // targets by incarnation
	images     map[string]bool          // made from instances, whose files have been copied
	stresses   map[string]*guest.Stress // by the fault that wants them
	work       sync.WaitGroup
}

// Open brings the cloud back that was saved in the folder, or an empty one, and starts its providers.
func Open(o Options) (*Emulator, error) {
	if err := os.MkdirAll(o.Folder, 0o700); err != nil {
		return nil, err
	}
	former, err := readState(stateFile(o.Folder))
	if err != nil {
		return nil, err
	}
	virtual, err := clock.Scaled(o.Speed, former.at)
	if err != nil {
		return nil, err
	}
	e := &Emulator{
		options: o, clock: virtual, ledger: ledger.New(former.Ledger), machines: map[string]*machine{}, tasks: map[string]*task{},
		listeners: map[string]*listener{}, probers: map[string]*prober{}, images: map[string]bool{}, stresses: map[string]*guest.Stress{},
	}
	c, err := cloud.New(o.Region, virtual, e.isFree)
	if err != nil {
		return nil, err
	}
	if len(former.Cloud) > 0 {
		if err := c.Restore(former.Cloud); err != nil {
			return nil, fmt.Errorf("%s: %w", stateFile(o.Folder), err)
		}
	}
	e.Cloud = c
	e.claimAddresses()
	if err := e.makeAuthority(); err != nil {
		return nil, err
	}
	if e.runtime, err = e.newRuntime(); err != nil {
		return nil, err
	}
	e.sweep()
	if e.Providers, err = provider.Serve(c, e.ledger, filepath.Join(o.Folder, "objects"), e.save); err != nil {
		return nil, err
	}
	return e, nil
}

// makeAuthority begins a new authority for certificates and leaves its certificate where clients find it.
func (e *Emulator) makeAuthority() error {
	authority, err := ca.New("elastic-service emulator")
	if err != nil {
		return err
	}
	e.authority = authority
	return os.WriteFile(e.authorityFile(), authority.PEM(), 0o600)
}

func (e *Emulator) authorityFile() string { return filepath.Join(e.options.Folder, "ca.pem") }

// isFree reports whether an address can be given out: no other emulator has the loopback address that stands for it, and nothing
// listens there.
func (e *Emulator) isFree(address netip.Addr) bool {
	return isUnused(address) && e.claims.Claim(loopback.Address(address))
}

// claimAddresses claims the addresses of a cloud that was saved. If another emulator has taken an address meanwhile, nothing can listen
// there.
func (e *Emulator) claimAddresses() {
	for _, address := range e.loopbackAddresses() {
		if !e.claims.Claim(address) {
			e.options.Log.Error("another emulator uses an address of this one: nothing can listen there", "address", address)
		}
	}
}

// loopbackAddresses lists the addresses on this machine of all that exists in the cloud.
func (e *Emulator) loopbackAddresses() []netip.Addr {
	var addresses []netip.Addr
	for _, i := range cloud.Get(e.Cloud, func(m *cloud.Model) []ec2.Instance { return m.EC2.DescribeInstances() }) {
		if i.State != ec2.Terminated {
			addresses = append(addresses, loopback.Address(i.Address))
		}
	}
	for _, b := range cloud.Get(e.Cloud, func(m *cloud.Model) []elb.LoadBalancer { return m.ELB.DescribeLoadBalancers() }) {
		addresses = append(addresses, loopback.Address(b.Address))
	}
	for _, t := range cloud.Get(e.Cloud, func(m *cloud.Model) []ecs.Task { return m.ECS.DescribeTasks() }) {
		if t.State != ecs.TaskStopped {
			addresses = append(addresses, loopback.Address(t.Address))
		}
	}
	return addresses
}

// isUnused reports whether nothing on this machine listens at the loopback address that stands for an address.
func isUnused(address netip.Addr) bool {
	table, err := sockets.Open()
	if err != nil {
		return true // whoever listens there fails, and says so
	}
	defer table.Close()
	listeners, err := table.Listeners(0)
	return err != nil || !slices.ContainsFunc(listeners, func(l sockets.Listener) bool {
		return l.Addr == loopback.Address(address)
	})
}

// tick is the longest time between two looks at the model, real time: deadlines pass without a change.
const tick = 100 * time.Millisecond

// Run makes the machine follow the model until ctx ends; then it stops every process, closes every socket and saves the
// model. Instances that ran come back with the next Run, as after a power failure.
func (e *Emulator) Run(ctx context.Context) error {
	defer e.stop()
	minute := e.clock.NewTicker(time.Minute)
	defer minute.Stop()
	timer := time.NewTicker(tick)
	defer timer.Stop()
	for {
		changed := e.Cloud.Changed()
		e.Cloud.Reconcile()
		e.followImages()
		e.followInstances(ctx)
		e.followTasks(ctx)
		e.followFaults()
		e.followListeners()
		e.followTargets(ctx)
		e.saveNowAndThen()
		select {
		case <-ctx.Done():
			return nil
		case <-minute.Chan():
			e.measure()
			e.claims.Release(e.loopbackAddresses())
		case <-changed:
		case <-timer.C:
		}
	}
}

// saveEvery is how much of what happens by itself a crash may undo, real time. What an engine was told is saved at once.
const saveEvery = 250 * time.Millisecond

// saveNowAndThen saves what changed. A disk that is full doesn't end what runs: it is tried again, and said once.
func (e *Emulator) saveNowAndThen() {
	e.saving.Lock()
	due := time.Since(e.savedAt) >= saveEvery
	e.saving.Unlock()
	if !due {
		return
	}
	err := e.save()
	switch {
	case err == nil && e.unsaved != "":
		e.options.Log.Info("the state can be saved again")
		e.unsaved = ""
	case err != nil && err.Error() != e.unsaved:
		e.options.Log.Error("what happens now is lost at the end of the emulator", "error", err)
		e.unsaved = err.Error()
	}
}

// save writes the model, its time and the ledger, unless that has been done. A crash in the middle leaves the former file.
func (e *Emulator) save() error {
	wanted := e.version()
	e.saving.Lock()
	defer e.saving.Unlock()
	if e.saved >= wanted && !e.savedAt.IsZero() {
		return nil
	}
	version := e.version()
	e.savedAt = time.Now()
	if err := e.writeState(); err != nil {
		return fmt.Errorf("the state can't be saved: %w", err)
	}
	e.saved = version
	return nil
}

// version grows with every change of what is saved.
func (e *Emulator) version() uint64 { return e.Cloud.Version() + e.ledger.Version() }

// stop ends everything that runs. Instances are killed, not shut down: the model still wants them.
func (e *Emulator) stop() {
	e.Providers.Close()
	e.mu.Lock()
	for arn, l := range e.listeners {
		l.close()
		delete(e.listeners, arn)
	}
	for _, p := range e.probers {
		p.cancel()
	}
	for _, t := range e.tasks {
		t.kill()
	}
	for _, m := range e.machines {
		m.kill()
	}
	e.mu.Unlock()
	e.work.Wait()
	e.claims.Close()
	e.saving.Lock()
	e.savedAt = time.Time{} // once more, for the time
	e.saving.Unlock()
	if err := errors.Join(e.runtime.close(), e.save()); err != nil {
		e.options.Log.Error("stopping", "error", err)
	}
}

// real is how long a duration of the cloud takes here.
func (e *Emulator) real(d time.Duration) time.Duration {
	return time.Duration(float64(d) / e.options.Speed)
}
