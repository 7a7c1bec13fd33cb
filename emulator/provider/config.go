package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// honoured are the settings of the provider that have an effect in the emulator. Others say how AWS is reached, and as whom.
var honoured = []string{"region", "defaultTags", "version"}

// NoEffect returns the keys of a stack's configuration that are settings of the provider without an effect in the emulator, sorted.
func NoEffect(config map[string]string) []string {
	var ignored []string
	for _, key := range slices.Sorted(maps.Keys(config)) {
		if name, ours := strings.CutPrefix(key, "aws:"); ours && !slices.Contains(honoured, name) {
			ignored = append(ignored, key)
		}
	}
	return ignored
}

// WarnOf returns the warning of keys without an effect.
func WarnOf(ignored []string) string {
	return strings.Join(ignored, ", ") + ": no effect on the emulator, which has one account and is reached without credentials"
}

// CheckConfig refuses another region than the emulator's, and default tags that are none. It warns of settings that have no
// effect.
func (p *awsProvider) CheckConfig(ctx context.Context, req plugin.CheckConfigRequest) (plugin.CheckConfigResponse, error) {
	if failure := p.checkRegion(req.News); failure != nil {
		return plugin.CheckConfigResponse{Failures: []plugin.CheckFailure{*failure}}, nil
	}
	if _, err := defaultTagsOf(req.News); err != nil {
		return plugin.CheckConfigResponse{Failures: []plugin.CheckFailure{{Property: "defaultTags", Reason: err.Error()}}}, nil
	}
	var ignored []string
	for key := range req.News {
		if name := string(key); !slices.Contains(honoured, name) && !strings.HasPrefix(name, "__") {
			ignored = append(ignored, "aws:"+name)
		}
	}
	if slices.Sort(ignored); len(ignored) > 0 {
		p.warn(ctx, WarnOf(ignored))
	}
	return plugin.CheckConfigResponse{Properties: req.News}, nil
}

func (p *awsProvider) checkRegion(config resource.PropertyMap) *plugin.CheckFailure {
	region, ok := config["region"]
	if !ok || !region.IsString() || region.StringValue() == string(p.cloud.Region()) {
		return nil
	}
	return &plugin.CheckFailure{Property: "region", Reason: fmt.Sprintf(
		"this emulator is region %s, the program is configured for %q", p.cloud.Region(), region.StringValue())}
}

// DiffConfig reports changes of the default tags. Without a difference the engine leaves the provider with the settings of the operation
// before.
func (p *awsProvider) DiffConfig(_ context.Context, req plugin.DiffConfigRequest) (plugin.DiffConfigResponse, error) {
	before, err := defaultTagsOf(req.OldInputs)
	if err != nil {
		return plugin.DiffConfigResponse{}, err
	}
	now, err := defaultTagsOf(req.NewInputs)
	if err != nil || maps.Equal(before, now) {
		return plugin.DiffResult{Changes: plugin.DiffNone}, err
	}
	return plugin.DiffResult{Changes: plugin.DiffSome, ChangedKeys: []resource.PropertyKey{"defaultTags"}}, nil
}

// Configure begins an operation of an engine. A cancellation of an earlier operation doesn't end it.
func (p *awsProvider) Configure(_ context.Context, req plugin.ConfigureRequest) (plugin.ConfigureResponse, error) {
	tags, err := defaultTagsOf(req.Inputs)
	if err != nil {
		return plugin.ConfigureResponse{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancelled, p.defaultTags = make(chan struct{}), tags
	return plugin.ConfigureResponse{}, nil
}

// defaultTagsOf returns the tags that the provider adds to all resources. The engine passes structured settings as JSON.
func defaultTagsOf(config resource.PropertyMap) (map[string]string, error) {
	given, ok := config["defaultTags"]
	if !ok {
		return nil, nil
	}
	for given.IsSecret() {
		given = given.SecretValue().Element
	}
	var tags struct {
		Tags map[string]string `json:"tags"`
	}
	if !given.IsString() {
		return nil, fmt.Errorf("aws:defaultTags is not JSON, but %v", given)
	}
	if err := json.Unmarshal([]byte(given.StringValue()), &tags); err != nil {
		return nil, fmt.Errorf("aws:defaultTags is not {tags: {KEY: VALUE}}: %w", err)
	}
	return tags.Tags, nil
}

// addDefaultTags adds the provider's default tags to those of a resource, which take precedence. As in the real provider they
// reach only what has a map of tags: no Auto Scaling group, and neither the instances nor the volumes of a launch template.
func (p *awsProvider) addDefaultTags(t *resourceType, inputs resource.PropertyMap) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !t.tagged || len(p.defaultTags) == 0 {
		return
	}
	tags := resource.PropertyMap{}
	for key, value := range p.defaultTags {
		tags[resource.PropertyKey(key)] = resource.NewProperty(value)
	}
	if own := inputs["tags"]; own.IsObject() {
		tags = merge(tags, own.ObjectValue())
	}
	inputs["tags"] = resource.NewProperty(tags)
}

// Handshake remembers where the engine listens.
func (p *awsProvider) Handshake(_ context.Context, req plugin.ProviderHandshakeRequest) (*plugin.ProviderHandshakeResponse, error) {
	return &plugin.ProviderHandshakeResponse{}, p.Attach(req.EngineAddress)
}

// Attach remembers where the engine listens.
func (p *awsProvider) Attach(address string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.engine = address
	return nil
}

// warn shows a warning among the engine's messages. An engine that cannot be reached goes on without it.
func (p *awsProvider) warn(ctx context.Context, text string) {
	p.mu.Lock()
	address := p.engine
	p.mu.Unlock()
	if address == "" {
		return
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return
	}
	defer func() { _ = connection.Close() }()
	_, _ = pulumirpc.NewEngineClient(connection).Log(ctx, &pulumirpc.LogRequest{Severity: pulumirpc.LogSeverity_WARNING, Message: text})
}
