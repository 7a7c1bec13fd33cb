package api

import "time"

// FaultRequest asks for a fault.
type FaultRequest struct {
	Action     string            `json:"action"`
	Target     string            `json:"target"`
	Duration   float64           `json:"duration,omitempty"` // emulated seconds; 0 for an action that is over at once
	Parameters map[string]string `json:"parameters,omitempty"`
}

// Fault is a fault that was started.
type Fault struct {
	ID         string            `json:"id"`
	Action     string            `json:"action"`
	Target     string            `json:"target"`
	Parameters map[string]string `json:"parameters"` // with their defaults
	Started    time.Time         `json:"started"`

	// Until is when the fault ends: the time of its start if it was over at once, the zero time if it lasts until it is
	// stopped.
	Until time.Time `json:"until,omitzero"`
}

// Faults lists the actions that an emulator knows and the faults that last, the oldest first.
type Faults struct {
	Actions []FaultAction `json:"actions"`
	Running []Fault       `json:"running"`
}

// FaultAction is something that can be made to go wrong.
type FaultAction struct {
	Name        string           `json:"name"`
	Description string           `json:"description"`
	Targets     []string         `json:"targets"` // kinds: instances are named by their IDs, groups and zones by their names
	Lasting     bool             `json:"lasting"` // takes a duration; others are over at once
	Endless     bool             `json:"endless"` // lasting, and without a duration until it is stopped
	Parameters  []FaultParameter `json:"parameters"`
}

// FaultParameter is a parameter of an action.
type FaultParameter struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Required    bool   `json:"required"`
	Default     string `json:"default"`
}
