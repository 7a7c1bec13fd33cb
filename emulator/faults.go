package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/guest"
)

// FaultRequest asks for a fault.
type FaultRequest struct {
	Action     string            `json:"action"`
	Target     string            `json:"target"`
	Duration   float64           `json:"duration,omitempty"` // seconds of the cloud; not of an action that is over at once
	Parameters map[string]string `json:"parameters,omitempty"`
}

// Faults are what can be made to go wrong, and what does now, the oldest first.
type Faults struct {
	Actions []cloud.FaultAction
	Running []cloud.Fault
}

// Faults lists both.
func (e *Emulator) Faults() Faults {
	return Faults{Actions: cloud.FaultActions(), Running: e.Cloud.Faults()}
}

// StartFault makes something go wrong.
func (e *Emulator) StartFault(r FaultRequest) (cloud.Fault, error) {
	const longest = float64(365 * 24 * time.Hour / time.Second) // what a Duration can hold, and more than is allowed
	if !(r.Duration >= 0 && r.Duration <= longest) {
		return cloud.Fault{}, fmt.Errorf("duration: %v s is not one", r.Duration)
	}
	fault, err := e.Cloud.StartFault(cloud.FaultSpec{
		Action: r.Action, Target: r.Target, Duration: time.Duration(r.Duration * float64(time.Second)), Parameters: r.Parameters,
	})
	if err == nil && fault.Action == cloud.FaultKill {
		err = e.killProcess(fault)
	}
	if err == nil {
		e.options.Log.Info("fault", "id", fault.ID, "action", fault.Action, "target", fault.Target, "until", fault.Until)
	}
	return fault, err
}

func (e *Emulator) killProcess(fault cloud.Fault) error {
	e.mu.Lock()
	m := e.machines[fault.Target]
	e.mu.Unlock()
	if m == nil || m.instance == nil {
		return fmt.Errorf("instance %q has not booted", fault.Target)
	}
	return m.instance.SignalProcess(fault.Parameters[cloud.ParameterProcess], unix.SignalNum(fault.Parameters[cloud.ParameterSignal]))
}

// followFaults puts load on instances where a fault wants it, and takes it away. What other faults do is the model's.
func (e *Emulator) followFaults() {
	e.mu.Lock()
	defer e.mu.Unlock()
	wanted := map[string]bool{}
	for _, fault := range e.Cloud.Faults() {
		m := e.machines[fault.Target]
		if fault.Action != cloud.FaultStress || m == nil || m.instance == nil || m.stopping {
			continue
		}
		wanted[fault.ID] = true
		if _, there := e.stresses[fault.ID]; !there {
			e.stresses[fault.ID] = e.stress(fault, m)
		}
	}
	for id, load := range e.stresses {
		if wanted[id] {
			continue
		}
		delete(e.stresses, id)
		if load != nil {
			e.work.Go(load.Stop)
		}
	}
}

// stress begins a load. One that can't be is nil, so that it is tried and said once.
func (e *Emulator) stress(fault cloud.Fault, m *machine) *guest.Stress {
	i, err := e.Cloud.Instance(fault.Target)
	if err != nil {
		return nil
	}
	load, err := m.instance.Stress(fault.VirtualCPUs(i.Type) * coresPerCPU)
	if err != nil {
		e.options.Log.Error("no load", "fault", fault.ID, "instance", fault.Target, "error", err)
		return nil
	}
	return load
}

// handleFaults adds the faults to the control API.
func (e *Emulator) handleFaults(mux *http.ServeMux) {
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { reply(w, e.Faults()) })
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		var request FaultRequest
		body := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
		body.DisallowUnknownFields()
		if err := body.Decode(&request); err != nil {
			http.Error(w, "a fault has action, target, duration and parameters: "+err.Error(), http.StatusBadRequest)
			return
		}
		fault, err := e.StartFault(request)
		if err != nil {
			acknowledge(w, err)
			return
		}
		reply(w, fault)
	})
	mux.HandleFunc("DELETE /faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		acknowledge(w, e.Cloud.StopFault(r.PathValue("id")))
	})
}

// Faults asks what can be made to go wrong and what does.
func (c Client) Faults(ctx context.Context) (Faults, error) {
	var faults Faults
	return faults, c.do(ctx, http.MethodGet, "/faults", nil, &faults)
}

// StartFault makes something go wrong.
func (c Client) StartFault(ctx context.Context, request FaultRequest) (cloud.Fault, error) {
	var fault cloud.Fault
	return fault, c.do(ctx, http.MethodPost, "/faults", request, &fault)
}

// StopFault ends a fault before its time.
func (c Client) StopFault(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/faults/"+url.PathEscape(id), nil, &struct{}{})
}
