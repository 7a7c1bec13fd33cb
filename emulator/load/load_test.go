package load_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/elastic-service/elastic-service/emulator/load"
)

func TestTheRateIsKeptHoweverSlowTheAnswersAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := load.Run(t.Context(), load.Options{Rate: 200, For: time.Second, Patience: 5 * time.Second}, func(context.Context) error {
			time.Sleep(300 * time.Millisecond)
			return nil
		})
		assert.Equal(t, 200, r.Sent)
		assert.Equal(t, 1295*time.Millisecond, r.Took, "the last one is sent at 995 ms")
		assert.Equal(t, r.Sent, r.Answered, "those under way at the end are waited for")
		assert.Zero(t, r.Unanswered())
		assert.GreaterOrEqual(t, r.Latency.Median, 300*time.Millisecond)
		assert.LessOrEqual(t, r.Latency.Median, r.Latency.P99)
		assert.LessOrEqual(t, r.Latency.P99, r.Latency.Longest)
	})
}

func TestWhatIsNotAnsweredIsCountedByWhatItMet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		met := []error{
			nil, fmt.Errorf("read: %w", syscall.ECONNRESET), &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, io.EOF,
			errors.New("503 Service Temporarily Unavailable"),
		}
		r := load.Run(t.Context(), load.Options{Rate: 1000, For: 200 * time.Millisecond, Patience: time.Second}, func(context.Context) error {
			return met[int(n.Add(1)-1)%len(met)]
		})
		assert.Equal(t, r.Sent, r.Answered+r.Refused+r.Failed)
		assert.InDelta(t, 2*r.Answered, r.Refused, 2)
		assert.InDelta(t, 2*r.Answered, r.Failed, 2)
		for _, what := range []string{
			"connection reset by peer", "connection refused", "closed without an answer", "503 Service Temporarily Unavailable",
		} {
			assert.Positive(t, r.Errors[what], what)
		}
	})
}

func TestAnAnswerThatComesTooLateIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := load.Options{Rate: 50, For: 100 * time.Millisecond, Patience: 50 * time.Millisecond}
		r := load.Run(t.Context(), o, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		assert.Equal(t, r.Sent, r.Failed)
		assert.Equal(t, map[string]int{"no answer in time": r.Sent}, r.Errors)
	})
}

func TestAnInterruptedLoadReportsAndLetsNobodyDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		seconds := 0
		r := load.Run(ctx, load.Options{
			Rate: 100, Patience: 5 * time.Second, Progress: func(r load.Report) {
				assert.Positive(t, r.Sent)
				seconds++
				cancel()
			},
		}, func(ctx context.Context) error {
			time.Sleep(100 * time.Millisecond)
			return ctx.Err()
		})
		assert.Equal(t, 1, seconds)
		assert.Equal(t, r.Sent, r.Answered, "the interruption is not the requests'")
	})
}
