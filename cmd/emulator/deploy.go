package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/engine"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// providers are those of an emulator, in this process or in another one.
type providers struct {
	environment map[string]string // attaches them
	orphans     engine.DeleteOrphans
}

// deploy runs the program and prints what it did and where the service is.
func deploy(ctx context.Context, o session.Options, p providers, out io.Writer) error {
	first := !session.IsDeployed(o.Folder)
	e, err := openRepaired(ctx, o, p, out)
	if err != nil {
		return err
	}
	if first {
		fmt.Fprintf(out, "deploying stack %s, until its group is healthy\n", o.Stack)
	} else {
		fmt.Fprintf(out, "deploying stack %s: what is missing or has changed\n", o.Stack)
	}
	end := working(out, "deploying")
	result, err := e.Up(ctx)
	end()
	if err != nil {
		return fmt.Errorf("up failed:\n%w", err)
	}
	fmt.Fprintln(out, result)
	for _, line := range result.DescribeKinds() {
		fmt.Fprintln(out, "  "+line)
	}
	fmt.Fprintf(out, "the service is at %s\n", result.Outputs["address"])
	if !first && result.Updated+result.Replaced > 0 {
		fmt.Fprintln(out, "the group replaces the instances that have to change: see status")
	}
	return nil
}

// destroy destroys a stack.
func destroy(ctx context.Context, o session.Options, p providers, out io.Writer) error {
	e, err := openRepaired(ctx, o, p, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "destroying stack %s: the group drains its instances before it terminates them\n", o.Stack)
	end := working(out, "destroying")
	result, err := e.Destroy(ctx)
	end()
	if err != nil {
		return fmt.Errorf("destroy failed:\n%w", err)
	}
	fmt.Fprintln(out, result)
	return nil
}

// openRepaired prepares Pulumi for a stack. If the last operation was cut short, it brings Pulumi's state and the emulated cloud
// together again.
func openRepaired(ctx context.Context, o session.Options, p providers, out io.Writer) (*engine.Engine, error) {
	e, err := session.OpenEngine(ctx, o, p.environment)
	if err != nil {
		return nil, err
	}
	deleted, err := e.Repair(ctx, p.orphans)
	for _, r := range deleted {
		fmt.Fprintf(out, "deleted %s %s: the last operation was cut short before Pulumi had saved it\n", engine.TypeName(r.Type), r.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("repairing after an operation that was cut short: %w", err)
	}
	return e, nil
}

// failedServices describes the services that should run and do not, with what their last command ended with.
func failedServices(s api.Status, folder string) []error {
	var found []error
	for _, i := range s.Instances {
		for _, service := range i.Services {
			if i.State == "running" && service.State != api.ServiceRunning && service.LastExit != "" && !isDone(service) {
				found = append(found, fmt.Errorf("%s on %s: %s, restarted %d times; its output is in %s", service.Name, i.ID,
					service.LastExit, service.Restarts, filepath.Join(folder, "instances", i.ID, "log")))
			}
		}
	}
	return found
}
