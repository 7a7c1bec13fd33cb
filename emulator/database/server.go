package database

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/internal/ca"
	"github.com/elastic-service/elastic-service/internal/thread"
)

// Spec describes a server.
type Spec struct {
	Engine    string         // postgres, mysql or mariadb
	Folder    string         // of this server alone, created if missing: files in data/, the log in server.log
	Origin    string         // the folder of a snapshot, with whose files the server begins; "": with an empty server's
	Address   netip.AddrPort // on this machine
	Host      string         // the DNS name of the endpoint, for which its certificate is
	Authority *ca.Authority  // of its certificate
	ForceTLS  bool           // connections without TLS are refused

	Username string // of the master user
	Password string // of the master user; "": it keeps the one that it has
	Name     string // of the first database; "": there is none
}

// Server is a server that runs.
type Server struct {
	spec   Spec
	engine *engine
	secret string // the superuser's password

	process *os.Process
	ended   chan struct{} // closed when the process has ended
	failure error         // valid after ended

	mu    sync.Mutex // guards admin
	admin admin
}

// superuser is the name of the superuser, which RDS reserves for itself.
const superuser = "rdsadmin"

// startTime is the longest real time until a server answers: it may have to recover after a crash.
const startTime = 2 * time.Minute

// Start starts a server, and makes its files before its first start. It returns when the server answers, and its master user and database
// exist. The end of ctx cancels the start, not the server.
func Start(ctx context.Context, spec Spec) (*Server, error) {
	e := engines[spec.Engine]
	if e == nil {
		return nil, fmt.Errorf("engine %q is not known", spec.Engine)
	}
	folder, err := filepath.Abs(spec.Folder)
	if err != nil {
		return nil, err
	}
	spec.Folder = folder
	s := &Server{spec: spec, engine: e, ended: make(chan struct{})}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := s.start(ctx); err != nil {
		return nil, fmt.Errorf("%s at %s: %w", e.name, spec.Address, err)
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	command, err := s.engine.command(s)
	if err != nil {
		return err
	}
	if err := s.run(command); err != nil {
		return err
	}
	if err := s.connect(ctx); err != nil {
		s.Kill()
		return err
	}
	if err := s.admin.setUp(ctx, s.spec); err != nil {
		s.Kill()
		return err
	}
	return nil
}

// The files in a server's folder.
const (
	dataFolder  = "data"
	partFolder  = "data.part" // until it is complete
	secretFile  = "superuser"
	certificate = "server.crt"
	key         = "server.key"
	logFile     = "server.log"
)

func (s *Server) path(name string) string { return filepath.Join(s.spec.Folder, name) }

// prepare makes the files that are missing, and a new certificate: the emulator's authority is a new one at each of its starts.
func (s *Server) prepare(ctx context.Context) error {
	if err := os.MkdirAll(s.spec.Folder, 0o700); err != nil {
		return err
	}
	if _, err := os.Stat(s.path(dataFolder)); errors.Is(err, fs.ErrNotExist) {
		if err := s.create(ctx); err != nil {
			return err
		}
	}
	secret, err := os.ReadFile(s.path(secretFile))
	if err != nil {
		return err
	}
	s.secret = string(secret)
	return s.certify()
}

// create makes the files of an empty server in one step: what an interrupted start has left is made again.
func (s *Server) create(ctx context.Context) error {
	if s.spec.Origin != "" {
		if err := Copy(s.spec.Origin, s.spec.Folder); err != nil {
			return fmt.Errorf("snapshot %s: %w", filepath.Base(s.spec.Origin), err)
		}
		return nil
	}
	s.secret = rand.Text()
	if err := os.WriteFile(s.path(secretFile), []byte(s.secret), 0o600); err != nil {
		return err
	}
	if err := os.RemoveAll(s.path(partFolder)); err != nil {
		return err
	}
	if err := s.engine.create(ctx, s); err != nil {
		return err
	}
	return os.Rename(s.path(partFolder), s.path(dataFolder))
}

// certify writes a certificate for the endpoint, and its key.
func (s *Server) certify() error {
	issued, err := s.spec.Authority.Certificate(s.spec.Host, s.spec.Address.Addr().String())
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(issued.PrivateKey)
	if err != nil {
		return err
	}
	var chain []byte
	for _, c := range issued.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c})...)
	}
	return errors.Join(
		os.WriteFile(s.path(certificate), chain, 0o600),
		os.WriteFile(s.path(key), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600),
	)
}

// trust returns how the superuser verifies the server.
func (s *Server) trust() *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.spec.Authority.PEM())
	return &tls.Config{RootCAs: pool, ServerName: s.spec.Host, MinVersion: tls.VersionTLS12}
}

// setup runs a command to its end before the server starts. Its error has the command's output.
func (s *Server) setup(ctx context.Context, program string, words ...string) error {
	path, err := find(program)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, words...) //nolint:gosec // a program of this machine
	cmd.Dir, cmd.Env = s.spec.Folder, environment()
	restrict(cmd)
	cmd.SysProcAttr.Pdeathsig = unix.SIGKILL
	cmd.SysProcAttr.Setpgid = true
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	return thread.Run(func() error { // the kernel sends the signal when the thread ends
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", program, err, lastLines(out))
		}
		return nil
	})
}

// environment returns the environment of a server: nothing of the emulator's.
func environment() []string {
	return []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC"}
}

// lastLines returns the last lines of a program's output.
func lastLines(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	const shown = 6
	return strings.Join(lines[max(0, len(lines)-shown):], "; ")
}

// run starts the server's process. When the emulator ends, the kernel ends the process.
func (s *Server) run(command []string) error {
	log, err := os.OpenFile(s.path(logFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec // a program of this machine
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.path(dataFolder), environment(), log, log
	restrict(cmd)
	cmd.SysProcAttr.Setpgid = true // Ctrl-C on the terminal is for the emulator
	cmd.SysProcAttr.Pdeathsig = syscall.Signal(s.engine.died)
	started := make(chan error)
	go func() {
		_ = thread.Run(func() error {
			defer log.Close()
			err := cmd.Start()
			started <- err
			if err == nil {
				s.failure = cmd.Wait()
				close(s.ended)
			}
			return nil
		})
	}()
	if err := <-started; err != nil {
		return err
	}
	s.process = cmd.Process
	return nil
}

// connect waits until the superuser is let in.
func (s *Server) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // another program may listen at the address, and say nothing
		select {
		case <-s.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	var last error
	for {
		if s.admin, last = s.engine.open(ctx, s); last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
		switch {
		case s.hasEnded():
			out, _ := os.ReadFile(s.path(logFile)) // without it, the reason is the exit status
			return fmt.Errorf("the server ended: %w: %s", s.failure, lastLines(out))
		case ctx.Err() != nil:
			return fmt.Errorf("%w: %w", ctx.Err(), last)
		}
	}
}

func (s *Server) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// Done returns a channel that is closed when the server has ended.
func (s *Server) Done() <-chan struct{} { return s.ended }

// SetPassword changes the password of the master user. Connections that are open stay.
func (s *Server) SetPassword(ctx context.Context, password string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.admin.setPassword(ctx, s.spec.Username, password)
}

// Connections counts the connections of clients.
func (s *Server) Connections(ctx context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.admin.connections(ctx)
}

// killTime is how long the processes of a server have to end by themselves after their connections were cut.
const killTime = 5 * time.Second

// Kill ends the server as a power cut does, and returns when it has ended. What was committed is in its files.
func (s *Server) Kill() {
	_ = s.process.Signal(syscall.Signal(s.engine.died)) // fails if it has ended
	select {
	case <-s.ended:
	case <-time.After(killTime):
		for _, pid := range s.processes() {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		<-s.ended
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.admin != nil {
		_ = s.admin.close() // the server has closed it
		s.admin = nil
	}
}

// processes lists the server's processes, its first before those that it has started.
func (s *Server) processes() []int {
	pids := []int{s.process.Pid}
	all, err := procfs.AllProcs()
	if err != nil {
		return pids
	}
	for _, p := range all {
		if stat, err := p.Stat(); err == nil && stat.PPID == s.process.Pid {
			pids = append(pids, p.PID)
		}
	}
	return pids
}

// CPUTime returns the processor time of the server's processes.
func (s *Server) CPUTime() time.Duration {
	const tick = time.Second / 100 // USER_HZ, the same on all architectures
	var total time.Duration
	for n, pid := range s.processes() {
		p, err := procfs.NewProc(pid)
		if err != nil {
			continue
		}
		stat, err := p.Stat()
		if err != nil {
			continue
		}
		used := int(stat.UTime) + int(stat.STime)
		if n == 0 {
			used += stat.CUTime + stat.CSTime // of those that have ended
		}
		total += time.Duration(used) * tick
	}
	return total
}

// Freeze lets the server's processes stand still while copied runs: the files then are those of one moment, from which a server recovers
// as after a crash.
func (s *Server) Freeze(copied func() error) error {
	stopped := s.processes()
	defer func() {
		for _, pid := range stopped {
			_ = unix.Kill(pid, unix.SIGCONT) // it may have ended
		}
	}()
	if err := s.process.Signal(unix.SIGSTOP); err != nil {
		return err
	}
	stopped = s.processes() // no more are started
	for _, pid := range stopped {
		_ = unix.Kill(pid, unix.SIGSTOP)
	}
	for _, pid := range stopped {
		if err := awaitStop(pid); err != nil {
			return err
		}
	}
	return copied()
}

// awaitStop waits until a process stands still: a signal takes effect at the end of a system call.
func awaitStop(pid int) error {
	for began := time.Now(); time.Since(began) < killTime; time.Sleep(time.Millisecond) {
		p, err := procfs.NewProc(pid)
		if err != nil {
			return nil //nolint:nilerr // it has ended
		}
		if stat, err := p.Stat(); err != nil || strings.Contains("TtZX", stat.State) {
			return nil //nolint:nilerr // it has ended
		}
	}
	return fmt.Errorf("process %d does not stop", pid)
}
