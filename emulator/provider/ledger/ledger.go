// Package ledger remembers which resources Pulumi engines created, in the order of their creation.
//
//	engine ── Create ──▶ provider ──▶ cloud:  the resource
//	                              └─▶ ledger: its type, ID and inputs
//
// An engine that is killed in the middle of an operation may have created more than its state says. The ledger knows the
// rest, and holds the inputs that it takes to delete it. It is saved together with the model, so that the two agree.
package ledger

import (
	"encoding/json"
	"slices"
	"sync"
)

// Entry is a resource that an engine created.
type Entry struct {
	Type   string          `json:"type"` // Pulumi's token, e.g. aws:ec2/vpc:Vpc
	ID     string          `json:"id"`
	Name   string          `json:"name"`   // its logical name, as the program calls it
	Inputs json.RawMessage `json:"inputs"` // without secrets
}

// Ledger holds the entries of all resources that exist, the earliest first. It is safe for concurrent use.
type Ledger struct {
	mu      sync.Mutex
	entries []Entry
	version uint64
}

// Add appends an entry. A resource that the ledger already has keeps its place and gets the new inputs.
func (l *Ledger) Add(entry Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version++
	if i := l.index(entry.Type, entry.ID); i >= 0 {
		l.entries[i] = entry
		return
	}
	l.entries = append(l.entries, entry)
}

// Remove drops the entry of a resource that was deleted.
func (l *Ledger) Remove(token, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.index(token, id); i >= 0 {
		l.version++
		l.entries = slices.Delete(l.entries, i, i+1)
	}
}

func (l *Ledger) index(token, id string) int {
	return slices.IndexFunc(l.entries, func(e Entry) bool { return e.Type == token && e.ID == id })
}

// Entries returns a copy of all entries, the earliest first.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// Version counts the changes so far, so that a caller knows when to save.
func (l *Ledger) Version() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.version
}

// MarshalJSON returns the entries as a list.
func (l *Ledger) MarshalJSON() ([]byte, error) {
	entries := l.Entries()
	if entries == nil {
		entries = []Entry{}
	}
	return json.Marshal(entries)
}

// UnmarshalJSON replaces the entries by a saved list.
func (l *Ledger) UnmarshalJSON(data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version++
	return json.Unmarshal(data, &l.entries)
}
