// Package session runs an emulator in this process, with the Pulumi engine for its stack.
//
//	session ──▶ emulator (folder/cloud.json, folder/instances, …)
//	   └─────▶ engine   (folder/pulumi)
//
// A session holds the lock of its folder: one process at a time works with a stack's state.
package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/engine"
	"github.com/elastic-service/elastic-service/emulator/runtime"
	"github.com/elastic-service/elastic-service/internal/project"
)

// ErrUsage marks errors that the user corrects on the command line.
var ErrUsage = errors.New("wrong arguments")

// Options of a session.
type Options struct {
	Root    string       // folder of Pulumi.yaml and of the stack's file
	Stack   string       // its settings are Root/Pulumi.<Stack>.yaml
	Folder  string       // everything that is kept: the emulated cloud, Pulumi's state, logs
	Speed   float64      // emulated seconds that pass in a real second
	Runtime runtime.Kind // what instances are; runtime.Process when empty
	Verbose bool         // also write the emulator's log and Pulumi's output to Err
	Err     io.Writer    // progress of a build of the Pulumi CLI, and what Verbose adds
}

// Session is an emulator that runs, and the engine that deploys to it.
type Session struct {
	Emulator *emulator.Emulator

	options Options
	end     context.CancelFunc
	ended   chan struct{} // closed when the emulator has ended
	err     error         // with which it ended
	log     *os.File
	lock    *os.File
}

// Open starts the emulator in the session's folder, which it creates if need be.
func Open(ctx context.Context, o Options) (s *Session, err error) {
	config, err := project.Config(o.Root, o.Stack)
	if err != nil {
		return nil, err
	}
	if err := o.validate(config); err != nil {
		return nil, err
	}
	if _, missing := os.Stat(o.Folder); errors.Is(missing, fs.ErrNotExist) {
		defer func() {
			if err != nil {
				err = errors.Join(err, RemoveFolder(o.Folder))
			}
		}()
	}
	if err := os.MkdirAll(o.Folder, 0o700); err != nil {
		return nil, err
	}
	s = &Session{options: o, ended: make(chan struct{})}
	if s.lock, err = lock(o.Folder); err != nil {
		return nil, err
	}
	if err := s.start(ctx, config["aws:region"]); err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

// start opens the emulator and runs it.
func (s *Session) start(ctx context.Context, region string) (err error) {
	s.log, err = os.OpenFile(filepath.Join(s.options.Folder, "emulator.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	var to io.Writer = s.log
	if s.options.Verbose {
		to = io.MultiWriter(s.log, s.options.Err)
	}
	s.Emulator, err = emulator.Open(emulator.Options{
		Folder: s.options.Folder, Region: region, Speed: s.options.Speed, Log: slog.New(slog.NewTextHandler(to, nil)),
		Runtime: s.options.Runtime, Program: (&programs{folder: filepath.Join(s.options.Folder, "programs")}).find,
	})
	if err != nil {
		return err
	}
	// The emulator outlives an interruption, so that an operation under way can come to its end.
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	s.end = end
	go func() {
		defer close(s.ended)
		s.err = s.Emulator.Run(running)
	}()
	return nil
}

// Serve opens the control API and the dashboard at an address, and leaves the address where the next process finds it that wants
// the folder.
func (s *Session) Serve(address string) (*api.Server, error) {
	control, err := s.Emulator.Serve(address, s.options.Stack)
	if err != nil {
		return nil, err
	}
	if _, err := s.lock.WriteAt([]byte(control.Address()), 0); err != nil {
		control.Close()
		return nil, err
	}
	return control, nil
}

// Options returns what the session was opened with.
func (s *Session) Options() Options { return s.options }

// Ended returns a channel that is closed when the emulator has ended, by itself or by [Session.Close].
func (s *Session) Ended() <-chan struct{} { return s.ended }

// Close ends the emulator. No process and no socket is left; the state stays in the folder.
func (s *Session) Close() error {
	s.end()
	<-s.ended
	s.release()
	return s.err
}

func (s *Session) release() {
	if s.log != nil {
		_ = s.log.Close()
	}
	_ = s.lock.Close()
}

// Pulumi prepares the engine for the stack, with the providers of this session's emulator.
func (s *Session) Pulumi(ctx context.Context) (*engine.Engine, error) {
	return OpenEngine(ctx, s.options, s.Emulator.Environment())
}

// lock reserves a folder for this process.
func lock(folder string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		address, _ := io.ReadAll(io.LimitReader(file, 64)) // empty in a rehearsal
		_ = file.Close()
		if len(address) > 0 {
			return nil, fmt.Errorf("%s is in use by another emulator: reach it with --address %s", folder, address)
		}
		return nil, fmt.Errorf("%s is in use by another emulator", folder)
	}
	return file, file.Truncate(0)
}
