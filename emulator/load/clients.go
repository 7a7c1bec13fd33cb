package load

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Clients ask again and again in the background.
type Clients struct {
	end              context.CancelFunc
	done             sync.WaitGroup
	mu               sync.Mutex
	answered, failed int
	lastFailure      string
}

// StartClients asks once in every interval, each time in a goroutine of its own, so that a slow answer delays no other request.
func StartClients(ctx context.Context, every time.Duration, ask Ask) *Clients {
	ctx, cancel := context.WithCancel(ctx)
	c := &Clients{end: cancel}
	c.done.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			c.done.Go(func() {
				if err := ask(ctx); ctx.Err() == nil {
					c.count(err)
				}
			})
		}
	})
	return c
}

func (c *Clients) count(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.answered++
		return
	}
	c.failed++
	c.lastFailure = err.Error()
}

// Failures counts the requests without an answer so far.
func (c *Clients) Failures() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// Stop ends the clients, waits for the requests under way, and describes how they fared.
func (c *Clients) Stop() string {
	c.end()
	c.done.Wait()
	report := fmt.Sprintf("clients meanwhile: %d answered, %d failed", c.answered, c.failed)
	if c.failed > 0 {
		report += " (" + c.lastFailure + ")"
	}
	return report
}
