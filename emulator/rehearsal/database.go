package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// visitNumber is at the end of the first line of a page that has added a row to the database of its stack, see the command web.
var visitNumber = regexp.MustCompile(`, visit ([0-9]+)$`)

// step is a part of the rehearsal.
type step func(context.Context) error

// keepingRows returns a step that adds a row to the stack's database before a step, and finds it there afterwards. Without a database that
// runs, with pages that do not tell of it, or where the step has nothing to do, it is the step alone.
func (r *Rehearsal) keepingRows(what string, s step) step {
	return func(ctx context.Context) error {
		row, err := r.addRow(ctx)
		if err != nil {
			return err
		}
		reported := len(r.report.Entries)
		if err := s(ctx); err != nil || row == "" || len(r.report.Entries) == reported { // nothing happened
			return err
		}
		return r.findRow(ctx, what, row)
	}
}

// server returns the server of the stack's database, or false if none runs.
func (d *Deployment) server() (rds.Server, bool) {
	servers := cloud.Get(d.Cloud(), func(m *cloud.Model) []rds.Server { return m.RDS.Servers() })
	if d.Settings.Database == nil || len(servers) == 0 {
		return rds.Server{}, false
	}
	return servers[0], true
}

// addRow visits the page and returns the number of the row that the visit has added, or "" if pages add none.
func (r *Rehearsal) addRow(ctx context.Context) (string, error) {
	if _, runs := r.deployment.server(); !runs || !r.deployment.Service.ServesPages() {
		return "", nil
	}
	page, err := r.deployment.pageInTime(ctx, "/")
	if err != nil {
		return "", fmt.Errorf("a page with rows of the database: %w", err)
	}
	if found := visitNumber.FindStringSubmatch(page); found != nil {
		return found[1], nil
	}
	return "", nil
}

// pageInTime asks for a page until the service answers.
func (d *Deployment) pageInTime(ctx context.Context, path string) (page string, err error) {
	last := errors.New("nobody was asked")
	err = session.Poll(ctx, max(d.Real(5*time.Minute), 10*time.Second), func() bool {
		page, last = d.Service.Get(ctx, path)
		return last == nil
	})
	if err != nil {
		return "", errors.Join(err, last)
	}
	return page, nil
}

// findRow asks for the page of a row.
func (r *Rehearsal) findRow(ctx context.Context, what, row string) error {
	page, err := r.deployment.pageInTime(ctx, "/visits/"+row)
	if err != nil {
		return fmt.Errorf("visit %s, a row of the database before %s, is not there afterwards: %w", row, what, err)
	}
	r.say("row kept", "%s: written before %s, and there afterwards", page, what)
	return nil
}

// failOver lets the standby of the database take over, and waits until pages have rows again.
func (r *Rehearsal) failOver(ctx context.Context) error {
	d := r.deployment
	server, runs := d.server()
	if !runs || !d.Settings.Database.MultiAZ {
		return nil
	}
	start := time.Now()
	r.say("failover", "database %s leaves %s: its connections are cut", server.Spec.Identifier, d.zoneOf(server.Subnet))
	if err := d.Cloud().Change(func(m *cloud.Model) error {
		_, err := m.RDS.Reboot(server.Spec.Identifier, true, m.Clock.Now())
		return err
	}); err != nil {
		return err
	}
	err := session.Poll(ctx, max(d.Real(10*time.Minute), 20*time.Second), func() bool {
		now, _ := d.server()
		return now.Status == rds.Available
	})
	if err != nil {
		return fmt.Errorf("waiting for the standby of database %s: %w", server.Spec.Identifier, err)
	}
	if _, err := r.addRow(ctx); err != nil {
		return err
	}
	now, _ := d.server()
	if slices.Contains([]string{server.Subnet, ""}, now.Subnet) || now.Address == server.Address {
		return fmt.Errorf("database %s has not moved", server.Spec.Identifier)
	}
	took := r.took(start)
	r.report.add(Entry{Text: fmt.Sprintf("the standby in %s answers at %s after %v", d.zoneOf(now.Subnet), now.Address, took), Took: took})
	return nil
}

// zoneOf returns the zone of a subnet.
func (d *Deployment) zoneOf(subnet string) string {
	return cloud.Get(d.Cloud(), func(m *cloud.Model) string {
		if found := m.VPC.Subnets[subnet]; found != nil {
			return found.Zone
		}
		return ""
	})
}
