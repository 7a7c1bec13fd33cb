package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/provider/ledger"
)

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
	id, computed, err := p.create(ctx, t, req.URN, inputs)
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
		return plugin.CreateResponse{}, explain(t, errors.Join(err, p.remove(context.Background(), t, id, merge(computed, inputs))))
	}
	return plugin.CreateResponse{ID: resource.ID(id), Properties: outputs}, nil
}

// prepare checks the tags among inputs and uploads the files among them.
func (p *awsProvider) prepare(inputs resource.PropertyMap) (resource.PropertyMap, error) {
	if err := checkTags(inputs); err != nil {
		return nil, err
	}
	return p.upload(inputs)
}

// create creates a resource with its entry in the ledger, and returns its ID and its computed outputs.
func (p *awsProvider) create(
	ctx context.Context, t *resourceType, urn resource.URN, inputs resource.PropertyMap,
) (id string, computed resource.PropertyMap, err error) {
	err = t.retryCreate.do(ctx, p.cloud, func() error {
		return p.ledger.Create(func() (ledger.Entry, error) {
			err := p.cloud.Change(func(m *cloud.Model) (err error) {
				id, computed, err = t.create(m, inputs)
				return err
			})
			return ledger.Entry{
				Type: t.token, ID: id, Stack: string(urn.Stack()), Name: urn.Name(), Properties: toDelete(merge(computed, t.kept(inputs))),
			}, err
		})
	})
	return id, computed, err
}

// remove deletes a resource with its entry in the ledger, and the entries of what AWS deletes with it.
func (p *awsProvider) remove(ctx context.Context, t *resourceType, id string, properties resource.PropertyMap) error {
	if err := p.removeOnly(ctx, t, id, properties); err != nil {
		return err
	}
	p.ledger.Forget(func(e ledger.Entry) bool {
		inner, err := lookup(e.Type)
		if err != nil || inner.within.token != t.token {
			return false
		}
		kept := map[resource.PropertyKey]any{}
		return json.Unmarshal(e.Properties, &kept) == nil && kept[inner.within.by] == id
	})
	return nil
}

// removeOnly deletes a resource with its entry in the ledger. An entry stays until its resource is gone.
func (p *awsProvider) removeOnly(ctx context.Context, t *resourceType, id string, properties resource.PropertyMap) error {
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
func (p *awsProvider) update(
	ctx context.Context, t *resourceType, id string, olds, news resource.PropertyMap,
) (computed resource.PropertyMap, err error) {
	err = t.retryUpdate.do(ctx, p.cloud, func() error {
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
