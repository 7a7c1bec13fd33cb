package aws

import (
	"maps"
	"reflect"
	"slices"
)

// A service keeps its resources in a struct whose fields are maps by ID: its tables. The struct is the only list of them.
// A tag names what a table holds for the list of what is left after everything was destroyed:
//
//	type State struct {
//		VPCs   map[string]*VPC   `left:"vpc"`
//		Images map[string]*Image // stays without being left over
//	}

// MakeTables creates the maps of a state that are nil. The state is a pointer to a struct.
func MakeTables(state any) {
	v := reflect.ValueOf(state).Elem()
	for _, field := range v.Fields() {
		if field.Kind() == reflect.Map && field.IsNil() {
			field.Set(reflect.MakeMap(field.Type()))
		}
	}
}

// Clear empties a state.
func Clear(state any) {
	reflect.ValueOf(state).Elem().SetZero()
	MakeTables(state)
}

// partial is a resource that may not count as left over: AWS shows some resources for a while after their end.
type partial interface{ IsLeft() bool }

// Left lists the resources in a state's tables, as "kind id", each table's sorted by ID. Those that say that they are not
// left over don't count.
func Left(state any) []string {
	var left []string
	v := reflect.ValueOf(state).Elem()
	for i := range v.NumField() {
		kind := v.Type().Field(i).Tag.Get("left")
		if kind == "" {
			continue
		}
		var ids []string
		for id, resource := range v.Field(i).Seq2() {
			if r, ok := resource.Interface().(partial); !ok || r.IsLeft() {
				ids = append(ids, id.String())
			}
		}
		for _, id := range slices.Sorted(slices.Values(ids)) {
			left = append(left, kind+" "+id)
		}
	}
	return left
}

// Keys returns the keys of a map, sorted.
func Keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
