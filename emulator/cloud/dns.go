package cloud

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"regexp"
	"strings"
)

// Zone is a hosted zone of Route 53. It is recorded: nobody answers for its names.
type Zone struct {
	ID      string
	Name    string // without the last dot
	Records map[string][]string
}

// zoneName is a domain name in lower case of at least two labels.
var zoneName = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CreateZone makes a public hosted zone. Two zones may have one name.
func (c *Cloud) CreateZone(name string) (Zone, error) {
	zone := &Zone{ID: "Z" + strings.ToUpper(randomHex(10)), Name: strings.TrimSuffix(name, "."), Records: map[string][]string{}}
	err := c.change(func(s *state) error {
		if !zoneName.MatchString(zone.Name) || len(zone.Name) > 255 {
			return refuse("InvalidDomainName", "The domain name %s is invalid", name)
		}
		s.Zones[zone.ID] = zone
		return nil
	})
	return *zone, err
}

// NameServers are the four that a zone is delegated to.
func NameServers(zone string) []string {
	sum := sha256.Sum256([]byte(zone))
	var servers []string
	for i, domain := range []string{"org", "co.uk", "com", "net"} {
		servers = append(servers, fmt.Sprintf("ns-%d.awsdns-%02d.%s", 512*i+int(sum[i]), sum[31-i]%64, domain))
	}
	return servers
}

// DeleteZone removes a zone without records; with force any.
func (c *Cloud) DeleteZone(id string, force bool) error {
	return c.change(func(s *state) error {
		if zone := s.Zones[id]; zone != nil && len(zone.Records) > 0 && !force {
			return refuse("HostedZoneNotEmpty", "The specified hosted zone contains non-required resource record sets and so "+
				"cannot be deleted.")
		}
		delete(s.Zones, id)
		return nil
	})
}

// ZoneByName finds a zone. One that the stack didn't make is taken to be the account's from before, as domains are: it
// has an ID that follows from its name, and nothing of it is kept.
func (c *Cloud) ZoneByName(name string) (Zone, error) {
	name = strings.TrimSuffix(name, ".")
	if !zoneName.MatchString(name) {
		return Zone{}, refuse("InvalidDomainName", "The domain name %s is invalid", name)
	}
	found := Zone{ID: ownZone(name), Name: name}
	c.view(func(s *state) {
		for _, id := range keys(s.Zones) {
			if s.Zones[id].Name == name {
				found = Zone{ID: id, Name: name}
				return
			}
		}
	})
	return found, nil
}

func ownZone(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "Z0" + base32.StdEncoding.EncodeToString(sum[:12])[:19]
}

// zoneOf finds the zone of a record: one that was made here, or the account's own of one of the name's ends.
func (s *state) zoneOf(id, record string) *Zone {
	if zone := s.Zones[id]; zone != nil {
		return zone
	}
	for end := record; end != ""; _, end, _ = strings.Cut(end, ".") {
		if ownZone(end) == id {
			s.Zones[id] = &Zone{ID: id, Name: end, Records: map[string][]string{}}
			return s.Zones[id]
		}
	}
	return nil
}

// CreateRecord adds a record set to a zone and returns its full name. With overwrite it takes the place of an equal one.
func (c *Cloud) CreateRecord(zone, name, kind string, values []string, overwrite bool) (string, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	var full string
	err := c.change(func(s *state) error {
		found := s.zoneOf(zone, name)
		if found == nil {
			return refuse("NoSuchHostedZone", "No hosted zone found with ID: %s", zone)
		}
		full = found.qualify(name)
		key := full + " " + kind
		if found.Records[key] != nil && !overwrite {
			return refuse("InvalidChangeBatch", "[Tried to create resource record set [name='%s.', type='%s'] but it already exists]",
				full, kind)
		}
		if err := found.checkRecord(full, kind, values, ""); err != nil {
			return err
		}
		found.Records[key] = values
		return nil
	})
	return full, err
}

// ReplaceRecord gives a name a record set of another type in the place of the one that it has, in one change.
func (c *Cloud) ReplaceRecord(zone, full, old, kind string, values []string) error {
	return c.change(func(s *state) error {
		found := s.Zones[zone]
		if found == nil {
			return refuse("NoSuchHostedZone", "No hosted zone found with ID: %s", zone)
		}
		if err := found.checkRecord(full, kind, values, old); err != nil {
			return err
		}
		delete(found.Records, full+" "+old)
		found.Records[full+" "+kind] = values
		return nil
	})
}

// checkRecord holds that a set has values, and that an alias name (CNAME) is alone with its name, which is not the zone's.
// A type that is on its way out doesn't count.
func (z *Zone) checkRecord(full, kind string, values []string, leaving string) error {
	switch {
	case len(values) == 0:
		return refuse("InvalidInput", "Invalid request: Missing field 'AliasTarget' or 'ResourceRecords' in %s", full)
	case kind == "CNAME" && full == z.Name:
		return refuse("InvalidChangeBatch", "[RRSet of type CNAME with DNS name %s. is not permitted at apex in zone %s.]", full, z.Name)
	}
	for key := range z.Records {
		name, other, _ := strings.Cut(key, " ")
		if name == full && other != kind && other != leaving && (kind == "CNAME" || other == "CNAME") {
			return refuse("InvalidChangeBatch", "[RRSet of type %s with DNS name %s. is not permitted because a conflicting RRSet of type "+
				"%s with the same DNS name already exists in zone %s.]", kind, full, other, z.Name)
		}
	}
	return nil
}

// qualify completes a name: one that doesn't end with the zone's is relative to it, as the provider takes it.
func (z *Zone) qualify(name string) string {
	if name == "" || name == z.Name {
		return z.Name
	}
	if strings.HasSuffix(name, "."+z.Name) {
		return name
	}
	return name + "." + z.Name
}

// DeleteRecord removes a record set.
func (c *Cloud) DeleteRecord(zone, full, kind string) error {
	return c.change(func(s *state) error {
		found := s.Zones[zone]
		if found == nil {
			return nil
		}
		delete(found.Records, full+" "+kind)
		if len(found.Records) == 0 && zone == ownZone(found.Name) {
			delete(s.Zones, zone) // the account's own: only what was put in it is kept
		}
		return nil
	})
}

// Certificate is one of ACM's, made when its domains are proved by DNS records.
type Certificate struct {
	ARN     string
	Domains []string
	Issued  bool
}

// ValidationRecord is the CNAME that proves a domain.
type ValidationRecord struct{ Domain, Name, Value string }

// RequestCertificate asks for a certificate for a domain and others; a wildcard stands for one label.
func (c *Cloud) RequestCertificate(domains ...string) (Certificate, error) {
	certificate := &Certificate{ARN: c.ARN("acm", "certificate/"+uuid()), Domains: domains}
	err := c.change(func(s *state) error {
		for _, domain := range domains {
			if !zoneName.MatchString(strings.TrimPrefix(domain, "*.")) || len(domain) > 253 {
				return refuse("InvalidDomainValidationOptionsException", "The domain name %s is invalid", domain)
			}
		}
		s.Certificates[certificate.ARN] = certificate
		return nil
	})
	return *certificate, err
}

func uuid() string {
	hex := randomHex(16)
	return strings.Join([]string{hex[:8], hex[8:12], hex[12:16], hex[16:20], hex[20:]}, "-")
}

// Validation lists the records that prove a certificate's domains; a domain and its wildcard share one.
func (a Certificate) Validation() []ValidationRecord {
	var records []ValidationRecord
	for _, domain := range a.Domains {
		plain := strings.TrimPrefix(domain, "*.")
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte(Account+plain)))
		records = append(records, ValidationRecord{
			Domain: domain, Name: "_" + sum[:32] + "." + plain + ".", Value: "_" + sum[32:] + ".acm-validations.aws.",
		})
	}
	return records
}

// ValidateCertificate issues a certificate whose records are in place. AWS would look for them for 72 hours.
func (c *Cloud) ValidateCertificate(arn string) error {
	return c.change(func(s *state) error {
		certificate := s.Certificates[arn]
		if certificate == nil {
			return refuse("ResourceNotFoundException", "Could not find certificate %s", arn)
		}
		for _, record := range certificate.Validation() {
			if !s.hasRecord(strings.TrimSuffix(record.Name, "."), "CNAME", record.Value) {
				return refuse("PENDING_VALIDATION", "the certificate for %s is not issued: no hosted zone has the record %s CNAME %s",
					record.Domain, record.Name, record.Value)
			}
		}
		certificate.Issued = true
		return nil
	})
}

func (s *state) hasRecord(name, kind, value string) bool {
	for _, zone := range s.Zones {
		for _, found := range zone.Records[name+" "+kind] {
			if strings.TrimSuffix(found, ".") == strings.TrimSuffix(value, ".") {
				return true
			}
		}
	}
	return false
}

// Certificate returns a certificate.
func (c *Cloud) Certificate(arn string) (Certificate, bool) {
	var found Certificate
	c.view(func(s *state) {
		if certificate := s.Certificates[arn]; certificate != nil {
			found = *certificate
		}
	})
	return found, found.ARN != ""
}

// DeleteCertificate removes a certificate that no listener uses.
func (c *Cloud) DeleteCertificate(arn string) error {
	return c.change(func(s *state) error {
		for _, listener := range s.Listeners {
			if listener.Certificate == arn {
				return refuse("ResourceInUseException", "Certificate %s in use: %s", arn, listener.ARN)
			}
		}
		delete(s.Certificates, arn)
		return nil
	})
}
