package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/procfs"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/internal/sockets"
)

// rehearse tells the whole story of a stack, in a cloud of its own: it is deployed, asked until every zone has answered,
// deployed again without a change, loses an instance and gets it back, and is destroyed. It fails unless all of it
// happened and nothing is left.
func rehearse(ctx context.Context, o *options, args []string) error {
	if err := noArguments(args); err != nil {
		return err
	}
	root, err := enter(o.stack)
	if err != nil {
		return err
	}
	base := filepath.Join(root, ".emulator")
	if err := os.MkdirAll(base, 0o700); err != nil {
		return err
	}
	folder, err := os.MkdirTemp(base, "rehearsal-"+o.stack+"-")
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
	s, err := o.open(ctx, root, folder)
	if err != nil {
		return false, err
	}
	r := &rehearsal{session: s}
	err = r.story(ctx)
	began := len(s.cloud.Cloud.Left()) > 0 || r.service != ""
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
	service   string       // address of the balancer
	addresses []netip.Addr // on which the instances and the balancer listened
}

// story is the acts in their order; the first failure ends it.
func (r *rehearsal) story(ctx context.Context) error {
	for _, act := range []func(context.Context) error{
		r.deploy, r.awaitHealthy, r.askEveryZone, r.deployAgain, r.loseAnInstance, r.destroy,
	} {
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

func (r *rehearsal) deploy(ctx context.Context) error {
	r.say("rehearsal", "stack %s, at speed %g: %.1f s here are a minute there", r.stack, r.speed, 60/r.speed)
	e, err := r.pulumi(ctx)
	if err != nil {
		return err
	}
	result, err := e.Up(ctx)
	if err != nil {
		return fmt.Errorf("up failed:\n%w", err)
	}
	waited := result.Took["aws:autoscaling/group:Group"]
	r.say("up", "%s: %.1f s of it the engine's, %.1f s until the group was healthy", describe(result),
		(result.Duration - waited).Seconds(), waited.Seconds())
	for _, line := range kinds(result) {
		r.say("", "%s", line)
	}
	r.service = result.Outputs["address"]
	return nil
}

// awaitHealthy waits until every member of every group is healthy.
func (r *rehearsal) awaitHealthy(ctx context.Context) error {
	err := poll(ctx, r.real(10*time.Minute), func() bool {
		s := r.cloud.Status()
		for _, g := range s.Groups {
			if g.Healthy < g.Desired {
				return false
			}
		}
		return len(s.Groups) > 0
	})
	if err != nil {
		return fmt.Errorf("waiting for healthy instances: %w", err)
	}
	for _, i := range r.healthy() {
		r.say("healthy", "%s in %s, %s (here %s)", i.ID, i.Zone, i.Address, i.Loopback)
	}
	for _, line := range r.cloud.Status().Skipped {
		r.say("skipped", "%s", line)
	}
	return nil
}

// healthy lists the instances that the balancer finds healthy, and remembers where they listen.
func (r *rehearsal) healthy() []emulator.InstanceStatus {
	var found []emulator.InstanceStatus
	for _, i := range r.cloud.Status().Instances {
		if i.Target == "healthy" {
			found = append(found, i)
			if !slices.Contains(r.addresses, i.Loopback) {
				r.addresses = append(r.addresses, i.Loopback)
			}
		}
	}
	return found
}

// askEveryZone asks until an instance of every zone has answered, a hundred times at most, and counts who did.
func (r *rehearsal) askEveryZone(ctx context.Context) error {
	if at, err := netip.ParseAddrPort(r.service); err == nil {
		r.addresses = append(r.addresses, at.Addr())
	}
	zones, answers := map[string]bool{}, map[string]int{}
	for _, i := range r.healthy() {
		zones[i.Zone] = false
	}
	const least, most = 20, 100
	asked := 0
	for ; asked < most && (asked < least || slices.Contains(slices.Collect(maps.Values(zones)), false)); asked++ {
		answer, err := ask(ctx, r.service, "0")
		if err != nil {
			return fmt.Errorf("asking: %w", err)
		}
		if asked < 3 {
			r.say("ask", "%s", answer)
		}
		for _, i := range r.healthy() {
			if strings.Contains(answer, "("+i.Loopback.String()+")") {
				zones[i.Zone] = true
				answers[i.ID+" in "+i.Zone]++
			}
		}
	}
	for _, who := range slices.Sorted(maps.Keys(answers)) {
		r.say("answered", "%s: %d of %d", who, answers[who], asked)
	}
	for zone, answered := range zones {
		if !answered {
			return fmt.Errorf("no instance in %s answered one of %d requests", zone, asked)
		}
	}
	return nil
}

func (r *rehearsal) deployAgain(ctx context.Context) error {
	e, err := r.pulumi(ctx)
	if err != nil {
		return err
	}
	result, err := e.Up(ctx)
	if err != nil {
		return fmt.Errorf("the second up failed:\n%w", err)
	}
	if result.Changes() > 0 {
		return fmt.Errorf("the second up changed something: %s", describe(result))
	}
	r.say("up again", "%s", describe(result))
	return nil
}

// loseAnInstance terminates one and waits for its replacement, while clients go on asking.
func (r *rehearsal) loseAnInstance(ctx context.Context) error {
	before := r.healthy()
	if len(before) == 0 {
		return errors.New("no healthy instance is there to be terminated")
	}
	victim := before[0]
	clients := r.startClients(ctx)
	defer clients.stop()
	start := time.Now()
	if err := r.cloud.Cloud.TerminateInstance(victim.ID); err != nil {
		return err
	}
	r.say("terminate", "%s in %s", victim.ID, victim.Zone)
	var replacement emulator.InstanceStatus
	err := poll(ctx, r.real(15*time.Minute), func() bool {
		now := r.healthy()
		for _, i := range now {
			if !slices.ContainsFunc(before, func(b emulator.InstanceStatus) bool { return b.ID == i.ID }) {
				replacement = i
			}
		}
		return replacement.ID != "" && len(now) >= len(before)
	})
	if err != nil {
		return fmt.Errorf("waiting for a replacement of %s: %w", victim.ID, err)
	}
	took := time.Since(start)
	r.say("replaced", "by %s in %s after %.1f s here, %.0f s there (AWS adds what it takes to start a machine and to register it)",
		replacement.ID, replacement.Zone, took.Seconds(), took.Seconds()*r.speed)
	r.say("", "%s", clients.stop())
	return nil
}

func (r *rehearsal) destroy(ctx context.Context) error {
	e, err := r.pulumi(ctx)
	if err != nil {
		return err
	}
	r.say("destroy", "begun: the group drains its instances before it terminates them")
	result, err := e.Destroy(ctx)
	if err != nil {
		return fmt.Errorf("destroy failed:\n%w", err)
	}
	r.say("", "%s", describe(result))
	if left := r.cloud.Cloud.Left(); len(left) > 0 {
		return fmt.Errorf("after the destroy there is still: %s", strings.Join(left, ", "))
	}
	return nil
}

// cleanUp destroys after a failure or an interruption, as far as that goes.
func (r *rehearsal) cleanUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	fmt.Fprintln(r.err, "cleaning up")
	e, err := r.pulumi(ctx)
	if err == nil {
		err = e.Unlock(ctx)
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

// clients ask the service all the time.
type clients struct {
	end              context.CancelFunc
	done             sync.WaitGroup
	mu               sync.Mutex
	answered, failed int
	lastFailure      string
}

// startClients asks twenty times a second.
func (r *rehearsal) startClients(ctx context.Context) *clients {
	ctx, cancel := context.WithCancel(ctx)
	c := &clients{end: cancel}
	c.done.Add(1)
	go func() {
		defer c.done.Done()
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			_, err := ask(ctx, r.service, "0")
			if ctx.Err() == nil {
				c.count(err)
			}
		}
	}()
	return c
}

func (c *clients) count(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.answered++
		return
	}
	c.failed++
	c.lastFailure = err.Error()
}

// stop ends the clients and says how they fared.
func (c *clients) stop() string {
	c.end()
	c.done.Wait()
	report := fmt.Sprintf("clients meanwhile: %d answered, %d failed", c.answered, c.failed)
	if c.failed > 0 {
		report += " (" + c.lastFailure + ")"
	}
	return report
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
