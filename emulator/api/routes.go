package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", s.getStatus)
	mux.HandleFunc("GET /environment", s.getEnvironment)
	mux.HandleFunc("GET /path", s.getPath)
	mux.HandleFunc("GET /faults", s.getFaults)
	mux.HandleFunc("POST /faults", s.startFault)
	mux.HandleFunc("DELETE /faults/{id}", s.stopFault)
	mux.HandleFunc("POST /instances/{id}/terminate", s.terminateInstance)
	mux.HandleFunc("POST /instances/{id}/services/{name}/stop", s.stopService)
	mux.HandleFunc("POST /tasks/{id}/stop", s.stopTask)
	mux.HandleFunc("POST /stacks/{stack}/orphans/delete", s.deleteOrphans)
	mux.HandleFunc("POST /stop", s.stopEmulator)
	mux.Handle("GET /", s.page)
	return mux
}

func (s *Server) getStatus(w http.ResponseWriter, _ *http.Request) { reply(w, s.backend.Status()) }

func (s *Server) getEnvironment(w http.ResponseWriter, _ *http.Request) {
	reply(w, s.backend.Attachment())
}

func (s *Server) getPath(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	port, err := strconv.Atoi(query.Get("port"))
	if err != nil {
		http.Error(w, fmt.Sprintf("port %q is not a number", query.Get("port")), http.StatusBadRequest)
		return
	}
	path, err := s.backend.Path(query.Get("from"), query.Get("to"), port)
	replyUnless(w, err, path)
}

func (s *Server) getFaults(w http.ResponseWriter, _ *http.Request) { reply(w, s.backend.Faults()) }

// mostOfFault is how long a request for a fault may be, in bytes.
const mostOfFault = 1 << 16

func (s *Server) startFault(w http.ResponseWriter, r *http.Request) {
	var request FaultRequest
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostOfFault))
	body.DisallowUnknownFields()
	if err := body.Decode(&request); err != nil {
		http.Error(w, "a fault has action, target, duration and parameters: "+err.Error(), http.StatusBadRequest)
		return
	}
	fault, err := s.backend.StartFault(request)
	replyUnless(w, err, fault)
}

func (s *Server) stopFault(w http.ResponseWriter, r *http.Request) {
	replyUnless(w, s.backend.StopFault(r.PathValue("id")), struct{}{})
}

func (s *Server) terminateInstance(w http.ResponseWriter, r *http.Request) {
	replyUnless(w, s.backend.TerminateInstance(r.PathValue("id")), struct{}{})
}

func (s *Server) stopService(w http.ResponseWriter, r *http.Request) {
	replyUnless(w, s.backend.StopService(r.PathValue("id"), r.PathValue("name")), struct{}{})
}

func (s *Server) stopTask(w http.ResponseWriter, r *http.Request) {
	replyUnless(w, s.backend.StopTask(r.PathValue("id")), struct{}{})
}

func (s *Server) deleteOrphans(w http.ResponseWriter, r *http.Request) {
	known, err := readKnown(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	deleted, err := s.backend.DeleteOrphans(r.Context(), r.PathValue("stack"), known)
	replyUnless(w, err, deleted)
}

// mostKnown is how long a list of resources may be, in bytes: some ten thousand resources.
const mostKnown = 4 << 20

// readKnown reads the resources that Pulumi knows. All others are deleted, so a missing list is refused: an empty list must
// be meant.
func readKnown(w http.ResponseWriter, r *http.Request) ([]Resource, error) {
	var known []Resource
	switch err := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostKnown)).Decode(&known); {
	case err != nil:
		return nil, fmt.Errorf("the known resources are not a list of objects with type and id: %w", err)
	case known == nil:
		return nil, errors.New("the known resources are missing: send a list of objects with type and id, or [] if none is known")
	}
	return known, nil
}

func (s *Server) stopEmulator(w http.ResponseWriter, _ *http.Request) {
	reply(w, struct{}{})
	select {
	case s.stop <- struct{}{}:
	default: // another client has asked before
	}
}
