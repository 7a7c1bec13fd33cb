package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/elastic-service/elastic-service/emulator/loopback"
)

// Spec is what an instance is made of.
type Spec struct {
	ID        string     // i-…
	Address   netip.Addr // private IPv4 address; its processes listen at [loopback.Address] of it
	Directory string     // its own folder, made if missing: root/ holds its files, log/ a file a unit
	UserData  []byte     // decoded: a cloud-config document, or nothing
	Image     string     // folder of an image's files, see [Capture], that a first boot begins with; "": a stock image

	// Fetch reads an S3 object with the rights of the instance's role. It must give up when ctx ends.
	Fetch func(ctx context.Context, bucket, key string) (io.ReadCloser, error)

	Clock clockwork.Clock // configured durations (RestartSec=, TimeoutStopSec=…) run on it; real time when nil
	Log   *slog.Logger    // slog.Default() when nil
}

// State is what a service is doing.
type State string

// The states of a service.
const (
	Starting   State = "starting"   // waits for its dependencies or runs its start commands
	Running    State = "running"    // its process is up
	Restarting State = "restarting" // ended, and waits RestartSec= to be started again
	Stopped    State = "stopped"    // never started, stopped, or done: see LastExit
	Failed     State = "failed"     // ended badly, and nothing will start it again
)

// ServiceStatus is a unit of an instance.
type ServiceStatus struct {
	Name     string // of the unit, without .service
	State    State
	PID      int    // of its main process; 0 without one
	Restarts int    // automatic ones
	LastExit string // how its last command ended or why it was not run, in systemd's words where it has some; "" before
}

// Instance is a booted machine.
type Instance struct {
	spec     Spec
	root     root
	log      *slog.Logger
	clock    clockwork.Clock
	spawner  *loopback.Spawner
	services map[string]*service // by full unit name
	order    []string            // unit names as user data has them
	installs bool                // its programs may be this machine's, for packages are not installed
	skipped  []string

	mu       sync.Mutex // guards closing and the start of services
	closing  bool
	running  sync.WaitGroup // a service's run each
	killed   chan struct{}  // closed: processes get no time to end
	killOnce sync.Once
	done     chan struct{}
	doneOnce sync.Once

	cpu cpuMeter
}

// Boot starts a machine and returns when its units are on their way. A folder that was booted before is rebooted: its
// files are still there. The end of ctx calls off the boot, not the instance.
//
// Units that are enabled on the machine's files, be they the image's or of an earlier boot, are started as those that
// user data starts.
//
// User data that cloud-init would pass over in silence is an error: a document that is no cloud-config or no YAML, a file
// that cannot be written, a unit that systemd would not load.
func Boot(ctx context.Context, spec Spec) (*Instance, error) {
	in, err := newInstance(spec)
	if err != nil {
		return nil, fmt.Errorf("boot %s: %w", spec.ID, err)
	}
	if err := in.boot(ctx); err != nil {
		return nil, fmt.Errorf("boot %s: %w", spec.ID, err)
	}
	return in, nil
}

func newInstance(spec Spec) (*Instance, error) {
	if !spec.Address.Is4() {
		return nil, fmt.Errorf("address %v is not an IPv4 address", spec.Address)
	}
	if host := netip.AddrFrom4([4]byte{127, 0, 0, 1}); loopback.Address(spec.Address) == host {
		return nil, fmt.Errorf("address %v would live at %v, the host's own", spec.Address, host)
	}
	directory, err := filepath.Abs(spec.Directory)
	if err != nil {
		return nil, err
	}
	spec.Directory = directory
	if spec.Clock == nil {
		spec.Clock = clockwork.NewRealClock()
	}
	if spec.Log == nil {
		spec.Log = slog.Default()
	}
	return &Instance{
		spec:     spec,
		root:     root(filepath.Join(directory, "root")),
		log:      spec.Log.With("instance", spec.ID),
		clock:    spec.Clock,
		services: map[string]*service{},
		killed:   make(chan struct{}),
		done:     make(chan struct{}),
	}, nil
}

func (in *Instance) boot(ctx context.Context) error {
	config, err := parseCloudConfig(in.spec.UserData)
	if err != nil {
		return err
	}
	if err := in.root.begin(in.spec.Image); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	if err := in.load(config); err != nil {
		return err
	}
	if err := in.makeFolders(); err != nil {
		return err
	}
	for _, f := range config.files {
		if err := in.root.write(f); err != nil {
			return fmt.Errorf("write_files %s: %w", f.path, err)
		}
	}
	for _, name := range config.enable {
		if err := in.enable(name); err != nil {
			return fmt.Errorf("systemctl enable %s: %w", name, err)
		}
	}
	return in.run(ctx, append(in.enabled(), config.start...)...)
}

func (in *Instance) makeFolders() error {
	for _, folder := range []string{string(in.root), in.root.path("root"), in.root.path("tmp"), in.logFolder()} {
		if err := os.MkdirAll(folder, folderMode); err != nil {
			return err
		}
	}
	return nil
}

// run starts units on a machine whose files are there.
func (in *Instance) run(ctx context.Context, units ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	spawner, err := loopback.NewSpawner(in.spec.Address, in.log)
	if err != nil {
		return err
	}
	in.spawner = spawner
	guard.watch(in.done)
	_, err = in.start(units...)
	return err
}

// load makes services of the units on the machine's files and in user data, without starting any.
func (in *Instance) load(config *cloudConfig) error {
	installed, err := in.root.units()
	if err != nil {
		return err
	}
	for _, f := range append(installed, config.files...) {
		if !isUnit(f.path) {
			continue
		}
		u, err := parseUnit(filepath.Base(f.path), f.content)
		if err != nil {
			return err
		}
		if in.services[u.name] == nil {
			in.order = append(in.order, u.name)
		}
		in.services[u.name] = newService(in, u)
	}
	in.installs = config.installs
	skipped := append(config.skipped, in.skippedOfUnits()...)
	for _, name := range union(slices.Clone(config.start), config.enable) {
		if in.services[name] == nil {
			skipped = append(skipped, fmt.Sprintf("systemctl: %s is neither in user data nor in the image", name))
		}
	}
	slices.Sort(skipped)
	in.skipped = slices.Compact(skipped)
	return in.resolveOrder()
}

// skippedOfUnits names what is skipped once, with the units that ask for it.
func (in *Instance) skippedOfUnits() []string {
	var lines, hardening []string
	units := map[string][]string{}
	for _, name := range in.order {
		u := in.services[name].unit
		hardening = append(hardening, u.hardening...)
		for _, text := range u.skipped {
			units[text] = append(units[text], name)
		}
	}
	for text, names := range units {
		lines = append(lines, text+" ("+strings.Join(names, ", ")+")")
	}
	slices.Sort(hardening)
	if hardening = slices.Compact(hardening); len(hardening) > 0 {
		lines = append(lines, "sandboxing of services is not applied: "+few(hardening))
	}
	return lines
}

// few is a list of names, cut short where it is long.
func few(names []string) string {
	const shown = 4
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

// Services are the instance's units in user data's order.
func (in *Instance) Services() []ServiceStatus {
	all := make([]ServiceStatus, 0, len(in.order))
	for _, name := range in.order {
		all = append(all, in.services[name].Status())
	}
	return all
}

// Skipped says what of user data needs a whole machine and is not done here: a line each, sorted.
func (in *Instance) Skipped() []string { return slices.Clone(in.skipped) }

// Done is closed when the machine is gone, after [Instance.Kill] or [Instance.Shutdown].
func (in *Instance) Done() <-chan struct{} { return in.done }

// StartService is `systemctl start`: it returns when the unit has started, with an error when it has not.
func (in *Instance) StartService(name string) error {
	s, err := in.service(name)
	if err != nil {
		return err
	}
	s.settle()
	jobs, err := in.start(s.unit.name)
	if err != nil {
		return err
	}
	j := jobs[s.unit.name]
	<-j.done
	if j.err != nil {
		return fmt.Errorf("start %s: %w", s.unit.name, j.err)
	}
	return nil
}

// StopService is `systemctl stop`: the unit's processes end in TimeoutStopSec= and are not restarted. Units that require
// it are stopped before it.
func (in *Instance) StopService(name string) error {
	s, err := in.service(name)
	if err != nil {
		return err
	}
	in.stopInOrder(in.requiring(s))
	return nil
}

func (in *Instance) service(name string) (*service, error) {
	if s := in.services[unitName(name)]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("no service %q on %s, which has %s", name, in.spec.ID, strings.Join(in.order, ", "))
}

// requiring is s and every service that cannot be without it.
func (in *Instance) requiring(s *service) []*service {
	found := []*service{s}
	for i := 0; i < len(found); i++ {
		for _, name := range in.order {
			other := in.services[name]
			if slices.Contains(other.unit.requires, found[i].unit.name) && !slices.Contains(found, other) {
				found = append(found, other)
			}
		}
	}
	return found
}

// stopInOrder stops services, each when those of them that started after it are down.
func (in *Instance) stopInOrder(services []*service) {
	down := map[string]chan struct{}{}
	for _, s := range services {
		down[s.unit.name] = make(chan struct{})
	}
	for _, s := range services {
		go func() {
			defer close(down[s.unit.name])
			for _, later := range services {
				if slices.Contains(later.unit.after, s.unit.name) {
					<-down[later.unit.name]
				}
			}
			s.stop()
		}()
	}
	for _, d := range down {
		<-d
	}
}

// Shutdown stops all services as systemd does, SIGTERM in reverse order of their start and SIGKILL after
// TimeoutStopSec=. When ctx ends first, the rest is killed and ctx's error returned.
func (in *Instance) Shutdown(ctx context.Context) error {
	in.close()
	defer context.AfterFunc(ctx, in.kill)()
	all := make([]*service, 0, len(in.order))
	for _, name := range in.order {
		all = append(all, in.services[name])
	}
	in.stopInOrder(all)
	in.end()
	return ctx.Err()
}

// Kill is a power cut: every process gets SIGKILL at once, in no order. It returns when all are gone.
func (in *Instance) Kill() {
	in.close()
	in.kill()
	in.end()
}

// close lets nothing start any more.
func (in *Instance) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closing = true
}

func (in *Instance) kill() {
	in.killOnce.Do(func() { close(in.killed) })
	for _, s := range in.services {
		s.cancel()
	}
}

// end waits until all services are down and removes what they left running.
func (in *Instance) end() {
	in.running.Wait()
	in.doneOnce.Do(func() {
		in.sweep()
		in.spawner.Close()
		close(in.done)
	})
	<-in.done
}

func (in *Instance) logFolder() string { return filepath.Join(in.spec.Directory, "log") }

// errClosing is why a service is not started on a machine that goes down.
var errClosing = errors.New("the instance is shutting down")

// cpuAge is how old the processor times may be that an instance reports: all of a cloud are read at once.
const cpuAge = time.Second / 10

// CPUTime is the processor time, user and system, that the instance's processes have used since boot, those that have
// ended included. It never decreases; its resolution is 10 ms. Built-in commands use none.
func (in *Instance) CPUTime() time.Duration {
	live := in.processesOf("", cpuAge)
	return in.cpu.read(live)
}
