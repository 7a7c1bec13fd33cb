package loadbalancing

import (
	"net/url"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// aliased is a web balancer that gets its certificate for its alias.
func aliased() *Args {
	a := web()
	a.CertificateARN = nil
	a.Alias = &Alias{Zone: "example.com", Name: "www.example.com", ZoneID: pulumi.String("Z0123")}
	return a
}

func TestBadAliasesRegisterNothing(t *testing.T) {
	long := strings.Repeat("a", 50) + "." + strings.Repeat("b", 20) + ".example.com"
	for _, test := range []struct {
		name   string
		change func(*Alias)
		want   string
	}{
		{name: "no zone", change: func(a *Alias) { a.Zone = "" }, want: "alias.zone: a name is needed"},
		{name: "no name", change: func(a *Alias) { a.Name = "" }, want: "alias.name: a name is needed"},
		{
			name:   "a name elsewhere",
			change: func(a *Alias) { a.Name = "www.example.org" },
			want:   `alias.name: "www.example.org" is not within the zone (example.com)`,
		},
		{
			name:   "a name that ends alike",
			change: func(a *Alias) { a.Name = "wwwexample.com" },
			want:   `alias.name: "wwwexample.com" is not within the zone (example.com)`,
		},
		{name: "a top-level domain", change: func(a *Alias) { a.Zone = "com" }, want: `alias.zone: "com" is not below a top-level domain`},
		{
			name:   "a final dot",
			change: func(a *Alias) { a.Zone = "example.com." },
			want:   `alias.zone: "example.com." has a part ("") that is not 1–63 of a–z, 0–9 and inner hyphens`,
		},
		{
			name:   "capitals",
			change: func(a *Alias) { a.Name = "WWW.example.com" },
			want:   `alias.name: "WWW.example.com" has a part ("WWW") that is not`,
		},
		{
			name:   "a wildcard",
			change: func(a *Alias) { a.Name = "*.example.com" },
			want:   `alias.name: "*.example.com" has a part ("*") that is not`,
		},
		{
			name:   "a hyphen in front",
			change: func(a *Alias) { a.Name = "-w.example.com" },
			want:   `alias.name: "-w.example.com" has a part ("-w") that is not`,
		},
		{name: "a label too long", change: func(a *Alias) { a.Name = strings.Repeat("a", 64) + ".example.com" }, want: "that is not 1–63 of"},
		{
			name:   "a name too long for DNS",
			change: func(a *Alias) { a.Name = strings.Repeat("a.", 122) + "example.com" },
			want:   "is longer than 253 characters",
		},
		{
			name:   "a name too long for X.509",
			change: func(a *Alias) { a.Name = long },
			want:   `alias.name: "` + long + `" is longer than 64 characters, the most that a certificate's first name may have`,
		},
		{
			name:   "a zone from nowhere",
			change: func(a *Alias) { a.ZoneID = nil },
			want:   "alias.zoneId: the zone's ID is needed, unless it is created",
		},
		{
			name:   "a zone both old and new",
			change: func(a *Alias) { a.CreateZone = true },
			want:   "alias.zoneId: a zone that is created has no ID yet",
		},
		{
			name:   "a URL in place of the name",
			change: func(a *Alias) { a.Name = "https://www.example.com" },
			want:   `has a part ("https://www") that is not`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := aliased()
			test.change(a.Alias)
			g, err := deploy(t, "web", a)
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, g.Resources)
		})
	}
}

func TestALongNameIsFineWhereNoCertificateIsIssued(t *testing.T) {
	a := aliased()
	a.Alias.Name = strings.Repeat("a", 50) + "." + strings.Repeat("b", 20) + ".example.com"
	a.CertificateARN = pulumi.String(certificateARN)
	require.NoError(t, a.Validate())
}

func TestTheZonesOwnNameMayBeTheAlias(t *testing.T) {
	a := aliased()
	a.Alias.Name = "example.com"
	require.NoError(t, a.Validate())
}

func TestTheAliasPointsAtTheBalancerWhileItIsHealthy(t *testing.T) {
	_, g := made(t, aliased())
	balancer := g.Find("LoadBalancer", "web-lb").Outputs
	assert.Equal(t, map[string]any{
		"zoneId": "Z0123",
		"name":   "www.example.com",
		"type":   "A",
		"aliases": []any{map[string]any{
			"name": balancer["dnsName"].StringValue(), "zoneId": balancer["zoneId"].StringValue(), "evaluateTargetHealth": true,
		}},
	}, g.Find("Record", "web-alias").Inputs.Mappable())
}

func TestTheListenerWaitsForAValidCertificate(t *testing.T) {
	_, g := made(t, aliased())
	certificate := g.Find("Certificate", "web-certificate")
	assert.Equal(t, map[string]any{
		"domainName": "www.example.com", "validationMethod": "DNS", "tags": map[string]any{"Service": "musicguru"},
	}, certificate.Inputs.Mappable())
	option := certificate.Outputs["domainValidationOptions"].ArrayValue()[0].ObjectValue()
	proof, validation := g.Find("Record", "web-proof"), g.Find("CertificateValidation", "web-validation")
	assert.Equal(t, map[string]any{
		"zoneId":         "Z0123",
		"name":           option["resourceRecordName"].StringValue(),
		"type":           option["resourceRecordType"].StringValue(),
		"records":        []any{option["resourceRecordValue"].StringValue()},
		"ttl":            60.0,
		"allowOverwrite": true,
	}, proof.Inputs.Mappable())
	assert.Equal(t, map[string]any{
		"certificateArn":        certificate.Outputs["arn"].StringValue(),
		"validationRecordFqdns": []any{proof.Outputs["fqdn"].StringValue()},
	}, validation.Inputs.Mappable())
	listener := g.Find("Listener", "web-listener-443")
	assert.Equal(t, certificate.Outputs["arn"].StringValue(), listener.Inputs["certificateArn"].StringValue())
	assert.Contains(t, g.InputFrom(listener, "certificateArn"), validation)
	assert.False(t, g.Reaches(g.Find("Listener", "web-listener-80"), validation), "plain HTTP need not wait")
}

func TestACertificateThatIsGivenIsNotIssued(t *testing.T) {
	a := aliased()
	a.CertificateARN = pulumi.String(certificateARN)
	_, g := made(t, a)
	assert.Empty(t, g.OfType("Certificate"))
	assert.Len(t, g.OfType("Record"), 1)
	assert.Equal(t, certificateARN, g.Find("Listener", "web-listener-443").Inputs["certificateArn"].StringValue())
}

func TestAnAliasWithoutEncryptionNeedsNoCertificate(t *testing.T) {
	a := aliased()
	a.Listeners = []Listener{{Port: 80, Protocol: "HTTP"}}
	_, g := made(t, a)
	assert.Empty(t, g.OfType("Certificate"))
	assert.Len(t, g.OfType("Record"), 1)
}

func TestAZoneIsCreatedWhereItIsAskedFor(t *testing.T) {
	a := aliased()
	b, g := made(t, a)
	assert.Nil(t, b.NameServers.OutputState, "the zone is somebody else's")
	assert.Empty(t, g.OfType("Zone"))

	a.Alias.CreateZone, a.Alias.ZoneID = true, nil
	b, g = made(t, a)
	zone := g.Find("Zone", "web-zone")
	assert.Equal(t, map[string]any{
		"name": "example.com", "comment": "Names of web", "tags": map[string]any{"Service": "musicguru"},
	}, zone.Inputs.Mappable())
	for _, record := range g.OfType("Record") {
		assert.Contains(t, g.InputFrom(record, "zoneId"), zone, record.Name)
	}
	assert.NotNil(t, b.NameServers.OutputState)
}

func TestTheAliasIsTheHostOfURLs(t *testing.T) {
	_, names := outputs(t, aliased())
	assert.Equal(t, "www.example.com", names["host"])
}

func FuzzAValidAliasIsAHostOfURLsWithinItsZone(f *testing.F) {
	f.Add("example.com", "www.example.com")
	f.Add("example.com", "wwwexample.com")
	f.Add("a.b", "-.a.b")
	f.Fuzz(func(t *testing.T, zone, name string) {
		alias := Alias{Zone: zone, Name: name, CreateZone: true}
		if alias.validate(true) != nil {
			return
		}
		u, err := url.Parse("https://" + name + "/")
		require.NoError(t, err)
		require.Equal(t, name, u.Hostname())
		require.LessOrEqual(t, len(name), maxCommonName)
		require.True(t, strings.HasSuffix("."+name, "."+zone), "%s in %s", name, zone)
	})
}
