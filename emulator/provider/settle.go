package provider

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

// Known is a resource that an engine's state has.
type Known struct {
	Type string
	ID   string
}

// Settle deletes what was made for an engine that was killed before it could remember it: every resource that is not
// known. It returns what it deleted, the latest first. No engine may be at work.
func (s *Servers) Settle(ctx context.Context, known []Known) ([]Known, error) {
	remembered := map[Known]bool{}
	for _, k := range known {
		remembered[k] = true
	}
	var gone []Known
	for _, m := range s.cloud.Made() {
		one := Known{m.Token, m.ID}
		if remembered[one] {
			continue
		}
		if err := s.discard(ctx, m); err != nil {
			return gone, fmt.Errorf("deleting %s %s, which Pulumi doesn't know: %w", m.Token, m.ID, err)
		}
		gone = append(gone, one)
	}
	return gone, s.save()
}

func (s *Servers) discard(ctx context.Context, m cloud.Made) error {
	t, err := lookup(m.Token)
	if err != nil {
		return err
	}
	inputs := map[string]any{}
	if err := json.Unmarshal(m.Inputs, &inputs); err != nil {
		return err
	}
	if err := t.remove(ctx, s.cloud, m.ID, resource.NewPropertyMapFromMap(inputs)); err != nil {
		return err
	}
	if t.kind == Recorded {
		s.cloud.Forget(m.ID, m.Token)
	}
	s.cloud.Drop(m.Token, m.ID)
	return nil
}

// keep remembers a resource with the inputs that deleting it takes.
func keep(c *cloud.Cloud, t *resourceType, id string, inputs resource.PropertyMap) {
	plain := inputs.MapRepl(nil, func(v resource.PropertyValue) (any, bool) {
		switch {
		case v.IsComputed(), v.IsOutput(), v.IsSecret():
			return nil, true
		case v.IsAsset():
			path, _ := v.AssetValue().GetPath()
			return path, true
		}
		return nil, false
	})
	text, err := json.Marshal(plain)
	if err != nil {
		text = []byte("{}")
	}
	c.Keep(t.token, id, text)
}

type keeper struct{}

// withKeeper lets a create that waits for something say that its resource is there.
func withKeeper(ctx context.Context, keep func(id string)) context.Context {
	return context.WithValue(ctx, keeper{}, keep)
}

// made tells of a resource before its creation is over.
func made(ctx context.Context, id string) {
	if keep, ok := ctx.Value(keeper{}).(func(string)); ok {
		keep(id)
	}
}
