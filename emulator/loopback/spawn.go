package loopback

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/internal/thread"
)

// Spawner starts the processes of an instance, and makes their calls of bind(2) and connect(2) for them.
//
// It has a thread for this, with a seccomp filter that the processes inherit. Other threads of the emulator stay without the filter, as
// Go's runtime makes no thread from a locked thread. The thread lives until Close, because PR_SET_PDEATHSIG fires at the end of the thread
// that forked.
type Spawner struct {
	work chan func()
	once sync.Once
	warn func(key, message string, args ...any) // once for each key

	home          home
	listener      *os.File
	borrows       bool // pidfd_getfd is allowed
	uninterrupted bool // the kernel lets no signal interrupt a held call (Linux 5.19)
}

// NewSpawner creates the Spawner of the instance or container with a private address. The route decides where its connections to other
// addresses lead; nil leaves them alone. Close frees its thread.
func NewSpawner(private netip.Addr, route Route, log *slog.Logger) (*Spawner, error) {
	return newSpawner(homeOf(private, route), canBorrow(), log)
}

func newSpawner(h home, borrows bool, log *slog.Logger) (*Spawner, error) {
	s := &Spawner{home: h, borrows: borrows, work: make(chan func()), warn: onceEach(log)}
	ready := make(chan error)
	go thread.Run(func() error { s.run(ready); return nil }) //nolint:errcheck // sent to ready
	if err := <-ready; err != nil {
		return nil, err
	}
	go s.serve()
	return s, nil
}

// run puts the filter on the calling thread and starts processes from it, until Close.
func (s *Spawner) run(ready chan<- error) {
	err := s.filter()
	ready <- err
	if err != nil {
		return
	}
	for f := range s.work {
		f()
	}
}

// Start starts a command. The kernel kills its process when the emulator ends.
func (s *Spawner) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &unix.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = unix.SIGKILL
	started := make(chan error)
	s.work <- func() { started <- cmd.Start() }
	return <-started
}

// Close ends the thread, and with it all processes that were started. No Start may follow.
func (s *Spawner) Close() {
	s.once.Do(func() {
		close(s.work)
		_ = s.listener.Close()
	})
}

// filter makes the kernel hold bind(2) and connect(2) of the calling thread and of all processes that it starts.
func (s *Spawner) filter() error {
	program, err := filterProgram(runtime.GOARCH)
	if err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	s.uninterrupted = true
	fd, errno := installFilter(program, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
	if errno == unix.EINVAL {
		s.uninterrupted = false
		fd, errno = installFilter(program, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	}
	if errno != 0 {
		return unsupported("seccomp user notification", errno)
	}
	// Only the runtime's poller needs this: the kernel's receive blocks regardless, and is called when a notification waits.
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return err
	}
	s.listener = os.NewFile(uintptr(fd), "seccomp listener")
	return nil
}

// installFilter installs a filter on the calling thread and returns the descriptor of its listener.
func installFilter(program []unix.SockFilter, flags uintptr) (int, unix.Errno) {
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	fd, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags,
		uintptr(unsafe.Pointer(&prog))) //nolint:gosec // the call's own struct
	runtime.KeepAlive(program)
	return int(fd), errno
}

// filterProgram returns a program in classic BPF over struct seccomp_data, which has nr at offset 0 and arch at 4. It allows every call but
// bind and connect of the native architecture.
func filterProgram(arch string) ([]unix.SockFilter, error) {
	audit, known := map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[arch]
	if !known {
		return nil, fmt.Errorf("the emulator runs instances on amd64 and arm64, not on %s", arch)
	}
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		ret   = unix.BPF_RET | unix.BPF_K
	)
	return []unix.SockFilter{
		{Code: load, K: 4},
		{Code: equal, K: audit, Jf: 4},
		{Code: load, K: 0},
		{Code: equal, K: unix.SYS_BIND, Jt: 1},
		{Code: equal, K: unix.SYS_CONNECT, Jf: 1},
		{Code: ret, K: unix.SECCOMP_RET_USER_NOTIF},
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},
	}, nil
}

// canBorrow reports whether pidfd_getfd is allowed. Docker's default seccomp profile denies it.
var canBorrow = sync.OnceValue(func() bool {
	fd, err := borrow(os.Getpid(), 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err == nil || errors.Is(err, unix.EBADF) // the call works, and there is no descriptor 0
})

// unsupported adds to an error what the machine lacks.
func unsupported(what string, err error) error {
	hint := "instances need Linux 5.9 or later with seccomp user notification"
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		hint = "a container's seccomp profile or a security module forbids it"
	case errors.Is(err, unix.EBUSY):
		hint = "what runs this process already listens to its system calls, and the kernel allows one listener"
	}
	return fmt.Errorf("%s: %w (%s)", what, err, hint)
}

// onceEach returns a function that logs a warning once for each key.
func onceEach(log *slog.Logger) func(key, message string, args ...any) {
	var said sync.Map
	return func(key, message string, args ...any) {
		if _, again := said.LoadOrStore(key, true); !again {
			log.Warn(message, args...)
		}
	}
}
