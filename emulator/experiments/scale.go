package experiments

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/elastic-service/elastic-service/emulator/rehearsal"
)

// runScale measures what a large group and many resources cost on this machine.
func runScale(ctx context.Context, o Options) error {
	changes := append(fixedSize(o.Instances), moreResources(o.Instances, o.Resources)...)
	start, before := time.Now(), measureUsage()
	return inLaboratory(ctx, o, changes, func(l *laboratory) error {
		up, after := time.Since(start), measureUsage()
		fmt.Fprintf(l.out, "stack %s, speed %g\n", o.Session.Stack, o.Session.Speed)
		rows := [][]string{{"what", "measured"}}
		add := func(what, format string, args ...any) {
			rows = append(rows, []string{what, fmt.Sprintf(format, args...)})
		}
		resources, waited := 0, l.stack.Result.Took["aws:autoscaling/group:Group"]
		for _, count := range l.stack.Result.Types {
			resources += count
		}
		add("resources", "%d", resources)
		add("instances, all healthy", "%d", len(l.stack.Healthy()))
		add("up, with everything healthy", "%.1f s", up.Seconds())
		add("the engine's part", "%.1f s, %.0f ms a resource", (l.stack.Result.Duration - waited).Seconds(),
			float64((l.stack.Result.Duration-waited).Milliseconds())/float64(max(1, resources)))
		add("the group's part", "%.1f s, %.0f ms an instance", waited.Seconds(), float64(waited.Milliseconds())/float64(max(1, o.Instances)))
		add("CPU of the emulator meanwhile", "%.1f s", (after.cpu - before.cpu).Seconds())
		if err := l.measureIdle(ctx, add); err != nil {
			return err
		}
		again, err := l.stack.Up(ctx)
		if err != nil {
			return err
		}
		if again.Changes() > 0 {
			return fmt.Errorf("the second up changed something: %s", again)
		}
		add("up again, without a change", "%.1f s", again.Duration.Seconds())
		printTable(l.out, rows)
		return nil
	})
}

// measureIdle looks at a deployed stack that nobody asks.
func (l *laboratory) measureIdle(ctx context.Context, add func(what, format string, args ...any)) error {
	const idle = 20 * time.Second // two of the minutes in which CPU is measured, at speed 10 and above
	before, start := measureUsage(), time.Now()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(idle):
	}
	now, took := measureUsage(), time.Since(start)
	add("CPU of the emulator, idle", "%s of a core", percent(float64(now.cpu-before.cpu)/float64(took)))
	add("memory of the emulator", "%d MiB", now.memory>>20)
	add("processes of the instances", "%d", now.children)
	add("memory of these", "%d MiB, %.1f MiB each", now.childMemory>>20, float64(now.childMemory>>20)/float64(max(1, now.children)))
	began := time.Now()
	l.stack.Status()
	add("status", "%.1f ms", float64(time.Since(began).Microseconds())/1000)
	if info, err := os.Stat(filepath.Join(l.stack.Session.Options().Folder, "cloud.json")); err == nil {
		add("saved model", "%d KiB", info.Size()>>10)
	}
	return nil
}

// moreResources are settings that bring a stack to about so many resources: listeners with the rules that let clients in,
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
