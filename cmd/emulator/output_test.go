package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/api"
)

func TestStatusIsReportedToPrograms(t *testing.T) {
	showing(t, func() api.Status {
		return api.Status{Region: "us-east-1", Speed: 10, Instances: []api.Instance{{ID: "i-1", Loopback: netip.MustParseAddr("127.168.0.57")}}}
	})
	var out, errs bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"status", "-o", "json"}, &out, &errs), errs.String())
	var status map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &status))
	assert.Equal(t, "us-east-1", status["region"])
	assert.InDelta(t, 10, status["speed"], 0)
	instance := status["instances"].([]any)[0].(map[string]any)
	assert.Equal(t, "i-1", instance["id"])
	assert.Equal(t, "127.168.0.57", instance["loopback"])
}

func TestAPathIsReportedToProgramsAlsoIfItIsStopped(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(api.Path{From: "a", To: "b", Port: 22, Blocked: &api.Blocked{Code: "NO_ROUTE", Reason: "no route"}})
	}))
	defer server.Close()
	at(t, server.Listener.Addr().String())
	var out, errs bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), []string{"path", "a", "b", "22", "-o", "json"}, &out, &errs))
	assert.JSONEq(t, `{"from": "a", "to": "b", "port": 22, "hops": null, "blocked": {"code": "NO_ROUTE", "reason": "no route"}}`, out.String())
	assert.Equal(t, "emulator: not reachable: NO_ROUTE\n", errs.String())
}
