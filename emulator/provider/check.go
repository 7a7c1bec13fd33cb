package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

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
	p.addDefaultTags(t, news)
	var failures []plugin.CheckFailure
	for _, unknown := range t.unknown(news) {
		failures = append(failures, plugin.CheckFailure{Property: resource.PropertyKey(unknown), Reason: fmt.Sprintf(
			"the emulator doesn't know property %s of %s: it cannot show what that would do on AWS", unknown, t.token)})
	}
	return plugin.CheckResponse{Properties: news, Failures: failures}, nil
}

// chooseName names a resource without a name as the real provider does: the logical name, a hyphen and seven random
// characters. A resource keeps the name that was chosen for it.
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

// Diff compares inputs, and lists the properties whose change makes AWS replace the resource.
func (p *awsProvider) Diff(_ context.Context, req plugin.DiffRequest) (plugin.DiffResponse, error) {
	t, err := lookup(string(req.Type))
	if err != nil {
		return plugin.DiffResult{}, err
	}
	result := plugin.DiffResult{Changes: plugin.DiffNone}
	for _, key := range changed(t.presentInputs(req.OldInputs, req.OldOutputs), req.NewInputs) {
		if slices.Contains(req.IgnoreChanges, string(key)) || t.hasGrown(string(key), req.OldOutputs, req.NewInputs) {
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

// presentInputs returns the former inputs, with what is there in the place of what was asked for, see [resourceType].
func (t resourceType) presentInputs(inputs, outputs resource.PropertyMap) resource.PropertyMap {
	is := inputs.Copy()
	for _, key := range t.present {
		key := resource.PropertyKey(key)
		if output, ok := outputs[key]; ok && is.HasValue(key) {
			is[key] = output
		}
	}
	return is
}

// hasGrown reports whether there is more of something than is asked for, because AWS may raise it.
func (t resourceType) hasGrown(key string, outputs, news resource.PropertyMap) bool {
	is, wanted, limit := outputs[resource.PropertyKey(key)], news[resource.PropertyKey(key)], resource.PropertyKey(t.grows[key])
	return limit != "" && news.HasValue(limit) && is.IsNumber() && wanted.IsNumber() && wanted.NumberValue() < is.NumberValue()
}

// changed lists the properties that differ, sorted.
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
