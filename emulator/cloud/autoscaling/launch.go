package autoscaling

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// launch launches an instance of a template in a subnet. It is pending until the data plane reports that it has booted.
func (s *Store) launch(g *Group, from TemplateVersion, subnet *vpc.Subnet, now time.Time) (*ec2.Instance, error) {
	data, version, err := s.ec2.LaunchData(from.Template, from.Version)
	if err != nil {
		return nil, err
	}
	if err := ec2.CheckCredits(data.InstanceType, data.CPUCredits); err != nil {
		return nil, err
	}
	if err := s.ec2.CheckCapacity(g.Spec.Name, subnet.Zone, data.InstanceType); err != nil {
		return nil, err
	}
	id := aws.NewID("i")
	address, err := s.ec2.AttachInterface(id, subnet.ID, data.SecurityGroups, data.Public)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(data.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, g.Spec.InstanceTags)
	i := &ec2.Instance{
		ID: id, State: ec2.Pending, Group: g.Spec.Name, Lifecycle: ec2.LifecyclePending,
		Template: from.Template, Version: version, ImageID: data.ImageID, Type: data.InstanceType,
		Zone: subnet.Zone, Subnet: subnet.ID, Address: address, Public: data.Public,
		SecurityGroups: data.SecurityGroups, Profile: data.Profile, UserData: data.UserData, Tags: tags,
		Launched: now, Detailed: data.Detailed,
	}
	i.StartCredits(data.CPUCredits)
	s.ec2.Instances[i.ID] = i
	return i, nil
}

// fillOrShrink brings the number of active members to the desired capacity, and then evens out the zones.
func (s *Store) fillOrShrink(g *Group, now time.Time) bool {
	logged := len(g.Activities)
	if have := len(s.Active(g)); have < g.Desired {
		s.fill(g, have, now)
	} else if extra := have - g.Desired - g.surplus(); extra > 0 {
		s.shrink(g, have, extra, now)
	}
	if have := len(s.Active(g)); have >= g.Desired {
		g.DesiredReason = ""
		s.rebalance(g, have, now)
	}
	return len(g.Activities) != logged
}

// fill launches missing members, as far as possible. With an instance maintenance policy the unhealthy members that are
// not yet terminated count too: "Auto Scaling only increases and decreases capacity within the minimum-maximum range".
func (s *Store) fill(g *Group, have int, now time.Time) {
	capacity := g.withReason(now, fmt.Sprintf("an instance was started in response to a difference between desired and actual capacity, "+
		"increasing the capacity from %d to %d.", have, g.Desired))
	missing := g.Desired - have
	if m := g.Spec.Maintenance; m != nil {
		missing = min(missing, surge(g.Desired, m.MaxHealthy)-len(s.standing(g)))
	}
	for range missing {
		cause := capacity
		if why := s.replaces(g); why != "" {
			cause = causeAt(now, "an instance was launched in response to "+why)
		}
		if !s.launchMember(g, now, cause) {
			return // the next Reconcile tries again
		}
	}
}

// shrink terminates surplus members. As on AWS each activity names all of them.
func (s *Store) shrink(g *Group, have, count int, now time.Time) {
	var cause strings.Builder
	cause.WriteString(g.withReason(now, fmt.Sprintf("an instance was taken out of service in response to a difference between desired and "+
		"actual capacity, shrinking the capacity from %d to %d.", have, have-count)))
	victims := s.chooseVictims(g, count)
	for _, i := range victims {
		cause.WriteString("  " + causeAt(now, "instance "+i.ID+" was selected for termination."))
	}
	for _, i := range victims {
		s.startTermination(g, i, now, cause.String())
	}
}

// replaces says why the next launch replaces a member: the group has more outgoing members than pending ones. It returns "" for another
// launch.
func (s *Store) replaces(g *Group) string {
	unhealthy, expired, pending := 0, 0, 0
	for _, i := range s.members(g) {
		switch {
		case i.Unhealthy:
			unhealthy++
		case i.Expired:
			expired++
		case i.Lifecycle.IsPending():
			pending++
		}
	}
	switch {
	case unhealthy+expired <= pending:
		return ""
	case unhealthy > 0:
		return "an unhealthy instance needing to be replaced."
	default:
		return "an instance that reached the maximum instance lifetime of the group."
	}
}

// launchMember launches an instance in the zone with the fewest members. If the launch fails for a reason of the zone,
// it tries the next zone (Auto Scaling: "Availability Zone distribution", balanced best effort). It reports whether it
// launched an instance.
func (s *Store) launchMember(g *Group, now time.Time, cause string) bool {
	return s.launchWhere(g, g.own(), now, cause, s.perZone(g, s.Active(g)))
}

// launchWhere launches an instance in the first zone that accepts it, in the order of the counts.
func (s *Store) launchWhere(g *Group, from TemplateVersion, now time.Time, cause string, count map[string]int) bool {
	if now.Before(g.RetryAt) {
		return false
	}
	for _, subnet := range s.openSubnets(g, now, count) {
		if err := s.launchIn(g, from, subnet, now, cause); err == nil {
			return true
		} else if !isZonal(err) {
			g.RetryAt = now.Add(launchRetry)
			return false
		}
	}
	return false
}

// launchIn launches an instance in a subnet and adds the activity.
func (s *Store) launchIn(g *Group, from TemplateVersion, subnet *vpc.Subnet, now time.Time, cause string) error {
	i, err := s.launch(g, from, subnet, now)
	if err == nil {
		g.startActivity(now, "Launching a new EC2 instance: "+i.ID, cause, i.ID)
		return nil
	}
	if isZonal(err) {
		if g.ZoneRetry == nil {
			g.ZoneRetry = map[string]time.Time{}
		}
		g.ZoneRetry[subnet.Zone] = now.Add(launchRetry)
	}
	n := g.startActivity(now, "Launching a new EC2 instance.", cause, "")
	a := &g.Activities[n]
	a.Status, a.Message, a.End = "Failed", messageOf(err)+" Launching EC2 instance failed.", now
	s.sendActivity(g, EventLaunchError, *a)
	return err
}

// isZonal reports whether a launch failed for a reason that may not hold in another zone.
func isZonal(err error) bool {
	var refusal *aws.Error
	return errors.As(err, &refusal) &&
		slices.Contains([]string{ec2.InsufficientCapacity, ec2.Unsupported, "InsufficientFreeAddressesInSubnet"}, refusal.Code)
}

// messageOf returns the message of a refusal without its code, as activities show it.
func messageOf(err error) string {
	var refusal *aws.Error
	if errors.As(err, &refusal) {
		return refusal.Message
	}
	return err.Error()
}

// openSubnets returns the group's subnets in zones without a recent failed launch, those in zones with the lowest
// counts first, otherwise in the group's order.
func (s *Store) openSubnets(g *Group, now time.Time, count map[string]int) []*vpc.Subnet {
	var open []*vpc.Subnet
	for _, id := range g.Spec.Subnets {
		if subnet := s.vpc.Subnets[id]; subnet != nil && !now.Before(g.ZoneRetry[subnet.Zone]) {
			open = append(open, subnet)
		}
	}
	slices.SortStableFunc(open, func(a, b *vpc.Subnet) int { return count[a.Zone] - count[b.Zone] })
	return open
}

// perZone counts members by zone: of the group's zones, and of zones that are no longer the group's but still have
// members.
func (s *Store) perZone(g *Group, members []*ec2.Instance) map[string]int {
	count := map[string]int{}
	for _, id := range g.Spec.Subnets {
		if subnet := s.vpc.Subnets[id]; subnet != nil {
			count[subnet.Zone] = 0
		}
	}
	for _, i := range members {
		count[i.Zone]++
	}
	return count
}

// chooseVictims chooses members to terminate by the default termination policy: in the zone with the most members, with
// the oldest template version, the oldest ("Default termination policy for Amazon EC2 Auto Scaling"). Members in zones
// that are no longer the group's come first.
func (s *Store) chooseVictims(g *Group, wanted int) []*ec2.Instance {
	own, left := s.zonesOf(g), s.Active(g)
	count := s.perZone(g, left)
	var chosen []*ec2.Instance
	for range min(wanted, len(left)) {
		victim := slices.MinFunc(left, func(a, b *ec2.Instance) int {
			if order := cmp.Or(rank(own[a.Zone])-rank(own[b.Zone]), count[b.Zone]-count[a.Zone], a.Version-b.Version); order != 0 {
				return order
			}
			return a.Launched.Compare(b.Launched)
		})
		chosen = append(chosen, victim)
		count[victim.Zone]--
		left = slices.DeleteFunc(left, func(i *ec2.Instance) bool { return i == victim })
	}
	return chosen
}

// rank orders zones: those that are no longer the group's come first.
func rank(own bool) int {
	if own {
		return 1
	}
	return 0
}

// zonesOf returns the zones of the group.
func (s *Store) zonesOf(g *Group) map[string]bool {
	zones := map[string]bool{}
	for _, id := range g.Spec.Subnets {
		if subnet := s.vpc.Subnets[id]; subnet != nil {
			zones[subnet.Zone] = true
		}
	}
	return zones
}
