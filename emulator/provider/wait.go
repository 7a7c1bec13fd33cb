package provider

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// retry says for how long an operation is tried again that the cloud refuses with one of the codes, as the real provider does.
// The zero value tries once.
type retry struct {
	codes   []string      // of [aws.Error]
	timeout time.Duration // emulated time
}

// do runs try until it succeeds, fails for another reason, or the timeout is over.
func (r retry) do(ctx context.Context, c *cloud.Cloud, try func() error) error {
	deadline := c.Now().Add(r.timeout)
	for {
		err := try()
		var refusal *aws.Error
		if !errors.As(err, &refusal) || !slices.Contains(r.codes, refusal.Code) {
			return err
		}
		if !c.Now().Before(deadline) {
			return fmt.Errorf("after %v: %w", r.timeout, err)
		}
		if interrupted := pause(ctx, c); interrupted != nil {
			return fmt.Errorf("%w: %w", interrupted, err)
		}
	}
}

// errTimeout is what await returns when the time is over.
var errTimeout = errors.New("timeout")

// noTimeout has await wait for as long as it takes.
const noTimeout = time.Duration(math.MaxInt64)

// await looks at the model until done returns true or an error, at most for a timeout of emulated time.
func await(ctx context.Context, c *cloud.Cloud, timeout time.Duration, done func(m *cloud.Model) (bool, error)) error {
	deadline := c.Now().Add(timeout)
	for {
		if is, err := cloud.Find(c, done); is || err != nil {
			return err
		}
		if c.Now().After(deadline) {
			return errTimeout
		}
		if err := pause(ctx, c); err != nil {
			return err
		}
	}
}

// pause waits for a change of the cloud, or 100 ms of real time: a deadline may pass without a change.
func pause(ctx context.Context, c *cloud.Cloud) error {
	select {
	case <-c.Changed():
	case <-time.After(100 * time.Millisecond):
	case <-ctx.Done():
		if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
			return cause
		}
		return ctx.Err()
	}
	return nil
}
