package loadbalancing

import (
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Limits of DNS: the longest name and the longest label.
const (
	maxDomain = 253
	maxLabel  = 63
)

// Alias is a DNS name of the balancer, in a public Route 53 zone.
//
// A zone that is created answers no queries until its parent delegates to its name servers, and no certificate is issued
// before: either delegate while the deployment waits for the certificate (up to 75 min), or add the encrypted listener
// later.
type Alias struct {
	// Zone is the zone's name, such as example.com: lower case, without a final dot.
	Zone string

	// Name is the name of the balancer, such as www.example.com: the zone's own name or a name below it.
	Name string

	// CreateZone makes the zone. Otherwise it is there already, and ZoneID names it.
	CreateZone bool

	// ZoneID is the ID of the existing zone.
	ZoneID pulumi.StringInput
}

// validate reports every problem of the alias. Issues says that a certificate is issued for it.
func (a *Alias) validate(issues bool) error {
	var problems invalid.List
	zone, name := validDomain("zone", a.Zone), validDomain("name", a.Name)
	problems.Include("", zone)
	problems.Include("", name)
	if zone == nil && name == nil && a.Name != a.Zone && !strings.HasSuffix(a.Name, "."+a.Zone) {
		problems.Add("name", a.Name, "is not within the zone (%s)", a.Zone)
	}
	if issues && len(a.Name) > maxCommonName {
		problems.Add("name", a.Name, "is longer than %d characters, the most that a certificate's first name may have",
			maxCommonName)
	}
	switch {
	case a.CreateZone && a.ZoneID != nil:
		problems.Missing("zoneId", "a zone that is created has no ID yet")
	case !a.CreateZone && a.ZoneID == nil:
		problems.Missing("zoneId", "the zone's ID is needed, unless it is created")
	}
	return problems.Err()
}

// validDomain takes names of hosts and of their zones, as they are registered.
func validDomain(path, name string) error {
	var problems invalid.List
	labels := strings.Split(name, ".")
	switch {
	case name == "":
		problems.Missing(path, "a name is needed")
	case len(name) > maxDomain:
		problems.Add(path, name, "is longer than %d characters", maxDomain)
	case len(labels) < 2:
		problems.Add(path, name, "is not below a top-level domain")
	}
	for _, label := range labels {
		if name != "" && !validLabel(label) {
			problems.Add(path, name, "has a part (%q) that is not 1–%d of a–z, 0–9 and inner hyphens", label, maxLabel)
		}
	}
	return problems.Err()
}

func validLabel(label string) bool {
	other := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }
	return label != "" && len(label) <= maxLabel && !strings.ContainsFunc(label, other) &&
		!strings.HasPrefix(label, "-") && !strings.HasSuffix(label, "-")
}

// named creates the balancer's alias, if it has one, and returns the ARN of the certificate, if a listener needs it.
func (b *Balancer) named(
	ctx *pulumi.Context, name string, args *Args, balancer *lb.LoadBalancer,
) (pulumi.StringPtrInput, error) {
	b.URLHost = balancer.DnsName
	if args.Alias == nil {
		return given(args.CertificateARN), nil
	}
	zone, err := b.zone(ctx, name, args)
	if err != nil {
		return nil, err
	}
	record, err := route53.NewRecord(ctx, name+"-alias", &route53.RecordArgs{
		ZoneId: zone,
		Name:   pulumi.String(args.Alias.Name),
		Type:   pulumi.String("A"),
		Aliases: route53.RecordAliasArray{&route53.RecordAliasArgs{
			Name:                 balancer.DnsName,
			ZoneId:               balancer.ZoneId,
			EvaluateTargetHealth: pulumi.Bool(true),
		}},
	}, pulumi.Parent(b))
	if err != nil {
		return nil, err
	}
	b.URLHost = record.Fqdn
	if !args.issues() {
		return given(args.CertificateARN), nil
	}
	return b.certificate(ctx, name, args, zone)
}

// zone returns the ID of the alias's zone.
func (b *Balancer) zone(ctx *pulumi.Context, name string, args *Args) (pulumi.StringInput, error) {
	if !args.Alias.CreateZone {
		return args.Alias.ZoneID, nil
	}
	zone, err := route53.NewZone(ctx, name+"-zone", &route53.ZoneArgs{
		Name:    pulumi.String(args.Alias.Zone),
		Comment: pulumi.String("Names of " + name),
		Tags:    pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(b))
	if err != nil {
		return nil, err
	}
	b.NameServers = zone.NameServers
	return zone.ZoneId, nil
}
