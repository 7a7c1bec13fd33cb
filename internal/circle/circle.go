// Package circle finds things that wait for each other.
package circle

import (
	"maps"
	"slices"
)

// Find returns the names of a circle, each waiting for the next and the last for the first, or nothing. After has what each name waits
// for.
func Find(after map[string][]string) []string {
	done := map[string]bool{}
	var path []string
	var visit func(name string) []string
	visit = func(name string) []string {
		if at := slices.Index(path, name); at >= 0 {
			return slices.Clone(path[at:])
		}
		if done[name] {
			return nil
		}
		path = append(path, name)
		for _, next := range after[name] {
			if found := visit(next); found != nil {
				return found
			}
		}
		path, done[name] = path[:len(path)-1], true
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if found := visit(name); found != nil {
			return found
		}
	}
	return nil
}
