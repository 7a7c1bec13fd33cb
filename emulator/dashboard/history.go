package dashboard

import (
	"time"
)

// Sample is what the charts show of one moment.
type Sample struct {
	Time     time.Time          // emulated
	Requests map[string]uint64  // flows or requests so far, by target; those without a target are of ""
	Refused  uint64             // flows or requests so far that no target answered
	CPU      map[string]float64 // percent, of running instances
	Tasks    map[string]float64 // percent of what they reserve, of running tasks
	Groups   map[string]Capacity
}

// Capacity is the capacity of a group.
type Capacity struct {
	Min       int `json:"min"`
	Desired   int `json:"desired"`
	Max       int `json:"max"`
	InService int `json:"inService"`
}

// point is a sample as the page gets it, with rates instead of counters.
type point struct {
	Time    float64             `json:"time"`    // emulated, seconds since 1970
	Rates   map[string]float64  `json:"rates"`   // requests in a real second, by target
	Refused float64             `json:"refused"` // in a real second
	CPU     map[string]float64  `json:"cpu"`     // percent, by instance
	Tasks   map[string]float64  `json:"tasks"`   // percent, by task
	Groups  map[string]Capacity `json:"groups"`
}

// length is the number of points in a history: ten minutes of real time.
const length = 600

// history has the last points, the oldest first.
type history struct {
	points []point
	former Sample
	at     time.Time // when the former sample was taken, real time
}

// add makes a point of a sample. A counter that appears for the first time counts from 0.
func (h *history) add(s Sample, now time.Time) point {
	p := point{
		Time: float64(s.Time.UnixMilli()) / 1000, Rates: map[string]float64{}, CPU: s.CPU, Tasks: s.Tasks, Groups: s.Groups,
	}
	if elapsed := now.Sub(h.at).Seconds(); !h.at.IsZero() && elapsed > 0 {
		for id, count := range s.Requests {
			p.Rates[id] = rate(h.former.Requests[id], count, elapsed)
		}
		p.Refused = rate(h.former.Refused, s.Refused, elapsed)
	}
	h.former, h.at = s, now
	h.points = append(h.points, p)
	if extra := len(h.points) - length; extra > 0 {
		h.points = append([]point(nil), h.points[extra:]...)
	}
	return p
}

// rate returns a counter's rate. A counter starts from 0 again when its listener is opened again.
func rate(before, after uint64, seconds float64) float64 {
	if after < before {
		before = 0
	}
	return float64(after-before) / seconds
}
