package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/dataplane"
	"github.com/elastic-service/elastic-service/emulator/engine"
	"github.com/elastic-service/elastic-service/emulator/session"
)

var client = emulator.Client{Address: emulator.ControlAddress}

// up deploys to the emulator that runs, or to one that it starts and stays with.
func up(ctx context.Context, o *options, args []string) error {
	if err := noArguments(args); err != nil {
		return err
	}
	root, err := session.EnterProject(o.stack)
	if err != nil {
		return err
	}
	running, err := client.Attachment(ctx)
	switch {
	case errors.Is(err, emulator.ErrNotRunning):
		return o.upAt(ctx, root)
	case err != nil:
		return err
	case running.Stack != o.stack:
		return fmt.Errorf("the running emulator has stack %s, not %s: end it first with `down -stack %[1]s`", running.Stack, o.stack)
	}
	return o.deploy(ctx, root, running.Folder, running.Environment, client.DeleteOrphans)
}

func (o *options) upAt(ctx context.Context, root string) error {
	folder := session.StateFolder(root, o.stack)
	s, err := session.Open(ctx, o.session(root, folder))
	if err != nil {
		return err
	}
	err = o.upAndStay(ctx, s)
	empty := len(s.Emulator.Left()) == 0
	return errors.Join(err, s.Close(), removeIf(err != nil && empty, folder))
}

func (o *options) upAndStay(ctx context.Context, s *session.Session) error {
	control, err := s.Emulator.Serve(client.Address, o.stack)
	if err != nil {
		return err
	}
	defer control.Close()
	root, folder := s.Options().Root, s.Options().Folder
	err = o.deploy(ctx, root, folder, s.Emulator.Providers.Environment(), s.Emulator.Providers.DeleteOrphans)
	if err != nil {
		err = errors.Join(append([]error{err}, troubles(s.Emulator.Status(), folder)...)...)
	}
	if err != nil && len(s.Emulator.Left()) > 0 {
		return fmt.Errorf("%w\nwhat was created is kept; `up` goes on from there, `down` destroys it", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(o.out, "running; in another terminal, `go run ./cmd/emulator` with status, call, terminate, up or down; Ctrl-C keeps the stack")
	return o.stay(ctx, s, control)
}

// stay waits for the end: an interruption, a client's wish, or a failure of the emulator itself.
func (o *options) stay(ctx context.Context, s *session.Session, control *emulator.Control) error {
	select {
	case <-ctx.Done():
		if len(s.Emulator.Left()) > 0 {
			fmt.Fprintf(o.out, "ended; the stack is kept in %s\n", s.Options().Folder)
		}
		return nil
	case <-control.Stopped():
		return nil
	case <-s.Ended():
		return nil // Close says why
	}
}

// deploy runs the program and prints what it did and where the service is.
func (o *options) deploy(ctx context.Context, root, folder string, environment map[string]string, deleteOrphans engine.DeleteOrphans) error {
	anew := !session.IsDeployed(folder)
	e, err := session.OpenEngine(ctx, o.session(root, folder), environment)
	if err != nil {
		return err
	}
	if err := o.repair(ctx, e, deleteOrphans); err != nil {
		return err
	}
	if anew {
		fmt.Fprintf(o.out, "deploying stack %s, until its group is healthy\n", o.stack)
	} else {
		fmt.Fprintf(o.out, "deploying stack %s: what isn't there yet or has changed\n", o.stack)
	}
	result, err := e.Up(ctx)
	if err != nil {
		return fmt.Errorf("up failed:\n%w", err)
	}
	fmt.Fprintln(o.out, result)
	for _, line := range result.DescribeKinds() {
		fmt.Fprintln(o.out, "  "+line)
	}
	fmt.Fprintf(o.out, "the service is at %s\n", result.Outputs["address"])
	if !anew && result.Updated+result.Replaced > 0 {
		fmt.Fprintln(o.out, "instances that have to change are replaced from now on: see status")
	}
	return nil
}

// troubles are the services that do not run, of instances that should, with what their last command ended with.
func troubles(s emulator.Status, folder string) []error {
	var found []error
	for _, i := range s.Instances {
		for _, service := range i.Services {
			if i.State == "running" && service.State != dataplane.Running && service.LastExit != "" && !isDone(service) {
				found = append(found, fmt.Errorf("%s on %s: %s, restarted %d times; its output is in %s", service.Name, i.ID,
					service.LastExit, service.Restarts, filepath.Join(folder, "instances", i.ID, "log")))
			}
		}
	}
	return found
}

// repair makes up for an operation that was cut short.
func (o *options) repair(ctx context.Context, e *engine.Engine, deleteOrphans engine.DeleteOrphans) error {
	gone, err := e.Repair(ctx, deleteOrphans)
	for _, one := range gone {
		fmt.Fprintf(o.out, "deleted %s %s: the last operation was cut short before Pulumi knew of it\n", engine.TypeName(one.Type), one.ID)
	}
	if err != nil {
		return fmt.Errorf("making up for an operation that was cut short: %w", err)
	}
	return nil
}

// serve runs the cloud alone and says how to attach to it.
func serve(ctx context.Context, o *options, args []string) error {
	if err := noArguments(args); err != nil {
		return err
	}
	root, err := session.EnterProject(o.stack)
	if err != nil {
		return err
	}
	folder := session.StateFolder(root, o.stack)
	s, err := session.Open(ctx, o.session(root, folder))
	if err != nil {
		return err
	}
	err = o.serveAndStay(ctx, s)
	empty := len(s.Emulator.Left()) == 0 && !session.IsDeployed(folder)
	return errors.Join(err, s.Close(), removeIf(empty, folder))
}

func (o *options) serveAndStay(ctx context.Context, s *session.Session) error {
	control, err := s.Emulator.Serve(client.Address, o.stack)
	if err != nil {
		return err
	}
	defer control.Close()
	fmt.Fprintln(o.out, "# deploy with your own pulumi, in another terminal:")
	for key, value := range s.Emulator.Providers.Environment() {
		fmt.Fprintf(o.out, "export %s=%s\n", key, value)
	}
	fmt.Fprintf(o.out, "pulumi up -s %s\n", o.stack)
	return o.stay(ctx, s, control)
}

// down destroys the stack: through the emulator that runs, or by starting one on what it left.
func down(ctx context.Context, o *options, args []string) error {
	if err := noArguments(args); err != nil {
		return err
	}
	root, err := session.EnterProject(o.stack)
	if err != nil {
		return err
	}
	running, err := client.Attachment(ctx)
	switch {
	case err == nil && running.Stack != o.stack:
		return fmt.Errorf("the running emulator has stack %s, not %s", running.Stack, o.stack)
	case err == nil:
		return o.downRunning(ctx, root, running)
	case !errors.Is(err, emulator.ErrNotRunning):
		return err
	}
	folder := session.StateFolder(root, o.stack)
	if !session.IsDeployed(folder) {
		fmt.Fprintf(o.out, "stack %s is not deployed here: nothing to do\n", o.stack)
		return nil
	}
	s, err := session.Open(ctx, o.session(root, folder))
	if err != nil {
		return err
	}
	err = o.destroy(ctx, root, folder, s.Emulator.Providers.Environment(), s.Emulator.Providers.DeleteOrphans)
	return errors.Join(err, s.Close(), removeIf(err == nil, folder))
}

func (o *options) downRunning(ctx context.Context, root string, running emulator.Attachment) error {
	if err := o.destroy(ctx, root, running.Folder, running.Environment, client.DeleteOrphans); err != nil {
		return err
	}
	if err := client.Stop(ctx); err != nil {
		return err
	}
	// The other process has the folder until it has ended.
	err := session.AwaitUnlocked(ctx, running.Folder)
	return errors.Join(err, removeIf(err == nil, running.Folder))
}

func (o *options) destroy(ctx context.Context, root, folder string, environment map[string]string, deleteOrphans engine.DeleteOrphans) error {
	e, err := session.OpenEngine(ctx, o.session(root, folder), environment)
	if err != nil {
		return err
	}
	if err := o.repair(ctx, e, deleteOrphans); err != nil {
		return err
	}
	fmt.Fprintf(o.out, "destroying stack %s: the group drains its instances before it terminates them\n", o.stack)
	result, err := e.Destroy(ctx)
	if err != nil {
		return fmt.Errorf("destroy failed:\n%w", err)
	}
	fmt.Fprintln(o.out, result)
	return nil
}

// removeIf deletes a session's folder.
func removeIf(wanted bool, folder string) error {
	if !wanted {
		return nil
	}
	return session.RemoveFolder(folder)
}
