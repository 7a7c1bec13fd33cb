// Package engine runs a Pulumi program through the real Pulumi engine, with the providers of the emulator attached.
//
//	program ──▶ Automation API ──▶ pulumi (CLI) ──▶ providers of the emulator
//
// Everything that Pulumi writes stays below one folder: its home folder, its state and the copies of the project's files. The user's own
// Pulumi and the project are not touched.
package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/emulator/provider"
	"github.com/elastic-service/elastic-service/internal/project"
)

// Options of an engine.
type Options struct {
	CLI         auto.PulumiCommand
	Root        string            // folder of the project's Pulumi.yaml
	Stack       string            // its settings are Root/Pulumi.<Stack>.yaml
	Folder      string            // everything that Pulumi keeps
	Program     pulumi.RunFunc    // run in this process
	Environment map[string]string // attaches the providers
	Progress    io.Writer         // Pulumi's own output; nil: none
}

// Engine deploys one stack.
type Engine struct {
	name     string
	folder   string
	stack    auto.Stack
	progress io.Writer
	ignored  []string // keys of the configuration without an effect
}

// Open prepares the stack, which need not exist yet.
func Open(ctx context.Context, o Options) (*Engine, error) {
	work := filepath.Join(o.Folder, "work")
	if err := o.copyProject(ctx, work); err != nil {
		return nil, err
	}
	config, err := project.Config(o.Root, o.Stack)
	if err != nil {
		return nil, err
	}
	// A profile or a role of the user's is none of the emulator's: the program, which asks AWS itself, must not look for it.
	ignored := provider.NoEffect(config)
	for _, key := range ignored {
		delete(config, key)
	}
	// The language host passes the configuration to a program in this variable. This program runs in this process instead.
	encoded, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	if err := os.Setenv(pulumi.EnvConfig, string(encoded)); err != nil {
		return nil, err
	}
	if err := os.Setenv(project.RootVariable, o.Root); err != nil {
		return nil, err
	}
	for key, value := range o.Environment {
		if strings.HasPrefix(key, "AWS_") { // the program asks AWS itself whether a release serves
			if err := os.Setenv(key, value); err != nil {
				return nil, err
			}
		}
	}
	backend := filepath.Join(o.Folder, "backend")
	if err := os.MkdirAll(backend, 0o700); err != nil {
		return nil, err
	}
	environment := map[string]string{
		"PULUMI_BACKEND_URL":             "file://" + backend,
		"PULUMI_CONFIG_PASSPHRASE":       passphrase,
		"PULUMI_CONFIG_PASSPHRASE_FILE":  "",
		"PULUMI_SKIP_UPDATE_CHECK":       "true",
		"PULUMI_AUTOMATION_API_SKIP_TTY": "true",
	}
	maps.Copy(environment, o.Environment)
	workspace, err := auto.NewLocalWorkspace(ctx, auto.Pulumi(o.CLI), auto.WorkDir(work), auto.Program(o.Program),
		auto.PulumiHome(filepath.Join(o.Folder, "home")), auto.EnvVars(environment))
	if err != nil {
		return nil, fmt.Errorf("pulumi: %w", err)
	}
	e := &Engine{name: o.Stack, folder: o.Folder, progress: o.Progress, ignored: ignored}
	if err := e.mend(ctx); err != nil {
		return nil, err
	}
	stack, err := auto.UpsertStack(ctx, o.Stack, workspace)
	if err != nil {
		return nil, fmt.Errorf("stack %s: %w", o.Stack, err)
	}
	e.stack = stack
	if len(ignored) > 0 {
		if err := stack.RemoveAllConfig(ctx, ignored); err != nil {
			return nil, fmt.Errorf("stack %s: leaving out %s: %w", o.Stack, strings.Join(ignored, ", "), err)
		}
	}
	return e, nil
}

// Up deploys the stack.
func (e *Engine) Up(ctx context.Context) (Result, error) {
	counter, done := count()
	options := []optup.Option{optup.EventStreams(counter.events), optup.SuppressOutputs()}
	if e.progress != nil {
		options = append(options, optup.ProgressStreams(e.progress))
	}
	start := time.Now()
	if err := e.begin(); err != nil {
		return Result{}, err
	}
	up, err := e.stack.Up(ctx, options...)
	result, err := counter.finish(done, err)
	err = e.end(err)
	result.Duration = time.Since(start)
	if len(e.ignored) > 0 {
		result.Warnings = append(result.Warnings, provider.WarnOf(e.ignored))
	}
	result.Outputs = map[string]string{}
	for name, output := range up.Outputs {
		result.Outputs[name] = fmt.Sprint(output.Value)
	}
	return result, err
}

// Preview finds out what Up would do, as `pulumi preview` does.
func (e *Engine) Preview(ctx context.Context) (Result, error) {
	counter, done := count()
	_, err := e.stack.Preview(ctx, optpreview.EventStreams(counter.events), optpreview.SuppressOutputs())
	return counter.finish(done, err)
}

// Destroy removes everything that the stack deployed. Like `pulumi destroy` it makes a preview first, which fails on a protected resource
// before anything is deleted.
func (e *Engine) Destroy(ctx context.Context) (Result, error) {
	counter, done := count()
	if _, err := e.stack.PreviewDestroy(ctx, optdestroy.EventStreams(counter.events), optdestroy.SuppressOutputs()); err != nil {
		_, err = counter.finish(done, err)
		return Result{}, err
	}
	<-done
	return e.DestroyUnseen(ctx)
}

// DestroyUnseen removes everything that the stack deployed without a preview, as `pulumi destroy --yes --skip-preview` does.
func (e *Engine) DestroyUnseen(ctx context.Context) (Result, error) {
	counter, done := count()
	options := []optdestroy.Option{optdestroy.EventStreams(counter.events), optdestroy.SuppressOutputs()}
	if e.progress != nil {
		options = append(options, optdestroy.ProgressStreams(e.progress))
	}
	start := time.Now()
	if err := e.begin(); err != nil {
		return Result{}, err
	}
	_, err := e.stack.Destroy(ctx, options...)
	result, err := counter.finish(done, err)
	err = e.end(err)
	result.Duration = time.Since(start)
	return result, err
}

// unlock removes the lock that an engine left behind when it was killed.
func (e *Engine) unlock(ctx context.Context) error { return e.stack.Cancel(ctx) }

// counter counts what an operation does, from the engine's events.
type counter struct {
	events   chan events.EngineEvent
	mu       sync.Mutex
	started  map[string]time.Time // by URN
	result   Result
	failures []string
}

// count starts to count. The channel is closed after the last event.
func count() (*counter, <-chan struct{}) {
	c := &counter{
		events:  make(chan events.EngineEvent),
		started: map[string]time.Time{},
		result:  Result{Types: map[string]int{}, Took: map[string]time.Duration{}},
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range c.events {
			c.see(event.EngineEvent)
		}
	}()
	return c, done
}

func (c *counter) see(event apitype.EngineEvent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case event.DiagnosticEvent != nil && event.DiagnosticEvent.Severity == "error":
		c.failures = append(c.failures, cause(event.DiagnosticEvent.Message))
	case event.DiagnosticEvent != nil && event.DiagnosticEvent.Severity == "warning":
		c.result.Warnings = distinct(append(c.result.Warnings, plain(event.DiagnosticEvent.Message)))
	case event.ResourcePreEvent != nil:
		c.started[event.ResourcePreEvent.Metadata.URN] = time.Now()
	case event.ResOutputsEvent != nil:
		c.done(event.ResOutputsEvent.Metadata)
	}
}

func (c *counter) done(step apitype.StepEventMetadata) {
	if !strings.HasPrefix(step.Type, "aws:") {
		return // components, providers and the stack itself
	}
	if start, ok := c.started[step.URN]; ok {
		c.result.Took[step.Type] = max(c.result.Took[step.Type], time.Since(start))
	}
	switch step.Op {
	case apitype.OpCreate:
		c.result.Created++
	case apitype.OpUpdate:
		c.result.Updated++
	case apitype.OpReplace:
		c.result.Replaced++
	case apitype.OpDelete:
		c.result.Deleted++
		return
	case apitype.OpSame:
		c.result.Same++
	default:
		return
	}
	c.result.Types[step.Type]++
}

// lastEvents is how long to wait for events after an operation that failed. The Automation API closes the channel at the end of an
// operation, but not if the operation was interrupted before it had begun.
const lastEvents = time.Second

// finish waits for the last event and returns what the operation did. The error has the messages of the program and the providers; if
// there are none, it is the CLI's whole output.
func (c *counter) finish(done <-chan struct{}, err error) (Result, error) {
	if err == nil {
		<-done
	} else {
		select {
		case <-done:
		case <-time.After(lastEvents):
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
	case len(c.failures) > 0:
		err = errors.New(strings.Join(distinct(c.failures), "\n"))
	case strings.Contains(err.Error(), "the stack is currently locked"):
		err = errBusy
	case isCutOff(err.Error()):
		err = errors.New(connectionLost)
	}
	result := c.result
	result.Types, result.Took = maps.Clone(c.result.Types), maps.Clone(c.result.Took)
	return result, err
}

// errBusy is the error of an operation that finds another operation under way.
var errBusy = errors.New("another up or down of this stack is under way: wait until it has ended")

// cause returns a message without the words that Pulumi's Go SDK puts before it.
func cause(message string) string {
	if _, only, ok := strings.Cut(message, "1 error occurred:\n\t* "); ok {
		message = only
	}
	if isCutOff(message) {
		return connectionLost
	}
	return strings.TrimSpace(strings.ReplaceAll(message, "rpc error: code = Unknown desc = ", ""))
}

// markup matches what the engine writes for the colours of a terminal.
var markup = regexp.MustCompile(`<\{%[^%]*%\}>`)

// plain returns a message without colours and without "warning: " before it.
func plain(message string) string {
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(markup.ReplaceAllString(message, "")), "warning:"))
}

// copyProject copies the project's files to a folder in which the CLI may write. The copy has no value that the user's key encrypts, see
// [Options.reencrypted].
func (o Options) copyProject(ctx context.Context, work string) error {
	if err := os.MkdirAll(work, 0o700); err != nil {
		return err
	}
	for _, name := range []string{"Pulumi.yaml", "Pulumi." + o.Stack + ".yaml"} {
		data, err := os.ReadFile(filepath.Join(o.Root, name))
		if err != nil {
			return fmt.Errorf("stack %s: %w", o.Stack, err)
		}
		copied := filepath.Join(work, name)
		former, _ := os.ReadFile(copied) // there is none the first time
		keys, _ := splitKeys(former)
		data, salt, err := o.reencrypted(ctx, data, keys)
		if err != nil {
			return err
		}
		if salt != "" {
			keys = []byte(salt)
		} else if data, err = project.WithoutSecrets(data); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		_, settings := splitKeys(data)
		if err := os.WriteFile(copied, append(settings, keys...), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// splitKeys separates the lines of a stack's file that say how its secrets are encrypted. A copy keeps the lines that the CLI has added
// to it: the original's lines need the user's key, and without any line each operation spends half a second on a new key.
func splitKeys(file []byte) (keys, settings []byte) {
	for line := range bytes.Lines(file) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch string(name) {
		case "encryptionsalt", "encryptedkey", "secretsprovider":
			keys = append(keys, line...)
		default:
			settings = append(settings, line...)
		}
	}
	if len(settings) > 0 && !bytes.HasSuffix(settings, []byte("\n")) {
		settings = append(settings, '\n')
	}
	return keys, settings
}
