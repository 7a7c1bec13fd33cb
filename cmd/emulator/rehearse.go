package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/procfs"

	"github.com/elastic-service/elastic-service/emulator/engine"
	"github.com/elastic-service/elastic-service/internal/project"
	"github.com/elastic-service/elastic-service/internal/sockets"
	"github.com/elastic-service/elastic-service/settings"
)

// rehearse tells the whole story of a stack, in a cloud of its own: it is deployed, asked until every target has answered,
// deployed again without a change, loses an instance or a container and gets it back, is given a new release and a load
// where it is made for that, and is destroyed. It fails unless all of it happened and nothing is left.
func rehearse(ctx context.Context, o *options, args []string) error {
	if err := noArguments(args); err != nil {
		return err
	}
	root, err := enter(o.stack)
	if err != nil {
		return err
	}
	folder, err := ownFolder(root, "rehearsal-"+o.stack)
	if err != nil {
		return err
	}
	start := time.Now()
	began, err := o.rehearseIn(ctx, root, folder)
	if err != nil && began && ctx.Err() == nil {
		return fmt.Errorf("%w\nwhat happened is in %s (emulator.log, instances/*/log); the folder is yours to delete", err, folder)
	}
	if err := errors.Join(err, removeIf(true, folder)); err != nil {
		return err
	}
	o.say("left", "nothing: no resource, no process, no socket, no file")
	fmt.Fprintf(o.out, "\nrehearsed in %.1f s\n", time.Since(start).Seconds())
	return nil
}

// rehearseIn reports as well whether anything was deployed, so that there is something to look at after a failure.
func (o *options) rehearseIn(ctx context.Context, root, folder string) (bool, error) {
	r, err := o.begin(ctx, root, folder)
	if err != nil {
		return false, err
	}
	s := r.session
	err = r.story(ctx)
	began := len(s.cloud.Cloud.Left()) > 0 || r.service != nil
	if err != nil && began {
		r.cleanUp(ctx)
	}
	if err := errors.Join(err, s.close()); err != nil {
		return began, err
	}
	return began, awaitNothingLeft(ctx, r.addresses)
}

// rehearsal is a story under way.
type rehearsal struct {
	*session
	settings  *settings.Settings
	deployed  engine.Result
	service   *service
	addresses []netip.Addr // on which the instances and the balancer listened
}

// begin opens the cloud for a rehearsal, whose settings are a copy: it changes them, some from the start.
func (o *options) begin(ctx context.Context, root, folder string, changes ...change) (*rehearsal, error) {
	copied := filepath.Join(folder, "project")
	if err := project.Copy(root, o.stack, copied); err != nil {
		return nil, err
	}
	for _, c := range changes {
		if err := project.Set(copied, o.stack, c.value, "elastic-service:"+c.key, c.path...); err != nil {
			return nil, err
		}
	}
	config, err := project.Config(copied, o.stack)
	if err != nil {
		return nil, err
	}
	r := &rehearsal{}
	r.settings, _ = settings.Parse(config) // `up` reports what is wrong with them
	r.session, err = o.open(ctx, copied, folder)
	return r, err
}

// story is the acts in their order; the first failure ends it.
func (r *rehearsal) story(ctx context.Context) error {
	acts := []func(context.Context) error{r.deploy, r.awaitHealthy, r.askEveryTarget, r.deployAgain}
	if r.settings.Containers != nil {
		acts = append(acts, r.scaleContainers, r.loseATask)
	} else {
		acts = append(acts, r.loseAnInstance)
	}
	acts = append(acts, r.release, r.scaleBySteps, r.told, r.refuseDestruction, r.destroy)
	for _, act := range acts {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

// say prints what an act found, under a word that names it.
func (o *options) say(act, format string, args ...any) {
	fmt.Fprintf(o.out, "%-10s %s\n", act, fmt.Sprintf(format, args...))
}

// cleanUp destroys after a failure or an interruption, as far as that goes.
func (r *rehearsal) cleanUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	fmt.Fprintln(r.err, "cleaning up")
	e, err := r.pulumi(ctx)
	if err == nil {
		_, err = e.Repair(ctx, r.cloud.Providers.Settle)
	}
	if err == nil && r.settings.Protect {
		if err = r.set(false, "protect"); err == nil {
			_, err = r.up(ctx)
		}
	}
	if err == nil {
		_, err = e.Destroy(ctx)
	}
	if err != nil {
		fmt.Fprintf(r.err, "cleaning up: %v\n", err)
	}
}

// real is how long a time of the cloud takes here; at least as long as processes need at any speed.
func (r *rehearsal) real(d time.Duration) time.Duration {
	return max(time.Duration(float64(d)/r.speed), 30*time.Second)
}

// awaitNothingLeft gives what has just been told to end a moment to do so.
func awaitNothingLeft(ctx context.Context, addresses []netip.Addr) error {
	var left error
	if poll(ctx, 5*time.Second, func() bool { left = nothingLeft(addresses); return left == nil }) == nil {
		return nil
	}
	return left
}

// nothingLeft looks for children of this process, and for anything that listens at the addresses that were used.
func nothingLeft(addresses []netip.Addr) error {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return err
	}
	processes, err := proc.AllProcs()
	if err != nil {
		return err
	}
	for _, p := range processes {
		if stat, err := p.Stat(); err == nil && stat.PPID == os.Getpid() {
			return fmt.Errorf("process %d (%s) is left", p.PID, stat.Comm)
		}
	}
	table, err := sockets.Open()
	if err != nil {
		return err
	}
	defer table.Close()
	listeners, err := table.Listeners(0)
	if err != nil {
		return err
	}
	for _, l := range listeners {
		if slices.Contains(addresses, l.Addr) {
			return fmt.Errorf("a socket still listens at %s", netip.AddrPortFrom(l.Addr, l.Port))
		}
	}
	return nil
}
