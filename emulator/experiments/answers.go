package experiments

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

// questions is how many questions the experiment asks, one after the other, each over a connection of its own.
const questions = 3000

const crossZoneOff = "cross-zone off"

// runAnswers finds out whether there is a pattern in which target answers. The group has an odd number of instances, so that zones
// of unequal size show what cross-zone balancing does.
func runAnswers(ctx context.Context, o Options) error {
	kind, err := balancerType(o.Session)
	if err != nil {
		return err
	}
	return inLaboratory(ctx, o, fixedSize(3), func(l *laboratory) error {
		l.found(Summary{fmt.Sprintf("stack %s, %s balancer, 3 instances, %d questions one after the other", o.Session.Stack, kind, questions)})
		if kind == "application" {
			return l.observe(ctx, "in turn")
		}
		if err := l.observe(ctx, "cross-zone on"); err != nil {
			return err
		}
		if err := l.onePort(ctx); err != nil {
			return err
		}
		for _, b := range cloud.Get(l.cloud(), func(m *cloud.Model) []elb.LoadBalancer { return m.ELB.DescribeLoadBalancers() }) {
			b.Spec.CrossZone = false
			if err := l.cloud().Change(func(m *cloud.Model) error { return m.ELB.UpdateLoadBalancer(b.ARN, b.Spec) }); err != nil {
				return err
			}
		}
		if err := l.awaitFollowed(ctx); err != nil {
			return err
		}
		return l.observe(ctx, crossZoneOff)
	})
}

// awaitFollowed waits until the proxies have seen what was just changed.
func (l *laboratory) awaitFollowed(ctx context.Context) error {
	looked := 0
	return l.await(ctx, 0, func() bool { looked++; return looked > 10 })
}

// observe asks, and compares who answered with what chance makes.
func (l *laboratory) observe(ctx context.Context, what string) error {
	zones := map[string]string{}
	for _, i := range l.stack.Healthy() {
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
	if what == crossZoneOff {
		shares = zonalShares(zones)
	}
	l.found(newAnswers(what, examine(sequence, shares), zones, shares))
	return nil
}

// Answers is who answered a sequence of questions.
type Answers struct {
	What      string         `json:"what"`      // how the balancer was set
	Targets   []AnswerCounts `json:"targets"`   // by address
	ChiSquare float64        `json:"chiSquare"` // deviation of the counts from the expected counts
	Runs      int            `json:"runs"`      // stretches of answers of the same target
	// ExpectedRuns is how many runs there are if no answer depends on the answer before.
	ExpectedRuns float64  `json:"expectedRuns"`
	Z            float64  `json:"z"` // standard deviations between Runs and ExpectedRuns
	LongestRun   int      `json:"longestRun"`
	Verdicts     []string `json:"verdicts"`
	First        string   `json:"first"` // the first answers, a letter for each target
}

// AnswerCounts is the part of a target.
type AnswerCounts struct {
	Address  string  `json:"address"`
	Zone     string  `json:"zone"`
	Count    int     `json:"count"`
	Share    float64 `json:"share"`    // 0 to 1
	Expected float64 `json:"expected"` // share
}

func newAnswers(what string, s sample, zones map[string]string, shares map[string]float64) Answers {
	a := Answers{
		What: what, ChiSquare: s.chi, Runs: s.runs, ExpectedRuns: s.expected, Z: s.z, LongestRun: s.longest, Verdicts: s.verdicts(),
		First: s.beginning(24),
	}
	for _, target := range s.targets {
		a.Targets = append(a.Targets, AnswerCounts{
			Address: target, Zone: zones[target], Count: s.counts[target], Expected: shares[target],
			Share: float64(s.counts[target]) / float64(len(s.sequence)),
		})
	}
	return a
}

// Print prints a table of the targets, and the verdicts.
func (a Answers) Print(out io.Writer) {
	fmt.Fprintf(out, "\n%s\n", a.What)
	rows := [][]string{{"answers from", "zone", "count", "share", "expected"}}
	for _, t := range a.Targets {
		rows = append(rows, []string{t.Address, t.Zone, fmt.Sprint(t.Count), percent(t.Share), percent(t.Expected)})
	}
	printTable(out, rows)
	fmt.Fprintln(out, "  "+strings.Join(a.Verdicts, "\n  "))
	fmt.Fprintf(out, "  the first answers: %s\n", a.First)
}

var anAddress = regexp.MustCompile(`\d+\.\d+\.\d+\.\d+`)

// whoAnswers asks once and returns the address in the answer, which is the server's own.
func (l *laboratory) whoAnswers(ctx context.Context) (string, error) {
	answer, err := l.stack.Service.Ask(ctx)
	if err != nil {
		return "", err
	}
	who := anAddress.FindString(answer)
	if who == "" {
		return "", fmt.Errorf("the answer %q has no address in it", answer)
	}
	return who, nil
}

// onePort asks over several connections from the same port of the client. To a network balancer they are one flow.
func (l *laboratory) onePort(ctx context.Context) error {
	const times = 20
	dialer := &net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		return errors.Join(c.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		}), failed)
	}}
	who := map[string]bool{}
	for range times {
		answer, port, err := l.stack.Service.AskFrom(ctx, dialer)
		if err != nil {
			return err
		}
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
		who[anAddress.FindString(answer)] = true
	}
	l.found(Summary{fmt.Sprintf("  %d connections from one port of the client: %d of the targets answered", times, len(who))})
	return nil
}
