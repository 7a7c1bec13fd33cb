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
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/fault"
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
	Actions []fault.Action
	Running []fault.Fault
}

// Faults lists both.
func (e *Emulator) Faults() Faults {
	return Faults{Actions: fault.Actions(), Running: cloud.Get(e.Cloud, func(m *cloud.Model) []fault.Fault { return m.Fault.List() })}
}

// StartFault makes something go wrong.
func (e *Emulator) StartFault(r FaultRequest) (fault.Fault, error) {
	const longest = float64(365 * 24 * time.Hour / time.Second) // what a Duration can hold, and more than is allowed
	if !(r.Duration >= 0 && r.Duration <= longest) {
		return fault.Fault{}, fmt.Errorf("duration: %v s is not one", r.Duration)
	}
	started, err := cloud.Make(e.Cloud, func(m *cloud.Model) (fault.Fault, error) {
		return m.Fault.Start(fault.Spec{
			Action: r.Action, Target: r.Target, Duration: time.Duration(r.Duration * float64(time.Second)), Parameters: r.Parameters,
		}, m.Clock.Now())
	})
	if err == nil && started.Action == fault.KillProcess {
		err = e.killProcess(started)
	}
	if err == nil {
		e.options.Log.Info("fault", "id", started.ID, "action", started.Action, "target", started.Target, "until", started.Until)
	}
	return started, err
}

func (e *Emulator) killProcess(f fault.Fault) error {
	e.mu.Lock()
	m := e.machines[f.Target]
	e.mu.Unlock()
	if m == nil || m.instance == nil {
		return fmt.Errorf("instance %q has not booted", f.Target)
	}
	return m.instance.SignalProcess(f.Parameters[fault.ParameterProcess], unix.SignalNum(f.Parameters[fault.ParameterSignal]))
}

// followFaults puts load on instances where a fault wants it, and takes it away. What other faults do is the model's.
func (e *Emulator) followFaults() {
	e.mu.Lock()
	defer e.mu.Unlock()
	wanted := map[string]bool{}
	for _, f := range cloud.Get(e.Cloud, func(m *cloud.Model) []fault.Fault { return m.Fault.List() }) {
		m := e.machines[f.Target]
		if f.Action != fault.StressCPU || m == nil || m.instance == nil || m.stopping {
			continue
		}
		wanted[f.ID] = true
		if _, there := e.stresses[f.ID]; !there {
			e.stresses[f.ID] = e.stress(f, m)
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
func (e *Emulator) stress(f fault.Fault, m *machine) *guest.Stress {
	i, err := cloud.Find(e.Cloud, func(m *cloud.Model) (ec2.Instance, error) { return m.EC2.Instance(f.Target) })
	if err != nil {
		return nil
	}
	load, err := m.instance.Stress(f.VirtualCPUs(i.Type) * coresPerCPU)
	if err != nil {
		e.options.Log.Error("no load", "fault", f.ID, "instance", f.Target, "error", err)
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
		acknowledge(w, e.Cloud.Change(func(m *cloud.Model) error { return m.Fault.Stop(r.PathValue("id")) }))
	})
}

// Faults asks what can be made to go wrong and what does.
func (c Client) Faults(ctx context.Context) (Faults, error) {
	var faults Faults
	return faults, c.do(ctx, http.MethodGet, "/faults", nil, &faults)
}

// StartFault makes something go wrong.
func (c Client) StartFault(ctx context.Context, request FaultRequest) (fault.Fault, error) {
	var fault fault.Fault
	return fault, c.do(ctx, http.MethodPost, "/faults", request, &fault)
}

// StopFault ends a fault before its time.
func (c Client) StopFault(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/faults/"+url.PathEscape(id), nil, &struct{}{})
}
