package thread_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/internal/thread"
)

func TestAFunctionNeverRunsOnTheFirstThread(t *testing.T) {
	var together sync.WaitGroup
	for range 8 { // side by side, so that the runtime has use for every thread that it has
		together.Go(func() {
			for range 500 {
				assert.NoError(t, thread.Run(func() error {
					if unix.Gettid() == os.Getpid() {
						return errors.New("the first thread")
					}
					return nil
				}))
			}
		})
	}
	together.Wait()
}

func TestItsThreadEnds(t *testing.T) {
	var threads []int
	for range 100 {
		require.NoError(t, thread.Run(func() error {
			threads = append(threads, unix.Gettid())
			return nil
		}))
	}
	for _, id := range threads {
		assert.Eventually(t, func() bool {
			_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", id))
			return errors.Is(err, os.ErrNotExist)
		}, 5*time.Second, 10*time.Millisecond, "thread %d", id)
	}
}
