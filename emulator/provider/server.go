package provider

import (
	"fmt"
	"net"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/provider/ledger"
)

// Servers are the two providers, each listening on a loopback port of its own.
type Servers struct {
	aws               *awsProvider
	servers           []*grpc.Server
	awsPort, awsxPort int
}

// maxMessage is the longest message of the engine's own connections, in bytes.
const maxMessage = 400 << 20

// Serve starts both providers. They keep the bytes of uploaded objects in the folder objects. No operation is reported as
// done before save has saved the cloud and the ledger: what an engine remembers is there after a crash.
func Serve(c *cloud.Cloud, l *ledger.Ledger, objects string, save func() error) (*Servers, error) {
	s := &Servers{aws: newAWS(c, l, objects, save)}
	var err error
	if s.awsPort, err = s.serve(plugin.NewProviderServer(s.aws)); err != nil {
		return nil, err
	}
	if s.awsxPort, err = s.serve(&awsxProvider{}); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Servers) serve(implementation pulumirpc.ResourceProviderServer) (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("provider: %w", err)
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage))
	pulumirpc.RegisterResourceProviderServer(server, implementation)
	s.servers = append(s.servers, server)
	go func() { _ = server.Serve(listener) }() // ends with Close
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// Environment returns the variables that make an engine attach to these providers instead of starting the real ones.
func (s *Servers) Environment() map[string]string {
	return map[string]string{"PULUMI_DEBUG_PROVIDERS": fmt.Sprintf("aws:%d,awsx:%d", s.awsPort, s.awsxPort)}
}

// Close ends both providers and every operation under way.
func (s *Servers) Close() {
	for _, server := range s.servers {
		server.Stop()
	}
}
