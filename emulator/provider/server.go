package provider

import (
	"fmt"
	"net"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

// Servers are the two providers, each listening on a loopback port of its own.
type Servers struct {
	cloud     *cloud.Cloud
	save      func() error
	servers   []*grpc.Server
	aws, awsx int
}

// maxMessage is what the engine's own connections take, in bytes.
const maxMessage = 400 << 20

// Serve starts both providers. Uploaded objects are kept in a folder. No operation is reported as done before save has
// saved the cloud: what an engine remembers is there after a crash.
func Serve(c *cloud.Cloud, objects string, save func() error) (*Servers, error) {
	s := &Servers{cloud: c, save: save}
	var err error
	implementation := newAWS(c, objects)
	implementation.save = save
	if s.aws, err = s.serve(plugin.NewProviderServer(implementation)); err != nil {
		return nil, err
	}
	if s.awsx, err = s.serve(&awsx{}); err != nil {
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

// Environment is what makes an engine attach to these providers instead of starting the real ones.
func (s *Servers) Environment() map[string]string {
	return map[string]string{"PULUMI_DEBUG_PROVIDERS": fmt.Sprintf("aws:%d,awsx:%d", s.aws, s.awsx)}
}

// Close ends both providers and every operation under way.
func (s *Servers) Close() {
	for _, server := range s.servers {
		server.Stop()
	}
}
