// Package awsname knows what AWS and Pulumi leave of a name: how long it may be, and how it may not begin.
package awsname

import (
	"slices"
	"strings"
)

// MaxBalancer is the longest name of a service with a load balancer. AWS allows 32 characters for a load balancer and its target
// group; Pulumi appends "-1234567" and the components "-lb" or "-tg".
const MaxBalancer = 21

// MaxTargetGroup is the longest name of a target group to which Pulumi appends "-1234567".
const MaxTargetGroup = 24

// Kind is a kind of resource, with its article, for messages.
type Kind string

// Kinds of resource whose names AWS restricts.
const (
	LoadBalancer     Kind = "a load balancer"
	SecurityGroup    Kind = "a security group"
	Bucket           Kind = "a bucket"
	CapacityProvider Kind = "a capacity provider of ECS"
)

// Reserved is a beginning of names that AWS keeps for itself.
type Reserved struct {
	Prefix string
	Of     Kind
}

var reserved = []Reserved{
	{"internal-", LoadBalancer},
	{"sg-", SecurityGroup},
	{"xn--", Bucket},
	{"sthree-", Bucket},
	{"amzn-s3-demo-", Bucket},
	{"aws", CapacityProvider},
	{"ecs", CapacityProvider},
	{"fargate", CapacityProvider},
}

// ReservedFor returns the reserved prefixes of a name that some kinds of resource are to have. Case makes no difference.
func ReservedFor(name string, kinds ...Kind) []Reserved {
	var found []Reserved
	for _, r := range reserved {
		if strings.HasPrefix(strings.ToLower(name), r.Prefix) && slices.Contains(kinds, r.Of) {
			found = append(found, r)
		}
	}
	return found
}
