package autoscaling

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStepsAdjustAsAWSDoes(t *testing.T) {
	at := func(v float64) *float64 { return &v }
	steps := []Step{{at(0), at(10), 1}, {at(10), nil, 3}, {nil, at(-10), -3}, {at(-10), at(0), -1}}
	policy := Policy{Type: StepScaling, Adjustment: ChangeInCapacity, Steps: steps}
	require.NoError(t, policy.check())
	for past, want := range map[float64]int{0: 1, 9.9: 1, 10: 3, 100: 3, -0.1: -1, -9.9: -1, -10: -3, -50: -3} {
		for _, step := range steps {
			if step.contains(past) {
				assert.Equal(t, want, step.Adjustment, "%v", past)
			}
		}
	}
	for _, c := range []struct {
		capacity, adjustment, magnitude, want int
	}{
		{10, 10, 0, 11}, {10, 19, 0, 11}, {3, 10, 0, 4}, {3, -10, 0, 2}, {10, -67, 0, 4}, {4, 25, 2, 6}, {4, -25, 2, 2}, {4, 0, 2, 4},
	} {
		p := Policy{Adjustment: PercentChangeInCapacity, MinMagnitude: c.magnitude}
		assert.Equal(t, c.want, p.adjusted(c.capacity, c.adjustment), "%+v", c)
	}
	assert.Equal(t, 7, (&Policy{Adjustment: ExactCapacity}).adjusted(2, 7))
}
