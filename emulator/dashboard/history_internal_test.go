package dashboard

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestCountersBecomeRatesOfRealTime(t *testing.T) {
	start := time.Unix(1000, 0)
	steps := []struct {
		name    string
		after   time.Duration
		count   uint64
		refused uint64
		rate    float64
		refusal float64
	}{
		{"the first look knows no rate", 0, 100, 5, 0, 0},
		{"what came since, in a second", time.Second, 150, 5, 50, 0},
		{"over two seconds", 3 * time.Second, 250, 9, 50, 2},
		{"nothing came", 4 * time.Second, 250, 9, 0, 0},
		{"a listener that was opened anew counts from 0", 5 * time.Second, 30, 1, 30, 1},
	}
	var h history
	for _, s := range steps {
		p := h.add(Sample{Time: start, Requests: map[string]uint64{"i-1": s.count}, Refused: s.refused}, start.Add(s.after))
		assert.InDelta(t, s.rate, p.Rates["i-1"], 1e-9, s.name)
		assert.InDelta(t, s.refusal, p.Refused, 1e-9, s.name)
	}
	p := h.add(Sample{Requests: map[string]uint64{"i-2": 7}}, start.Add(6*time.Second))
	assert.Equal(t, map[string]float64{"i-2": 7}, p.Rates, "a new target counts from 0, one that is gone has no rate")
}

func TestTheHistoryKeepsTheNewestPoints(t *testing.T) {
	var h history
	for n := range length + 5 {
		h.add(Sample{Time: time.Unix(int64(n), 0)}, time.Unix(int64(n), 0))
	}
	assert.Len(t, h.points, length)
	assert.InDelta(t, 5, h.points[0].Time, 0)
	assert.InDelta(t, length+4, h.points[length-1].Time, 0)
}
