package guest

import (
	"io"
	"os/exec"
	"sync"

	"golang.org/x/sys/unix"
)

// watchdog is a shell that runs while there are instances. It waits for the emulator's end, however that comes, and then
// kills every process with the emulator's mark. The kernel ends services themselves; this is for what they forked.
type watchdog struct {
	mu        sync.Mutex
	instances int
	leash     io.WriteCloser // closed by the emulator's end; a line on it calls the watchdog off
}

var guard watchdog

const watchdogScript = `read -r _ && exit 0
while :; do
	found=
	for e in /proc/[0-9]*/environ; do
		if tr '\0' '\n' <"$e" | grep -q "^$1/"; then
			p=${e#/proc/}
			kill -9 "${p%/environ}" && found=1
		fi
	done
	[ "$found" ] || exit 0
done`

// watch counts an instance in, and out when it is done.
func (w *watchdog) watch(done <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.instances == 0 {
		w.start()
	}
	w.instances++
	go func() {
		<-done
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.instances--; w.instances == 0 && w.leash != nil {
			_, _ = io.WriteString(w.leash, "\n")
			w.leash = nil
		}
	}()
}

func (w *watchdog) start() {
	mark := markVariable + "=" + emulatorMark()
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "elastic-service-watchdog", mark) //nolint:gosec // a constant and a random word
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}                                      // a terminal's Ctrl-C is not for it
	cmd.Dir = "/"
	leash, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return // without it, only what services forked can outlive a kill -9 of the emulator
	}
	w.leash = leash
	go func() { _ = cmd.Wait() }()
}
