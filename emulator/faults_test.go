package emulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/fault"
	"github.com/elastic-service/elastic-service/emulator/loopback"
)

// restarting is a document whose service comes back when it ends.
func restarting() string {
	return strings.Replace(webDocument(), "[Service]\n", "[Service]\n    Restart=always\n    RestartSec=100ms\n", 1)
}

func (w *world) start(action, target string, seconds float64, parameters map[string]string) api.Fault {
	w.t.Helper()
	return must(w.StartFault(api.FaultRequest{Action: action, Target: target, Duration: seconds, Parameters: parameters}))(w.t)
}

func (w *world) instance(id string) api.Instance {
	for _, i := range w.Status().Instances {
		if i.ID == id {
			return i
		}
	}
	return api.Instance{}
}

func TestFaultsOfInstancesAreReal(t *testing.T) {
	w := newWorld(t)
	w.group("web", 2, w.template(stock, "", restarting()), w.targets)
	w.eventually("two healthy", func() bool { return w.healthy() == 2 })
	victim, other := w.Status().Instances[0], w.Status().Instances[1]

	t.Run("a process is killed and comes back", func(t *testing.T) {
		w.t = t
		killed := w.start(fault.KillProcess, victim.ID, 0, map[string]string{fault.ParameterProcess: "web", fault.ParameterSignal: "SIGKILL"})
		assert.Equal(t, killed.Started, killed.Until)
		assert.Empty(t, w.Status().Faults, "that is over at once")
		w.eventually("restarted", func() bool {
			services := w.instance(victim.ID).Services
			return services[0].Restarts == 1 && services[0].State == api.ServiceRunning
		})
		_, err := w.StartFault(api.FaultRequest{
			Action: fault.KillProcess, Target: victim.ID, Parameters: map[string]string{fault.ParameterProcess: "mysqld"},
		})
		require.ErrorContains(t, err, `no process "mysqld" runs on `+victim.ID)
	})
	t.Run("its CPU is busy until the load's time is over", func(t *testing.T) {
		w.t = t
		load := w.start(fault.StressCPU, victim.ID, 200, map[string]string{fault.ParameterLoad: "50"})
		assert.Equal(t, []api.Fault{load}, w.Status().Faults)
		// What the processes themselves need, more of it with the race detector, the other instance needs too.
		more := func() float64 { return w.instance(victim.ID).CPU - w.instance(other.ID).CPU }
		w.eventually("half of it is used", func() bool { return more() > 30 })
		assert.LessOrEqual(t, more(), 75.0)
		w.eventually("idle again", func() bool { return len(w.Status().Faults) == 0 && more() < 20 })
	})
	t.Run("it is terminated and replaced", func(t *testing.T) {
		w.t = t
		w.start(fault.TerminateInstances, victim.ID, 0, nil)
		w.eventually("replaced", func() bool { return w.healthy() == 2 && w.instance(victim.ID).State == "terminated" })
	})
}

func TestADisruptedZoneTimesOutAndComesBack(t *testing.T) {
	w := newWorld(t)
	w.layFlows()
	w.group("web", 2, w.template(stock, "", webDocument()), w.targets)
	w.eventually("two healthy", func() bool { return w.healthy() == 2 })
	zone := w.Status().Instances[0].Zone
	fault := w.start(fault.DisruptConnectivity, zone, 600, nil)
	w.eventually("unhealthy", func() bool { return w.healthy() == 1 })
	sick := w.instance(w.Status().Instances[0].ID)
	assert.Equal(t, "unhealthy", sick.Target)
	assert.Contains(t, sick.Description, "Health checks failed: SUBNET_ACL_RESTRICTION: the network ACL that fault "+fault.ID)
	for range 10 {
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + w.address("TCP"))
		require.NoError(t, err)
		response.Body.Close()
	}
	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error { return m.Fault.Stop(fault.ID) }))
	w.eventually("healthy again", func() bool { return w.healthy() == 2 })
}

func TestAFailedZoneIsLeftAndFilledAgain(t *testing.T) {
	w := newWorld(t)
	w.group("web", 2, w.template(stock, "", webDocument()), w.targets)
	w.eventually("two healthy", func() bool { return w.healthy() == 2 })
	zones := func() string {
		var text []string
		for _, i := range w.Status().Instances {
			if i.State == "running" && i.Lifecycle == "InService" && i.Target == "healthy" {
				text = append(text, i.Zone[len(i.Zone)-1:])
			}
		}
		slices.Sort(text)
		return strings.Join(text, "")
	}
	require.Equal(t, "ab", zones())
	var dead api.Instance
	for _, i := range w.Status().Instances {
		if i.Zone == "us-east-1a" {
			dead = i
		}
	}
	fault := w.start(fault.PowerInterruption, "us-east-1a", 0, nil)
	w.eventually("both are in the other zone", func() bool { return zones() == "bb" })
	_, err := http.Get(fmt.Sprintf("http://%s:%d", dead.Loopback, loopback.Port(80)))
	require.Error(t, err, "it answers nobody")
	for range 10 {
		status, _ := w.ask()
		assert.Equal(t, http.StatusOK, status)
	}

	w.stop()
	w.run()
	w.eventually("an outage outlives the emulator", func() bool { return zones() == "bb" })
	require.Len(t, w.Status().Faults, 1)
	assert.Equal(t, fault.ID, w.Status().Faults[0].ID)
	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error { return m.Fault.Stop(fault.ID) }))
	w.eventually("balanced again", func() bool { return zones() == "ab" })
}

func TestTheControlAPIStartsListsAndEndsFaults(t *testing.T) {
	w := newWorld(t)
	control, err := w.Serve(address, "dev")
	require.NoError(t, err)
	t.Cleanup(control.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	client := api.Client{Address: address}

	faults := must(client.Faults(t.Context()))(t)
	assert.Empty(t, faults.Running)
	var names []string
	for _, a := range faults.Actions {
		names = append(names, a.Name)
		assert.NotEmpty(t, a.Targets)
		assert.NotEmpty(t, a.Description)
	}
	assert.Equal(t, []string{
		"aws:ec2:terminate-instances", "aws:ec2:asg-insufficient-instance-capacity-error", "aws:network:disrupt-connectivity",
		"aws:ecs:stop-task", "aws:rds:reboot-db-instances",
		"aws:ssm:send-command/AWSFIS-Run-Kill-Process", "aws:ssm:send-command/AWSFIS-Run-CPU-Stress",
		"AZ Availability: Power Interruption",
	}, names)

	started := must(client.StartFault(t.Context(), api.FaultRequest{
		Action: fault.DisruptConnectivity, Target: "us-east-1b", Duration: 90, Parameters: map[string]string{"scope": "all"},
	}))(t)
	assert.Equal(t, 90*time.Second, started.Until.Sub(started.Started))
	status := must(client.Status(t.Context()))(t)
	require.Len(t, status.Faults, 1)
	assert.Equal(t, started.ID, status.Faults[0].ID)
	require.NoError(t, client.StopFault(t.Context(), started.ID))
	assert.Empty(t, must(client.Faults(t.Context()))(t).Running)
	require.ErrorContains(t, client.StopFault(t.Context(), started.ID), "ResourceNotFoundException")

	for body, says := range map[string]string{
		`{"action": "aws:ec2:terminate-instances", "target": "i-1"}`:                "not an instance that runs",
		`{"action": "aws:network:disrupt-connectivity", "target": "us-east-1a"}`:    "The duration 0s",
		`{"action": "x", "target": "y", "duration": -1}`:                            "duration: -1 s",
		`{"action": "x", "target": "y", "duration": 1e300}`:                         "duration: 1e+300 s",
		`{"action": "aws:network:disrupt-connectivity", "targets": ["us-east-1a"]}`: `unknown field "targets"`,
		`duration=60`: "a fault has action, target, duration and parameters",
	} {
		response, err := http.Post("http://"+address+"/faults", "application/json", strings.NewReader(body))
		require.NoError(t, err)
		text := new(strings.Builder)
		require.NoError(t, response.Write(text))
		assert.Equal(t, http.StatusBadRequest, response.StatusCode, body)
		assert.Contains(t, text.String(), says)
	}
}
