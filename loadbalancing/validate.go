package loadbalancing

import (
	"fmt"
	"slices"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/awsname"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// validName reports what AWS refuses in a balancer's name.
func validName(name string) error {
	var problems invalid.List
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
	problems.Include("", validPort("targetPort", a.TargetPort))
	problems.Include("check", a.validCheck())
	problems.Include("", a.validClients())
	problems.Include("", a.validListeners())
	problems.Include("", a.validCertificate())
	if a.Alias != nil {
		problems.Include("alias", a.Alias.validate(a.issues()))
	}
	return problems.Err()
}

func (a *Args) validCheck() error {
	var problems invalid.List
	if a.Kind == Application && a.Check.Protocol == healthcheck.TCP {
		problems.Add("protocol", string(a.Check.Protocol), "is not %s, which the targets of an %s load balancer are asked over",
			healthcheck.HTTP, a.Kind)
	}
	problems.Include("", a.Check.Validate())
	return problems.Err()
}

func (a *Args) validClients() error {
	var problems invalid.List
	if len(a.From) == 0 {
		problems.Missing("from", "without clients nothing reaches the listeners")
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

func validPort(path string, port int) error {
	var problems invalid.List
	if port < 1 || port > 65535 {
		problems.Add(path, port, "is not between 1 and 65535")
	}
	return problems.Err()
}
