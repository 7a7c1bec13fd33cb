package userdata

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheJournalIsSentFromBeforeTheSetupUntilAfterTheServices(t *testing.T) {
	units := read(t, shipped()).units
	shipper := units["shiplogs.service"]
	before := shipper.values("Unit", "Before")
	for name := range units {
		switch {
		case name == "shiplogs.service", strings.HasPrefix(name, "artifact-"):
			assert.NotContains(t, before, name)
		default:
			assert.Contains(t, before, name, "it starts after the program and stops before it")
			assert.NotContains(t, units[name].values("Unit", "Requires"), "shiplogs.service", "a service runs without its log, too")
		}
		if units[name].values("Service", "Type")[0] == "oneshot" {
			assert.Contains(t, units[name].values("Unit", "OnSuccess"), "shiplogs.service", name)
		}
	}
	assert.Equal(t, []string{"artifact-shiplogs.service"}, shipper.values("Unit", "Requires"))
	command := shipper.values("Service", "ExecStart")
	require.Len(t, command, 1)
	assert.True(t, strings.HasPrefix(command[0], "/usr/local/bin/shiplogs -region us-east-1 -group /site/prod/instances cloud-init-"))
	for name := range units {
		assert.Contains(t, command[0]+" ", " "+name+" ", "its journal is sent")
	}
	for _, private := range []string{"ssh", "sudo", "systemd-logind"} {
		assert.NotContains(t, command[0], private)
	}
}

func TestAMachineSendsItsJournalOnlyWhenAsked(t *testing.T) {
	assert.NotContains(t, read(t, configured()).units, "shiplogs.service")
	for _, unit := range read(t, configured()).units {
		assert.NotContains(t, unit.values("Unit", "OnSuccess"), "shiplogs.service")
	}
}
