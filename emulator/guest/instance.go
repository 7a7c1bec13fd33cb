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
	"github.com/elastic-service/elastic-service/journal/cloudwatch"
)

// Spec describes an instance that [Boot] starts.
type Spec struct {
	ID        string     // i-…
	Address   netip.Addr // private IPv4 address; processes of the instance listen at its [loopback.Address]
	Directory string     // folder of this instance alone, created if missing: files in root/, a log for each unit in log/
	UserData  []byte     // a cloud-config document, decoded, or nothing
	// Environment is that of all processes; the variables of a unit take precedence.
	Environment map[string]string

	Image string // folder with an image's files, see [Capture], which the first boot copies; "": no files

	// Route decides where the connections of its programs to other addresses lead; nil leaves them alone.
	Route loopback.Route
	// Trust is a file with the certificate authorities that its programs trust; "": this machine's.
	Trust string

	// Fetch reads an S3 object with the permissions of the instance's role, until ctx ends.
	Fetch func(ctx context.Context, bucket, key string) (io.ReadCloser, error)

	// Logs is CloudWatch Logs with the permissions of the instance's role. Nil: the instance does not reach it.
	Logs cloudwatch.Client

	Clock clockwork.Clock // for the durations in units (RestartSec=, TimeoutStopSec=…); nil: real time
	Log   *slog.Logger    // nil: slog.Default()
}

// State is the state of a service.
type State string

// The states of a service.
const (
	Starting   State = "starting"   // it waits for its dependencies or runs its start commands
	Running    State = "running"    // its main process runs
	Restarting State = "restarting" // it has ended, and waits for RestartSec= before it starts again
	Stopped    State = "stopped"    // it was never started, was stopped or has finished, see LastExit
	Failed     State = "failed"     // it has failed, and does not start again by itself
)

// ServiceStatus describes a service unit of an instance.
type ServiceStatus struct {
	Name     string // name of the unit, without .service
	State    State
	PID      int    // of the process that runs now; 0: none
	Restarts int    // number of automatic restarts
	LastExit string // how its last command ended or why it did not run, in systemd's words if it has any; "": it has not ended yet
}

// Instance is a booted instance, or the instance around a container's process.
type Instance struct {
	spec     Spec
	root     root
	log      *slog.Logger
	clock    clockwork.Clock
	spawner  *loopback.Spawner
	services map[string]*service // by full unit name
	order    []string            // full unit names in the order of user data
	installs bool                // user data installs packages: units may use this machine's programs
	skipped  []string
	feed     *feed // nil unless the journal is shipped

	mu       sync.Mutex // guards closing and the start of services
	closing  bool
	running  sync.WaitGroup // runs of services
	killed   chan struct{}  // closed by Kill: processes get no time to end
	killOnce sync.Once
	done     chan struct{}
	doneOnce sync.Once

	cpu cpuMeter
}

// Boot boots an instance and returns when its units are starting. If the folder was booted before, this is a reboot: its files are still
// there, and user data does not run again. The end of ctx cancels the boot, not the instance.
//
// Boot starts the units that are enabled in the instance's files, by its image or an earlier boot. The first boot also does what user data
// says, and starts the units that it starts.
//
// Boot returns an error for user data that cloud-init would ignore silently: a document that is not a cloud-config or not YAML, a file that
// cannot be written, a unit that systemd would not load.
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

// newInstance checks a Spec and completes it.
func newInstance(spec Spec) (*Instance, error) {
	if !spec.Address.Is4() {
		return nil, fmt.Errorf("address %v is not an IPv4 address", spec.Address)
	}
	if host := netip.AddrFrom4([4]byte{127, 0, 0, 1}); loopback.Address(spec.Address) == host {
		return nil, fmt.Errorf("address %v would be %v on this machine, the host's own address", spec.Address, host)
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

// boot prepares the instance's files and starts its units.
func (in *Instance) boot(ctx context.Context) error {
	config, err := parseCloudConfig(in.spec.UserData)
	if err != nil {
		return err
	}
	if err := in.root.copyImage(in.spec.Image); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	if in.hasBooted() {
		config.files = nil                                        // they may have been changed since
		if err := os.RemoveAll(in.root.path("run")); err != nil { // it is in memory
			return err
		}
	}
	if err := in.load(config); err != nil {
		return err
	}
	if err := in.makeFolders(); err != nil {
		return err
	}
	if in.hasBooted() {
		return in.run(ctx, in.enabledUnits()...)
	}
	if err := in.apply(config); err != nil {
		return err
	}
	if err := in.run(ctx, append(in.enabledUnits(), config.start...)...); err != nil {
		return err
	}
	return os.WriteFile(in.bootMark(), nil, 0o600)
}

// apply writes the files of user data and enables its units.
func (in *Instance) apply(config *cloudConfig) error {
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
	return nil
}

// bootMark returns the file whose existence says that user data was carried out, as cloud-init's semaphores say it. It is not among the
// instance's files: an instance of an image of them has user data of its own.
func (in *Instance) bootMark() string { return filepath.Join(in.spec.Directory, "booted") }

// hasBooted reports whether the instance was booted before, completely.
func (in *Instance) hasBooted() bool {
	_, err := os.Stat(in.bootMark())
	return err == nil
}

// makeFolders creates the folders that every instance has.
func (in *Instance) makeFolders() error {
	for _, folder := range []string{string(in.root), in.root.path("root"), in.root.path("tmp"), in.logFolder()} {
		if err := os.MkdirAll(folder, folderMode); err != nil {
			return err
		}
	}
	return nil
}

// run starts units on an instance whose files are complete.
func (in *Instance) run(ctx context.Context, units ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	spawner, err := loopback.NewSpawner(in.spec.Address, in.spec.Route, in.log)
	if err != nil {
		return err
	}
	in.spawner = spawner
	guard.watch(in.done)
	_, err = in.start(units...)
	return err
}

// load creates services for the units in the instance's files and in user data.
func (in *Instance) load(config *cloudConfig) error {
	installed, err := in.root.readUnits()
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
		if u.shipsJournal() {
			in.feed = newFeed()
		}
	}
	in.installs = config.installs
	skipped := append(config.skipped, in.skippedOfUnits()...)
	for _, name := range union(slices.Clone(config.start), config.enable) {
		if in.services[name] == nil {
			skipped = append(skipped, fmt.Sprintf("systemctl: %s is neither in user data nor in the image", name))
		}
	}
	in.skipped = SortSkipped(skipped)
	return in.resolveOrder()
}

// skippedOfUnits returns a line for each thing that is skipped, with the units that ask for it.
func (in *Instance) skippedOfUnits() []string {
	var lines, hardening []string
	units := map[string][]string{}
	for _, name := range in.order {
		u := in.services[name].unit
		if u.shipsJournal() {
			lines = append(lines, name+": there is no journal; the emulator itself sends what services print")
			continue
		}
		hardening = append(hardening, u.hardening...)
		for _, text := range u.skipped {
			units[text] = append(units[text], name)
		}
	}
	lines = append(lines, in.skippedFilters()...)
	for text, names := range units {
		lines = append(lines, text+" ("+strings.Join(names, ", ")+")")
	}
	slices.Sort(hardening)
	if hardening = slices.Compact(hardening); len(hardening) > 0 {
		lines = append(lines, "sandboxing of services is not applied: "+shorten(hardening))
	}
	return lines
}

// filterNotApplied begins the line that comes first: without the filter a program runs that does not run on AWS.
const filterNotApplied = "CALL FILTER NOT APPLIED: "

// skippedFilters returns a line for each call filter of services. The units that only prepare the instance have commands that are known.
func (in *Instance) skippedFilters() []string {
	var lines []string
	services := map[string][]string{}
	for _, name := range in.order {
		if u := in.services[name].unit; len(u.filter) > 0 && !u.oneshot && !u.shipsJournal() {
			filter := strings.Join(u.filter, " ")
			services[filter] = append(services[filter], strings.TrimSuffix(name, ".service"))
		}
	}
	for filter, names := range services {
		lines = append(lines, fmt.Sprintf("%son AWS a call outside of %q fails, which ends some programs; booted machines show it (%s)",
			filterNotApplied, filter, shorten(names)))
	}
	return lines
}

// SortSkipped sorts lines of [Instance.Skipped], the gravest first, and removes repeated ones.
func SortSkipped(lines []string) []string {
	slices.SortFunc(lines, func(a, b string) int {
		first, second := strings.HasPrefix(a, filterNotApplied), strings.HasPrefix(b, filterNotApplied)
		switch {
		case first && !second:
			return -1
		case second && !first:
			return 1
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(lines)
}

// shorten joins names, and replaces all but the first four by their number.
func shorten(names []string) string {
	const shown = 4
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

// Services returns the status of the instance's units in the order of user data.
func (in *Instance) Services() []ServiceStatus {
	all := make([]ServiceStatus, 0, len(in.order))
	for _, name := range in.order {
		all = append(all, in.services[name].Status())
	}
	return all
}

// Skipped lists what of user data was not done because it needs a whole machine, the gravest first.
func (in *Instance) Skipped() []string { return slices.Clone(in.skipped) }

// Done returns a channel that is closed when the instance is down, after [Instance.Kill] or [Instance.Shutdown].
func (in *Instance) Done() <-chan struct{} { return in.done }

// StartService does `systemctl start`: it returns when the unit has started, or an error if it has not.
func (in *Instance) StartService(name string) error {
	s, err := in.service(name)
	if err != nil {
		return err
	}
	s.awaitStop()
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

// StopService does `systemctl stop`: the unit's processes end within TimeoutStopSec= and are not restarted. Units that require the unit are
// stopped first.
func (in *Instance) StopService(name string) error {
	s, err := in.service(name)
	if err != nil {
		return err
	}
	in.stopInOrder(in.dependents(s))
	return nil
}

// service returns the service with a name, which may lack .service.
func (in *Instance) service(name string) (*service, error) {
	if s := in.services[unitName(name)]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("no service %q on %s, which has %s", name, in.spec.ID, strings.Join(in.order, ", "))
}

// dependents returns a service and every service that requires it, directly or not.
func (in *Instance) dependents(s *service) []*service {
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

// stopInOrder stops each of these services when those that started after it are down.
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

// Shutdown stops all services as systemd does: SIGTERM in reverse order of their start, and SIGKILL after TimeoutStopSec=. If ctx ends
// first, Shutdown kills what is left and returns ctx's error.
func (in *Instance) Shutdown(ctx context.Context) error {
	in.refuseStarts()
	defer context.AfterFunc(ctx, in.kill)()
	all := make([]*service, 0, len(in.order))
	for _, name := range in.order {
		all = append(all, in.services[name])
	}
	in.stopInOrder(all)
	in.awaitEnd()
	return ctx.Err()
}

// Kill ends the instance like a power cut: every process gets SIGKILL at once, in no order. It returns when all processes have ended.
func (in *Instance) Kill() {
	in.refuseStarts()
	in.kill()
	in.awaitEnd()
}

// refuseStarts makes all later starts of services fail.
func (in *Instance) refuseStarts() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closing = true
}

// kill sends SIGKILL to all processes, and does not wait for their end.
func (in *Instance) kill() {
	in.killOnce.Do(func() { close(in.killed) })
	for _, s := range in.services {
		s.cancel()
	}
}

// awaitEnd waits until all services are down and kills the processes that they left.
func (in *Instance) awaitEnd() {
	in.running.Wait()
	in.doneOnce.Do(func() {
		in.killAll("")
		in.spawner.Close()
		close(in.done)
	})
	<-in.done
}

// logFolder returns the folder with a log for each unit.
func (in *Instance) logFolder() string { return filepath.Join(in.spec.Directory, "log") }

// errClosing is the error of starting a service on an instance that is shutting down.
var errClosing = errors.New("the instance is shutting down")

// cpuAge is the age that reported processor times may have: one reading serves all instances that are asked within this time.
const cpuAge = time.Second / 10

// CPUTime returns the processor time, user and system, that the instance's processes have used since boot. It includes processes that have
// ended, and never decreases. Its resolution is 10 ms. Built-in commands use none.
func (in *Instance) CPUTime() time.Duration {
	live := in.processesOf("", cpuAge)
	return in.cpu.read(live)
}

// Memory returns the bytes that the instance's processes have in memory. What several processes share counts for each.
func (in *Instance) Memory() int {
	bytes := 0
	for _, p := range in.processesOf("", cpuAge) {
		bytes += p.ResidentMemory()
	}
	return bytes
}
