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
	"slices"
	"strings"
	"sync"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
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

// awsProvider implements the provider of the package aws.
type awsProvider struct {
	plugin.UnimplementedProvider

	cloud     *cloud.Cloud
	ledger    *ledger.Ledger
	objects   string // folder of the uploaded objects' bytes
	save      func() error
	mu        sync.Mutex
	cancelled chan struct{} // closed when the engine gives up
}

func newAWS(c *cloud.Cloud, l *ledger.Ledger, objects string, save func() error) *awsProvider {
	return &awsProvider{cloud: c, ledger: l, objects: objects, save: save, cancelled: make(chan struct{})}
}

// version is what the real plugin's version is, so that the engine takes this one for it.
var version = semver.MustParse("6.83.2")

func (p *awsProvider) Close() error { return nil }

func (p *awsProvider) GetPluginInfo(context.Context) (plugin.PluginInfo, error) {
	return plugin.PluginInfo{Version: &version}, nil
}

func (p *awsProvider) Attach(string) error { return nil }

func (p *awsProvider) Handshake(context.Context, plugin.ProviderHandshakeRequest) (*plugin.ProviderHandshakeResponse, error) {
	return &plugin.ProviderHandshakeResponse{}, nil
}

// SignalCancellation ends every wait: the operation fails and says so.
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

func (p *awsProvider) CheckConfig(_ context.Context, req plugin.CheckConfigRequest) (plugin.CheckConfigResponse, error) {
	if failure := p.checkRegion(req.News); failure != nil {
		return plugin.CheckConfigResponse{Failures: []plugin.CheckFailure{*failure}}, nil
	}
	return plugin.CheckConfigResponse{Properties: req.News}, nil
}

func (p *awsProvider) checkRegion(config resource.PropertyMap) *plugin.CheckFailure {
	region, ok := config["region"]
	if !ok || !region.IsString() || region.StringValue() == p.cloud.Region() {
		return nil
	}
	return &plugin.CheckFailure{Property: "region", Reason: fmt.Sprintf(
		"this emulator is region %s, the program is configured for %q", p.cloud.Region(), region.StringValue())}
}

func (p *awsProvider) DiffConfig(context.Context, plugin.DiffConfigRequest) (plugin.DiffConfigResponse, error) {
	return plugin.DiffResult{Changes: plugin.DiffNone}, nil
}

func (p *awsProvider) Configure(context.Context, plugin.ConfigureRequest) (plugin.ConfigureResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancelled = make(chan struct{})
	return plugin.ConfigureResponse{}, nil
}

// Check refuses unknown types, unknown properties and names that are too long, and chooses a name where none is given.
func (p *awsProvider) Check(_ context.Context, req plugin.CheckRequest) (plugin.CheckResponse, error) {
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
func (p *awsProvider) Diff(_ context.Context, req plugin.DiffRequest) (plugin.DiffResponse, error) {
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

// Create creates a resource and waits until it is as the program wants it. A resource whose wait failed is kept, see
// [partial]; a resource that can't be saved is deleted again.
func (p *awsProvider) Create(ctx context.Context, req plugin.CreateRequest) (plugin.CreateResponse, error) {
	t, err := lookup(string(req.Type))
	if err != nil {
		return plugin.CreateResponse{}, err
	}
	if req.Preview {
		return plugin.CreateResponse{Properties: req.Properties}, nil // the computed outputs are not known yet
	}
	ctx, done := p.untilCancelled(ctx)
	defer done()
	inputs, err := p.prepare(req.Properties)
	if err != nil {
		return plugin.CreateResponse{}, explain(t, err)
	}
	id, computed, err := p.create(ctx, t, req.Name, inputs)
	if err != nil {
		return plugin.CreateResponse{}, explain(t, err)
	}
	if t.afterCreate != nil {
		var changed resource.PropertyMap
		changed, err = t.afterCreate(ctx, p.cloud, id, inputs)
		computed = merge(computed, changed)
	}
	outputs := merge(req.Properties, computed)
	if err != nil {
		return plugin.CreateResponse{}, partial(id, req.Properties, outputs, explain(t, err))
	}
	if err := p.save(); err != nil {
		return plugin.CreateResponse{}, explain(t, errors.Join(err, p.remove(context.Background(), t, id, inputs)))
	}
	return plugin.CreateResponse{ID: resource.ID(id), Properties: outputs}, nil
}

// prepare checks what every service wants of inputs, and uploads the files among them.
func (p *awsProvider) prepare(inputs resource.PropertyMap) (resource.PropertyMap, error) {
	if err := checkTags(inputs); err != nil {
		return nil, err
	}
	return p.upload(inputs)
}

// create creates a resource with its entry in the ledger, and returns its ID and its computed outputs.
func (p *awsProvider) create(
	ctx context.Context, t *resourceType, name string, inputs resource.PropertyMap,
) (id string, computed resource.PropertyMap, err error) {
	err = t.retryCreate.do(ctx, p.cloud, func() error {
		return p.ledger.Create(func() (ledger.Entry, error) {
			err := p.cloud.Change(func(m *cloud.Model) (err error) {
				id, computed, err = t.create(m, inputs)
				return err
			})
			return ledger.Entry{Type: t.token, ID: id, Name: name, Properties: toDelete(merge(computed, inputs))}, err
		})
	})
	return id, computed, err
}

// remove deletes a resource with its entry in the ledger. An entry stays until its resource is gone.
func (p *awsProvider) remove(ctx context.Context, t *resourceType, id string, properties resource.PropertyMap) error {
	remove := func() error {
		return p.cloud.Change(func(m *cloud.Model) error { return t.remove(m, id, properties) })
	}
	if t.afterRemove == nil {
		return t.retryRemove.do(ctx, p.cloud, func() error { return p.ledger.Delete(t.token, id, remove) })
	}
	if err := t.retryRemove.do(ctx, p.cloud, remove); err != nil {
		return err
	}
	if err := t.afterRemove(ctx, p.cloud, id); err != nil {
		return err
	}
	return p.ledger.Delete(t.token, id, func() error { return nil })
}

// Update changes a resource in place and waits until it is as the program wants it.
func (p *awsProvider) Update(ctx context.Context, req plugin.UpdateRequest) (plugin.UpdateResponse, error) {
	t, err := lookup(string(req.Type))
	if err != nil {
		return plugin.UpdateResponse{}, err
	}
	kept := computedOutputs(req)
	if req.Preview {
		for _, key := range t.volatile {
			delete(kept, resource.PropertyKey(key))
		}
		return plugin.UpdateResponse{Properties: merge(kept, req.NewInputs)}, nil
	}
	ctx, done := p.untilCancelled(ctx)
	defer done()
	news, err := p.prepare(req.NewInputs)
	if err != nil {
		return plugin.UpdateResponse{}, explain(t, err)
	}
	computed, err := p.update(ctx, t, string(req.ID), req.OldInputs, news)
	if err == nil {
		err = p.save()
	}
	if err != nil {
		return plugin.UpdateResponse{}, explain(t, err)
	}
	return plugin.UpdateResponse{Properties: merge(merge(kept, req.NewInputs), computed)}, nil
}

// computedOutputs returns the outputs of a resource that are not inputs.
func computedOutputs(req plugin.UpdateRequest) resource.PropertyMap {
	computed := req.OldOutputs.Copy()
	for key := range req.OldInputs {
		delete(computed, key)
	}
	return computed
}

// update changes a resource and returns those of its computed outputs that have changed.
func (p *awsProvider) update(ctx context.Context, t *resourceType, id string, olds, news resource.PropertyMap) (resource.PropertyMap, error) {
	var computed resource.PropertyMap
	err := t.retryUpdate.do(ctx, p.cloud, func() error {
		return p.cloud.Change(func(m *cloud.Model) (err error) {
			computed, err = t.update(m, id, olds, news)
			return err
		})
	})
	if err != nil || t.afterUpdate == nil {
		return computed, err
	}
	changed, err := t.afterUpdate(ctx, p.cloud, id, olds, news)
	return merge(computed, changed), err
}

// Delete deletes a resource and waits until it is gone.
func (p *awsProvider) Delete(ctx context.Context, req plugin.DeleteRequest) (plugin.DeleteResponse, error) {
	t, err := lookup(string(req.Type))
	if err != nil {
		return plugin.DeleteResponse{}, err
	}
	ctx, done := p.untilCancelled(ctx)
	defer done()
	err = p.remove(ctx, t, string(req.ID), merge(req.Outputs, req.Inputs))
	if err == nil {
		err = p.save()
	}
	if err != nil {
		return plugin.DeleteResponse{Status: resource.StatusUnknown}, explain(t, err)
	}
	return plugin.DeleteResponse{}, nil
}

// Read is `pulumi refresh`: nobody but the engine changes the cloud's configuration here, so the state stands if the
// resource does.
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
			"the emulator doesn't know the function %s (it knows %s)", req.Tok, strings.Join(sortedKeys(functions), ", "))
	}
	result, err := f(p.cloud, req.Args)
	if err != nil {
		return plugin.InvokeResponse{}, fmt.Errorf("%s: %w", req.Tok, err)
	}
	return plugin.InvokeResponse{Properties: result}, nil
}

// partial returns the error for a resource that was created and isn't as the program wants it, e.g. a group that never
// became healthy: the engine keeps the resource in its state, so that it can be repaired or destroyed.
func partial(id string, inputs, outputs resource.PropertyMap, reason error) error {
	properties, err := plugin.MarshalProperties(outputs, plugin.MarshalOptions{KeepUnknowns: true})
	if err != nil {
		return err
	}
	given, err := plugin.MarshalProperties(inputs, plugin.MarshalOptions{KeepUnknowns: true})
	if err != nil {
		return err
	}
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, reason.Error()), &pulumirpc.ErrorResourceInitFailed{
		Id: id, Properties: properties, Inputs: given, Reasons: []string{reason.Error()},
	})
}

// explain puts the service of a type before an error, e.g. "ec2: …".
func explain(t *resourceType, err error) error {
	service, _, _ := strings.Cut(strings.TrimPrefix(t.token, "aws:"), "/")
	return fmt.Errorf("%s: %w", service, err)
}
