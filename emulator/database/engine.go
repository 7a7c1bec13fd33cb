package database

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// engine is a kind of server.
type engine struct {
	name     string   // for people
	programs []string // which it needs
	version  string   // words of the command line of programs[0] that prints it
	died     unix.Signal

	create  func(ctx context.Context, s *Server) error          // makes the files of an empty server
	command func(s *Server) ([]string, error)                   // the command line of the server
	open    func(ctx context.Context, s *Server) (admin, error) // connects as the superuser
}

// admin is a connection of the superuser.
type admin interface {
	// setUp creates the master user and the first database, unless they exist.
	setUp(ctx context.Context, spec Spec) error
	setPassword(ctx context.Context, username, password string) error
	// connections counts the connections of clients.
	connections(ctx context.Context) (int, error)
	close() error
}

// engines are those of RDS. MariaDB runs in place of MySQL.
var engines = map[string]*engine{"postgres": &postgres, "mysql": &mariadb, "mariadb": &mariadb}

// folders are where distributions keep servers that are not on PATH.
var folders = []string{
	"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/usr/sbin", "/usr/libexec", "/usr/local/sbin",
	"/usr/bin", "/usr/local/bin",
}

// find returns the path of a program: on PATH, or the newest in the folders of distributions.
func find(program string) (string, error) {
	if found, err := exec.LookPath(program); err == nil {
		return filepath.Abs(found)
	}
	for _, folder := range folders {
		found, _ := filepath.Glob(filepath.Join(folder, program)) // the patterns are well-formed
		for _, path := range slices.Backward(found) {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s is not installed", program)
}

// Installed describes the server of this machine for an engine, such as "PostgreSQL 15.13", or says why there is none.
func Installed(engine string) (string, error) {
	e := engines[engine]
	if e == nil {
		return "", fmt.Errorf("engine %q is not known", engine)
	}
	return e.installed()
}

var versionNumber = regexp.MustCompile(`[0-9]+\.[0-9]+(\.[0-9]+)?`)

// look is what was found out about an engine.
type look struct {
	once  sync.Once
	found string
	err   error
}

var looks sync.Map // by engine

func (e *engine) installed() (string, error) {
	value, _ := looks.LoadOrStore(e, &look{})
	l := value.(*look)
	l.once.Do(func() { l.found, l.err = e.examine() })
	return l.found, l.err
}

// examine finds the programs and asks the server for its version, as the user that will run it.
func (e *engine) examine() (string, error) {
	for _, program := range e.programs {
		if _, err := find(program); err != nil {
			return "", err
		}
	}
	server, err := find(e.programs[0])
	if err != nil {
		return "", err
	}
	cmd := exec.Command(server, e.version) //nolint:gosec // a program of this machine
	restrict(cmd)
	out, err := cmd.Output()
	switch {
	case errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EINVAL):
		return "", fmt.Errorf("%s does not run as root, and root may make no user namespace here (%w)", e.name, err)
	case err != nil:
		return "", fmt.Errorf("%s: %w", server, err)
	}
	return e.name + " " + string(versionNumber.Find(out)), nil
}

// restrict lets a command run without root's rights: the servers refuse to run as root. For root, the command is in a user namespace in
// which it is an ordinary user without any capability of this machine. Only the owner of its files is root outside.
func restrict(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if os.Geteuid() != 0 {
		return
	}
	const user = 1000
	cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWUSER | unix.CLONE_NEWIPC // whose shared memory the kernel removes with its last process
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: user, HostID: 0, Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: user, HostID: os.Getegid(), Size: 1}}
}
