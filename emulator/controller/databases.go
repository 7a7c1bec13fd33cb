package controller

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/database"
	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/emulator/runtime"
)

// databaseServer is the server of a database that runs, or is being started or stopped.
type databaseServer struct {
	wanted   rds.Server // as it was started
	cancel   context.CancelFunc
	server   *database.Server // nil until it answers
	password string           // that the master user has
	busy     bool             // its files are copied, or its password is changed
	stopping bool
	cpu      meter
}

// kill ends the server, or cancels its start, and returns when it has ended.
func (d *databaseServer) kill() {
	d.cancel()
	if d.server != nil {
		d.server.Kill()
	}
}

// servesDatabases reports whether this machine has a server for an engine.
func servesDatabases(engine string) bool {
	_, err := database.Installed(engine)
	return err == nil
}

// reconcileDatabases starts the servers that should run and do not, and stops those that should not and do.
func (c *Controller) reconcileDatabases(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	servers := cloud.Get(c.cloud, func(m *cloud.Model) []rds.Server { return m.RDS.Servers() })
	wanted := map[string]bool{}
	for _, w := range servers {
		wanted[w.ID] = true
		switch have := c.databases[w.ID]; {
		case have == nil && w.On:
			c.startDatabaseLocked(ctx, w)
		case have == nil || have.stopping || have.busy:
		case !w.On || have.wanted.Starts != w.Starts || have.wanted.Address != w.Address || have.wanted.TLS != w.TLS:
			c.stopDatabaseLocked(have)
		case have.server == nil: // it starts
		case w.Freeze != "":
			c.copyDatabaseLocked(have, w.Freeze)
		case w.Password != "" && w.Password != have.password:
			c.changePasswordLocked(ctx, have, w.Password)
		}
	}
	for id, have := range c.databases {
		if !wanted[id] && !have.stopping && !have.busy {
			c.stopDatabaseLocked(have)
		}
	}
	c.finishDatabasesLocked()
	c.runtime.Publish(c.publishedLocked(servers))
}

// publishedLocked lists the servers that answer, as the runtime tells instances of them.
func (c *Controller) publishedLocked(servers []rds.Server) []runtime.Server {
	var all []runtime.Server
	for _, w := range servers {
		all = append(all, runtime.Server{
			Network: w.Network, Name: w.Host, Address: netip.AddrPortFrom(w.Address, uint16(w.Spec.Port())), Host: addressOf(w),
		})
	}
	return all
}

// addressOf returns where a server listens on this machine.
func addressOf(w rds.Server) netip.AddrPort {
	return netip.AddrPortFrom(loopback.Address(w.Address), uint16(w.Spec.Port()))
}

// startDatabaseLocked runs a server in the background until it ends. A server that ends by itself is started again.
func (c *Controller) startDatabaseLocked(ctx context.Context, w rds.Server) {
	starting, cancel := context.WithCancel(ctx)
	d := &databaseServer{wanted: w, cancel: cancel, password: w.Password, cpu: meter{at: time.Now()}}
	c.databases[w.ID] = d
	c.work.Go(func() {
		defer cancel()
		server, err := c.startServer(starting, w)
		c.mu.Lock()
		if err == nil {
			d.server = server
		}
		stopping := d.stopping || starting.Err() != nil
		c.mu.Unlock()
		switch {
		case err == nil && stopping:
			server.Kill()
		case err == nil:
			c.cloud.Update(func(m *cloud.Model) bool { return m.RDS.ServerRunning(w.ID, w.Starts) })
			<-server.Done()
			server.Kill() // closes what is open
		case !stopping:
			c.log.Error("database was not started", "database", w.Spec.Identifier, "error", err)
			c.cloud.Update(func(m *cloud.Model) bool { return m.RDS.ServerFailed(w.ID, err.Error()) })
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if err == nil && !d.stopping && ctx.Err() == nil {
			c.log.Warn("database ended by itself and is started again", "database", w.Spec.Identifier)
		}
		delete(c.databases, w.ID)
	})
}

// startServer starts a server with its files, which for a new database are those of its snapshot.
func (c *Controller) startServer(ctx context.Context, w rds.Server) (*database.Server, error) {
	spec := database.Spec{
		Engine: w.Spec.Engine, Folder: c.databaseFolder(w.ID), Address: addressOf(w), Host: w.Host, Authority: c.options.Authority,
		ForceTLS: w.TLS, Username: w.Spec.Username, Password: w.Password, Name: w.Spec.Name,
	}
	if w.Origin != "" {
		spec.Origin = c.snapshotFolder(w.Origin)
	}
	return database.Start(ctx, spec)
}

// stopDatabaseLocked ends a server in the background: its connections are cut.
func (c *Controller) stopDatabaseLocked(d *databaseServer) {
	d.stopping = true
	ended := *d
	c.work.Go(ended.kill)
}

// copyDatabaseLocked makes a snapshot in the background.
func (c *Controller) copyDatabaseLocked(d *databaseServer, snapshot string) {
	d.busy = true
	c.work.Go(func() {
		err := d.server.Freeze(func() error {
			return errors.Join(
				os.RemoveAll(c.snapshotFolder(snapshot)), // of an emulator that was killed before it was told
				database.Copy(c.databaseFolder(d.wanted.ID), c.snapshotFolder(snapshot)),
			)
		})
		c.mu.Lock()
		defer c.mu.Unlock()
		d.busy = false
		select {
		case <-d.server.Done(): // it was killed meanwhile, and is copied after its next start
			return
		default:
		}
		c.snapshotDone(snapshot, err)
	})
}

func (c *Controller) snapshotDone(snapshot string, err error) {
	if err != nil {
		c.log.Error("snapshot was not made", "snapshot", snapshot, "error", err)
		c.cloud.Update(func(m *cloud.Model) bool { return m.RDS.SnapshotFailed(snapshot) })
		return
	}
	c.cloud.Update(func(m *cloud.Model) bool { return m.RDS.SnapshotDone(snapshot) })
}

// changePasswordLocked gives the master user the password of the secret, in the background.
func (c *Controller) changePasswordLocked(ctx context.Context, d *databaseServer, password string) {
	d.busy = true
	c.work.Go(func() {
		err := d.server.SetPassword(ctx, password)
		c.mu.Lock()
		defer c.mu.Unlock()
		d.busy = false
		if err == nil {
			d.password = password
		} else if ctx.Err() == nil {
			c.log.Warn("password of a database was not changed", "database", d.wanted.Spec.Identifier, "error", err)
		}
	})
}

// finishDatabasesLocked deletes the files of databases that are gone and whose servers have ended. The files of a final snapshot stay,
// as the snapshot's.
func (c *Controller) finishDatabasesLocked() {
	exists, finals := map[string]bool{}, map[string]string{}
	kept := map[string]bool{}
	c.cloud.View(func(m *cloud.Model) {
		for id := range m.RDS.Databases {
			exists[id] = true
		}
		for _, s := range m.RDS.PendingSnapshots() {
			finals[s.Database] = s.Name
		}
		for name := range m.RDS.Snapshots {
			kept[name] = true
		}
	})
	for _, id := range foldersIn(filepath.Join(c.options.Folder, "databases")) {
		if exists[id] || c.databases[id] != nil {
			continue
		}
		folder := c.databaseFolder(id)
		if snapshot := finals[id]; snapshot != "" {
			c.snapshotDone(snapshot, errors.Join(os.RemoveAll(c.snapshotFolder(snapshot)), database.Copy(folder, c.snapshotFolder(snapshot))))
		}
		c.remove(folder)
	}
	for _, name := range foldersIn(filepath.Join(c.options.Folder, "snapshots")) {
		if !kept[name] {
			c.remove(c.snapshotFolder(name))
		}
	}
}

func (c *Controller) remove(folder string) {
	if err := os.RemoveAll(folder); err != nil {
		c.log.Warn("files of a database were not deleted", "folder", folder, "error", err)
	}
	_ = os.Remove(filepath.Dir(folder)) // fails unless it was the last
}

// foldersIn lists the names in a folder, which may not exist.
func foldersIn(folder string) []string {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func (c *Controller) databaseFolder(id string) string {
	return filepath.Join(c.options.Folder, "databases", id)
}

func (c *Controller) snapshotFolder(name string) string {
	return filepath.Join(c.options.Folder, "snapshots", name)
}

// measureTime is the longest real time that a database may take to say how many connections it has.
const measureTime = 2 * time.Second

// measureDatabases records what the servers use.
func (c *Controller) measureDatabases() {
	c.mu.Lock()
	var all []*databaseServer
	for _, d := range c.databases {
		if d.server != nil && !d.stopping && !d.busy {
			all = append(all, d)
		}
	}
	c.mu.Unlock()
	for _, d := range all {
		ctx, cancel := context.WithTimeout(context.Background(), measureTime)
		connections, err := d.server.Connections(ctx)
		cancel()
		if err != nil {
			continue // it is being stopped
		}
		cpus := float64(ec2.VirtualCPUs(strings.TrimPrefix(d.wanted.Spec.Class, "db.")))
		use := rds.Use{
			CPU:         min(100, percentOf(d.cpu.cores(d.server.CPUTime(), time.Now()), cpus)),
			Connections: connections,
			Stored:      database.Size(c.databaseFolder(d.wanted.ID)),
		}
		c.cloud.Update(func(m *cloud.Model) bool { return m.RDS.RecordUse(d.wanted.ID, use) })
	}
}

// describeDatabases says which server of this machine runs for each database, or that it is only recorded.
func describeDatabases(all []rds.Database) []string {
	var lines []string
	for _, d := range all {
		found, err := database.Installed(d.Spec.Engine)
		if err != nil {
			lines = append(lines, fmt.Sprintf("database %s is only recorded, and nothing answers at its address: %v", d.Spec.Identifier, err))
			continue
		}
		lines = append(lines, fmt.Sprintf("database %s runs %s of this machine in place of %s %s", d.Spec.Identifier, found, d.Spec.Engine,
			d.Running))
	}
	return lines
}
