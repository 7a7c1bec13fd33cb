package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/dataplane"
)

// questions is how many questions the experiment puts, one after the other, each over a connection of its own.
const questions = 3000

// experimentAnswers finds out whether there is a pattern in who answers. The group has an odd number of instances, so that
// zones of unequal size show what cross-zone balancing does.
func experimentAnswers(ctx context.Context, o *options) error {
	kind, err := o.kindOfBalancer()
	if err != nil {
		return err
	}
	return o.inLaboratory(ctx, sized(3), func(l *laboratory) error {
		fmt.Fprintf(l.report, "stack %s, %s balancer, 3 instances, %d questions one after the other\n", o.stack, kind, questions)
		if kind == "application" {
			return l.observe(ctx, "in turn")
		}
		if err := l.observe(ctx, "cross-zone on"); err != nil {
			return err
		}
		if err := l.onePort(ctx); err != nil {
			return err
		}
		for _, b := range l.cloud.Cloud.LoadBalancers() {
			b.Spec.CrossZone = false
			if err := l.cloud.Cloud.UpdateBalancer(b.ARN, b.Spec); err != nil {
				return err
			}
		}
		if err := l.follow(ctx); err != nil {
			return err
		}
		return l.observe(ctx, "cross-zone off")
	})
}

// follow waits until the data plane has seen what was just changed.
func (l *laboratory) follow(ctx context.Context) error {
	looked := 0
	return poll(ctx, l.real(0), func() bool { looked++; return looked > 10 })
}

// observe asks and prints who answered, against what chance would do.
func (l *laboratory) observe(ctx context.Context, what string) error {
	zones := map[string]string{}
	for _, i := range l.healthy() {
		zones[i.Loopback.String()] = i.Zone
	}
	sequence := make([]string, 0, questions)
	for range questions {
		who, err := l.whoAnswers(ctx)
		if err != nil {
			return err
		}
		if zones[who] == "" {
			return fmt.Errorf("%s answers, but is no healthy instance", who)
		}
		sequence = append(sequence, who)
	}
	shares := equalShares(zones)
	if what == "cross-zone off" {
		shares = zonalShares(zones)
	}
	s := examine(sequence, shares)
	fmt.Fprintf(l.report, "\n%s\n", what)
	rows := [][]string{{"answers from", "zone", "count", "share", "expected"}}
	for _, target := range s.targets {
		rows = append(rows, []string{
			target, zones[target], fmt.Sprint(s.counts[target]), percent(float64(s.counts[target]) / questions), percent(shares[target]),
		})
	}
	table(l.report, rows)
	fmt.Fprintln(l.report, "  "+strings.Join(s.findings(), "\n  "))
	fmt.Fprintf(l.report, "  the first ones: %s\n", s.beginning(24))
	return nil
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

var anAddress = regexp.MustCompile(`\d+\.\d+\.\d+\.\d+`)

// whoAnswers is the address that an answer names: the server's own.
func (l *laboratory) whoAnswers(ctx context.Context) (string, error) {
	answer, err := l.service.ask(ctx)
	if err != nil {
		return "", err
	}
	who := anAddress.FindString(answer)
	if who == "" {
		return "", fmt.Errorf("the answer %q doesn't say who gave it", answer)
	}
	return who, nil
}

// onePort asks over connections from one port of the client: to a network balancer they are one flow.
func (l *laboratory) onePort(ctx context.Context) error {
	const times = 20
	at, err := netip.ParseAddrPort(l.service.address)
	if err != nil {
		return err
	}
	dialer := &net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		return errors.Join(c.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		}), failed)
	}}
	who := map[string]bool{}
	for range times {
		answer, port, err := l.service.askFrom(ctx, dialer, at)
		if err != nil {
			return err
		}
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
		who[anAddress.FindString(answer)] = true
	}
	fmt.Fprintf(l.report, "  %d connections from one port of the client: %d of the targets answered\n", times, len(who))
	return nil
}

// askFrom asks over a connection of the dialer's and returns the port that it came from. It resets the connection in the
// end, so that its addresses can be used again at once.
func (s *service) askFrom(ctx context.Context, dialer *net.Dialer, at netip.AddrPort) (string, int, error) {
	conn, err := dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(at.Addr(), dataplane.Port(at.Port())).String())
	if err != nil {
		return "", 0, err
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.SetDeadline(time.Now().Add(patience))
	answer, err := exchange(s.encrypt(conn), s.question)
	return answer, conn.LocalAddr().(*net.TCPAddr).Port, err
}

func equalShares(zones map[string]string) map[string]float64 {
	shares := map[string]float64{}
	for target := range zones {
		shares[target] = 1 / float64(len(zones))
	}
	return shares
}

// zonalShares are those with cross-zone off: each zone gets as much, and its targets share that.
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

// sample is a sequence of answers with what can be said of it.
type sample struct {
	sequence []string
	targets  []string // sorted
	counts   map[string]int
	chi      float64 // deviation of the counts from the expected ones
	runs     int     // stretches of answers of the same target
	expected float64 // runs, if each answer were independent of the one before
	z        float64 // how many standard deviations the runs are from that
	longest  int     // run
	inTurn   int     // answers that came from the same target as the one a round before
}

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

// runsTest is that of Wald and Wolfowitz, for any number of categories (Barton and David 1957): the expected number of
// runs, and how many standard deviations there are between it and the observed one.
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

// chiLimits are the values that χ² exceeds by chance in one of a hundred cases, by degrees of freedom.
var chiLimits = []float64{0, 6.63, 9.21, 11.34, 13.28, 15.09, 16.81, 18.48, 20.09, 21.67}

// rare is how many standard deviations chance makes in one of a hundred cases.
const rare = 2.58

func (s sample) findings() []string {
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
	verdict := "no pattern: an answer tells nothing of the next"
	if math.Abs(s.z) > rare {
		verdict = "a pattern"
	}
	lines = append(lines, fmt.Sprintf("%d runs, expected by chance %.0f, z %.1f: %s; the longest has %d", s.runs, s.expected, s.z, verdict, s.longest))
	if round := len(s.sequence) - len(s.targets); round > 0 && s.inTurn == round {
		lines = append(lines, "strictly in turn: each answer came from the target that answered a round before")
	}
	return lines
}

// beginning names the first answers by letters.
func (s sample) beginning(count int) string {
	var letters strings.Builder
	for _, who := range s.sequence[:min(count, len(s.sequence))] {
		letters.WriteByte(byte('A' + slices.Index(s.targets, who)))
	}
	return letters.String()
}
