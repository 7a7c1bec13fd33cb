package guest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/guest"
)

func TestAStressUsesItsShareAndNoMore(t *testing.T) {
	r := boot(t, newMachine(t, "10.2.0.4", document(service("web", "", "Environment=WAIT=1"))))
	r.eventually("web", guest.Running)
	before := len(r.Services())
	stress, err := r.Stress(0.2)
	require.NoError(t, err)
	began, used := time.Now(), r.CPUTime()
	time.Sleep(3 * time.Second)
	share := float64(r.CPUTime()-used) / float64(time.Since(began))
	assert.LessOrEqual(t, share, 0.26, "a fifth of a core")
	assert.GreaterOrEqual(t, share, 0.05, "as far as a busy machine has one")
	assert.Len(t, r.Services(), before, "it is no service")
	stress.Stop()
	after := r.CPUTime()
	assert.GreaterOrEqual(t, after, used+time.Duration(share*float64(time.Second)), "what it used stays used")
	time.Sleep(200 * time.Millisecond)
	assert.InDelta(t, after.Seconds(), r.CPUTime().Seconds(), 0.03)

	stress, err = r.Stress(0.1)
	require.NoError(t, err)
	require.NoError(t, r.Shutdown(t.Context()))
	stress.Stop() // which has nothing left to do
	_, err = r.Stress(0.1)
	require.ErrorContains(t, err, "shutting down")
}

func TestAKilledProcessComesBackAsItsUnitSays(t *testing.T) {
	r := boot(t, newMachine(t, "10.2.0.5", document(
		service("web", "", "Environment=SERVE=:5000\nRestart=always\nRestartSec=100ms"), service("once", "", "Environment=WAIT=1"),
	)))
	first := r.eventually("web", guest.Running).PID
	r.eventually("once", guest.Running)
	require.NoError(t, r.SignalProcess("web", unix.SIGKILL))
	require.Eventually(t, func() bool {
		s := r.status("web")
		return s.State == guest.Running && s.PID != first && s.Restarts == 1
	}, 10*time.Second, 2*time.Millisecond)
	require.NoError(t, r.SignalProcess("once", unix.SIGTERM))
	r.eventually("once", guest.Stopped)
	require.ErrorContains(t, r.SignalProcess("once", unix.SIGTERM),
		`no process "once" runs on i-10x2x0x5, which has web.service, once.service`)

	second := r.eventually("web", guest.Running).PID
	require.NoError(t, r.SignalProcess("guest.test", unix.SIGKILL), "by the name of the process")
	require.Eventually(t, func() bool { return r.status("web").PID != second }, 10*time.Second, 2*time.Millisecond)
}
