package provider

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/mapper"
)

// tagsOf lists the properties that the fields of a type stand for, sorted. The fields of embedded types are included.
func tagsOf(structure reflect.Type) []string {
	var names []string
	for _, field := range reflect.VisibleFields(structure) {
		if !field.Anonymous {
			names = append(names, field.Tag.Get("pulumi"))
		}
	}
	slices.Sort(names)
	return names
}

// hasTags reports whether a type has a map of tags.
func hasTags(structure reflect.Type) bool {
	for _, field := range reflect.VisibleFields(structure) {
		if field.Tag.Get("pulumi") == "tags" {
			return field.Type.Kind() == reflect.Map
		}
	}
	return false
}

// decode reads inputs into their Go type and lists the properties that the type has no field for, sorted. Values that are
// not known yet, in a preview, are left out; an asset is its path.
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

// encode returns the fields of outputs as properties, by their tags. Nil pointers and slices are left out; a nil out has
// no properties.
func encode[O any](out *O) (resource.PropertyMap, error) {
	values, err := mapper.New(&mapper.Opts{IgnoreMissing: true}).Encode(out)
	if err != nil {
		return nil, err
	}
	return resource.NewPropertyMapFromMap(values), nil
}

// merge returns base with the properties of over added or replaced.
func merge(base, over resource.PropertyMap) resource.PropertyMap {
	merged := base.Copy()
	maps.Copy(merged, over)
	return merged
}

// orElse returns the value that a pointer holds, or otherwise for nil.
func orElse[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
