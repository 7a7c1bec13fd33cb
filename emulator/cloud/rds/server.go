package rds

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// Status is the status of a database (RDS: "Viewing Amazon RDS DB instance status").
type Status string

// The statuses that the emulator's databases have.
const (
	Creating  Status = "creating"
	Available Status = "available"
	Modifying Status = "modifying"
	Rebooting Status = "rebooting" // after a request, or by RDS itself when the standby takes over
	BackingUp Status = "backing-up"
	Failed    Status = "failed" // the server does not start
)

// Server is a server that the data plane runs for a database.
type Server struct {
	Database

	Address  netip.Addr // of the primary, private
	Network  string     // ID of its VPC
	Host     string     // the DNS name of the endpoint
	Password string     // of the master user
	TLS      bool       // connections without TLS are refused
	On       bool       // it is to run now
	Freeze   string     // the snapshot for which its files are to be copied, or ""
}

// Use is what a server uses, as the data plane measures it.
type Use struct {
	CPU         float64 // percent of the class's virtual CPUs
	Connections int
	Stored      int64 // bytes
}

// Servers lists the servers of all databases that the data plane runs.
func (s *Store) Servers() []Server {
	var all []Server
	for _, d := range s.List() {
		if !s.serves(d.Spec.Engine) || d.Status == Failed {
			continue
		}
		at := s.primary(&d)
		all = append(all, Server{
			Database: d, Address: at.Address, Network: s.vpc.VPCOf(d.Subnet), Host: s.DatabaseAddress(d.Spec), Password: s.password(&d),
			TLS: s.forcesTLS(&d), On: d.Back.IsZero() && s.hasPower(d.Subnet), Freeze: s.pendingSnapshot(d.ID),
		})
	}
	return all
}

func (s *Store) serves(engine string) bool { return s.Serves != nil && s.Serves(engine) }

// unless returns a status in which a database is until its server answers, or Available for an engine without servers.
func (s *Store) unless(engine string, until Status) Status {
	if s.serves(engine) {
		return until
	}
	return Available
}

func (s *Store) hasPower(subnet string) bool {
	found := s.vpc.Subnets[subnet]
	return found == nil || s.HasPower == nil || s.HasPower(found.Zone)
}

// password returns the password of the master user: the given one, or the current one of the secret.
func (s *Store) password(d *Database) string {
	if d.Secret == "" {
		return d.Spec.Password
	}
	_, version, err := s.secrets.Value(d.Secret, "", "")
	if err != nil {
		return ""
	}
	var value struct{ Password string }
	_ = json.Unmarshal([]byte(version.Text), &value) // the store has made it
	return value.Password
}

// Primary returns the network interface at which a database answers.
func (s *Store) Primary(d Database) vpc.Interface { return s.primary(&d) }

func (s *Store) primary(d *Database) vpc.Interface {
	for _, n := range s.vpc.InterfacesOf(d.Spec.Owner()) {
		if n.Subnet == d.Subnet {
			return *n
		}
	}
	return vpc.Interface{}
}

// AtAddress returns the database that has a private address in a VPC, and whether its primary is there.
func (s *Store) AtAddress(network string, address netip.Addr) (d Database, isPrimary, found bool) {
	for _, database := range s.Databases {
		for _, n := range s.vpc.InterfacesOf(database.Spec.Owner()) {
			if n.Address == address && s.vpc.VPCOf(n.Subnet) == network {
				return *database, n.Subnet == database.Subnet, true
			}
		}
	}
	return Database{}, false, false
}

// firstSubnet returns the subnet in which a new database runs.
func (s *Store) firstSubnet(spec DatabaseSpec) string {
	group := s.SubnetGroups[spec.SubnetGroup]
	if spec.Zone != "" {
		return s.subnetIn(group, spec.Zone)
	}
	return group.Subnets[0]
}

func (s *Store) subnetIn(group *SubnetGroup, zone string) string {
	for _, id := range group.Subnets {
		if s.vpc.Subnets[id].Zone == zone {
			return id
		}
	}
	return ""
}

// Standby returns the subnet of a database's standby, or "" without one.
func (s *Store) Standby(d Database) string {
	group := s.SubnetGroups[d.Spec.SubnetGroup]
	if !d.Spec.MultiAZ || group == nil {
		return ""
	}
	at := slices.IndexFunc(group.Subnets, func(id string) bool { return s.vpc.Subnets[id].Zone != s.vpc.Subnets[d.Subnet].Zone })
	if at < 0 {
		return ""
	}
	return group.Subnets[at]
}

// Interruptions of a database. A failover takes 60 to 120 s (RDS: "Failing over a Multi-AZ DB instance"); how long the server of a
// database without a standby needs to start again depends on its work, and is shorter in the emulator's, which have little.
const (
	leastFailover = 60 * time.Second
	mostFailover  = 120 * time.Second
	restartTime   = 30 * time.Second
)

// Reboot restarts a database's server, or lets its standby take over (API: RebootDBInstance).
func (s *Store) Reboot(identifier string, failover bool, now time.Time) (Database, error) {
	d, err := s.available(identifier)
	switch {
	case err != nil:
		return Database{}, err
	case failover && !d.Spec.MultiAZ:
		return Database{}, aws.Refuse("InvalidParameterCombination", "Cannot failover a non-Multi-AZ DB Instance: %s", identifier)
	case failover:
		s.failOver(d, Rebooting, now)
	default:
		s.restart(d, Rebooting, now)
	}
	return *d, nil
}

// available returns a database that takes requests.
func (s *Store) available(identifier string) (*Database, error) {
	found, err := s.Database(identifier)
	if err != nil {
		return nil, err
	}
	if found.Status != Available {
		return nil, aws.Refuse("InvalidDBInstanceState", "Instance %s is not in available state.", identifier)
	}
	return s.Databases[found.ID], nil
}

// failOver moves a database to the zone of its standby. The endpoint leads there at once; the server answers when it has taken over.
func (s *Store) failOver(d *Database, status Status, now time.Time) {
	d.Subnet = s.Standby(*d)
	s.interrupt(d, status, now.Add(leastFailover+rand.N(mostFailover-leastFailover)))
}

// restart starts a database's server anew, where it is.
func (s *Store) restart(d *Database, status Status, now time.Time) {
	s.interrupt(d, status, now.Add(restartTime))
}

func (s *Store) interrupt(d *Database, status Status, until time.Time) {
	d.Starts++
	d.Status, d.Back = status, until
}

// ServerRunning reports that the server of a database answers, after so many starts. It returns false if that changes nothing.
func (s *Store) ServerRunning(id string, starts int) bool {
	d := s.Databases[id]
	if d == nil || d.Starts != starts || !d.Back.IsZero() || !slices.Contains([]Status{Creating, Modifying, Rebooting}, d.Status) {
		return false
	}
	d.Status = Available
	return true
}

// ServerFailed reports that the server of a database does not start.
func (s *Store) ServerFailed(id, reason string) bool {
	d := s.Databases[id]
	if d == nil {
		return false
	}
	d.Status, d.Reason = Failed, reason
	return true
}

// RecordUse records what a server uses.
func (s *Store) RecordUse(id string, use Use) bool {
	d := s.Databases[id]
	if d == nil {
		return false
	}
	d.Use = use
	return true
}

// reconcileServers lets standbys take over from primaries that are cut off or have no power, and ends interruptions.
func (s *Store) reconcileServers(now time.Time) bool {
	changed := false
	for _, id := range aws.Keys(s.Databases) {
		d := s.Databases[id]
		standby := s.Standby(*d)
		if standby != "" && s.lost(d.Subnet) && !s.lost(standby) && d.Status != Creating && d.Status != Failed {
			s.failOver(d, Rebooting, now)
			changed = true
		}
		if d.Back.IsZero() || now.Before(d.Back) {
			continue
		}
		d.Back, changed = time.Time{}, true
		if !s.serves(d.Spec.Engine) {
			d.Status = Available
		}
	}
	return changed
}

// lost reports whether the primary in a subnet has lost its network or its power.
func (s *Store) lost(subnet string) bool { return s.vpc.IsCutOff(subnet) || !s.hasPower(subnet) }
