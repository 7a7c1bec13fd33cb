package loadbalancing

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/awsname"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// validName reports what AWS refuses in the names of a balancer and of its target groups.
func validName(name string, targets []Target) error {
	var problems invalid.List
	for i, t := range targets {
		if most := awsname.MaxTargetGroup - len(name) - len("-"); len(t.Name) > most {
			problems.Add(fmt.Sprintf("targets[%d].name", i), t.Name, "is longer than %d characters, beside the %d of %s", most, len(name), name)
		}
	}
	if len(name) > awsname.MaxBalancer {
		problems.Add("name", name, "is longer than %d characters", awsname.MaxBalancer)
	}
	for _, r := range awsname.ReservedFor(name, awsname.LoadBalancer, awsname.SecurityGroup) {
		problems.Add("name", name, "begins with %s, which AWS reserves in the name of %s", r.Prefix, r.Of)
	}
	return problems.Err()
}

// Validate reports every problem of the arguments, as paths below a balancer.
func (a *Args) Validate() error {
	var problems invalid.List
	if a.VPCID == nil {
		problems.Missing("vpcId", "a VPC is needed")
	}
	if a.SubnetIDs == nil {
		problems.Missing("subnetIds", "subnets are needed")
	}
	problems.Include("", a.ValidatePlain())
	return problems.Err()
}

// ValidatePlain reports the problems that do not depend on other resources: VPCID and SubnetIDs may be missing.
func (a *Args) ValidatePlain() error {
	var problems invalid.List
	if a.Kind != Network && a.Kind != Application {
		problems.Add("kind", string(a.Kind), "is neither %s nor %s", Network, Application)
	}
	problems.Include("", a.validTargets())
	problems.Include("", a.validClients())
	problems.Include("", a.validListeners())
	problems.Include("", a.validAttributes())
	problems.Include("", a.validCertificate())
	if a.Alias != nil {
		problems.Include("alias", a.Alias.validate(a.issues()))
	}
	return problems.Err()
}

func (a *Args) validTargets() error {
	var problems invalid.List
	if len(a.Targets) == 0 {
		problems.Missing("targets", "at least one is needed")
	}
	for i, target := range a.Targets {
		path := fmt.Sprintf("targets[%d]", i)
		switch first := slices.IndexFunc(a.Targets, func(t Target) bool { return t.Name == target.Name }); {
		case (target.Name == "") != (i == 0):
			problems.Add(path+".name", target.Name, "is empty for the first target, and only for the first")
		case first < i:
			problems.Add(path+".name", target.Name, "is the name of targets[%d]", first)
		case target.Name == firstGroup:
			problems.Add(path+".name", target.Name, "is how the first target's group is called")
		}
		problems.Include("", validPort(path+".port", target.Port))
		problems.Include(path+".check", a.validCheck(target.Check))
	}
	return problems.Err()
}

func (a *Args) validCheck(check healthcheck.Check) error {
	var problems invalid.List
	if a.Kind == Application && check.Protocol == healthcheck.TCP {
		problems.Add("protocol", string(check.Protocol), "is not %s, which the targets of an %s load balancer are asked over",
			healthcheck.HTTP, a.Kind)
	}
	problems.Include("", check.Validate())
	return problems.Err()
}

func (a *Args) validClients() error {
	var problems invalid.List
	if len(a.sources()) == 0 {
		problems.Missing("from", "without clients nothing reaches the listeners")
	}
	for path, ids := range map[string][]string{"fromLists": a.FromLists, "fromGroups": a.FromGroups} {
		for i, id := range ids {
			kind := map[string]string{"fromLists": "pl-", "fromGroups": "sg-"}[path]
			if !strings.HasPrefix(id, kind) || slices.Contains(ids[:i], id) {
				problems.Add(fmt.Sprintf("%s[%d]", path, i), id, "does not begin with %s, or is given twice", kind)
			}
		}
	}
	for i, from := range a.From {
		path := fmt.Sprintf("from[%d]", i)
		switch {
		case !from.IsValid() || !from.Addr().Is4():
			problems.Add(path, from, "is not an IPv4 range")
		case from != from.Masked():
			problems.Add(path, from, "has host bits set, it should be %s", from.Masked())
		case slices.Contains(a.From[:i], from):
			problems.Add(path, from, "is given twice")
		}
	}
	return problems.Err()
}

// algorithms are the ways in which an application load balancer chooses a member. The first is the default.
var algorithms = []string{"round_robin", "least_outstanding_requests", "weighted_random"}

// idleTimeouts are the limits of each kind (ELB: "Update the TCP idle timeout", API: LoadBalancerAttribute).
var idleTimeouts = map[Kind][2]time.Duration{
	Network:     {60 * time.Second, 6000 * time.Second},
	Application: {time.Second, 4000 * time.Second},
}

func (a *Args) validAttributes() error {
	var problems invalid.List
	if limits, known := idleTimeouts[a.Kind]; known && a.IdleTimeout != 0 && (a.IdleTimeout < limits[0] || a.IdleTimeout > limits[1]) {
		problems.Add("idleTimeout", a.IdleTimeout, "is not between %v and %v", limits[0], limits[1])
	}
	if a.Drain != nil && (*a.Drain < 0 || *a.Drain > maxDrain) {
		problems.Add("drain", *a.Drain, "is not between 0 and %v", maxDrain)
	}
	switch {
	case a.Algorithm == "":
	case a.Kind == Network:
		problems.Add("algorithm", a.Algorithm, "is for a load balancer of kind %s", Application)
	case !slices.Contains(algorithms, a.Algorithm):
		problems.Add("algorithm", a.Algorithm, "is none of %v", algorithms)
	}
	return problems.Err()
}

func validPort(path string, port int) error {
	var problems invalid.List
	if port < 1 || port > 65535 {
		problems.Add(path, port, "is not between 1 and 65535")
	}
	return problems.Err()
}
