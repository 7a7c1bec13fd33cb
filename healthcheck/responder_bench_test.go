//go:build linux

package healthcheck

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/sockets"
)

// naive is what the responder stands in for. It answers whether or not there is a service.
const naive = `
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", int(sys.argv[1])))
s.listen()
while True:
    c, _ = s.accept()
    c.close()
`

// BenchmarkConnect compares the responder with the naive loop, each a process of its own, asked by few clients and by
// more at once than the naive loop's backlog of 128 holds: connections a second, from connect to the end of the stream,
// the time that 99 % of them took at most, those that failed, and the server's CPU for one.
func BenchmarkConnect(b *testing.B) {
	for _, clients := range []int{8, 500} {
		b.Run(fmt.Sprintf("responder/clients=%d", clients), func(b *testing.B) { connects(b, startResponder, clients) })
		b.Run(fmt.Sprintf("python/clients=%d", clients), func(b *testing.B) { connects(b, startNaive, clients) })
	}
}

func startResponder(b *testing.B, port int) (process int) {
	service := listen(b, "tcp", ":0").Addr().(*net.TCPAddr).Port
	return serve(b, port, build(b), "-port", strconv.Itoa(port), "-service-port", strconv.Itoa(service))
}

func startNaive(b *testing.B, port int) (process int) {
	python, err := exec.LookPath("python3")
	if err != nil {
		b.Skip("no python3 on this machine")
	}
	return serve(b, port, python, "-c", naive, strconv.Itoa(port))
}

// BenchmarkLook is one look at the socket table, with and without many connections on the machine.
func BenchmarkLook(b *testing.B) {
	for _, connections := range []int{0, 2000} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			service := listen(b, "tcp", hostAddr(b).String()+":0")
			for range connections {
				c, err := net.Dial("tcp", service.Addr().String())
				require.NoError(b, err)
				defer c.Close()
				accepted, err := service.Accept()
				require.NoError(b, err)
				defer accepted.Close()
			}
			table, err := sockets.Open()
			require.NoError(b, err)
			defer table.Close()
			for b.Loop() {
				found, err := table.Listeners(service.Addr().(*net.TCPAddr).Port)
				if err != nil || len(found) != 1 {
					b.Fatal(found, err)
				}
			}
		})
	}
}

func build(b *testing.B) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "healthcheck")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "../cmd/healthcheck")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, string(out))
	return binary
}

// serve starts a process and returns its number when the port answers.
func serve(b *testing.B, port int, name string, args ...string) int {
	b.Helper()
	cmd := exec.Command(name, args...)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	require.Eventually(b, func() bool { return connect(target(0, port)) == nil }, 2*patience, testPoll)
	return cmd.Process.Pid
}

// cpu is the time that all threads of a process have run.
func cpu(b *testing.B, process int) time.Duration {
	b.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", process))
	require.NoError(b, err)
	var sum time.Duration
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(b, err)
		var ns int64
		_, err = fmt.Sscan(string(content), &ns)
		require.NoError(b, err)
		sum += time.Duration(ns)
	}
	return sum
}

func connects(b *testing.B, start func(*testing.B, int) int, clients int) {
	b.Helper()
	port := freePort(b)
	server := start(b, port)
	var all []time.Duration
	var failed atomic.Int64
	var mu sync.Mutex
	var wait sync.WaitGroup
	before := cpu(b, server)
	b.ResetTimer()
	for client := range clients {
		wait.Go(func() {
			var mine []time.Duration
			for i := client; i < b.N; i += clients {
				began := time.Now()
				if connect(target(i, port)) != nil {
					failed.Add(1)
					continue
				}
				mine = append(mine, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	wait.Wait()
	b.StopTimer()
	used := cpu(b, server) - before
	slices.Sort(all)
	require.NotEmpty(b, all)
	b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "connects/s")
	b.ReportMetric(float64(failed.Load()), "failed")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(used.Nanoseconds())/1e3/float64(len(all)), "server-µs/connect")
}

// target spreads connections over addresses, so that those in TIME_WAIT do not use up the client's ports.
func target(i, port int) string {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 78, byte(i >> 8), byte(i)}), uint16(port)).String()
}

func connect(address string) error {
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: not closed: %w", address, err)
	}
	return nil
}
