package fault

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// The bounds of a duration. Those of FIS are a minute and twelve hours.
const (
	shortest = time.Second
	longest  = 12 * time.Hour
)

// Spec describes a fault to be started.
type Spec struct {
	Action     string
	Target     string
	Duration   time.Duration     // of a lasting action; ignored by others
	Parameters map[string]string // missing parameters have their defaults
}

// Fault is a fault that was started. It is part of the saved state: after a restart of the emulator, during which no emulated
// time passes, it goes on for the rest of its duration.
type Fault struct {
	ID         string
	Action     string
	Target     string
	Parameters map[string]string // with their defaults
	Started    time.Time
	Until      time.Time // the start of a fault that was over at once; zero: until it is stopped
}

// Start starts a fault. A lasting fault ends after its duration, or with its target. The data plane carries out [KillProcess]
// and [StressCPU].
func (s *Store) Start(spec Spec, now time.Time) (Fault, error) {
	action, known := actionOf(spec.Action)
	if !known {
		return Fault{}, aws.Refuse("ValidationException", "The action '%s' is not one of the emulator's", spec.Action)
	}
	fault, err := spec.build(action, now)
	if err != nil {
		return Fault{}, err
	}
	if err := s.check(action, fault); err != nil {
		return Fault{}, err
	}
	if action.inject != nil {
		if err := action.inject(s, fault, now); err != nil {
			return Fault{}, err
		}
	}
	if action.Lasting {
		copied := *fault
		s.Faults[fault.ID] = &copied
	}
	return *fault, nil
}

// build returns the fault of a spec with its end and its parameters.
func (spec Spec) build(action Action, now time.Time) (*Fault, error) {
	fault := &Fault{
		ID: "EXP" + aws.RandomHex(8), Action: spec.Action, Target: spec.Target, Parameters: maps.Clone(spec.Parameters),
		Started: now, Until: now,
	}
	if action.Lasting {
		switch {
		case spec.Duration == 0 && action.Endless:
			fault.Until = time.Time{}
		case spec.Duration < shortest || spec.Duration > longest:
			return nil, aws.Refuse("ValidationException", "The duration %v of %s must be from %v to %v", spec.Duration, action.Name,
				shortest, longest)
		default:
			fault.Until = now.Add(spec.Duration)
		}
	}
	return fault, fault.fillDefaults(action)
}

// fillDefaults adds the defaults of missing parameters. It refuses parameters that the action does not have.
func (f *Fault) fillDefaults(action Action) error {
	known := map[string]bool{}
	for _, p := range action.Parameters {
		known[p.Name] = true
		switch {
		case f.Parameters[p.Name] != "":
		case p.Required:
			return aws.Refuse("ValidationException", "The parameter %s of %s is required: %s", p.Name, action.Name, p.Description)
		case f.Parameters == nil:
			f.Parameters = map[string]string{p.Name: p.Default}
		default:
			f.Parameters[p.Name] = p.Default
		}
	}
	for _, name := range aws.Keys(f.Parameters) {
		if !known[name] {
			return aws.Refuse("ValidationException", "%s has no parameter %s", action.Name, name)
		}
	}
	return nil
}

// check refuses a second fault of an action at a target, and what the action refuses.
func (s *Store) check(action Action, f *Fault) error {
	for _, other := range s.Faults {
		if other.Action == f.Action && other.Target == f.Target {
			return aws.Refuse("ConflictException", "%s is at %s already, as %s", f.Action, f.Target, other.ID)
		}
	}
	if action.check == nil {
		return nil
	}
	return action.check(s, f)
}

// Stop ends a lasting fault.
func (s *Store) Stop(id string) error {
	if s.Faults[id] == nil {
		return aws.Refuse("ResourceNotFoundException", "There is no fault '%s': it is over, or never was", id)
	}
	delete(s.Faults, id)
	return nil
}

// List returns copies of the lasting faults, the oldest first.
func (s *Store) List() []Fault {
	faults := []Fault{}
	for _, f := range s.faults() {
		copied := *f
		copied.Parameters = maps.Clone(f.Parameters)
		faults = append(faults, copied)
	}
	return faults
}

// faults returns the lasting faults, the oldest first.
func (s *Store) faults() []*Fault {
	return slices.SortedFunc(maps.Values(s.Faults), func(a, b *Fault) int {
		if order := a.Started.Compare(b.Started); order != 0 {
			return order
		}
		return strings.Compare(a.ID, b.ID)
	})
}

// Reconcile ends faults whose time is over or whose target is gone, and reports whether there were any.
func (s *Store) Reconcile(now time.Time) bool {
	before := len(s.Faults)
	maps.DeleteFunc(s.Faults, func(_ string, f *Fault) bool {
		if !f.Until.IsZero() && !now.Before(f.Until) {
			return true
		}
		action, known := actionOf(f.Action)
		return !known || action.isOver != nil && action.isOver(s, f)
	})
	return len(s.Faults) != before
}
