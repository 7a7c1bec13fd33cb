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

// Spawner starts the processes of one instance from a thread of its own, which carries the seccomp filter that they
// inherit. The rest of the emulator stays unfiltered: the runtime makes no thread from a locked one. The thread lives
// until Close, because PR_SET_PDEATHSIG fires at the end of the thread that forked.
type Spawner struct {
	work chan func()
	once sync.Once
	warn func(key, message string, args ...any) // once a key

	home     home
	listener *os.File
	borrows  bool // pidfd_getfd is allowed
	held     bool // the kernel lets no signal interrupt a call that the emulator carries out (Linux 5.19)
}

// NewSpawner makes the spawner of the instance with a private address.
func NewSpawner(private netip.Addr, log *slog.Logger) (*Spawner, error) {
	return newSpawner(homeOf(private), canBorrow(), log)
}

func newSpawner(h home, borrows bool, log *slog.Logger) (*Spawner, error) {
	s := &Spawner{home: h, borrows: borrows, work: make(chan func()), warn: onceEach(log)}
	ready := make(chan error)
	go thread.Run(func() error { s.run(ready); return nil }) //nolint:errcheck // told as ready
	if err := <-ready; err != nil {
		return nil, err
	}
	go s.serve()
	return s, nil
}

// run puts the filter on the calling thread, and starts what is to be started from there, until Close.
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

// Start starts cmd, which dies with the emulator.
func (s *Spawner) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &unix.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = unix.SIGKILL
	started := make(chan error)
	s.work <- func() { started <- cmd.Start() }
	return <-started
}

// Close ends the thread. No Start may follow.
func (s *Spawner) Close() {
	s.once.Do(func() {
		close(s.work)
		_ = s.listener.Close()
	})
}

// filter makes the calling thread's bind(2) and connect(2), and those of all it starts, calls that the emulator answers.
func (s *Spawner) filter() error {
	program, err := filterProgram(runtime.GOARCH)
	if err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	s.held = true
	fd, errno := installFilter(program, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
	if errno == unix.EINVAL {
		s.held = false
		fd, errno = installFilter(program, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	}
	if errno != 0 {
		return unsupported("seccomp user notification", errno)
	}
	// Non-blocking for the runtime's poller alone; the kernel's receive blocks all the same and is called when there is
	// something to receive.
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return err
	}
	s.listener = os.NewFile(uintptr(fd), "seccomp listener")
	return nil
}

func installFilter(program []unix.SockFilter, flags uintptr) (int, unix.Errno) {
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	fd, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog))) //nolint:gosec // the call's own struct
	runtime.KeepAlive(program)
	return int(fd), errno
}

// filterProgram is classic BPF over struct seccomp_data: nr at offset 0, arch at 4. All but bind and connect of the
// native architecture is allowed.
func filterProgram(arch string) ([]unix.SockFilter, error) {
	audit, known := map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[arch]
	if !known {
		return nil, fmt.Errorf("the emulator runs instances on amd64 and arm64, not on %s", arch)
	}
	const load, equal, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
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

// canBorrow tries whether pidfd_getfd is allowed. Docker's default seccomp profile denies it.
var canBorrow = sync.OnceValue(func() bool {
	fd, err := borrow(os.Getpid(), 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err == nil || errors.Is(err, unix.EBADF) // no descriptor 0: the call itself works
})

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

// onceEach warns once a key.
func onceEach(log *slog.Logger) func(key, message string, args ...any) {
	var said sync.Map
	return func(key, message string, args ...any) {
		if _, again := said.LoadOrStore(key, true); !again {
			log.Warn(message, args...)
		}
	}
}
