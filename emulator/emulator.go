// Package emulator is AWS on one machine, as far as this project's stacks use it: the real Pulumi engine deploys to it,
// instances are processes, balancers and health checks are sockets on 127/8, and failures are real.
//
//	pulumi engine ──▶ provider ──▶ cloud (the model) ◀──▶ controller ──▶ runtime, guest: processes
//	                                 ▲                               └─▶ proxy: flows, requests, health checks
//	  status, terminate, … ──▶ api ──┘
//
// [Emulator] opens these parts, wires them, lets the controller follow the model, and saves the model.
package emulator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/elastic-service/elastic-service/emulator/aws"
	"github.com/elastic-service/elastic-service/emulator/clock"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/controller"
	"github.com/elastic-service/elastic-service/emulator/logstore"
	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/emulator/provider"
	"github.com/elastic-service/elastic-service/emulator/provider/ledger"
	"github.com/elastic-service/elastic-service/emulator/runtime"
	"github.com/elastic-service/elastic-service/emulator/runtime/nspawn"
	"github.com/elastic-service/elastic-service/emulator/runtime/process"
	"github.com/elastic-service/elastic-service/internal/ca"
)

// Options of an emulator.
type Options struct {
	Folder  string       // everything that it keeps: the model, objects, the instances' files and logs
	Region  string       // e.g. us-east-1
	Speed   float64      // emulated seconds that pass in a real second, above 0
	Runtime runtime.Kind // what instances run on; runtime.Process when empty
	Log     *slog.Logger

	// Program returns the path of a container's program that this machine does not have. Nil: there is none.
	Program func(ctx context.Context, name string) (string, error)
}

// Emulator runs one region of a cloud.
type Emulator struct {
	Cloud     *cloud.Cloud
	Providers *provider.Servers
	aws       *aws.Server // the API of AWS, for programs of this process and the engine

	options    Options
	clock      clockwork.Clock
	claims     loopback.Claims // of the addresses that the cloud has given out
	ledger     *ledger.Ledger
	controller *controller.Controller
	logs       *logstore.Store

	saving  sync.Mutex
	saved   uint64    // version that is on disk, see version
	savedAt time.Time // real time
	unsaved string    // why the state could not be saved, which is logged once
}

// Open restores the cloud that was saved in the folder, or makes an empty one, and starts its providers.
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
	e := &Emulator{options: o, clock: virtual, ledger: ledger.New(former.Ledger), logs: logstore.Open(filepath.Join(o.Folder, "logs"))}
	if err := e.openCloud(former); err != nil {
		return nil, err
	}
	if err := e.openController(); err != nil {
		return nil, err
	}
	objects := filepath.Join(o.Folder, "objects")
	if e.Providers, err = provider.Serve(e.Cloud, e.ledger, objects, e.save); err != nil {
		return nil, err
	}
	if e.aws, err = aws.Serve(e.Cloud, objects, e.logs); err != nil {
		return nil, err
	}
	return e, nil
}

// Environment makes a Pulumi engine attach to the providers, and the SDKs and the AWS CLI talk to the cloud.
func (e *Emulator) Environment() map[string]string {
	environment := e.aws.Environment()
	maps.Copy(environment, e.Providers.Environment())
	return environment
}

func (e *Emulator) openCloud(former state) (err error) {
	if e.Cloud, err = cloud.New(e.options.Region, e.clock, e.isFree); err != nil {
		return err
	}
	if len(former.Cloud) > 0 {
		if err := e.Cloud.Restore(former.Cloud); err != nil {
			return fmt.Errorf("%s: %w", stateFile(e.options.Folder), err)
		}
	}
	e.claimAddresses()
	return nil
}

// openController makes a new certificate authority, whose certificate it leaves where clients find it, and the controller.
func (e *Emulator) openController() error {
	authority, err := ca.New("elastic-service emulator")
	if err != nil {
		return err
	}
	if err := os.WriteFile(e.authorityFile(), authority.PEM(), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(e.trustFile(), append(systemAuthorities(), authority.PEM()...), 0o600); err != nil {
		return err
	}
	e.controller, err = controller.New(controller.Options{
		Cloud: e.Cloud, Clock: e.clock, Speed: e.options.Speed, Folder: e.options.Folder, Log: e.options.Log,
		Authority: authority, Trust: e.trustFile(), Program: e.options.Program,
		Runtime: func(host runtime.Host) (runtime.Runtime, error) { return e.newRuntime(host, authority) },
		API: func(role, session, instance string) http.Handler {
			return e.aws.As(aws.Principal{Role: role, Session: session, Instance: instance})
		},
	})
	return err
}

func (e *Emulator) authorityFile() string { return e.file("ca.pem") }

// trustFile has the authorities that the programs of instances trust: those of this machine, and the emulator's.
func (e *Emulator) trustFile() string { return e.file("trust.pem") }

// file returns the absolute path of a file of the emulator: programs have working folders of their own.
func (e *Emulator) file(name string) string {
	path, err := filepath.Abs(filepath.Join(e.options.Folder, name))
	if err != nil {
		return filepath.Join(e.options.Folder, name)
	}
	return path
}

// systemAuthorities returns the certificate authorities that this machine trusts, as far as it has them in a file that is usual.
func systemAuthorities() []byte {
	for _, file := range []string{
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
	} {
		if data, err := os.ReadFile(file); err == nil {
			return append(data, '\n')
		}
	}
	return nil
}

func (e *Emulator) newRuntime(host runtime.Host, authority *ca.Authority) (runtime.Runtime, error) {
	switch e.options.Runtime {
	case runtime.Process, "":
		return process.New(host, e.options.Region, e.clock, e.trustFile(), e.options.Log), nil
	case runtime.Nspawn:
		return nspawn.New(host, e.options.Region, authority, e.options.Log)
	}
	return nil, fmt.Errorf("runtime %q is neither %s nor %s", e.options.Runtime, runtime.Process, runtime.Nspawn)
}

// tick is the longest real time between two looks at the model: deadlines pass without a change.
const tick = 100 * time.Millisecond

// Run makes this machine follow the model until ctx ends. Then it stops every process, closes every socket and saves the
// model. Instances that ran come back with the next Run, as after a power failure.
func (e *Emulator) Run(ctx context.Context) error {
	defer e.stop()
	minute := e.clock.NewTicker(time.Minute)
	defer minute.Stop()
	timer := time.NewTicker(tick)
	defer timer.Stop()
	for {
		changed := e.Cloud.Changed()
		e.controller.CountTraffic()
		e.Cloud.Reconcile()
		e.controller.Reconcile(ctx)
		e.saveNowAndThen()
		select {
		case <-ctx.Done():
			return nil
		case <-minute.Chan():
			e.controller.Measure()
			e.deleteLogs()
		case <-changed:
		case <-timer.C:
		}
	}
}

// deleteLogs deletes the events of logs that have expired and of groups that are gone.
func (e *Emulator) deleteLogs() {
	keys := cloud.Get(e.Cloud, func(m *cloud.Model) map[string]bool { return m.CloudWatch.LogKeys(m.Clock.Now()) })
	if err := e.logs.Keep(keys); err != nil {
		e.options.Log.Warn("events of CloudWatch Logs were not deleted", "error", err)
	}
}

// stop ends everything that runs, and saves the model with the time of the end.
func (e *Emulator) stop() {
	e.Providers.Close()
	e.aws.Close()
	err := e.controller.Stop()
	e.deleteLogs()
	e.saving.Lock()
	e.savedAt = time.Time{} // save it again even if nothing but the time has changed
	e.saving.Unlock()
	if err := errors.Join(err, e.save()); err != nil {
		e.options.Log.Error("the emulator did not stop cleanly", "error", err)
	}
}
