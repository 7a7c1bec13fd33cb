package guest

import (
	"io"
	"os/exec"
	"sync"

	"golang.org/x/sys/unix"
)

// watchdog runs a shell while there are instances. The shell waits until the emulator ends, even by SIGKILL, and then kills every process
// with the emulator's mark. The kernel ends the main processes of services; the watchdog is for the processes that they forked.
type watchdog struct {
	mu        sync.Mutex
	instances int
	leash     io.WriteCloser // closed when the emulator ends; a line written to it ends the shell
}

// guard is the watchdog of this process.
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

// watch runs the watchdog until an instance is done.
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

// start starts the shell.
func (w *watchdog) start() {
	mark := markVariable + "=" + emulatorMark()
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "elastic-service-watchdog", mark) //nolint:gosec // constants and a random text
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}                                      // Ctrl-C on the terminal must not end it
	cmd.Dir = "/"
	leash, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return // without a watchdog, forked processes survive a kill -9 of the emulator
	}
	w.leash = leash
	go func() { _ = cmd.Wait() }()
}
