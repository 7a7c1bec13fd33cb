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

	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/emulator/proxy"
	"github.com/elastic-service/elastic-service/journal/cloudwatch"
)

// ContainerSpec describes a container. Its image is not pulled: the command's program is a program of this machine, found on PATH or by
// Find. It runs as the emulator's user and sees this machine's files. Its environment has Environment, PATH, LANG, HOSTNAME (the first
// twelve characters of the ID), HOME and TMPDIR.
type ContainerSpec struct {
	ID          string     // the ID of its task, a hyphen and its name
	Address     netip.Addr // IPv4; the container listens at its [loopback.Address], whichever of its addresses it binds
	Directory   string     // folder of this container alone, created if missing: root/ is its working folder, log/container.log its output
	Command     []string   // program and arguments; a program without a slash is looked up on PATH
	Environment map[string]string
	Route       loopback.Route // see [Spec]
	Trust       string         // see [Spec]
	Logs        *ContainerLogs // where its output goes beside the log; nil: nowhere
	// Find returns the path of a program that this machine does not have. Nil: there is none.
	Find        func(ctx context.Context, name string) (string, error)
	StopTimeout time.Duration // from SIGTERM to SIGKILL; 0 is 30 s (ECS: ECS_CONTAINER_STOP_TIMEOUT)

	Clock clockwork.Clock // for StopTimeout; nil: real time
	Log   *slog.Logger    // nil: slog.Default()
}

// ContainerLogs is a stream of a log group, to which the driver awslogs sends the output of a container.
type ContainerLogs struct {
	Group, Stream string

	Client cloudwatch.Client // CloudWatch Logs with the permissions of the driver
}

const defaultContainerStopTimeout = 30 * time.Second

const containerUnit = "container.service"

// Container is a running container: its process, and the processes that it starts.
type Container struct {
	instance *Instance
	service  *service
}

// Exit is how a container ended.
type Exit struct {
	Code   int    // as Docker reports it: 128 plus the signal's number, if a signal ended the process
	Reason string // e.g. "exit status 1"
}

// RunContainer starts a container and returns when its process runs. The end of ctx cancels the start, not the container.
func RunContainer(ctx context.Context, c ContainerSpec) (*Container, error) {
	program, err := c.program(ctx)
	if err != nil {
		return nil, fmt.Errorf("CannotStartContainerError: %w", err)
	}
	in, err := newInstance(Spec{
		ID: c.ID, Address: c.Address, Directory: c.Directory, Route: c.Route, Trust: c.Trust, Clock: c.Clock, Log: c.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("container %s: %w", c.ID, err)
	}
	u := c.unit(program)
	in.services[u.name], in.order = newService(in, u), []string{u.name}
	shipped := in.shipContainer(c.Logs)
	if err := in.makeFolders(); err != nil {
		return nil, fmt.Errorf("container %s: %w", c.ID, err)
	}
	if err := in.run(ctx); err != nil {
		return nil, fmt.Errorf("container %s: %w", c.ID, err)
	}
	started := &Container{instance: in, service: in.services[u.name]}
	if err := in.StartService(u.name); err != nil {
		in.Kill()
		shipped()
		return nil, fmt.Errorf("CannotStartContainerError: %w", err)
	}
	go func() {
		<-started.service.ended
		shipped()
		in.refuseStarts()
		in.awaitEnd()
	}()
	return started, nil
}

// shipContainer sends the output of a container to a log group. The function that it returns sends what is left.
func (in *Instance) shipContainer(to *ContainerLogs) (end func()) {
	if to == nil {
		return func() {}
	}
	in.feed, in.spec.Logs = newFeed(), to.Client
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		say := func(text string) {
			in.log.Warn("log driver awslogs", "group", to.Group, "stream", to.Stream, "problem", text)
		}
		_ = in.ship(ctx, to.Group, to.Stream, func(string) bool { return true }, say) // what is lost was said
	}()
	return func() {
		cancel()
		<-ended
	}
}

// program returns the path of the command's program on this machine.
func (c ContainerSpec) program(ctx context.Context) (string, error) {
	if len(c.Command) == 0 {
		return "", errors.New("no command is given, and the image's own command is unknown, as the emulator does not pull images")
	}
	if name := c.Command[0]; filepath.Base(name) != name && !filepath.IsAbs(name) {
		return "", fmt.Errorf("exec: %q is neither a name nor an absolute path", name)
	}
	path, err := exec.LookPath(c.Command[0])
	if err != nil && c.Find != nil {
		return c.Find(ctx, c.Command[0])
	}
	return path, err
}

// unit returns the unit of a service that runs the container once.
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

// Done returns a channel that is closed when the container's processes have ended.
func (c *Container) Done() <-chan struct{} { return c.instance.Done() }

// Exit returns how the container ended. It is valid after Done.
func (c *Container) Exit() Exit {
	last := c.service.lastOutcome()
	return Exit{Code: last.exit, Reason: last.text}
}

// Stop sends SIGTERM, and SIGKILL after StopTimeout. It returns when the container has ended. If ctx ends first, Stop sends SIGKILL at once
// and returns ctx's error.
func (c *Container) Stop(ctx context.Context) error { return c.instance.Shutdown(ctx) }

// Kill sends SIGKILL and returns when the container has ended.
func (c *Container) Kill() { c.instance.Kill() }

// CPUTime returns the processor time that the container has used, see [Instance.CPUTime].
func (c *Container) CPUTime() time.Duration { return c.instance.CPUTime() }

// Memory returns the bytes that the container has in memory, see [Instance.Memory].
func (c *Container) Memory() int { return c.instance.Memory() }

// Forward passes connections on from a port of an instance to a port of a container, as Docker does. It has no idle timeout.
func Forward(from, to netip.AddrPort, options ...proxy.ListenerOption) (*proxy.Listener, error) {
	target := proxy.Target{ID: to.String(), Address: to}
	options = append([]proxy.ListenerOption{proxy.WithIdleTimeout(forever)}, options...)
	return proxy.Listen(from, func(netip.AddrPort) (proxy.Target, bool) { return target, true }, options...)
}
