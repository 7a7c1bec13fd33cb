package experiments

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// questions is how many questions the experiment puts, one after the other, each over a connection of its own.
const questions = 3000

// runAnswers finds out whether there is a pattern in which target answers. The group has an odd number of instances, so that zones
// of unequal size show what cross-zone balancing does.
func runAnswers(ctx context.Context, o Options) error {
	kind, err := balancerType(o.Session)
	if err != nil {
		return err
	}
	return inLaboratory(ctx, o, fixedSize(3), func(l *laboratory) error {
		fmt.Fprintf(l.out, "stack %s, %s balancer, 3 instances, %d questions one after the other\n", o.Session.Stack, kind, questions)
		if kind == "application" {
			return l.observe(ctx, "in turn")
		}
		if err := l.observe(ctx, "cross-zone on"); err != nil {
			return err
		}
		if err := l.onePort(ctx); err != nil {
			return err
		}
		for _, b := range l.cloud().LoadBalancers() {
			b.Spec.CrossZone = false
			if err := l.cloud().UpdateBalancer(b.ARN, b.Spec); err != nil {
				return err
			}
		}
		if err := l.awaitFollowed(ctx); err != nil {
			return err
		}
		return l.observe(ctx, "cross-zone off")
	})
}

// awaitFollowed waits until the proxies have seen what was just changed.
func (l *laboratory) awaitFollowed(ctx context.Context) error {
	looked := 0
	return l.await(ctx, 0, func() bool { looked++; return looked > 10 })
}

// observe asks and prints who answered, against what chance would do.
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
	if what == "cross-zone off" {
		shares = zonalShares(zones)
	}
	s := examine(sequence, shares)
	fmt.Fprintf(l.out, "\n%s\n", what)
	rows := [][]string{{"answers from", "zone", "count", "share", "expected"}}
	for _, target := range s.targets {
		rows = append(rows, []string{
			target, zones[target], fmt.Sprint(s.counts[target]), percent(float64(s.counts[target]) / questions), percent(shares[target]),
		})
	}
	printTable(l.out, rows)
	fmt.Fprintln(l.out, "  "+strings.Join(s.findings(), "\n  "))
	fmt.Fprintf(l.out, "  the first ones: %s\n", s.beginning(24))
	return nil
}

var anAddress = regexp.MustCompile(`\d+\.\d+\.\d+\.\d+`)

// whoAnswers is the address that an answer names: the server's own.
func (l *laboratory) whoAnswers(ctx context.Context) (string, error) {
	answer, err := l.stack.Service.Ask(ctx)
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
	fmt.Fprintf(l.out, "  %d connections from one port of the client: %d of the targets answered\n", times, len(who))
	return nil
}
