package rehearsal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/fault"
	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// healthBy returns the state of each instance that is not drained, by the port of its target group.
func (r releases) healthBy() map[int]map[string]elb.TargetState {
	states := map[int]map[string]elb.TargetState{}
	r.deployment.Cloud().View(func(m *cloud.Model) {
		for _, t := range m.ELB.DescribeTargetHealth() {
			if states[t.Port] == nil {
				states[t.Port] = map[string]elb.TargetState{}
			}
			if t.State != elb.TargetDraining {
				states[t.Port][t.ID] = t.State
			}
		}
	})
	return states
}

const adminPort = 8081

// withAdmin makes the stack serve on a second port, from the next up on.
func (r releases) withAdmin(listen string) {
	main := map[string]any{"name": "musicguru", "command": []string{"/usr/local/bin/musicguru", "serve"}}
	admin := map[string]any{"name": "console", "command": []string{"/usr/local/bin/musicguru", "serve", "-listen", listen}}
	r.set([]any{main, admin}, "app", "services")
	r.set([]any{map[string]any{"name": "admin", "port": adminPort, "health": map[string]any{"port": 8082}}}, "app", "targets")
	r.set([]any{map[string]any{"port": 5000}, map[string]any{"port": adminPort, "target": "admin"}}, "balancer", "listeners")
}

// A second service on the same instances comes by a release that nobody notices, has a health of its own, and goes.
func TestASecondServiceComesFailsAndGoes(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := startReleases(t, "scaling:\n", "scaling:\n    release: {bake: 0, timeout: 900}\n")
	clients := r.startClients(t.Context())

	r.withAdmin(":9999")
	err := r.up()
	require.ErrorContains(t, err, "the instances do not serve in a target group that is new")
	require.ErrorContains(t, err, "musicguru-admin")
	assert.Len(t, r.group().Spec.TargetGroups, 1, "the group has left it again")
	require.NoError(t, r.awaitHealthy(t.Context()))

	r.withAdmin(":8081")
	r.patient()
	require.NoError(t, r.up())
	health := r.healthBy()
	assert.Len(t, health[5000], 2)
	assert.Len(t, health[adminPort], 2)
	assert.Len(t, r.group().Spec.TargetGroups, 2)
	for _, refresh := range r.group().Refreshes {
		assert.Equal(t, autoscaling.RefreshSuccessful, refresh.Status)
	}
	counts := clients.Stop()
	t.Log(counts)
	assert.Zero(t, counts.Failed)

	victim, alone := r.deployment.Healthy()[0].ID, false
	require.NoError(t, session.Poll(t.Context(), time.Minute, func() bool {
		_, err := r.deployment.Session.Emulator.StartFault(api.FaultRequest{
			Action: fault.KillProcess, Target: victim,
			Parameters: map[string]string{fault.ParameterProcess: "console", fault.ParameterSignal: "SIGKILL"},
		})
		_ = err // between two starts there is no process
		health = r.healthBy()
		alone = alone || health[adminPort][victim] == elb.TargetUnhealthy && health[5000][victim] == elb.TargetHealthy
		return alone && health[adminPort][victim] == ""
	}), "the group replaces what any of its target groups finds unhealthy")
	require.NoError(t, r.awaitHealthy(t.Context()))

	r.set(nil, "app", "targets")
	r.set([]any{map[string]any{"port": 5000}}, "balancer", "listeners")
	require.NoError(t, r.up())
	assert.Len(t, r.group().Spec.TargetGroups, 1)
	groups := 0
	r.deployment.Cloud().View(func(m *cloud.Model) { groups = len(m.ELB.DescribeTargetGroups()) })
	assert.Equal(t, 1, groups)
	require.NoError(t, r.awaitHealthy(t.Context()))
}
