package cloud

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
)

// Made is a resource that an engine asked for. What an engine that was killed doesn't remember is found by it.
type Made struct {
	Number int // they are counted in the order in which they were made
	Token  string
	ID     string
	Inputs json.RawMessage // without secrets
}

// Keep remembers that a resource was made.
func (c *Cloud) Keep(token, id string, inputs json.RawMessage) {
	_ = c.change(func(s *state) error {
		s.Made[token+" "+id] = &Made{Number: len(s.Made) + s.Dropped, Token: token, ID: id, Inputs: inputs}
		return nil
	})
}

// Drop forgets a resource that was deleted.
func (c *Cloud) Drop(token, id string) {
	_ = c.change(func(s *state) error {
		if s.Made[token+" "+id] != nil {
			delete(s.Made, token+" "+id)
			s.Dropped++
		}
		return nil
	})
}

// Made lists what engines asked for and have not deleted, the latest first.
func (c *Cloud) Made() []Made {
	var all []Made
	c.view(func(s *state) {
		for _, m := range slices.SortedFunc(maps.Values(s.Made), func(a, b *Made) int { return cmp.Compare(b.Number, a.Number) }) {
			all = append(all, *m)
		}
	})
	return all
}
