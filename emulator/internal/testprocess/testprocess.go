// Package testprocess makes a test binary also the service that runs in the processes under test:
//
//	func TestMain(m *testing.M) {
//		if !testprocess.Serve() {
//			os.Exit(m.Run())
//		}
//	}
package testprocess

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Serve is the service, if the environment asks for it, and returns false if not. With SERVE set it listens at that address, with
// WAIT it only waits for SIGTERM. NAME is the name by which it answers and writes in the journal.
//
// The service reads one line of a connection and obeys it:
//
//	who              answer with NAME and the local address
//	environment      answer with the environment, the working folder and the arguments
//	exit N           end with this exit status
//	burn DURATION    use so much processor time
//	fork             start a daemon in a session of its own
//	HOST:PORT        ask the service there who it is, and pass on its answer
func Serve() bool {
	switch {
	case os.Getenv("SERVE") != "":
		listen(os.Getenv("SERVE"))
	case os.Getenv("WAIT") != "":
		note("started")
		wait()
	default:
		return false
	}
	return true
}

// listen serves connections at an address until SIGTERM.
func listen(address string) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	note("started")
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				line, _ := bufio.NewReader(conn).ReadString('\n')
				obey(conn, strings.Fields(line))
			}()
		}
	}()
	wait()
}

func obey(conn net.Conn, words []string) {
	if len(words) == 0 { // a probe
		return
	}
	switch words[0] {
	case "who":
		fmt.Fprintf(conn, "%s %s\n", os.Getenv("NAME"), conn.LocalAddr())
	case "environment":
		directory, _ := os.Getwd()
		fmt.Fprintln(conn, strings.Join(append(os.Environ(), "CWD="+directory, "ARGS="+strings.Join(os.Args, "|")), "\n"))
	case "exit":
		code, _ := strconv.Atoi(words[1])
		os.Exit(code)
	case "burn":
		d, _ := time.ParseDuration(words[1])
		for end := ownCPUTime() + d; ownCPUTime() < end; {
		}
	case "fork": // a daemon: its own session, no longer a child
		child := exec.Command(os.Args[0]) //nolint:gosec // the test binary itself
		child.Env = append(os.Environ(), "SERVE=", "WAIT=1")
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		fmt.Fprintln(conn, child.Start(), child.Process.Pid)
	default:
		peer, err := net.Dial("tcp", words[0])
		if err != nil {
			fmt.Fprintln(conn, err)
			return
		}
		fmt.Fprintln(peer, "who")
		_, _ = io.Copy(conn, peer)
	}
}

func ownCPUTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// wait ends with status 0 at SIGTERM, or never when STUBBORN.
func wait() {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	for range terminated {
		note("stopped")
		if os.Getenv("STUBBORN") == "" {
			os.Exit(0)
		}
	}
}

// note appends to the instance's journal, from which tests read the order of events.
func note(event string) {
	journal, err := os.OpenFile(os.Getenv("HOME")+"/journal", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		fmt.Fprintln(journal, os.Getenv("NAME"), event)
		journal.Close()
	}
}

// Program returns the path of the test binary.
func Program() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}

// Descriptors returns the number of file descriptors that the test binary has open.
func Descriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
