package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/experiments"
)

func TestFindingsOfExperimentsAreReportedToPrograms(t *testing.T) {
	termination := &experiments.Termination{Events: []experiments.Event{{At: 0.5, What: "i-1 in us-east-1a", State: "shutting-down"}}}
	termination.Whole.Real, termination.Whole.Emulated = 1.1, 11
	termination.Outage = experiments.Outage{Lost: 2, FirstLost: 0.1, LastLost: 0.2, Longest: 0.15}
	var out bytes.Buffer
	require.NoError(t, printJSON(&out, experimentReport{
		Experiment: "terminate", Stack: "dev", Speed: 10, Findings: []experiments.Finding{
			experiments.Summary{Text: "stack dev"}, termination,
			experiments.Replacement{Stack: "dev", Settings: "own", Loss: "a service is dead", Phases: []experiments.Phase{
				{What: "boot", Took: 1.5, AWSAddsLow: 16, AWSAddsHigh: 26},
			}, Gone: 60, Scaling: 90},
		},
	}))
	assert.JSONEq(t, `{"experiment": "terminate", "stack": "dev", "speed": 10, "findings": [
		{"text": "stack dev"},
		{"events": [{"at": 0.5, "what": "i-1 in us-east-1a", "state": "shutting-down"}],
		 "whole": {"real": 1.1, "emulated": 11},
		 "clients": {"took": 0, "sent": 0, "answered": 0, "refused": 0, "failed": 0, "errors": null,
		             "latency": {"median": 0, "p90": 0, "p99": 0, "longest": 0}},
		 "outage": {"lost": 2, "firstLost": 0.1, "lastLost": 0.2, "longest": 0.15}},
		{"stack": "dev", "settings": "own", "loss": "a service is dead",
		 "phases": [{"what": "boot", "took": 1.5, "awsAddsLow": 16, "awsAddsHigh": 26}], "gone": 60, "scaling": 90}
	]}`, out.String())
}
