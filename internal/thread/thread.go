// Package thread runs functions on threads that end with them. Linux keeps namespaces and seccomp filters for each thread: a thread that
// has entered a namespace or installed a filter must not be used for anything else.
package thread

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Run runs f on a thread that ends when f returns, and returns f's error. It never uses the process's first thread: this thread cannot end,
// and /proc/self shows its namespaces as those of the whole process.
func Run(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			defer runtime.UnlockOSThread()
			done <- Run(f) // on another thread, as this thread is locked
			return
		}
		done <- f()
	}()
	return <-done
}
