package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// followEvery is the time between two looks for new lines.
const followEvery = 200 * time.Millisecond

func newLogs(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "logs INSTANCE|TASK [SERVICE] | LOG-GROUP [STREAM]",
		Short: "Print what the services of an instance, or a task, have written, or a log group",
		Long: `Print the last lines that the services of an instance have written to stdout and stderr, or of one
service, or of the container of a task; of a booted machine, its console. Lines of several services
begin with the service's name.

Of a log group, print the last events, also of instances that are gone, in their order: with
app.logs, the group is /SERVICE/STACK/instances, with a stream for each instance. Groups of containers
have names such as web-logs-1234567.`,
		Example: `  emulator logs i-0123456789abcdef0
  emulator logs i-0123456789abcdef0 musicguru -f
  emulator logs i-0123456789abcdef0 healthcheck -n 20
  emulator logs /musicguru/dev/instances
  emulator logs /musicguru/dev/instances i-0123456789abcdef0 -f`,
		Args: arguments(1, 2, "name an instance, a task or a log group, e.g. i-0123456789abcdef0 (see status)"),
		ValidArgsFunction: fromStatus(g, func(s api.Status, args []string) []cobra.Completion {
			if len(args) == 0 {
				return append(instances(s), tasks(s)...)
			}
			return instanceAndService(s, args)
		}),
	}
	follow := c.Flags().BoolP("follow", "f", false, "go on with new lines until Ctrl-C")
	count := c.Flags().IntP("lines", "n", 100, "`number` of lines of each service, or events of a group, to begin with")
	c.RunE = func(c *cobra.Command, args []string) error {
		if *count < 0 {
			return fmt.Errorf("%w: --lines %d is negative", session.ErrUsage, *count)
		}
		s, err := g.client().Status(c.Context())
		if err != nil {
			return err
		}
		second := slices.Concat(args[1:], []string{""})[0]
		if isLogGroup(args[0]) {
			return openLogGroup(string(g.address), s.Region, args[0], second).print(c.Context(), c.OutOrStdout(), *count, *follow)
		}
		logs, err := findLogs(s.Folder, args[0], second)
		if err != nil {
			return err
		}
		if err := printLogs(c.OutOrStdout(), logs, *count); err != nil || !*follow {
			return err
		}
		return followLogs(c.Context(), c.OutOrStdout(), logs)
	}
	return c
}

// findLogs returns the logs of an instance or a task in the emulator's folder; with a service, its log alone.
func findLogs(folder, id, service string) ([]*tail, error) {
	if !filepath.IsLocal(id) || strings.ContainsRune(id, filepath.Separator) {
		return nil, fmt.Errorf("%w: %q is not an ID", session.ErrUsage, id)
	}
	var files []string
	for _, pattern := range []string{"instances/*/log/*.log", "instances/*/console.log", "tasks/*/log/*.log"} {
		found, err := filepath.Glob(filepath.Join(folder, strings.Replace(pattern, "*", id, 1)))
		if err != nil {
			return nil, fmt.Errorf("%w: %q is not an ID", session.ErrUsage, id)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no log of %s is in %s: see status for instances and tasks", id, folder)
	}
	var logs []*tail
	var names []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".log")
		names = append(names, name)
		if service == "" || service == name {
			logs = append(logs, &tail{name: name, file: file})
		}
	}
	if len(logs) == 0 {
		return nil, fmt.Errorf("%s has no log of %q; it has %s", id, service, strings.Join(names, ", "))
	}
	return logs, nil
}

// printLogs prints the last lines of each log.
func printLogs(out io.Writer, logs []*tail, count int) error {
	for _, log := range logs {
		lines, err := log.read()
		if err != nil {
			return err
		}
		printLines(out, log, len(logs) > 1, lines[max(0, len(lines)-count):])
	}
	return nil
}

// followLogs prints new lines until ctx ends.
func followLogs(ctx context.Context, out io.Writer, logs []*tail) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
		for _, log := range logs {
			lines, err := log.read()
			if err != nil {
				return err
			}
			printLines(out, log, len(logs) > 1, lines)
		}
	}
}

func printLines(out io.Writer, log *tail, named bool, lines []string) {
	for _, line := range lines {
		if named {
			line = fmt.Sprintf("%-12s | %s", log.name, line)
		}
		fmt.Fprintln(out, line)
	}
}
