package experiments

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// equalShares expects as many answers from each target.
func equalShares(zones map[string]string) map[string]float64 {
	shares := map[string]float64{}
	for target := range zones {
		shares[target] = 1 / float64(len(zones))
	}
	return shares
}

// zonalShares expects what happens with cross-zone balancing off: each zone gets the same share, which its targets divide.
func zonalShares(zones map[string]string) map[string]float64 {
	sizes := map[string]int{}
	for _, zone := range zones {
		sizes[zone]++
	}
	shares := map[string]float64{}
	for target, zone := range zones {
		shares[target] = 1 / float64(len(sizes)*sizes[zone])
	}
	return shares
}

// sample is a sequence of answers with its statistics.
type sample struct {
	sequence []string
	targets  []string // sorted
	counts   map[string]int
	chi      float64 // deviation of the counts from the expected ones
	runs     int     // stretches of answers of the same target
	expected float64 // runs, if each answer were independent of the one before
	z        float64 // how many standard deviations the runs are from that
	longest  int     // run
	inTurn   int     // answers from the same target as the answer a round before
}

// examine computes the statistics of a sequence, in which each target is expected to have a share.
func examine(sequence []string, shares map[string]float64) sample {
	s := sample{sequence: sequence, counts: map[string]int{}}
	for target := range shares {
		s.targets = append(s.targets, target)
	}
	slices.Sort(s.targets)
	length, before := 0, ""
	for i, who := range sequence {
		s.counts[who]++
		if who != before {
			s.runs, length, before = s.runs+1, 0, who
		}
		length++
		s.longest = max(s.longest, length)
		if i >= len(shares) && sequence[i-len(shares)] == who {
			s.inTurn++
		}
	}
	for target, share := range shares {
		mean := share * float64(len(sequence))
		s.chi += (float64(s.counts[target]) - mean) * (float64(s.counts[target]) - mean) / mean
	}
	s.expected, s.z = runsTest(s.counts, s.runs)
	return s
}

// runsTest is the test of Wald and Wolfowitz for any number of categories (Barton and David 1957). It returns the expected number of
// runs, and how many standard deviations the observed number is away from it.
func runsTest(counts map[string]int, runs int) (expected, z float64) {
	var n, squares, cubes float64
	for _, count := range counts {
		c := float64(count)
		n, squares, cubes = n+c, squares+c*c, cubes+c*c*c
	}
	if n < 2 {
		return n, 0
	}
	expected = (n*(n+1) - squares) / n
	variance := (squares*(squares+n*(n+1)) - 2*n*cubes - n*n*n) / (n * n * (n - 1))
	if variance <= 0 {
		return expected, 0
	}
	return expected, (float64(runs) - expected) / math.Sqrt(variance)
}

// chiLimits has the values that χ² exceeds by chance in 1 % of all cases, by degrees of freedom.
var chiLimits = []float64{0, 6.63, 9.21, 11.34, 13.28, 15.09, 16.81, 18.48, 20.09, 21.67}

// rare is the number of standard deviations that chance exceeds in 1 % of all cases.
const rare = 2.58

// verdicts says in words what the statistics mean.
func (s sample) verdicts() []string {
	var lines []string
	freedom := len(s.targets) - 1
	if freedom > 0 && freedom < len(chiLimits) {
		verdict := "as even as chance makes it"
		if s.chi > chiLimits[freedom] {
			verdict = "not what was expected"
		}
		lines = append(lines, fmt.Sprintf("χ² %.1f with %d degrees of freedom (chance: above %.1f in 1 %% of all cases): %s", s.chi, freedom,
			chiLimits[freedom], verdict))
	}
	verdict := "no pattern: an answer says nothing about the next"
	if math.Abs(s.z) > rare {
		verdict = "a pattern"
	}
	lines = append(lines, fmt.Sprintf("%d runs, expected by chance %.0f, z %.1f: %s; the longest has %d", s.runs, s.expected, s.z, verdict,
		s.longest))
	if round := len(s.sequence) - len(s.targets); round > 0 && s.inTurn == round {
		lines = append(lines, "strictly in turn: each answer came from the target that answered a round before")
	}
	return lines
}

// beginning returns the first answers, with a letter for each target.
func (s sample) beginning(count int) string {
	var letters strings.Builder
	for _, who := range s.sequence[:min(count, len(s.sequence))] {
		letters.WriteByte(byte('A' + slices.Index(s.targets, who)))
	}
	return letters.String()
}
