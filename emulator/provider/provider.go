// Package provider speaks Pulumi's provider protocol for aws and awsx, with the emulator's cloud behind it.
//
//	pulumi engine ──gRPC──▶ aws  ──▶ types: decode ──▶ the services of the cloud
//	                              └▶ ledger: what was created
//	              ──gRPC──▶ awsx ──▶ Vpc: registers its aws children with the engine, as the real one does
//
// The engine attaches to both as it does to plugins under a debugger (PULUMI_DEBUG_PROVIDERS, see [Servers.Environment]);
// the program and the engine don't know the difference.
//
// Every type of AWS is one of three kinds: it is run (it has behaviour in the emulator), recorded (kept, with outputs that look
// real) or refused. types.go lists the types; each is a function in the file of its service. A property that the struct of the
// type's inputs doesn't have is refused with its name. Nothing is accepted in silence.
package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/provider/ledger"
)

// Kind says what the emulator does with resources of a type.
type Kind string

// The kinds of the types that the emulator knows. It refuses all others.
const (
	Run      Kind = "run"      // has behaviour in the emulator
	Recorded Kind = "recorded" // is only kept
)

// awsProvider implements the provider of the package aws.
type awsProvider struct {
	plugin.UnimplementedProvider

	cloud   *cloud.Cloud
	ledger  *ledger.Ledger
	objects string       // folder of the uploaded objects' bytes
	save    func() error // saves the cloud and the ledger

	mu          sync.Mutex
	cancelled   chan struct{}     // closed when the engine cancels
	engine      string            // its address; "" if it is not known
	defaultTags map[string]string // added to those of each resource
}

func newAWS(c *cloud.Cloud, l *ledger.Ledger, objects string, save func() error) *awsProvider {
	return &awsProvider{cloud: c, ledger: l, objects: objects, save: save, cancelled: make(chan struct{})}
}

// version is the version of the real plugin, so that the engine accepts this one in its place.
var version = semver.MustParse("6.83.4")

func (p *awsProvider) Close() error { return nil }

func (p *awsProvider) GetPluginInfo(context.Context) (plugin.PluginInfo, error) {
	return plugin.PluginInfo{Version: &version}, nil
}

// SignalCancellation ends every operation under way with an error.
func (p *awsProvider) SignalCancellation(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.cancelled:
	default:
		close(p.cancelled)
	}
	return nil
}

// untilCancelled returns a context that ends when the engine cancels, and a function that frees it. Another engine may
// attach later, so a cancellation ends the operations under way and no others.
func (p *awsProvider) untilCancelled(ctx context.Context) (context.Context, context.CancelFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	cancelled := p.cancelled
	go func() {
		select {
		case <-cancelled:
			cancel(errors.New("cancelled"))
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// Read answers `pulumi refresh` with the state that the engine has: nothing but the engine changes a resource's configuration
// in the emulator.
func (p *awsProvider) Read(_ context.Context, req plugin.ReadRequest) (plugin.ReadResponse, error) {
	t, err := lookup(string(req.Type))
	if err != nil {
		return plugin.ReadResponse{}, err
	}
	if len(req.State) == 0 {
		return plugin.ReadResponse{}, status.Errorf(codes.Unimplemented, "%s: the emulator doesn't import resources", t.token)
	}
	return plugin.ReadResponse{ReadResult: plugin.ReadResult{ID: req.ID, Inputs: req.Inputs, Outputs: req.State}}, nil
}

// Invoke runs a function of the provider, which reads the cloud.
func (p *awsProvider) Invoke(_ context.Context, req plugin.InvokeRequest) (plugin.InvokeResponse, error) {
	f, ok := functions[string(req.Tok)]
	if !ok {
		return plugin.InvokeResponse{}, status.Errorf(codes.Unimplemented,
			"the emulator doesn't know the function %s (it knows %s)", req.Tok, strings.Join(aws.Keys(functions), ", "))
	}
	result, err := f(p.cloud, req.Args)
	if err != nil {
		return plugin.InvokeResponse{}, fmt.Errorf("%s: %w", req.Tok, err)
	}
	return plugin.InvokeResponse{Properties: result}, nil
}
