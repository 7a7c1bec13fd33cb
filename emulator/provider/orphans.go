package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/provider/ledger"
)

// Resource identifies a resource as an engine's state does.
type Resource struct {
	Type string // Pulumi's token, e.g. aws:ec2/vpc:Vpc
	ID   string
}

// DeleteOrphans deletes every resource of a stack that is in the ledger and not among known, which are those of the engine's state: the
// engine created it and was killed before its state said so. It returns what it deleted, the latest first. No engine may be at work with
// the stack meanwhile.
func (s *Servers) DeleteOrphans(ctx context.Context, stack string, known []Resource) ([]Resource, error) {
	isKnown := map[Resource]bool{}
	for _, r := range known {
		isKnown[r] = true
	}
	var deleted []Resource
	for _, entry := range slices.Backward(s.aws.ledger.Entries()) {
		orphan := Resource{entry.Type, entry.ID}
		if entry.Stack != stack || isKnown[orphan] {
			continue
		}
		if err := s.aws.deleteOrphan(ctx, entry); err != nil {
			return deleted, fmt.Errorf("deleting %s %s, which Pulumi doesn't know: %w", entry.Type, entry.ID, err)
		}
		deleted = append(deleted, orphan)
	}
	return deleted, s.aws.save()
}

// deleteOrphan deletes a resource by its entry.
func (p *awsProvider) deleteOrphan(ctx context.Context, entry ledger.Entry) error {
	t, err := lookup(entry.Type)
	if err != nil {
		return err
	}
	properties := map[string]any{}
	if err := json.Unmarshal(entry.Properties, &properties); err != nil {
		return err
	}
	return p.remove(ctx, t, entry.ID, resource.NewPropertyMapFromMap(properties))
}

// Stacks returns the names of the stacks that have resources, sorted.
func (s *Servers) Stacks() []string { return s.aws.ledger.Stacks() }

// Recorded lists the existing resources of recorded types, as "type ID", sorted.
func (s *Servers) Recorded() []string { return s.aws.recorded() }

func (p *awsProvider) recorded() []string {
	var recorded []string
	for _, entry := range p.ledger.Entries() {
		if kind, _ := KindOf(entry.Type); kind == Recorded {
			recorded = append(recorded, entry.Type+" "+entry.ID)
		}
	}
	slices.Sort(recorded)
	return recorded
}

// toDelete returns properties as JSON, for the ledger: deleting the resource may take any of them. Secrets are left out.
func toDelete(properties resource.PropertyMap) json.RawMessage {
	plain := properties.MapRepl(nil, func(v resource.PropertyValue) (any, bool) {
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
		return json.RawMessage("{}")
	}
	return text
}

// kept returns the inputs without those that are confidential.
func (t *resourceType) kept(inputs resource.PropertyMap) resource.PropertyMap {
	kept := inputs.Copy()
	for _, key := range t.confidential {
		delete(kept, resource.PropertyKey(key))
	}
	return kept
}
