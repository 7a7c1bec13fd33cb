package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/internal/project"
)

// completionPatience is how long a shell waits for a running emulator, real time.
const completionPatience = time.Second

// completer proposes what a flag or an argument can be.
type completer = func(c *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective)

// complete lets the shell propose values of a flag.
func complete(c *cobra.Command, flag string, f completer) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // the command has no such flag
	}
}

// completeStacks proposes the project's stacks.
func completeStacks(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	root, err := project.Root()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, _ := project.Stacks(root) // nothing is proposed then
	return names, cobra.ShellCompDirectiveNoFileComp
}

// fromStatus returns a completer that proposes what the running emulator has. The list gets the arguments before.
func fromStatus(g *globals, list func(s api.Status, args []string) []cobra.Completion) completer {
	return func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		client := g.client()
		client.Patience = completionPatience
		s, err := client.Status(c.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return list(s, args), cobra.ShellCompDirectiveNoFileComp
	}
}

// instances lists the instances that run, with their zones.
func instances(s api.Status) []cobra.Completion {
	var found []cobra.Completion
	for _, i := range s.Instances {
		if i.State == "running" {
			found = append(found, cobra.CompletionWithDesc(i.ID, i.Zone+" "+i.Target))
		}
	}
	return found
}

// firstInstance proposes an instance as the only argument.
func firstInstance(s api.Status, args []string) []cobra.Completion {
	if len(args) > 0 {
		return nil
	}
	return instances(s)
}

// instanceAndService proposes an instance, and after it one of its services.
func instanceAndService(s api.Status, args []string) []cobra.Completion {
	switch len(args) {
	case 0:
		return instances(s)
	case 1:
		return servicesOf(s, args[0])
	}
	return nil
}

func servicesOf(s api.Status, instance string) []cobra.Completion {
	var found []cobra.Completion
	for _, i := range s.Instances {
		if i.ID != instance {
			continue
		}
		for _, service := range i.Services {
			found = append(found, cobra.CompletionWithDesc(service.Name, string(service.State)))
		}
	}
	return found
}

// tasks lists the tasks that run.
func tasks(s api.Status) []cobra.Completion {
	var found []cobra.Completion
	for _, t := range s.Tasks {
		if t.State == "RUNNING" {
			found = append(found, cobra.CompletionWithDesc(t.ID, t.Service+" on "+t.Instance))
		}
	}
	return found
}

// zones lists the zones of the instances, each once.
func zones(s api.Status) []cobra.Completion {
	var found []cobra.Completion
	known := map[string]bool{}
	for _, i := range s.Instances {
		if !known[i.Zone] {
			known[i.Zone] = true
			found = append(found, i.Zone)
		}
	}
	return found
}

// faultArguments proposes an action, its target, and its parameters.
func faultArguments(g *globals) completer {
	return func(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		client := g.client()
		client.Patience = completionPatience
		if len(args) == 1 {
			return targetsOf(c.Context(), client), cobra.ShellCompDirectiveNoFileComp
		}
		faults, err := client.Faults(c.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var found []cobra.Completion
		for _, a := range faults.Actions {
			if len(args) == 0 {
				found = append(found, cobra.CompletionWithDesc(a.Name, strings.Join(a.Targets, ", ")))
				continue
			}
			if a.Name != args[0] {
				continue
			}
			for _, p := range a.Parameters {
				found = append(found, p.Name+"="+p.Default)
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// targetsOf lists what a fault can hit.
func targetsOf(ctx context.Context, client api.Client) []cobra.Completion {
	s, err := client.Status(ctx)
	if err != nil {
		return nil
	}
	return append(append(instances(s), tasks(s)...), zones(s)...)
}
