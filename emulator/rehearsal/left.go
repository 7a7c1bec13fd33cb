package rehearsal

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/prometheus/procfs"

	"github.com/elastic-service/elastic-service/emulator/session"
	"github.com/elastic-service/elastic-service/internal/sockets"
)

// AwaitNothingLeft waits a moment, until no process and no socket of a closed deployment is left, and fails otherwise.
func (d *Deployment) AwaitNothingLeft(ctx context.Context) error {
	var left error
	if session.Poll(ctx, 5*time.Second, func() bool { left = checkNothingLeft(d.addresses); return left == nil }) == nil {
		return nil
	}
	return left
}

// checkNothingLeft looks for children of this process, and for anything that listens at the addresses.
func checkNothingLeft(addresses []netip.Addr) error {
	processes, err := procfs.AllProcs()
	if err != nil {
		return err
	}
	for _, p := range processes {
		if stat, err := p.Stat(); err == nil && stat.PPID == os.Getpid() {
			return fmt.Errorf("process %d (%s) is left", p.PID, stat.Comm)
		}
	}
	table, err := sockets.Open()
	if err != nil {
		return err
	}
	defer table.Close()
	listeners, err := table.Listeners(0)
	if err != nil {
		return err
	}
	for _, l := range listeners {
		if slices.Contains(addresses, l.Addr) {
			return fmt.Errorf("a socket still listens at %s", netip.AddrPortFrom(l.Addr, l.Port))
		}
	}
	return nil
}
