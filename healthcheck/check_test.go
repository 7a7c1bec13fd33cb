package healthcheck

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func valid() Check {
	return Check{Protocol: TCP, Port: 5001, Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3}
}

func TestCheckWithinItsLimitsIsValid(t *testing.T) {
	require.NoError(t, valid().Validate())
	lowest := Check{Protocol: TCP, Port: 1, Interval: 5 * time.Second, Timeout: 2 * time.Second, Healthy: 2, Unhealthy: 2}
	require.NoError(t, lowest.Validate())
	highest := Check{Protocol: TCP, Port: 65535, Interval: 300 * time.Second, Timeout: 120 * time.Second, Healthy: 10, Unhealthy: 10}
	require.NoError(t, highest.Validate())
}

func TestCheckNamesTheBrokenRule(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Check)
		want   string
	}{
		"no protocol":            {func(c *Check) { c.Protocol = "" }, `protocol: "" is not TCP`},
		"HTTP":                   {func(c *Check) { c.Protocol = "HTTP" }, `protocol: "HTTP" is not TCP`},
		"port too low":           {func(c *Check) { c.Port = 0 }, "port: 0 is outside 1–65535"},
		"port too high":          {func(c *Check) { c.Port = 65536 }, "port: 65536 is outside 1–65535"},
		"interval too short":     {func(c *Check) { c.Interval, c.Timeout = 4*time.Second, 2*time.Second }, "interval: 4s is outside 5–300 s"},
		"interval too long":      {func(c *Check) { c.Interval = 301 * time.Second }, "interval: 5m1s is outside 5–300 s"},
		"interval with fraction": {func(c *Check) { c.Interval = 10500 * time.Millisecond }, "interval: 10.5s is not a whole number of seconds"},
		"timeout too short":      {func(c *Check) { c.Timeout = time.Second }, "timeout: 1s is outside 2–120 s"},
		"timeout too long":       {func(c *Check) { c.Interval, c.Timeout = 300*time.Second, 121*time.Second }, "timeout: 2m1s is outside 2–120 s"},
		"timeout with fraction":  {func(c *Check) { c.Timeout = 2500 * time.Millisecond }, "timeout: 2.5s is not a whole number of seconds"},
		"timeout as the interval": {func(c *Check) { c.Timeout = c.Interval },
			"timeout: 10s is not below interval (10s)"},
		"healthy too low":    {func(c *Check) { c.Healthy = 1 }, "healthy: 1 is outside 2–10"},
		"healthy too high":   {func(c *Check) { c.Healthy = 11 }, "healthy: 11 is outside 2–10"},
		"unhealthy too low":  {func(c *Check) { c.Unhealthy = 1 }, "unhealthy: 1 is outside 2–10"},
		"unhealthy too high": {func(c *Check) { c.Unhealthy = 11 }, "unhealthy: 11 is outside 2–10"},
	} {
		t.Run(name, func(t *testing.T) {
			c := valid()
			test.change(&c)
			assert.EqualError(t, c.Validate(), test.want)
		})
	}
}

func TestCheckReportsAllFaultsAtOnce(t *testing.T) {
	assert.EqualError(t, Check{}.Validate(), `protocol: "" is not TCP
port: 0 is outside 1–65535
interval: 0s is outside 5–300 s
timeout: 0s is outside 2–120 s
timeout: 0s is not below interval (0s)
healthy: 0 is outside 2–10
unhealthy: 0 is outside 2–10`)
}

func TestTimingIsTheWorstCase(t *testing.T) {
	for name, test := range map[string]struct {
		check               Check
		detection, recovery time.Duration
	}{
		"the default": {valid(), 35 * time.Second, 35 * time.Second},
		"the fastest": {Check{Interval: 5 * time.Second, Timeout: 2 * time.Second, Healthy: 2, Unhealthy: 2},
			12 * time.Second, 12 * time.Second},
		"slow to trust": {Check{Interval: 30 * time.Second, Timeout: 10 * time.Second, Healthy: 5, Unhealthy: 2},
			70 * time.Second, 160 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.detection, test.check.Detection())
			assert.Equal(t, test.recovery, test.check.Recovery())
		})
	}
}
