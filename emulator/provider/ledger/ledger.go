// Package ledger remembers which resources Pulumi engines created, in the order of their creation.
//
//	engine ── Create ──▶ provider ──▶ cloud:  the resource
//	                              └─▶ ledger: its type, ID and properties
//
// An engine that is killed in the middle of an operation may have created more than its state says. The ledger knows the
// rest, and holds the properties that it takes to delete it.
//
// A resource and its entry appear and disappear together, and both are saved at one moment: creating, deleting and saving
// happen under the ledger's lock.
package ledger

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"
)

// Entry is a resource that an engine created.
type Entry struct {
	Type  string `json:"type"` // Pulumi's token, e.g. aws:ec2/vpc:Vpc
	ID    string `json:"id"`
	Stack string `json:"stack"` // of the engine's state that has it
	Name  string `json:"name"`  // its logical name, as the program calls it

	// Properties are its inputs and computed outputs at its creation, without secrets: what deleting it may take.
	Properties json.RawMessage `json:"properties"`
}

// Ledger holds the entries of all resources that exist, the earliest first. It is safe for concurrent use.
type Ledger struct {
	mu      sync.Mutex
	entries []Entry
	version uint64
}

// New returns a ledger with saved entries, the earliest first.
func New(entries []Entry) *Ledger { return &Ledger{entries: entries} }

// Create runs create, which makes a resource at once and returns its entry, and appends the entry.
func (l *Ledger) Create(create func() (Entry, error)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry, err := create()
	if err != nil {
		return err
	}
	l.version++
	if i := l.index(entry.Type, entry.ID); i >= 0 { // some types adopt what exists already, e.g. a topic of the same name
		l.entries[i] = entry
		return nil
	}
	l.entries = append(l.entries, entry)
	return nil
}

// Delete runs remove, which deletes a resource at once, and drops the resource's entry.
func (l *Ledger) Delete(token, id string, remove func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := remove(); err != nil {
		return err
	}
	if i := l.index(token, id); i >= 0 {
		l.version++
		l.entries = slices.Delete(l.entries, i, i+1)
	}
	return nil
}

// Forget drops the entries of resources that are gone.
func (l *Ledger) Forget(isGone func(Entry) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.entries)
	l.entries = slices.DeleteFunc(l.entries, isGone)
	if len(l.entries) < before {
		l.version++
	}
}

func (l *Ledger) index(token, id string) int {
	return slices.IndexFunc(l.entries, func(e Entry) bool { return e.Type == token && e.ID == id })
}

// Snapshot runs save, which saves the resources, and returns the entries of the same moment, the earliest first.
func (l *Ledger) Snapshot(save func() error) ([]Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := save(); err != nil {
		return nil, err
	}
	return slices.Clone(l.entries), nil
}

// Entries returns a copy of all entries, the earliest first.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// Stacks returns the names of the stacks that have a resource, sorted.
func (l *Ledger) Stacks() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := map[string]bool{}
	for _, e := range l.entries {
		names[e.Stack] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// Version counts the changes so far, so that a caller knows when to save.
func (l *Ledger) Version() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.version
}
