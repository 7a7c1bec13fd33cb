package loadbalancing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/fault"
)

// maxName is the longest name of a balancer: AWS allows 32 characters, of which "-lb" and Pulumi's "-1234567" take 11.
const maxName = 21

// ValidName reports what AWS refuses in a balancer's name.
func ValidName(name string) error {
	var faults fault.List
	if len(name) > maxName {
		faults.Add("name", name, "is longer than %d characters", maxName)
	}
	for _, prefix := range []string{"internal-", "sg-"} {
		if strings.HasPrefix(name, prefix) {
			faults.Add("name", name, "begins with %s, which AWS keeps for itself", prefix)
		}
	}
	return faults.Err()
}

// Validate reports every fault of the arguments, as paths below a balancer.
func (a *Args) Validate() error {
	var faults fault.List
	if a.Kind != Network && a.Kind != Application {
		faults.Add("kind", string(a.Kind), "is neither %s nor %s", Network, Application)
	}
	if a.VPCID == nil {
		faults.Missing("vpcId", "a VPC is needed")
	}
	if a.SubnetIDs == nil {
		faults.Missing("subnetIds", "subnets are needed")
	}
	faults.Include("", validPort("targetPort", a.TargetPort))
	faults.Include("check", a.validCheck())
	faults.Include("", a.validClients())
	faults.Include("", a.validListeners())
	faults.Include("", a.validCertificate())
	if a.Alias != nil {
		faults.Include("alias", a.Alias.validate(a.issues()))
	}
	return faults.Err()
}

func (a *Args) validCheck() error {
	var faults fault.List
	if a.Kind == Application && a.Check.Protocol == healthcheck.TCP {
		faults.Add("protocol", string(a.Check.Protocol), "is not %s, which the targets of an %s load balancer are asked over",
			healthcheck.HTTP, a.Kind)
	}
	faults.Include("", a.Check.Validate())
	return faults.Err()
}

func (a *Args) validClients() error {
	var faults fault.List
	if len(a.From) == 0 {
		faults.Missing("from", "without clients nothing reaches the listeners")
	}
	for i, from := range a.From {
		path := fmt.Sprintf("from[%d]", i)
		switch {
		case !from.IsValid() || !from.Addr().Is4():
			faults.Add(path, from, "is not an IPv4 range")
		case from != from.Masked():
			faults.Add(path, from, "has host bits set, it should be %s", from.Masked())
		case slices.Contains(a.From[:i], from):
			faults.Add(path, from, "is given twice")
		}
	}
	return faults.Err()
}

func validPort(path string, port int) error {
	var faults fault.List
	if port < 1 || port > 65535 {
		faults.Add(path, port, "is not between 1 and 65535")
	}
	return faults.Err()
}
