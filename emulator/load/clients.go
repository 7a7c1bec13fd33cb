package load

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Clients ask again and again in the background.
type Clients struct {
	end    context.CancelFunc
	asking sync.WaitGroup
	mu     sync.Mutex
	counts Counts
}

// Counts are how the requests of clients fared.
type Counts struct {
	Answered    int    `json:"answered"`
	Failed      int    `json:"failed"`
	LastFailure string `json:"lastFailure,omitempty"`
}

func (c Counts) String() string {
	if c.Failed == 0 {
		return fmt.Sprintf("%d answered, 0 failed", c.Answered)
	}
	return fmt.Sprintf("%d answered, %d failed (%s)", c.Answered, c.Failed, c.LastFailure)
}

// StartClients asks once in every interval, each time in a goroutine of its own, so that a slow answer delays no other request.
func StartClients(ctx context.Context, interval time.Duration, ask Ask) *Clients {
	ctx, cancel := context.WithCancel(ctx)
	c := &Clients{end: cancel}
	c.asking.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			c.asking.Go(func() {
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
		c.counts.Answered++
		return
	}
	c.counts.Failed++
	c.counts.LastFailure = err.Error()
}

// Stop ends the clients, waits for the requests under way, and returns how all fared.
func (c *Clients) Stop() Counts {
	c.end()
	c.asking.Wait()
	return c.counts
}
