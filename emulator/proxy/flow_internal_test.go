package proxy

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A reset of a target's flows also ends flows that have just been accepted.
func TestAFlowMayBeResetBeforeItRuns(t *testing.T) {
	none := func(netip.AddrPort) (Target, bool) { return Target{}, false }
	l, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"), none)
	require.NoError(t, err)
	defer func() { assert.NoError(t, l.Close()) }()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer other.Close()
	conn, err := net.Dial("tcp", other.Addr().String())
	require.NoError(t, err)
	f := newFlow(l, conn.(*net.TCPConn), Target{ID: "a"}, &counters{})
	f.reset(byBalancer)
	f.run()
	assert.Zero(t, f.counters.flows.Load())
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
}
