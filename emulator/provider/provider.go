// Package provider speaks Pulumi's provider protocol for aws and awsx, with the emulator's cloud behind it.
//
//	pulumi engine ──gRPC──▶ aws  ──▶ registry: type ──▶ cloud.Create…, Update…, Delete…
//	              ──gRPC──▶ awsx ──▶ Vpc: registers its aws children with the engine, as the real one does
//
// The engine attaches to both as it does to plugins under a debugger (PULUMI_DEBUG_PROVIDERS, see [Servers.Environment]);
// the program and the engine don't know the difference.
//
// A type is run (it has behaviour here), recorded (kept with outputs that look real, and said to be no more) or refused.
// So is a property: one that a type's Go struct doesn't name is an error that names it. Nothing is accepted in silence.
package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/provider/ledger"
)

// Kind is what the emulator makes of a type.
type Kind string

// The kinds; a type that is neither is refused.
const (
	Run      Kind = "run"      // has behaviour here
	Recorded Kind = "recorded" // kept, no more
)

// aws implements the provider of the package aws.
type aws struct {
	plugin.UnimplementedProvider

	cloud     *cloud.Cloud
	ledger    *ledger.Ledger
	objects   string // folder of the uploaded objects' bytes
	save      func() error
	mu        sync.Mutex
	cancelled chan struct{} // closed when the engine gives up
}

func newAWS(c *cloud.Cloud, l *ledger.Ledger, objects string, save func() error) *aws {
	return &aws{cloud: c, ledger: l, objects: objects, save: save, cancelled: make(chan struct{})}
}

// version is what the real plugin's version is, so that the engine takes this one for it.
var version = semver.MustParse("6.83.2")

func (p *aws) Close() error { return nil }

func (p *aws) GetPluginInfo(context.Context) (plugin.PluginInfo, error) {
	return plugin.PluginInfo{Version: &version}, nil
}

func (p *aws) Attach(string) error { return nil }

func (p *aws) Handshake(context.Context, plugin.ProviderHandshakeRequest) (*plugin.ProviderHandshakeResponse, error) {
	return &plugin.ProviderHandshakeResponse{}, nil
}

// SignalCancellation ends every wait: the operation fails and says so.
func (p *aws) SignalCancellation(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.cancelled:
	default:
		close(p.cancelled)
	}
	return nil
}

// begin derives a context that ends when the engine cancels. Another engine may attach later, so that a cancellation
// holds for the operations under way and no longer.
func (p *aws) begin(ctx context.Context) (context.Context, context.CancelFunc) {
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

func (p *aws) CheckConfig(_ context.Context, req plugin.CheckConfigRequest) (plugin.CheckConfigResponse, error) {
	if failure := p.checkRegion(req.News); failure != nil {
		return plugin.CheckConfigResponse{Failures: []plugin.CheckFailure{*failure}}, nil
	}
	return plugin.CheckConfigResponse{Properties: req.News}, nil
}

func (p *aws) checkRegion(config resource.PropertyMap) *plugin.CheckFailure {
	region, ok := config["region"]
	if !ok || !region.IsString() || region.StringValue() == p.cloud.Region() {
		return nil
	}
	return &plugin.CheckFailure{Property: "region", Reason: fmt.Sprintf(
		"this emulator is region %s, the program is configured for %q", p.cloud.Region(), region.StringValue())}
}

func (p *aws) DiffConfig(context.Context, plugin.DiffConfigRequest) (plugin.DiffConfigResponse, error) {
	return plugin.DiffResult{Changes: plugin.DiffNone}, nil
}

func (p *aws) Configure(context.Context, plugin.ConfigureRequest) (plugin.ConfigureResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancelled = make(chan struct{})
	return plugin.ConfigureResponse{}, nil
}

// Check refuses unknown types, unknown properties and names that are too long, and chooses a name where none is given.
func (p *aws) Check(_ context.Context, req plugin.CheckRequest) (plugin.CheckResponse, error) {
	t, err := lookup(string(req.Type))
	if err != nil {
		return plugin.CheckResponse{}, err
	}
	news := req.News.Copy()
	if err := t.chooseName(news, req); err != nil {
		return plugin.CheckResponse{}, err
	}
	var failures []plugin.CheckFailure
	for _, unknown := range t.unknown(news) {
		failures = append(failures, plugin.CheckFailure{Property: resource.PropertyKey(unknown), Reason: fmt.Sprintf(
			"the emulator doesn't know property %s of %s: what it would do on AWS cannot be shown here", unknown, t.token)})
	}
	return plugin.CheckResponse{Properties: news, Failures: failures}, nil
}

// chooseName is the auto-naming of the real provider: the logical name, a hyphen and seven random characters.
func (t *resourceType) chooseName(news resource.PropertyMap, req plugin.CheckRequest) error {
	if t.name == "" {
		return nil
	}
	key := resource.PropertyKey(t.name)
	if _, given := news[key]; given {
		return nil
	}
	if old, ok := req.Olds[key]; ok {
		news[key] = old
		return nil
	}
	name, err := resource.NewUniqueName(req.RandomSeed, req.URN.Name()+"-", 7, t.nameMax, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", t.token, err)
	}
	news[key] = resource.NewStringProperty(name)
	return nil
}

// Diff compares inputs. The properties on which AWS replaces replace here.
func (p *aws) Diff(_ context.Context, req plugin.DiffRequest) (plugin.DiffResponse, error) {
	t, err := lookup(string(req.Type))
	if err != nil {
		return plugin.DiffResult{}, err
	}
	result := plugin.DiffResult{Changes: plugin.DiffNone}
	for _, key := range changed(req.OldInputs, req.NewInputs) {
		if slices.Contains(req.IgnoreChanges, string(key)) {
			continue
		}
		result.Changes = plugin.DiffSome
		result.ChangedKeys = append(result.ChangedKeys, key)
		if slices.Contains(t.replaceOn, string(key)) ||
			t.replaceIf != nil && t.replaceIf(string(key), req.OldInputs, req.NewInputs) {
			result.ReplaceKeys = append(result.ReplaceKeys, key)
		}
	}
	return result, nil
}

// changed lists the keys that differ, sorted.
func changed(olds, news resource.PropertyMap) []resource.PropertyKey {
	var keys []resource.PropertyKey
	for key, value := range news {
		if old, ok := olds[key]; !ok || !old.DeepEquals(value) {
			keys = append(keys, key)
		}
	}
	for key := range olds {
		if _, ok := news[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (p *aws) Create(ctx context.Context, req plugin.CreateRequest) (plugin.CreateResponse, error) {
	t, err := lookup(string(req.Type))
	if err != nil {
		return plugin.CreateResponse{}, err
	}
	if req.Preview {
		return plugin.CreateResponse{Properties: req.Properties}, nil // what is missing is not known yet
	}
	ctx, cancel := p.begin(ctx)
	defer cancel()
	if err := checkTags(req.Properties); err != nil {
		return plugin.CreateResponse{}, explain(t, err)
	}
	inputs, err := p.upload(req.Properties)
	if err != nil {
		return plugin.CreateResponse{}, explain(t, err)
	}
	ctx = withKeeper(ctx, func(id string) {
		p.ledger.Add(ledger.Entry{Type: t.token, ID: id, Name: req.Name, Inputs: inputsToKeep(inputs)})
	})
	id, computed, err := t.create(ctx, p.cloud, inputs)
	if err != nil && id == "" {
		return plugin.CreateResponse{}, explain(t, err)
	}
	made(ctx, id)
	outputs := merge(req.Properties, resource.NewPropertyMapFromMap(computed))
	if err != nil {
		return plugin.CreateResponse{}, partial(id, req.Properties, outputs, explain(t, err))
	}
	if err := p.save(); err != nil { // what can't be saved is taken back
		return plugin.CreateResponse{}, explain(t, errors.Join(err, p.remove(context.Background(), t, id, inputs)))
	}
	return plugin.CreateResponse{ID: resource.ID(id), Properties: outputs}, nil
}

// remove deletes a resource and its entry in the ledger.
func (p *aws) remove(ctx context.Context, t *resourceType, id string, inputs resource.PropertyMap) error {
	if err := t.remove(ctx, p.cloud, id, inputs); err != nil {
		return err
	}
	p.ledger.Remove(t.token, id)
	return nil
}

func (p *aws) Update(ctx context.Context, req plugin.UpdateRequest) (plugin.UpdateResponse, error) {
	t, err := lookup(string(req.Type))
	if err != nil {
		return plugin.UpdateResponse{}, err
	}
	kept := req.OldOutputs.Copy()
	for key := range req.OldInputs {
		delete(kept, key)
	}
	if req.Preview {
		for _, key := range t.volatile {
			delete(kept, resource.PropertyKey(key))
		}
		return plugin.UpdateResponse{Properties: merge(kept, req.NewInputs)}, nil
	}
	ctx, cancel := p.begin(ctx)
	defer cancel()
	if err := checkTags(req.NewInputs); err != nil {
		return plugin.UpdateResponse{}, explain(t, err)
	}
	news, err := p.upload(req.NewInputs)
	if err != nil {
		return plugin.UpdateResponse{}, explain(t, err)
	}
	computed, err := t.update(ctx, p.cloud, string(req.ID), req.OldInputs, news)
	if err != nil {
		return plugin.UpdateResponse{}, explain(t, err)
	}
	if err := p.save(); err != nil {
		return plugin.UpdateResponse{}, explain(t, err)
	}
	outputs := merge(merge(kept, req.NewInputs), resource.NewPropertyMapFromMap(computed))
	return plugin.UpdateResponse{Properties: outputs}, nil
}

func (p *aws) Delete(ctx context.Context, req plugin.DeleteRequest) (plugin.DeleteResponse, error) {
	t, err := lookup(string(req.Type))
	if err != nil {
		return plugin.DeleteResponse{}, err
	}
	ctx, cancel := p.begin(ctx)
	defer cancel()
	if err := p.remove(ctx, t, string(req.ID), merge(req.Outputs, req.Inputs)); err != nil {
		return plugin.DeleteResponse{Status: resource.StatusUnknown}, explain(t, err)
	}
	if err := p.save(); err != nil {
		return plugin.DeleteResponse{Status: resource.StatusUnknown}, explain(t, err)
	}
	return plugin.DeleteResponse{}, nil
}

// Read is `pulumi refresh`: nobody but the engine changes the cloud's configuration here, so the state stands if the
// resource does.
func (p *aws) Read(_ context.Context, req plugin.ReadRequest) (plugin.ReadResponse, error) {
	t, err := lookup(string(req.Type))
	if err != nil {
		return plugin.ReadResponse{}, err
	}
	if len(req.State) == 0 {
		return plugin.ReadResponse{}, status.Errorf(codes.Unimplemented, "%s: the emulator doesn't import resources", t.token)
	}
	return plugin.ReadResponse{ReadResult: plugin.ReadResult{ID: req.ID, Inputs: req.Inputs, Outputs: req.State}}, nil
}

func (p *aws) Invoke(_ context.Context, req plugin.InvokeRequest) (plugin.InvokeResponse, error) {
	f, ok := invokes[string(req.Tok)]
	if !ok {
		return plugin.InvokeResponse{}, status.Errorf(codes.Unimplemented,
			"the emulator doesn't know the function %s (it knows %s)", req.Tok, strings.Join(sortedKeys(invokes), ", "))
	}
	result, err := f(p.cloud, req.Args)
	if err != nil {
		return plugin.InvokeResponse{}, fmt.Errorf("%s: %w", req.Tok, err)
	}
	return plugin.InvokeResponse{Properties: resource.NewPropertyMapFromMap(result)}, nil
}

// merge is base with the properties of over added or replaced.
func merge(base, over resource.PropertyMap) resource.PropertyMap {
	merged := base.Copy()
	maps.Copy(merged, over)
	return merged
}

func explain(t *resourceType, err error) error {
	service, _, _ := strings.Cut(strings.TrimPrefix(t.token, "aws:"), "/")
	return fmt.Errorf("%s: %w", service, err)
}
