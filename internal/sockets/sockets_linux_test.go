package sockets_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/sockets"
)

func TestListeningSocketsAreFoundByPortAndAmongAll(t *testing.T) {
	listener, err := net.Listen("tcp", "127.9.8.7:0")
	require.NoError(t, err)
	at := listener.Addr().(*net.TCPAddr).AddrPort()
	table, err := sockets.Open()
	require.NoError(t, err)
	defer table.Close()

	want := sockets.Listener{Addr: netip.MustParseAddr("127.9.8.7"), Port: at.Port()}
	for _, port := range []int{int(at.Port()), 0} {
		found, err := table.Listeners(port)
		require.NoError(t, err)
		assert.Contains(t, found, want, "asked for port %d", port)
	}
	require.NoError(t, listener.Close())
	found, err := table.Listeners(int(at.Port()))
	require.NoError(t, err)
	assert.NotContains(t, found, want)
}

func TestAConnectionIsNoListener(t *testing.T) {
	listener, err := net.Listen("tcp", "127.9.8.7:0")
	require.NoError(t, err)
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	table, err := sockets.Open()
	require.NoError(t, err)
	defer table.Close()
	found, err := table.Listeners(client.LocalAddr().(*net.TCPAddr).Port)
	require.NoError(t, err)
	assert.Empty(t, found)
}
