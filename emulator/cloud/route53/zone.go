package route53

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"regexp"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// HostedZone is a public hosted zone. No server answers for its names.
type HostedZone struct {
	ID      string
	Name    string // without the last dot
	Records map[string][]string
}

// ZoneName is a domain name in lower case of at least two labels.
var ZoneName = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CreateHostedZone creates a public hosted zone. Several zones may have the same name.
func (s *Store) CreateHostedZone(name string) (HostedZone, error) {
	zone := &HostedZone{ID: "Z" + strings.ToUpper(aws.RandomHex(10)), Name: strings.TrimSuffix(name, "."), Records: map[string][]string{}}
	if !ZoneName.MatchString(zone.Name) || len(zone.Name) > 255 {
		return HostedZone{}, aws.Refuse("InvalidDomainName", "The domain name %s is invalid", name)
	}
	s.HostedZones[zone.ID] = zone
	return *zone, nil
}

// NameServers returns the four name servers of a zone.
func NameServers(zone string) []string {
	sum := sha256.Sum256([]byte(zone))
	var servers []string
	for i, domain := range []string{"org", "co.uk", "com", "net"} {
		servers = append(servers, fmt.Sprintf("ns-%d.awsdns-%02d.%s", 512*i+int(sum[i]), sum[31-i]%64, domain))
	}
	return servers
}

// DeleteHostedZone deletes a zone without records, or with force any zone.
func (s *Store) DeleteHostedZone(id string, force bool) error {
	if zone := s.HostedZones[id]; zone != nil && len(zone.Records) > 0 && !force {
		return aws.Refuse("HostedZoneNotEmpty", "The specified hosted zone contains non-required resource record sets and so "+
			"cannot be deleted.")
	}
	delete(s.HostedZones, id)
	return nil
}

// HostedZoneByName returns a hosted zone. A zone that was not created in the emulator is taken for a zone that the
// account already has, as domains usually are: its ID is derived from its name.
func (s *Store) HostedZoneByName(name string) (HostedZone, error) {
	name = strings.TrimSuffix(name, ".")
	if !ZoneName.MatchString(name) {
		return HostedZone{}, aws.Refuse("InvalidDomainName", "The domain name %s is invalid", name)
	}
	for _, id := range aws.Keys(s.HostedZones) {
		if s.HostedZones[id].Name == name {
			return HostedZone{ID: id, Name: name}, nil
		}
	}
	return HostedZone{ID: ownZone(name), Name: name}, nil
}

// ownZone returns the ID of a zone that the account already has.
func ownZone(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "Z0" + base32.StdEncoding.EncodeToString(sum[:12])[:19]
}

// zoneOf returns the zone of a record: a zone that was created in the emulator, or a zone that the account already has.
// It returns nil if the zone does not exist or does not fit the record's name.
func (s *Store) zoneOf(id, record string) *HostedZone {
	if zone := s.HostedZones[id]; zone != nil {
		return zone
	}
	for end := record; end != ""; _, end, _ = strings.Cut(end, ".") {
		if ownZone(end) == id {
			s.HostedZones[id] = &HostedZone{ID: id, Name: end, Records: map[string][]string{}}
			return s.HostedZones[id]
		}
	}
	return nil
}

// CreateRecord adds a record set to a zone and returns its full name. With overwrite it replaces a record set of the
// same name and type.
func (s *Store) CreateRecord(zone, name, kind string, values []string, overwrite bool) (string, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	var full string
	found := s.zoneOf(zone, name)
	if found == nil {
		return "", aws.Refuse("NoSuchHostedZone", "No hosted zone found with ID: %s", zone)
	}
	full = found.qualify(name)
	key := full + " " + kind
	if found.Records[key] != nil && !overwrite {
		return "", aws.Refuse("InvalidChangeBatch", "[Tried to create resource record set [name='%s.', type='%s'] but it already exists]",
			full, kind)
	}
	if err := found.checkRecord(full, kind, values, ""); err != nil {
		return "", err
	}
	found.Records[key] = values
	return full, nil
}

// ReplaceRecord replaces the record set of a name by a record set of another type, in one change.
func (s *Store) ReplaceRecord(zone, full, old, kind string, values []string) error {
	found := s.HostedZones[zone]
	if found == nil {
		return aws.Refuse("NoSuchHostedZone", "No hosted zone found with ID: %s", zone)
	}
	if err := found.checkRecord(full, kind, values, old); err != nil {
		return err
	}
	delete(found.Records, full+" "+old)
	found.Records[full+" "+kind] = values
	return nil
}

// checkRecord refuses a record set without values, and a CNAME that is not the only record set of its name or has the
// name of the zone. The type that is being replaced does not count.
func (z *HostedZone) checkRecord(full, kind string, values []string, replaced string) error {
	switch {
	case len(values) == 0:
		return aws.Refuse("InvalidInput", "Invalid request: Missing field 'AliasTarget' or 'ResourceRecords' in %s", full)
	case kind == "CNAME" && full == z.Name:
		return aws.Refuse("InvalidChangeBatch", "[RRSet of type CNAME with DNS name %s. is not permitted at apex in zone %s.]", full, z.Name)
	}
	for key := range z.Records {
		name, other, _ := strings.Cut(key, " ")
		if name == full && other != kind && other != replaced && (kind == "CNAME" || other == "CNAME") {
			return aws.Refuse("InvalidChangeBatch", "[RRSet of type %s with DNS name %s. is not permitted because a conflicting RRSet of type "+
				"%s with the same DNS name already exists in zone %s.]", kind, full, other, z.Name)
		}
	}
	return nil
}

// qualify returns the full name of a record. A name that does not end with the zone's name is relative to it, as the
// Pulumi provider takes it.
func (z *HostedZone) qualify(name string) string {
	if name == "" || name == z.Name {
		return z.Name
	}
	if strings.HasSuffix(name, "."+z.Name) {
		return name
	}
	return name + "." + z.Name
}

// DeleteRecord deletes a record set.
func (s *Store) DeleteRecord(zone, full, kind string) error {
	found := s.HostedZones[zone]
	if found == nil {
		return nil
	}
	delete(found.Records, full+" "+kind)
	if len(found.Records) == 0 && zone == ownZone(found.Name) {
		delete(s.HostedZones, zone) // a zone that the account already has is kept only for its records
	}
	return nil
}

// HasRecord reports whether a hosted zone has a record.
func (s *Store) HasRecord(name, kind, value string) bool {
	for _, zone := range s.HostedZones {
		for _, found := range zone.Records[name+" "+kind] {
			if strings.TrimSuffix(found, ".") == strings.TrimSuffix(value, ".") {
				return true
			}
		}
	}
	return false
}
