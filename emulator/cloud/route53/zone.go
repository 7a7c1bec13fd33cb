package route53

import (
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"regexp"
	"strings"
)

// HostedZone is a hosted zone of Route 53. It is recorded: nobody answers for its names.
type HostedZone struct {
	ID      string
	Name    string // without the last dot
	Records map[string][]string
}

// ZoneName is a domain name in lower case of at least two labels.
var ZoneName = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CreateHostedZone makes a public hosted zone. Two zones may have one name.
func (s *Store) CreateHostedZone(name string) (HostedZone, error) {
	zone := &HostedZone{ID: "Z" + strings.ToUpper(aws.RandomHex(10)), Name: strings.TrimSuffix(name, "."), Records: map[string][]string{}}
	if !ZoneName.MatchString(zone.Name) || len(zone.Name) > 255 {
		return HostedZone{}, aws.Refuse("InvalidDomainName", "The domain name %s is invalid", name)
	}
	s.HostedZones[zone.ID] = zone
	return *zone, nil
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

// DeleteHostedZone removes a zone without records; with force any.
func (s *Store) DeleteHostedZone(id string, force bool) error {
	if zone := s.HostedZones[id]; zone != nil && len(zone.Records) > 0 && !force {
		return aws.Refuse("HostedZoneNotEmpty", "The specified hosted zone contains non-required resource record sets and so "+
			"cannot be deleted.")
	}
	delete(s.HostedZones, id)
	return nil
}

// HostedZoneByName finds a zone. One that the stack didn't make is taken to be the account's from before, as domains are: it
// has an ID that follows from its name, and nothing of it is kept.
func (s *Store) HostedZoneByName(name string) (HostedZone, error) {
	name = strings.TrimSuffix(name, ".")
	if !ZoneName.MatchString(name) {
		return HostedZone{}, aws.Refuse("InvalidDomainName", "The domain name %s is invalid", name)
	}
	found := HostedZone{ID: ownZone(name), Name: name}
	for _, id := range aws.Keys(s.HostedZones) {
		if s.HostedZones[id].Name == name {
			found = HostedZone{ID: id, Name: name}
			return found, nil
		}
	}
	return found, nil
}

func ownZone(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "Z0" + base32.StdEncoding.EncodeToString(sum[:12])[:19]
}

// zoneOf finds the zone of a record: one that was made here, or the account's own of one of the name's ends.
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

// CreateRecord adds a record set to a zone and returns its full name. With overwrite it takes the place of an equal one.
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

// ReplaceRecord gives a name a record set of another type in the place of the one that it has, in one change.
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

// checkRecord holds that a set has values, and that an alias name (CNAME) is alone with its name, which is not the zone's.
// A type that is on its way out doesn't count.
func (z *HostedZone) checkRecord(full, kind string, values []string, leaving string) error {
	switch {
	case len(values) == 0:
		return aws.Refuse("InvalidInput", "Invalid request: Missing field 'AliasTarget' or 'ResourceRecords' in %s", full)
	case kind == "CNAME" && full == z.Name:
		return aws.Refuse("InvalidChangeBatch", "[RRSet of type CNAME with DNS name %s. is not permitted at apex in zone %s.]", full, z.Name)
	}
	for key := range z.Records {
		name, other, _ := strings.Cut(key, " ")
		if name == full && other != kind && other != leaving && (kind == "CNAME" || other == "CNAME") {
			return aws.Refuse("InvalidChangeBatch", "[RRSet of type %s with DNS name %s. is not permitted because a conflicting RRSet of type "+
				"%s with the same DNS name already exists in zone %s.]", kind, full, other, z.Name)
		}
	}
	return nil
}

// qualify completes a name: one that doesn't end with the zone's is relative to it, as the provider takes it.
func (z *HostedZone) qualify(name string) string {
	if name == "" || name == z.Name {
		return z.Name
	}
	if strings.HasSuffix(name, "."+z.Name) {
		return name
	}
	return name + "." + z.Name
}

// DeleteRecord removes a record set.
func (s *Store) DeleteRecord(zone, full, kind string) error {
	found := s.HostedZones[zone]
	if found == nil {
		return nil
	}
	delete(found.Records, full+" "+kind)
	if len(found.Records) == 0 && zone == ownZone(found.Name) {
		delete(s.HostedZones, zone) // the account's own: only what was put in it is kept
	}
	return nil
}

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
