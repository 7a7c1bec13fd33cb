// Package rehearsal deploys a stack to an emulator of its own and rehearses what happens to it in production.
//
//	deploy ▶ ask every target ▶ deploy again ▶ lose an instance ▶ release ▶ fail over ▶ scale ▶ destroy ▶ nothing is left
//
// A [Deployment] is the stack with the session that it runs in; package experiments uses it as well.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/elastic-service/elastic-service/emulator/session"
)

// Options of a rehearsal.
type Options struct {
	Session  session.Options // Folder is ignored: a rehearsal has a new folder, which it deletes
	Question string          // what clients ask: a line, or a page that begins with /; empty: what suits the balancer
	LoadPath string          // page that costs CPU, for the rehearsal of scaling
	Bad      bool            // bad releases are rehearsed too
	Out      io.Writer       // the report
}

// Rehearsal is a rehearsal under way.
type Rehearsal struct {
	deployment *Deployment
	loadPath   string
	bad        bool
	report     *Report
	err        io.Writer
}

// Run rehearses a stack. The stack is deployed, asked until every target has answered, deployed again without a change, loses an
// instance or a container and gets a replacement, is given a new release and a load where it is made for that, and is destroyed. Rows of
// its database outlive an instance, a release and a failover. Run fails unless all of it happened and nothing is left. The report says how
// far it came.
func Run(ctx context.Context, o Options) (*Report, error) {
	report := newReport(o)
	folder, err := session.NewFolder(o.Session.Root, "rehearsal-"+o.Session.Stack)
	if err == nil {
		o.Session.Folder = folder
		err = runInFolder(ctx, o, report)
	}
	report.end(err)
	return report, err
}

// runInFolder rehearses in the session's folder and deletes the folder, unless there is something to look at after a failure.
func runInFolder(ctx context.Context, o Options, report *Report) error {
	folder := o.Session.Folder
	began, err := runIn(ctx, o, report)
	if err != nil && began && ctx.Err() == nil {
		return fmt.Errorf("%w\nthe logs are kept in %s (emulator.log, instances/*/log); delete the folder when you have read them", err, folder)
	}
	if err := errors.Join(err, session.RemoveFolder(folder)); err != nil {
		return err
	}
	report.add(Entry{Step: "left", Text: "nothing: no resource, no process, no socket, no file"})
	return nil
}

// runIn rehearses in the session's folder. It reports whether anything was deployed: after a failure there is something to look
// at then.
func runIn(ctx context.Context, o Options, report *Report) (began bool, err error) {
	r, err := begin(ctx, o, report)
	if err != nil {
		return false, err
	}
	d := r.deployment
	err = r.runSteps(ctx)
	began = len(d.Session.Emulator.Left()) > 0 || d.Service != nil
	if err != nil && began {
		r.cleanUp(ctx)
	}
	if err := errors.Join(err, d.Close()); err != nil {
		return began, err
	}
	return began, d.AwaitNothingLeft(ctx)
}

// begin opens the deployment of a rehearsal.
func begin(ctx context.Context, o Options, report *Report) (*Rehearsal, error) {
	d, err := Open(ctx, o.Session, o.Question)
	if err != nil {
		return nil, err
	}
	return &Rehearsal{deployment: d, loadPath: o.LoadPath, bad: o.Bad, report: report, err: o.Session.Err}, nil
}

// runSteps runs the steps in their order. The first failure ends the rehearsal.
func (r *Rehearsal) runSteps(ctx context.Context) error {
	steps := []step{r.deploy, r.awaitHealthy, r.askEveryTarget, r.deployAgain}
	if r.deployment.Settings.Containers != nil {
		steps = append(steps, r.scaleContainers, r.loseTask)
	} else {
		steps = append(steps, r.keepingRows("the instance was terminated", r.loseInstance))
	}
	if r.bad {
		steps = append(steps, r.releaseBadly)
	}
	steps = append(steps, r.keepingRows("the release", r.release), r.keepingRows("the failover", r.failOver),
		r.scaleBySteps, r.checkUsers, r.checkNotifications, r.tryProtection, r.destroy)
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// cleanUp destroys the stack after a failure or an interruption, and reports what it could not do.
func (r *Rehearsal) cleanUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	fmt.Fprintln(r.err, "cleaning up")
	if err := r.deployment.discard(ctx); err != nil {
		fmt.Fprintf(r.err, "cleaning up: %v\n", err)
	}
}

// discard destroys the stack, in whatever state it is.
func (d *Deployment) discard(ctx context.Context) error {
	e, err := d.Session.Pulumi(ctx)
	if err != nil {
		return err
	}
	if _, err := e.Repair(ctx, d.Session.Emulator.DeleteOrphans); err != nil {
		return err
	}
	if d.Settings.Protect {
		if err := d.Set(false, "protect"); err != nil {
			return err
		}
		if _, err := d.Up(ctx); err != nil {
			return err
		}
	}
	_, err = e.Destroy(ctx)
	return err
}
