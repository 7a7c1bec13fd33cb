package resolver_test

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/elastic-service/elastic-service/emulator/resolver"
)

const known = "db.abc.us-east-1.rds.amazonaws.com"

func lookup(name string) (netip.Addr, bool) {
	return netip.MustParseAddr("192.168.1.5"), name == known
}

// Go's own resolver finds the name over UDP and TCP, in any case of letters, and no other name.
func TestNamesOfTheNetworkAreFound(t *testing.T) {
	s, err := resolver.Open(lookup)
	require.NoError(t, err)
	defer s.Close() //nolint:errcheck // a test's
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			asking := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, network, s.Address().String())
			}}
			for _, name := range []string{known + ".", "DB.abc.us-east-1.RDS.amazonaws.com."} {
				found, err := asking.LookupNetIP(t.Context(), "ip4", name)
				require.NoError(t, err)
				assert.Equal(t, []netip.Addr{netip.MustParseAddr("192.168.1.5")}, found)
			}
			_, err := asking.LookupNetIP(t.Context(), "ip6", known+".")
			var missing *net.DNSError
			require.ErrorAs(t, err, &missing)
			assert.True(t, missing.IsNotFound, "it has no address of IPv6, and exists")
		})
	}
}

func query(t *testing.T, name string, kind dnsmessage.Type) []byte {
	t.Helper()
	message := dnsmessage.Message{
		Header: dnsmessage.Header{ID: 7, RecursionDesired: true},
		Questions: []dnsmessage.Question{{
			Name: dnsmessage.MustNewName(name + "."), Type: kind, Class: dnsmessage.ClassINET,
		}},
	}
	packed, err := message.Pack()
	require.NoError(t, err)
	return packed
}

func TestAnswersSayWhatExists(t *testing.T) {
	for name, c := range map[string]struct {
		name    string
		kind    dnsmessage.Type
		known   bool
		code    dnsmessage.RCode
		records int
	}{
		"an address":            {known, dnsmessage.TypeA, true, dnsmessage.RCodeSuccess, 1},
		"another type":          {known, dnsmessage.TypeAAAA, true, dnsmessage.RCodeSuccess, 0},
		"a name of nobody":      {"other.example", dnsmessage.TypeA, false, dnsmessage.RCodeNameError, 0},
		"a name below the name": {"a." + known, dnsmessage.TypeA, false, dnsmessage.RCodeNameError, 0},
	} {
		t.Run(name, func(t *testing.T) {
			reply, found := resolver.Answer(query(t, c.name, c.kind), lookup)
			assert.Equal(t, c.known, found)
			var message dnsmessage.Message
			require.NoError(t, message.Unpack(reply))
			assert.Equal(t, uint16(7), message.ID)
			assert.True(t, message.Response)
			assert.Equal(t, c.code, message.RCode)
			assert.Len(t, message.Answers, c.records)
		})
	}
}

func TestWhatIsNoQueryIsNotAnswered(t *testing.T) {
	reply, _ := resolver.Answer(query(t, known, dnsmessage.TypeA), lookup)
	for name, text := range map[string][]byte{"nothing": nil, "noise": []byte("noise"), "an answer": reply} {
		answer, found := resolver.Answer(text, lookup)
		assert.Nil(t, answer, name)
		assert.False(t, found, name)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("noise"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if reply, _ := resolver.Answer(text, lookup); reply != nil {
			var message dnsmessage.Message
			require.NoError(t, message.Unpack(reply))
		}
	})
}
