package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/engine"
	faults "github.com/elastic-service/elastic-service/internal/fault"
	"github.com/elastic-service/elastic-service/internal/project"
	"github.com/elastic-service/elastic-service/settings"
	"github.com/elastic-service/elastic-service/stack"
)

// session is a cloud that runs in this process, with an engine for its stack.
type session struct {
	*options
	root   string // of the project
	folder string // everything that is kept
	cloud  *emulator.Emulator
	end    context.CancelFunc
	ended  chan error
	log    *os.File
	lock   *os.File
}

// enter finds the project, makes it the working directory, as Pulumi does, and checks that the stack exists.
func enter(stackName string) (string, error) {
	root, err := project.Root()
	if err != nil {
		return "", err
	}
	if err := os.Chdir(root); err != nil {
		return "", err
	}
	names, err := project.Stacks(root)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if name == stackName {
			return root, nil
		}
	}
	return "", fmt.Errorf("%w: -stack %q has no file Pulumi.%s.yaml; there is %v", errUsage, stackName, stackName, names)
}

// open starts the cloud in a folder.
func (o *options) open(ctx context.Context, root, folder string) (s *session, err error) {
	config, err := project.Config(root, o.stack)
	if err != nil {
		return nil, err
	}
	if err := o.check(config); err != nil {
		return nil, err
	}
	if _, missing := os.Stat(folder); errors.Is(missing, fs.ErrNotExist) {
		defer func() { err = errors.Join(err, removeIf(err != nil, folder)) }()
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	s = &session{options: o, root: root, folder: folder, ended: make(chan error, 1)}
	if s.lock, err = lock(folder); err != nil {
		return nil, err
	}
	if s.log, err = os.OpenFile(filepath.Join(folder, "emulator.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	var to io.Writer = s.log
	if o.verbose {
		to = io.MultiWriter(s.log, o.err)
	}
	s.cloud, err = emulator.Open(emulator.Options{
		Folder: folder, Region: config["aws:region"], Speed: o.speed, Log: slog.New(slog.NewTextHandler(to, nil)),
		Runtime: emulator.Runtime(o.runtime),
	})
	if err != nil {
		s.release()
		return nil, err
	}
	// The cloud outlives an interruption: what is under way comes to its end first.
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	s.end = end
	go func() { s.ended <- s.cloud.Run(running) }()
	return s, nil
}

// check refuses what there can be no cloud for, and what booted machines can't be. All else that is wrong with settings the
// program reports.
func (o *options) check(config map[string]string) error {
	s, err := settings.Parse(config)
	if err := about(err, "aws:region"); err != nil {
		return err
	}
	switch emulator.Runtime(o.runtime) {
	case emulator.Machines:
	case emulator.Processes, "":
		return nil
	default:
		return fmt.Errorf("%w: -runtime %q is neither %s nor %s", errUsage, o.runtime, emulator.Processes, emulator.Machines)
	}
	switch {
	case s.Containers != nil:
		return fmt.Errorf("%w: -runtime machine has no containers, which stack %s runs", errUsage, o.stack)
	case s.Image.FromInstance != "":
		return fmt.Errorf("%w: -runtime machine boots no image of an instance, which stack %s has", errUsage, o.stack)
	}
	return nil
}

// about is the first of the faults in err that are those of a key as a whole.
func about(err error, keys ...string) error {
	var all faults.List
	all.Include("", err)
	for _, f := range all.Faults() {
		if slices.Contains(keys, f.Path) {
			return f
		}
	}
	return nil
}

// readable refuses what Pulumi refuses before it runs the program, which it does fault by fault and in words of its own.
func readable(root, stack string) error {
	config, err := project.Config(root, stack)
	if err != nil {
		return err
	}
	var keys []string
	for _, key := range settings.Keys() {
		_, name, _ := strings.Cut(key, ":")
		keys = append(keys, name)
	}
	if _, err := settings.Parse(config); about(err, keys...) != nil {
		return err
	}
	return nil
}

// close ends the cloud: no process and no socket stays. What it holds is in the folder.
func (s *session) close() error {
	s.end()
	err := <-s.ended
	s.release()
	return err
}

func (s *session) release() {
	if s.log != nil {
		_ = s.log.Close()
	}
	_ = s.lock.Close()
}

// lock makes sure that one process at a time works with a folder.
func lock(folder string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("%s is in use by another emulator", folder)
	}
	return file, nil
}

// engine prepares Pulumi for the stack, against the providers that environment names.
func (o *options) engine(ctx context.Context, root, folder string, environment map[string]string) (*engine.Engine, error) {
	if err := readable(root, o.stack); err != nil {
		return nil, err
	}
	// The settings may be a copy; what the CLI is built from is not.
	home, err := project.Root()
	if err != nil {
		return nil, err
	}
	cli, err := engine.CLI(ctx, home, o.err)
	if err != nil {
		return nil, err
	}
	var progress io.Writer
	if o.verbose {
		progress = o.err
	}
	return engine.Open(ctx, engine.Options{
		CLI: cli, Root: root, Stack: o.stack, Folder: filepath.Join(folder, "pulumi"), Program: stack.Deploy,
		Environment: environment, Progress: progress,
	})
}

// pulumi prepares Pulumi for the stack, against this session's cloud.
func (s *session) pulumi(ctx context.Context) (*engine.Engine, error) {
	return s.engine(ctx, s.root, s.folder, s.cloud.Providers.Environment())
}

// stateFolder is where `up` keeps a stack between its runs.
func stateFolder(root, stack string) string { return filepath.Join(root, ".emulator", stack) }

// ownFolder is a new one beside those that `up` keeps.
func ownFolder(root, name string) (string, error) {
	base := filepath.Join(root, ".emulator")
	if err := os.MkdirAll(base, 0o700); err != nil {
		return "", err
	}
	return os.MkdirTemp(base, name+"-")
}

// exists reports whether a stack was deployed in a folder.
func exists(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "pulumi", "backend"))
	return !errors.Is(err, fs.ErrNotExist)
}

// poll calls f every 50 ms until it is true, ctx ends, or the time is over.
func poll(ctx context.Context, limit time.Duration, f func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for !f() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("gave up after %v: %w", limit, ctx.Err())
		case <-ticker.C:
		}
	}
	return nil
}
