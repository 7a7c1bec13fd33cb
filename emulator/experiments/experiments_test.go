package experiments

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var threeTargets = map[string]string{"a1": "a", "a2": "a", "b1": "b"}

func TestAnswersByChanceShowNoPattern(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var sequence []string
	for range 3000 {
		sequence = append(sequence, []string{"a1", "a2", "b1"}[random.IntN(3)])
	}
	s := examine(sequence, equalShares(threeTargets))
	assert.Less(t, s.chi, chiLimits[2])
	assert.InDelta(t, 0, s.z, rare)
	assert.Zero(t, s.counts["c"])
	assert.Contains(t, s.verdicts()[1], "no pattern")
	uneven := examine(sequence, zonalShares(threeTargets))
	assert.Greater(t, uneven.chi, chiLimits[2], "a third each is not half for the smaller zone")
}

func TestAnswersInTurnAreAPattern(t *testing.T) {
	var sequence []string
	for range 100 {
		sequence = append(sequence, "b1", "a1", "a2")
	}
	s := examine(sequence, equalShares(threeTargets))
	assert.Equal(t, 300, s.runs)
	assert.Equal(t, 1, s.longest)
	assert.Greater(t, s.z, rare)
	assert.Contains(t, s.verdicts()[2], "strictly in turn")
	assert.Equal(t, "CABCAB", s.beginning(6))
}

func TestRunsAreCountedAgainstWhatChanceMakes(t *testing.T) {
	// Wald and Wolfowitz for two kinds: 1 + 2mn/N, here with 6 and 4.
	expected, _ := runsTest(map[string]int{"x": 6, "y": 4}, 5)
	assert.InDelta(t, 1+2*6*4/10.0, expected, 1e-9)
	_, z := runsTest(map[string]int{"x": 50, "y": 50}, 2)
	assert.Less(t, z, -rare, "all of one kind before all of the other")
	_, z = runsTest(map[string]int{"x": 10}, 1)
	assert.Zero(t, z)
}

func TestSharesWithCrossZoneOffAreTheZones(t *testing.T) {
	assert.Equal(t, map[string]float64{"a1": 0.25, "a2": 0.25, "b1": 0.5}, zonalShares(threeTargets))
}

func TestPhasesOfAReplacementAddUp(t *testing.T) {
	lost := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return lost.Add(time.Duration(seconds * float64(time.Second))) }
	r := &replacement{
		speed: 10, lost: lost, unhealthy: at(30), retired: at(60), launched: at(60), inService: at(65), healthy: at(75), ended: at(180),
		delay: 2 * time.Minute, warmup: 5 * time.Minute,
	}
	for what, retired := range map[string]float64{"before the launch": 60, "once the new one is healthy": 75} {
		r.retired = at(retired)
		var sum float64
		for _, p := range r.phases() {
			assert.GreaterOrEqual(t, p.Took, 0.0, "%s, retired %s", p.What, what)
			sum += p.Took
		}
		assert.InDelta(t, 70.5, sum, 1e-9, "a boot of 5 s at speed 10 takes half a second")
	}
	rows := r.finding().rows()
	require.Len(t, rows, 9)
	assert.Equal(t, []string{"until the new instance answers", "70.5", "", "86–206", "156.5 to 276.5 s"}, rows[6])
	assert.Equal(t, "365.0", rows[8][1])
}

func TestWitnessMeasuresTheOutageFromTheFault(t *testing.T) {
	w := &witness{}
	w.saw(assert.AnError, time.Now())
	w.begin()
	start := w.start
	w.saw(nil, start.Add(time.Second))
	w.saw(assert.AnError, start.Add(2*time.Second))
	w.saw(assert.AnError, start.Add(3*time.Second))
	w.saw(nil, start.Add(4*time.Second))
	assert.Equal(t, 3*time.Second, w.gap)
	assert.Equal(t, 2, w.lost)
	assert.Equal(t, start.Add(2*time.Second), w.firstLost)
	assert.Equal(t, start.Add(3*time.Second), w.lastLost)
}
