package experiments

import (
	"context"
	"fmt"
	"time"

	"github.com/elastic-service/elastic-service/emulator/load"
)

// clientRate is how many questions a second, real time, clients ask while instances are terminated.
const clientRate = 100

// afterwards is how long they go on asking once the group is whole again, real time.
const afterwards = 2 * time.Second

// runTerminate terminates some of the instances at once and shows what clients see of it.
func runTerminate(ctx context.Context, o Options) error {
	count := o.Count
	return inLaboratory(ctx, o, fixedSize(max(2, count)), func(l *laboratory) error {
		before := l.stack.Healthy()
		fmt.Fprintf(l.out, "stack %s, %d instances, %d terminated at once, speed %g; %d questions a second, real time\n\n", o.Session.Stack,
			len(before), count, o.Session.Speed, clientRate)
		log := startHistory(ctx, l.cloud())
		asked := &witness{}
		loaded, end := context.WithCancel(ctx)
		defer end()
		result := make(chan load.Report, 1)
		go func() {
			result <- load.Run(loaded, load.Options{Rate: clientRate, Patience: load.Patience}, asked.watch(l.stack.Service))
		}()
		if err := l.await(ctx, 0, func() bool { return asked.answers() > clientRate }); err != nil {
			return fmt.Errorf("nobody answers: %w", err)
		}
		asked.begin()
		log.begin()
		for _, i := range before[:count] {
			if err := l.cloud().TerminateInstance(i.ID); err != nil {
				return err
			}
		}
		err := l.await(ctx, 15*time.Minute, func() bool { return len(l.replacements(before)) >= count })
		if err != nil {
			return fmt.Errorf("waiting for %d replacements: %w", count, err)
		}
		whole := asked.sinceBegin()
		time.Sleep(afterwards)
		end()
		report := <-result
		printTable(l.out, append([][]string{{"s there", "what", "now"}}, log.stop()...))
		fmt.Fprintf(l.out, "\n  whole again after %.1f s here, %.0f s there\n", whole.Seconds(), whole.Seconds()*o.Session.Speed)
		asked.print(l.out, report)
		return nil
	})
}
