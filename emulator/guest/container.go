package guest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/elastic-service/elastic-service/emulator/proxy"
)

// ContainerSpec is what a container is made of. Its image is not pulled: the command's program is this machine's own, found
// on its PATH, and runs as the emulator's user with the emulator's files. It gets the environment that is given, PATH,
// LANG, as HOSTNAME the first twelve characters of its ID, and a HOME and TMPDIR of its own.
type ContainerSpec struct {
	ID          string     // of its task
	Address     netip.Addr // IPv4; it listens at [loopback.Address] of it, whatever of its own addresses it binds
	Directory   string     // its own folder, made if missing: root/ is its working folder, log/container.log its output
	Command     []string   // program and arguments; one without a slash is looked up on PATH
	Environment map[string]string
	StopTimeout time.Duration // from SIGTERM to SIGKILL; 0 is 30 s (ECS: ECS_CONTAINER_STOP_TIMEOUT)

	Clock clockwork.Clock // the time to stop runs on it; real time when nil
	Log   *slog.Logger    // slog.Default() when nil
}

const defaultContainerStopTimeout = 30 * time.Second

const containerUnit = "container.service"

// Container is a container's process, with what it starts.
type Container struct {
	in      *Instance
	service *service
}

// Exit is how a container ended.
type Exit struct {
	Code   int    // as Docker gives it: 128 and the signal's number for a process that a signal ended
	Reason string // e.g. "exit status 1"
}

// RunContainer starts a container and returns when its process runs. The end of ctx calls off the start, not the
// container.
func RunContainer(ctx context.Context, c ContainerSpec) (*Container, error) {
	program, err := c.program()
	if err != nil {
		return nil, fmt.Errorf("CannotStartContainerError: %w", err)
	}
	in, err := newInstance(Spec{ID: c.ID, Address: c.Address, Directory: c.Directory, Clock: c.Clock, Log: c.Log})
	if err != nil {
		return nil, fmt.Errorf("container %s: %w", c.ID, err)
	}
	u := c.unit(program)
	in.services[u.name], in.order = newService(in, u), []string{u.name}
	if err := in.makeFolders(); err != nil {
		return nil, fmt.Errorf("container %s: %w", c.ID, err)
	}
	if err := in.run(ctx); err != nil {
		return nil, fmt.Errorf("container %s: %w", c.ID, err)
	}
	r := &Container{in: in, service: in.services[u.name]}
	if err := in.StartService(u.name); err != nil {
		in.Kill()
		return nil, fmt.Errorf("CannotStartContainerError: %w", err)
	}
	go func() {
		<-r.service.ended
		in.close()
		in.end()
	}()
	return r, nil
}

// program is the command's program on this machine.
func (c ContainerSpec) program() (string, error) {
	if len(c.Command) == 0 {
		return "", errors.New("no command: the image is not pulled here, so that its own command is not known")
	}
	if name := c.Command[0]; filepath.Base(name) != name && !filepath.IsAbs(name) {
		return "", fmt.Errorf("exec: %q: neither a name nor an absolute path", name)
	}
	return exec.LookPath(c.Command[0])
}

// unit has the container run as a service that nobody restarts.
func (c ContainerSpec) unit(program string) *unit {
	environment := map[string]string{"PATH": os.Getenv("PATH"), "HOSTNAME": c.ID[:min(len(c.ID), 12)]}
	maps.Copy(environment, c.Environment)
	return &unit{
		name: containerUnit, host: true, environment: environment, restart: "no",
		start:        []command{{argv: append([]string{program}, c.Command[1:]...), literal: true}},
		startTimeout: defaultStartTimeout,
		stopTimeout:  cmp.Or(c.StopTimeout, defaultContainerStopTimeout),
	}
}

// Done is closed when the container and all that it started are gone.
func (r *Container) Done() <-chan struct{} { return r.in.Done() }

// Exit says how it ended. It is valid after Done.
func (r *Container) Exit() Exit {
	last := r.service.lastOutcome()
	return Exit{Code: last.exit, Reason: last.text}
}

// Stop sends SIGTERM, and SIGKILL after the time to stop; it returns when the container is gone. When ctx ends first, it
// is killed at once and ctx's error returned.
func (r *Container) Stop(ctx context.Context) error { return r.in.Shutdown(ctx) }

// Kill ends it at once, and returns when it is gone.
func (r *Container) Kill() { r.in.Kill() }

// CPUTime is as [Instance.CPUTime].
func (r *Container) CPUTime() time.Duration { return r.in.CPUTime() }

// Forward passes connections on as Docker does from a port of the host to a container's.
func Forward(from, to netip.AddrPort, options ...proxy.ListenerOption) (*proxy.Listener, error) {
	target := proxy.Target{ID: to.String(), Address: to}
	options = append([]proxy.ListenerOption{proxy.WithIdleTimeout(forever)}, options...)
	return proxy.Listen(from, func(netip.AddrPort) (proxy.Target, bool) { return target, true }, options...)
}
