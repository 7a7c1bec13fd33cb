package provider

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

// resourceType is what the provider knows of one type.
type resourceType struct {
	token     string
	kind      Kind
	name      string   // property that is named automatically; none when empty
	nameMax   int      // its longest value
	replaceOn []string // properties on whose change AWS replaces the resource
	volatile  []string // outputs that any update may change: a preview of one doesn't know them

	// replaceIf asks whether AWS replaces for this change of a property; nil: replaceOn says it all.
	replaceIf func(key string, old, now resource.PropertyMap) bool

	properties []string // inputs that it knows, sorted
	unknown    func(resource.PropertyMap) []string
	create     func(context.Context, *cloud.Cloud, resource.PropertyMap) (string, map[string]any, error)
	update     func(context.Context, *cloud.Cloud, string, resource.PropertyMap, resource.PropertyMap) (map[string]any, error)
	remove     func(context.Context, *cloud.Cloud, string, resource.PropertyMap) error
}

// handlers are the typed operations on one type, whose inputs decode into I.
type handlers[I any] struct {
	// create returns the ID and the computed outputs. An ID with an error is a resource that exists but isn't right.
	create func(context.Context, *cloud.Cloud, I) (string, map[string]any, error)
	// update returns the computed outputs that changed. Nil: there is nothing that could be changed in place, other
	// than what is only kept, such as tags.
	update func(ctx context.Context, c *cloud.Cloud, id string, old, now I) (map[string]any, error)
	remove func(context.Context, *cloud.Cloud, string, I) error
}

var registry = map[string]*resourceType{}

// define adds a type to the registry.
func define[I any](t resourceType, h handlers[I]) {
	t.properties = tags(reflect.TypeFor[I]())
	t.unknown = func(inputs resource.PropertyMap) []string {
		_, unused, _ := decode[I](inputs)
		return unused
	}
	t.create = func(ctx context.Context, c *cloud.Cloud, inputs resource.PropertyMap) (string, map[string]any, error) {
		in, _, err := decode[I](inputs)
		if err != nil {
			return "", nil, err
		}
		return h.create(ctx, c, in)
	}
	t.update = func(ctx context.Context, c *cloud.Cloud, id string, olds, news resource.PropertyMap) (map[string]any, error) {
		old, _, err := decode[I](olds)
		if err != nil {
			return nil, err
		}
		now, _, err := decode[I](news)
		if err != nil || h.update == nil {
			return nil, err
		}
		return h.update(ctx, c, id, old, now)
	}
	t.remove = func(ctx context.Context, c *cloud.Cloud, id string, inputs resource.PropertyMap) error {
		in, _, err := decode[I](inputs)
		if err != nil {
			return err
		}
		return h.remove(ctx, c, id, in)
	}
	registry[t.token] = &t
}

// tags are the properties that the fields of a type stand for.
func tags(inputs reflect.Type) []string {
	var names []string
	for field := range inputs.Fields() {
		names = append(names, field.Tag.Get("pulumi"))
	}
	slices.Sort(names)
	return names
}

// decode reads inputs into their Go type and lists the properties that it has no field for. Values that are not known
// yet, in a preview, are left out; an asset is its path.
func decode[I any](inputs resource.PropertyMap) (I, []string, error) {
	var in I
	var metadata mapstructure.Metadata
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{Result: &in, Metadata: &metadata, TagName: "pulumi"})
	if err != nil {
		return in, nil, err
	}
	known := inputs.MapRepl(nil, func(v resource.PropertyValue) (any, bool) {
		switch {
		case v.IsComputed(), v.IsOutput():
			return nil, true
		case v.IsAsset():
			path, _ := v.AssetValue().GetPath()
			return path, true
		case v.IsSecret():
			return v.SecretValue().Element.Mappable(), true
		}
		return nil, false
	})
	maps.DeleteFunc(known, func(key string, value any) bool { return value == nil || strings.HasPrefix(key, "__") })
	err = decoder.Decode(known)
	unused := slices.DeleteFunc(metadata.Unused, func(key string) bool { return strings.Contains(key, "__defaults") })
	slices.Sort(unused)
	return in, unused, err
}

func lookup(token string) (*resourceType, error) {
	if t := registry[token]; t != nil {
		return t, nil
	}
	return nil, status.Errorf(codes.Unimplemented, "the emulator refuses %s: it doesn't know this type, so what it would do "+
		"on AWS cannot be shown here", token)
}

// KindOf tells what the emulator makes of a type; false for one that it refuses.
func KindOf(token string) (Kind, bool) {
	if t := registry[token]; t != nil {
		return t.kind, true
	}
	if token == vpcToken {
		return Run, true
	}
	return "", false
}

// partial is a resource that was created and isn't what it should be, e.g. a group that never became healthy: the
// engine keeps it in its state, so that it can be repaired or destroyed.
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

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// record defines a type that is kept and has no behaviour. Its ID is the value of a property.
func record[I any](token, id string, replaceOn ...string) {
	define(resourceType{token: token, kind: Recorded, replaceOn: replaceOn}, handlers[I]{})
	t := registry[token]
	t.create = func(_ context.Context, _ *cloud.Cloud, inputs resource.PropertyMap) (string, map[string]any, error) {
		return t.token + "/" + inputs[resource.PropertyKey(id)].StringValue(), nil, nil
	}
	t.remove = func(context.Context, *cloud.Cloud, string, resource.PropertyMap) error { return nil }
}
