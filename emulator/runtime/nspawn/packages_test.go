package nspawn_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Packages of the user data are on the machine before anything else of the user data runs, and cloud-init is content with them.
func TestPackagesAreThoseOfDebian(t *testing.T) {
	needMachines(t)
	s := deployed(t, "dev", map[string]any{"app.packages": []any{"jq"}})
	vpc := newVPC(t)
	m := boot(t, vpc, s.spec(t, zoneA))
	opens(t, vpc, zoneA, 5001)
	assertBootedCleanly(t, m)
	assert.Equal(t, "jq-1.6", strings.TrimSpace(command(t, m, "jq", "--version")))
}

// The CloudWatch agent is Amazon Linux's. A machine without it boots, and cloud-init says what is missing.
func TestAPackageThatDebianDoesNotHaveIsMissingOnTheMachineAlone(t *testing.T) {
	needMachines(t)
	s := deployed(t, "dev", map[string]any{"app.packages": []any{"amazon-cloudwatch-agent"}})
	vpc := newVPC(t)
	m := boot(t, vpc, s.spec(t, zoneA))
	opens(t, vpc, zoneA, 5001)
	assert.Contains(t, command(t, m, "cat", "/var/log/cloud-init-output.log"), "Unable to locate package amazon-cloudwatch-agent")
}
