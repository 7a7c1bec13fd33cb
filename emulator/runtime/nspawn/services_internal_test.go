package nspawn

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/elastic-service/elastic-service/emulator/identity"
	"github.com/elastic-service/elastic-service/emulator/resolver"
)

// What a VPC answers, without a VPC.

func dhcpMessage(kind byte, mac net.HardwareAddr) []byte {
	m := make([]byte, dhcpOptions)
	m[0], m[1], m[2] = 1, 1, 6
	copy(m[4:8], "xid!")
	copy(m[28:34], mac)
	copy(m[236:], []byte{0x63, 0x82, 0x53, 0x63})
	return append(m, 0, optionType, 1, kind, optionEnd)
}

func TestDHCPLeasesTheMachinesOwnAddress(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 192, 168, 0, 57}
	leases := func(asked net.HardwareAddr) (lease, bool) {
		return lease{
			address: netip.MustParseAddr("192.168.0.57"), router: netip.MustParseAddr("192.168.0.1"),
			dns: resolverAddress, mask: net.CIDRMask(24, 32), domain: "ec2.internal",
		}, bytes.Equal(asked, mac)
	}
	for request, answer := range map[byte]byte{dhcpDiscover: dhcpOffer, dhcpRequest: dhcpAck} {
		reply := dhcpReply(dhcpMessage(request, mac), leases)
		require.NotNil(t, reply)
		assert.Equal(t, answer, messageType(reply[dhcpOptions:]))
		assert.Equal(t, "xid!", string(reply[4:8]))
		assert.Equal(t, net.IP{192, 168, 0, 57}, net.IP(reply[16:20]))
		assert.Contains(t, string(reply), string([]byte{optionMask, 4, 255, 255, 255, 0}))
		assert.Contains(t, string(reply), string([]byte{optionRouter, 4, 192, 168, 0, 1}))
		assert.Contains(t, string(reply), string([]byte{optionDNS, 4, 169, 254, 169, 253}))
	}
	for name, request := range map[string][]byte{
		"another's machine": dhcpMessage(dhcpDiscover, net.HardwareAddr{2, 0, 192, 168, 0, 58}),
		"a release":         dhcpMessage(7, mac),
		"half a message":    dhcpMessage(dhcpDiscover, mac)[:100],
		"a reply":           append([]byte{2}, dhcpMessage(dhcpDiscover, mac)[1:]...),
		"options cut short": append(dhcpMessage(dhcpDiscover, mac)[:dhcpOptions], optionType, 9),
	} {
		assert.Nil(t, dhcpReply(request, leases), name)
	}
}

func TestDNSKnowsWhatIsInTheVPCAndNothingElse(t *testing.T) {
	v := &VPC{config: Config{Region: "us-east-1"}, machines: map[netip.Addr]*Machine{}, names: map[string]netip.Addr{}}
	address := netip.MustParseAddr("192.168.0.57")
	v.machines[address] = &Machine{vpc: v, spec: Spec{Address: address}}
	v.SetName("DB.example.", netip.MustParseAddr("192.168.0.99"))
	for name, c := range map[string]struct {
		kind   dnsmessage.Type
		code   dnsmessage.RCode
		answer string
	}{
		"s3.us-east-1.amazonaws.com.":        {dnsmessage.TypeA, dnsmessage.RCodeSuccess, "198.51.100.53"},
		"bucket.s3.us-east-1.amazonaws.com.": {dnsmessage.TypeA, dnsmessage.RCodeSuccess, "198.51.100.53"},
		"a.s3.us-east-1.amazonaws.com.":      {dnsmessage.TypeAAAA, dnsmessage.RCodeSuccess, ""},
		"s3.eu-west-1.amazonaws.com.":        {dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
		"xs3.us-east-1.amazonaws.com.":       {dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
		"ip-192-168-0-57.ec2.internal.":      {dnsmessage.TypeA, dnsmessage.RCodeSuccess, "192.168.0.57"},
		"ip-192-168-0-58.ec2.internal.":      {dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
		"db.EXAMPLE.":                        {dnsmessage.TypeA, dnsmessage.RCodeSuccess, "192.168.0.99"},
		"debian.org.":                        {dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
	} {
		t.Run(name, func(t *testing.T) {
			query := dnsmessage.Message{Header: dnsmessage.Header{ID: 7}, Questions: []dnsmessage.Question{
				{Name: dnsmessage.MustNewName(name), Type: c.kind, Class: dnsmessage.ClassINET},
			}}
			packed, err := query.Pack()
			require.NoError(t, err)
			var reply dnsmessage.Message
			answer, _ := resolver.Answer(packed, v.lookup)
			require.NoError(t, reply.Unpack(answer))
			assert.Equal(t, uint16(7), reply.ID)
			assert.Equal(t, c.code, reply.RCode)
			if c.answer == "" {
				assert.Empty(t, reply.Answers)
				return
			}
			require.Len(t, reply.Answers, 1)
			assert.Equal(t, c.answer, netip.AddrFrom4(reply.Answers[0].Body.(*dnsmessage.AResource).A).String())
		})
	}
	nonsense, _ := resolver.Answer([]byte("nonsense"), v.lookup)
	assert.Nil(t, nonsense)
}

// metadataOf serves two machines, at 192.0.2.1 and 192.0.2.2.
func metadataOf(t *testing.T) func(from, method, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	v := &VPC{config: Config{Region: "eu-west-1", CIDR: netip.MustParsePrefix("192.0.2.0/24")}}
	machines := map[netip.Addr]*Machine{}
	for _, a := range []string{"192.0.2.1", "192.0.2.2"} {
		address := netip.MustParseAddr(a)
		machines[address] = &Machine{
			vpc: v, spec: Spec{ID: "i-0123456789abcdef0", Address: address, Role: "app", UserData: []byte("#cloud-config\n")},
			subnet:      Subnet{CIDR: netip.MustParsePrefix("192.0.2.0/24"), Zone: "eu-west-1b"},
			credentials: identity.NewCredentials(),
		}
	}
	d := identity.NewMetadata(func(a netip.Addr) map[string]string {
		if machines[a] == nil {
			return nil
		}
		return machines[a].metadata()
	})
	return func(from, method, path string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		r.RemoteAddr = from + ":1234"
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		return w
	}
}

func TestMetadataIsVersionTwoAlone(t *testing.T) {
	ask := metadataOf(t)
	const first, second, path = "192.0.2.1", "192.0.2.2", "/latest/meta-data/local-ipv4"
	for name, c := range map[string]struct {
		want    int
		from    string
		headers []string
	}{
		"no lifetime":        {http.StatusBadRequest, first, nil},
		"no number":          {http.StatusBadRequest, first, []string{lifetimeHeader, "long"}},
		"nothing":            {http.StatusBadRequest, first, []string{lifetimeHeader, "0"}},
		"more than 6 h":      {http.StatusBadRequest, first, []string{lifetimeHeader, "21601"}},
		"a forwarded one":    {http.StatusForbidden, first, []string{lifetimeHeader, "60", "X-Forwarded-For", "10.0.0.1"}},
		"6 h":                {http.StatusOK, first, []string{lifetimeHeader, "21600"}},
		"nobody's machine's": {http.StatusNotFound, "192.0.2.3", []string{lifetimeHeader, "60"}},
	} {
		assert.Equal(t, c.want, ask(c.from, "PUT", "/latest/api/token", c.headers...).Code, name)
	}
	token := ask(first, "PUT", "/latest/api/token", lifetimeHeader, "60").Body.String()
	assert.Equal(t, http.StatusUnauthorized, ask(first, "GET", path).Code)
	assert.Equal(t, http.StatusUnauthorized, ask(first, "GET", path, tokenHeader, "guess").Code)
	assert.Equal(t, http.StatusUnauthorized, ask(second, "GET", path, tokenHeader, token).Code, "another's token")
	assert.Equal(t, http.StatusMethodNotAllowed, ask(first, "POST", path, tokenHeader, token).Code)
	assert.Equal(t, "192.0.2.1", ask(first, "GET", path, tokenHeader, token).Body.String())
}

func TestMetadataIsATreeOfNames(t *testing.T) {
	ask := metadataOf(t)
	token := ask("192.0.2.1", "PUT", "/latest/api/token", lifetimeHeader, "60").Body.String()
	get := func(path string) *httptest.ResponseRecorder { return ask("192.0.2.1", "GET", path, tokenHeader, token) }
	assert.Equal(t, "dynamic/\nmeta-data/\nuser-data", get("/2021-03-23/").Body.String())
	assert.Equal(t, "availability-zone\nregion", get("/latest/meta-data/placement/").Body.String())
	assert.Equal(t, "eu-west-1b", get("/latest/meta-data/placement/availability-zone").Body.String())
	assert.Equal(t, "app", get("/latest/meta-data/iam/security-credentials/").Body.String())
	assert.Contains(t, get("/latest/meta-data/iam/security-credentials/app").Body.String(), `"AccessKeyId": "ASIA`)
	assert.Equal(t, "ip-192-0-2-1.eu-west-1.compute.internal", get("/latest/meta-data/hostname").Body.String())
	assert.Equal(t, "#cloud-config\n", get("/latest/user-data").Body.String())
	assert.Equal(t, http.StatusNotFound, get("/latest/meta-data/nothing").Code)
	assert.Equal(t, http.StatusNotFound, get("/1.0/meta-data/").Code)
}

// Headers of the metadata service.
const (
	tokenHeader    = "X-aws-ec2-metadata-token"
	lifetimeHeader = "X-aws-ec2-metadata-token-ttl-seconds"
)

// documented is the first example of "Authenticating Requests: Using the Authorization Header" in S3's API reference.
func documented() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://examplebucket.s3.amazonaws.com/test.txt", nil)
	r.Header.Set("Range", "bytes=0-9")
	r.Header.Set("X-Amz-Content-Sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
	r.Header.Set("X-Amz-Date", "20130524T000000Z")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "+
		"SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "+
		"Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
	return r
}

func TestSignaturesAreThoseOfVersionFour(t *testing.T) {
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	s, ok := identity.ParseSignature(documented())
	require.True(t, ok)
	assert.Equal(t, "AKIAIOSFODNN7EXAMPLE", s.Key)
	assert.Equal(t, "us-east-1", s.Region)
	assert.True(t, s.Valid(documented(), secret))
	assert.False(t, s.Valid(documented(), "another"))
	for name, change := range map[string]func(*http.Request){
		"path":   func(r *http.Request) { r.URL.Path = "/test.txt2" },
		"query":  func(r *http.Request) { r.URL.RawQuery = "acl" },
		"host":   func(r *http.Request) { r.Host = "otherbucket.s3.amazonaws.com" },
		"range":  func(r *http.Request) { r.Header.Set("Range", "bytes=0-99") },
		"method": func(r *http.Request) { r.Method = http.MethodPut },
	} {
		r := documented()
		change(r)
		assert.False(t, s.Valid(r, secret), name)
	}
}

func TestS3RefusesWhatIsNotSignedByTheMachine(t *testing.T) {
	m := &Machine{credentials: identity.Credentials{Key: "AKIAIOSFODNN7EXAMPLE", Secret: "s", Token: "t"}}
	s := &store{region: "us-east-1", holder: func(key string) *Machine {
		if key == m.credentials.Key {
			return m
		}
		return nil
	}}
	now := time.Now().UTC().Format("20060102T150405Z")
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   string
	}{
		"unsigned": {func(r *http.Request) { r.Header.Del("Authorization") }, "AccessDenied"},
		"signed by nobody known": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "AKIA", "AKIB", 1))
		}, "InvalidAccessKeyId"},
		"for another region": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "us-east-1", "us-east-2", 1))
		}, "AuthorizationHeaderMalformed"},
		"years old": {func(*http.Request) {}, "RequestTimeTooSkewed"},
		"without the role's token": {func(r *http.Request) {
			r.Header.Set("X-Amz-Date", now)
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "20130524", now[:8], 1))
		}, "ExpiredToken"},
		"with another secret": {func(r *http.Request) {
			r.Header.Set("X-Amz-Date", now)
			r.Header.Set("X-Amz-Security-Token", "t")
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "20130524", now[:8], 1))
		}, "SignatureDoesNotMatch"},
	} {
		t.Run(name, func(t *testing.T) {
			r := documented()
			c.change(r)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			assert.Contains(t, w.Body.String(), "<Code>"+c.want+"</Code>")
		})
	}
}
