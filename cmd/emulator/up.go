package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/dataplane"
	"github.com/elastic-service/elastic-service/emulator/engine"
	"github.com/elastic-service/elastic-service/emulator/provider"
)

var client = emulator.Client{Address: emulator.ControlAddress}

// up deploys to the emulator that runs, or to one that it starts and stays with.
func up(ctx context.Context, o *options, args []string) error {
	if err := noArguments(args); err != nil {
		return err
	}
	root, err := enter(o.stack)
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
	return o.deploy(ctx, root, running.Folder, running.Environment, client.Settle)
}

func (o *options) upAt(ctx context.Context, root string) error {
	folder := stateFolder(root, o.stack)
	s, err := o.open(ctx, root, folder)
	if err != nil {
		return err
	}
	err = s.upAndStay(ctx)
	empty := len(s.cloud.Cloud.Left()) == 0
	return errors.Join(err, s.close(), removeIf(err != nil && empty, folder))
}

func (s *session) upAndStay(ctx context.Context) error {
	control, err := s.cloud.Serve(client.Address, s.stack)
	if err != nil {
		return err
	}
	defer control.Close()
	err = s.deploy(ctx, s.root, s.folder, s.cloud.Providers.Environment(), s.cloud.Providers.Settle)
	if err != nil {
		err = errors.Join(append([]error{err}, troubles(s.cloud.Status(), s.folder)...)...)
	}
	if err != nil && len(s.cloud.Cloud.Left()) > 0 {
		return fmt.Errorf("%w\nwhat was created is kept; `up` goes on from there, `down` destroys it", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, "running; in another terminal, `go run ./cmd/emulator` with status, call, terminate, up or down; Ctrl-C keeps the stack")
	return s.stay(ctx, control)
}

// stay waits for the end: an interruption, a client's wish, or a failure of the emulator itself.
func (s *session) stay(ctx context.Context, control *emulator.Control) error {
	select {
	case <-ctx.Done():
		if len(s.cloud.Cloud.Left()) > 0 {
			fmt.Fprintf(s.out, "ended; the stack is kept in %s\n", s.folder)
		}
		return nil
	case <-control.Stopped():
		return nil
	case err := <-s.ended:
		s.ended <- nil // for close
		return err
	}
}

// deploy runs the program and prints what it did and where the service is.
func (o *options) deploy(ctx context.Context, root, folder string, environment map[string]string, settle engine.Settle) error {
	anew := !exists(folder)
	e, err := o.engine(ctx, root, folder, environment)
	if err != nil {
		return err
	}
	if err := o.repair(ctx, e, settle); err != nil {
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
	fmt.Fprintln(o.out, describe(result))
	for _, line := range kinds(result) {
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
func (o *options) repair(ctx context.Context, e *engine.Engine, settle engine.Settle) error {
	gone, err := e.Repair(ctx, settle)
	for _, one := range gone {
		fmt.Fprintf(o.out, "deleted %s %s: the last operation was cut short before Pulumi knew of it\n", short(one.Type), one.ID)
	}
	if err != nil {
		return fmt.Errorf("making up for an operation that was cut short: %w", err)
	}
	return nil
}

// describe is an operation in a line.
func describe(r engine.Result) string {
	var parts []string
	for _, p := range []struct {
		count int
		what  string
	}{
		{r.Created, "created"}, {r.Updated, "updated"}, {r.Replaced, "replaced"}, {r.Deleted, "deleted"}, {r.Same, "unchanged"},
	} {
		if p.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.count, p.what))
		}
	}
	return fmt.Sprintf("resources: %s, in %.1f s", strings.Join(parts, ", "), r.Duration.Seconds())
}

// kinds says what the emulator makes of a stack's resources.
func kinds(r engine.Result) []string {
	run, recorded := 0, []string{}
	for token, count := range r.Types {
		kind, _ := provider.KindOf(token)
		if kind == provider.Recorded {
			recorded = append(recorded, fmt.Sprintf("%d × %s", count, short(token)))
			continue
		}
		run += count
	}
	slices.Sort(recorded)
	lines := []string{fmt.Sprintf("%d run: they have behaviour here", run)}
	if len(recorded) > 0 {
		lines = append(lines, "recorded only, without behaviour here: "+strings.Join(recorded, ", "))
	}
	return lines
}

// short is a type as a program writes it: s3.BucketPolicy for aws:s3/bucketPolicy:BucketPolicy.
func short(token string) string {
	module, name, _ := strings.Cut(strings.TrimPrefix(token, "aws:"), "/")
	if _, after, ok := strings.Cut(name, ":"); ok {
		name = after
	}
	return module + "." + name
}

// serve runs the cloud alone and says how to attach to it.
func serve(ctx context.Context, o *options, args []string) error {
	if err := noArguments(args); err != nil {
		return err
	}
	root, err := enter(o.stack)
	if err != nil {
		return err
	}
	folder := stateFolder(root, o.stack)
	s, err := o.open(ctx, root, folder)
	if err != nil {
		return err
	}
	err = s.serve(ctx)
	empty := len(s.cloud.Cloud.Left()) == 0 && !exists(folder)
	return errors.Join(err, s.close(), removeIf(empty, folder))
}

func (s *session) serve(ctx context.Context) error {
	control, err := s.cloud.Serve(client.Address, s.stack)
	if err != nil {
		return err
	}
	defer control.Close()
	fmt.Fprintln(s.out, "# deploy with your own pulumi, in another terminal:")
	for key, value := range s.cloud.Providers.Environment() {
		fmt.Fprintf(s.out, "export %s=%s\n", key, value)
	}
	fmt.Fprintf(s.out, "pulumi up -s %s\n", s.stack)
	return s.stay(ctx, control)
}

// down destroys the stack: through the emulator that runs, or by starting one on what it left.
func down(ctx context.Context, o *options, args []string) error {
	if err := noArguments(args); err != nil {
		return err
	}
	root, err := enter(o.stack)
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
	folder := stateFolder(root, o.stack)
	if !exists(folder) {
		fmt.Fprintf(o.out, "stack %s is not deployed here: nothing to do\n", o.stack)
		return nil
	}
	s, err := o.open(ctx, root, folder)
	if err != nil {
		return err
	}
	err = o.destroy(ctx, root, folder, s.cloud.Providers.Environment(), s.cloud.Providers.Settle)
	return errors.Join(err, s.close(), removeIf(err == nil, folder))
}

func (o *options) downRunning(ctx context.Context, root string, running emulator.Attachment) error {
	if err := o.destroy(ctx, root, running.Folder, running.Environment, client.Settle); err != nil {
		return err
	}
	if err := client.Stop(ctx); err != nil {
		return err
	}
	// The other process has the folder until it has ended.
	err := poll(ctx, 30*time.Second, func() bool {
		file, err := lock(running.Folder)
		if err == nil {
			_ = file.Close()
		}
		return err == nil
	})
	return errors.Join(err, removeIf(err == nil, running.Folder))
}

func (o *options) destroy(ctx context.Context, root, folder string, environment map[string]string, settle engine.Settle) error {
	e, err := o.engine(ctx, root, folder, environment)
	if err != nil {
		return err
	}
	if err := o.repair(ctx, e, settle); err != nil {
		return err
	}
	fmt.Fprintf(o.out, "destroying stack %s: the group drains its instances before it terminates them\n", o.stack)
	result, err := e.Destroy(ctx)
	if err != nil {
		return fmt.Errorf("destroy failed:\n%w", err)
	}
	fmt.Fprintln(o.out, describe(result))
	return nil
}

// removeIf deletes a stack's folder, and the one above it if that is empty then.
func removeIf(wanted bool, folder string) error {
	if !wanted {
		return nil
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	_ = os.Remove(filepath.Dir(folder)) // not empty: another stack is there
	return nil
}
