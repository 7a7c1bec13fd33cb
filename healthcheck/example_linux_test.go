package healthcheck_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"

	"github.com/elastic-service/elastic-service/healthcheck"
)

// The responder accepts connections while a service listens on its own port.
func ExampleResponder() {
	service, health := listen(), listen()
	defer service.Close()
	health.Close() // its port is free now, for the responder

	responder := healthcheck.Responder{
		Address:     netip.MustParseAddr("127.0.0.1"),
		Port:        health.Addr().(*net.TCPAddr).Port,
		ServicePort: service.Addr().(*net.TCPAddr).Port,
		Log:         slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- responder.Run(ctx) }()

	for healthy := false; !healthy; { // as a balancer does
		conn, err := net.Dial("tcp", health.Addr().String())
		if healthy = err == nil; healthy {
			conn.Close()
		}
	}
	fmt.Println("healthy")
	stop()
	fmt.Println("ended with", <-ended)
	// Output:
	// healthy
	// ended with <nil>
}

func listen() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	return l
}
