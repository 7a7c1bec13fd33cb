// Package thread runs functions on threads of their own, for what Linux keeps by thread and nothing takes back: namespaces
// and seccomp filters.
package thread

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Run runs f on a thread that ends with it, and returns what f does. It is never the process's first thread, which would
// not end: /proc/self shows that one's namespaces for the whole process.
func Run(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			defer runtime.UnlockOSThread()
			done <- Run(f) // on another one, for this one is held meanwhile
			return
		}
		done <- f()
	}()
	return <-done
}
