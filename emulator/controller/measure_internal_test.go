package controller

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestCoresAreMeasuredBetweenTwoLooks(t *testing.T) {
	start := time.Now()
	m := meter{used: time.Second, at: start}
	assert.InDelta(t, 0.25, m.cores(1500*time.Millisecond, start.Add(2*time.Second)), 1e-9)
	assert.InDelta(t, 2, m.cores(3500*time.Millisecond, start.Add(3*time.Second)), 1e-9)
	assert.Zero(t, m.cores(9*time.Second, start.Add(3*time.Second)), "no time has passed")
}

func TestAVirtualCPUIsATenthOfACore(t *testing.T) {
	assert.InDelta(t, 50, percentOf(0.1, 2), 1e-9)
	assert.InDelta(t, 100, percentOf(0.1, 1), 1e-9)
	assert.InDelta(t, 200, percentOf(0.05, 0.25), 1e-9)
}
