package experiments

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/elastic-service/elastic-service/emulator/clock"
	"github.com/elastic-service/elastic-service/emulator/rehearsal"
)

// Scale is what a group and its resources cost on this machine. Times are real seconds, sizes are bytes.
type Scale struct {
	Resources     int     `json:"resources"`
	Instances     int     `json:"instances"`
	Up            float64 `json:"up"`        // until all instances were healthy
	Engine        float64 `json:"engine"`    // part of Up without the group
	Group         float64 `json:"group"`     // part of Up until the group was healthy
	CPU           float64 `json:"cpu"`       // of the emulator during Up
	IdleCPU       float64 `json:"idleCPU"`   // of the emulator afterwards, cores
	Memory        int     `json:"memory"`    // of the emulator
	Processes     int     `json:"processes"` // of the instances
	ProcessMemory int     `json:"processMemory"`
	Status        float64 `json:"status"`  // time that it takes to get the status
	Saved         int64   `json:"saved"`   // size of the saved state
	UpAgain       float64 `json:"upAgain"` // without a change
}

// runScale measures what a large group and many resources cost on this machine.
func runScale(ctx context.Context, o Options) error {
	changes := append(fixedSize(o.Instances), moreResources(o.Instances, o.Resources)...)
	start, before := time.Now(), measureUsage()
	return inLaboratory(ctx, o, changes, func(l *laboratory) error {
		s := Scale{Instances: len(l.stack.Healthy()), Up: clock.Seconds(time.Since(start)), CPU: clock.Seconds(measureUsage().cpu - before.cpu)}
		waited := l.stack.Result.Took["aws:autoscaling/group:Group"]
		s.Engine, s.Group = clock.Seconds(l.stack.Result.Duration-waited), clock.Seconds(waited)
		for _, count := range l.stack.Result.Types {
			s.Resources += count
		}
		if err := l.measureIdle(ctx, &s); err != nil {
			return err
		}
		again, err := l.stack.Up(ctx)
		if err != nil {
			return err
		}
		if again.Changes() > 0 {
			return fmt.Errorf("the second up changed something: %s", again)
		}
		s.UpAgain = clock.Seconds(again.Duration)
		l.found(Summary{fmt.Sprintf("stack %s, speed %g", o.Session.Stack, o.Session.Speed)})
		l.found(s)
		return nil
	})
}

// measureIdle measures a deployed stack that gets no requests.
func (l *laboratory) measureIdle(ctx context.Context, s *Scale) error {
	const idle = 20 * time.Second // two of the minutes in which CPU use is measured, at speed 10 and above
	before, start := measureUsage(), time.Now()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(idle):
	}
	now, took := measureUsage(), time.Since(start)
	s.IdleCPU, s.Memory = float64(now.cpu-before.cpu)/float64(took), now.memory
	s.Processes, s.ProcessMemory = now.children, now.childMemory
	asked := time.Now()
	l.stack.Status()
	s.Status = time.Since(asked).Seconds()
	if info, err := os.Stat(filepath.Join(l.stack.Session.Options().Folder, "cloud.json")); err == nil {
		s.Saved = info.Size()
	}
	return nil
}

// Print prints a table.
func (s Scale) Print(out io.Writer) {
	row := func(what, format string, args ...any) []string { return []string{what, fmt.Sprintf(format, args...)} }
	printTable(out, [][]string{
		{"what", "measured"},
		row("resources", "%d", s.Resources),
		row("instances, all healthy", "%d", s.Instances),
		row("up, with everything healthy", "%.1f s", s.Up),
		row("the engine's part", "%.1f s, %.0f ms a resource", s.Engine, 1000*s.Engine/float64(max(1, s.Resources))),
		row("the group's part", "%.1f s, %.0f ms an instance", s.Group, 1000*s.Group/float64(max(1, s.Instances))),
		row("CPU of the emulator meanwhile", "%.1f s", s.CPU),
		row("CPU of the emulator, idle", "%s of a core", percent(s.IdleCPU)),
		row("memory of the emulator", "%d MiB", s.Memory>>20),
		row("processes of the instances", "%d", s.Processes),
		row("memory of these", "%d MiB, %.1f MiB each", s.ProcessMemory>>20, float64(s.ProcessMemory>>20)/float64(max(1, s.Processes))),
		row("status", "%.1f ms", 1000*s.Status),
		row("saved state", "%d KiB", s.Saved>>10),
		row("up again, without a change", "%.1f s", s.UpAgain),
	})
}

// moreResources returns settings that bring a stack to about so many resources: listeners with the rules that let clients in,
// subscriptions, and schedules that change nothing.
func moreResources(instances, resources int) []rehearsal.Setting {
	const own, subscriptions, listeners = 34, 10, 48
	missing := resources - own
	if missing <= 0 {
		return nil
	}
	ports := []any{map[string]any{"port": 5000, "protocol": "TCP"}}
	for i := range min(listeners, missing/4) {
		ports = append(ports, map[string]any{"port": 6000 + i, "protocol": "TCP"})
	}
	var notify, schedules []any
	for i := range min(subscriptions, missing/8) {
		notify = append(notify, map[string]any{"protocol": "email", "endpoint": fmt.Sprintf("somebody-%d@example.com", i)})
	}
	for i := range max(0, missing-2*(len(ports)-1)-len(notify)-2) {
		schedules = append(schedules, map[string]any{
			"name": fmt.Sprintf("yearly-%03d", i), "cron": fmt.Sprintf("%d 3 29 2 *", i%60), "min": instances, "max": instances,
		})
	}
	return []rehearsal.Setting{
		setting(ports, "balancer", "listeners"), setting(notify, "scaling", "notify"), setting(schedules, "scaling", "schedules"),
	}
}
