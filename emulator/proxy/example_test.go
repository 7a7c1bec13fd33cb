package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/emulator/proxy"
)

// A TCP load balancer that gives connections to its targets in turn.
func ExampleListen() {
	var targets []proxy.Target
	for _, name := range []string{"a", "b"} {
		server, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		defer server.Close()
		go greet(server, name)
		targets = append(targets, proxy.Target{ID: name, Address: server.Addr().(*net.TCPAddr).AddrPort()})
	}

	var turn atomic.Uint32
	pick := func(netip.AddrPort) (proxy.Target, bool) {
		return targets[turn.Add(1)%uint32(len(targets))], true
	}
	balancer, err := proxy.Listen(netip.MustParseAddrPort("127.0.0.1:0"), pick)
	if err != nil {
		panic(err)
	}
	defer func() { _ = balancer.Close() }()

	for range 3 {
		client, err := net.Dial("tcp", balancer.Addr().String())
		if err != nil {
			panic(err)
		}
		answer, _ := io.ReadAll(client)
		client.Close()
		fmt.Print(string(answer))
	}
	// Output:
	// hello from b
	// hello from a
	// hello from b
}

// greet serves connections with a line of text.
func greet(server net.Listener, name string) {
	for {
		client, err := server.Accept()
		if err != nil {
			return
		}
		fmt.Fprintln(client, "hello from", name)
		client.Close()
	}
}

// An HTTP load balancer with two targets. All requests come by one connection of the client, and go to the targets in turn.
func ExampleListenHTTP() {
	var targets []proxy.Target
	for _, name := range []string{"a", "b"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s of %s", r.URL.Path, name)
		}))
		defer server.Close()
		targets = append(targets, proxy.Target{ID: name, Address: server.Listener.Addr().(*net.TCPAddr).AddrPort()})
	}

	route := func() proxy.Route { return proxy.Route{Targets: targets} }
	balancer, err := proxy.ListenHTTP(netip.MustParseAddrPort("127.0.0.1:0"), route)
	if err != nil {
		panic(err)
	}
	defer func() { _ = balancer.Close() }()

	for _, page := range []string{"/", "/about", "/"} {
		answer, err := http.Get("http://" + balancer.Addr().String() + page)
		if err != nil {
			panic(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		fmt.Println(string(body))
	}
	// Output:
	// / of a
	// /about of b
	// / of a
}

// A health check of a server that has no such page.
func ExampleProbeHTTP() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	address := server.Listener.Addr().(*net.TCPAddr).AddrPort()

	err := proxy.ProbeHTTP(context.Background(), loopback.Dial, address, "/health", "200-299", time.Second)
	fmt.Println(err)
	// Output:
	// Health checks failed with these codes: [404]
}
