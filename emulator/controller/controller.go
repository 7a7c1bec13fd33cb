// Package controller makes this machine follow the model of AWS, and tells the model what happened.
//
//	cloud (what should be) ──▶ Controller.Reconcile ──▶ runtime: instances     guest: containers
//	       ▲                                            proxy:   listeners, health checks    database: servers
//	       └── booted, ended, healthy, CPU used ───────────┘
//
// Each kind of thing has a file and a method reconcile…, which compares what the model wants with what runs, and starts or
// stops the difference. What takes long runs in the background and reports to the model when it is done.
package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/resolver"
	"github.com/elastic-service/elastic-service/emulator/runtime"
	"github.com/elastic-service/elastic-service/internal/ca"
)

// Options of a controller.
type Options struct {
	Cloud     *cloud.Cloud
	Clock     clockwork.Clock // of the cloud
	Speed     float64         // emulated seconds in a real second
	Folder    string          // for the files and logs of instances, tasks and images
	Log       *slog.Logger
	Authority *ca.Authority // of the certificates of TLS and HTTPS listeners, and of databases
	Trust     string        // file with the authorities that programs trust, that one among them; "": this machine's

	// API answers AWS's API for a session of a role, "" for none, on an instance.
	API func(role, session, instance string) http.Handler

	// Program returns the path of a container's program that this machine does not have. Nil: there is none.
	Program func(ctx context.Context, name string) (string, error)

	// Runtime makes what instances run on.
	Runtime func(runtime.Host) (runtime.Runtime, error)
}

// Controller runs what the model wants to run.
type Controller struct {
	options Options
	cloud   *cloud.Cloud
	clock   clockwork.Clock
	log     *slog.Logger
	runtime runtime.Runtime

	mu         sync.Mutex
	instances  map[string]*instanceProcess
	tasks      map[string]*taskProcess
	listeners  map[string]*listener
	probers    map[string]*prober
	registered map[string]registration  // targets by incarnation
	images     map[string]bool          // made from instances, whose files have been copied
	stresses   map[string]*guest.Stress // by the fault that wants them
	databases  map[string]*databaseServer
	work       sync.WaitGroup

	resolver *resolver.Server
	dropped  sync.Map // connections to databases that were dropped and logged
}

// New returns a controller that runs nothing yet. It deletes what an emulator that was killed has left in the folder.
func New(o Options) (*Controller, error) {
	c := &Controller{
		options: o, cloud: o.Cloud, clock: o.Clock, log: o.Log,
		instances: map[string]*instanceProcess{}, tasks: map[string]*taskProcess{}, listeners: map[string]*listener{},
		probers: map[string]*prober{}, images: map[string]bool{}, stresses: map[string]*guest.Stress{},
		databases: map[string]*databaseServer{},
	}
	var err error
	if c.runtime, err = o.Runtime(c); err != nil {
		return nil, err
	}
	if c.resolver, err = resolver.Open(c.databaseAddress); err != nil {
		return nil, errors.Join(fmt.Errorf("name server of the network: %w", err), c.runtime.Close())
	}
	c.cloud.View(func(m *cloud.Model) { m.RDS.Serves = servesDatabases })
	c.removeOldVolumes()
	return c, nil
}

// Reconcile starts what should run and does not, and stops what runs and should not. What it starts ends with ctx.
func (c *Controller) Reconcile(ctx context.Context) {
	c.reconcileImages()
	c.reconcileDatabases(ctx)
	c.reconcileInstances(ctx)
	c.reconcileTasks(ctx)
	c.reconcileFaults()
	c.reconcileListeners()
	c.reconcileTargets(ctx)
}

// Stop ends everything that runs. Instances and databases are killed, not shut down: the model still wants them.
func (c *Controller) Stop() error {
	c.mu.Lock()
	for arn, l := range c.listeners {
		l.close()
		delete(c.listeners, arn)
	}
	for _, p := range c.probers {
		p.cancel()
	}
	for _, t := range c.tasks {
		t.killLocked()()
	}
	for _, i := range c.instances {
		i.kill()
	}
	for _, d := range c.databases {
		if !d.stopping {
			c.stopDatabaseLocked(d)
		}
	}
	c.mu.Unlock()
	c.work.Wait()
	return errors.Join(c.resolver.Close(), c.runtime.Close())
}

// real returns the real time that an emulated duration takes.
func (c *Controller) real(d time.Duration) time.Duration {
	return time.Duration(float64(d) / c.options.Speed)
}
