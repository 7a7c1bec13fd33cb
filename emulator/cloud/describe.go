package cloud

import "slices"

// LoadBalancers lists the load balancers by their ARNs (API: DescribeLoadBalancers).
func (c *Cloud) LoadBalancers() []LoadBalancer {
	var all []LoadBalancer
	c.view(func(s *state) {
		for _, arn := range keys(s.Balancers) {
			b := *s.Balancers[arn]
			b.Spec.Subnets, b.Spec.SecurityGroups = slices.Clone(b.Spec.Subnets), slices.Clone(b.Spec.SecurityGroups)
			all = append(all, b)
		}
	})
	return all
}

// TargetGroups lists the target groups by their ARNs, without their targets: see [Cloud.TargetHealth] (API:
// DescribeTargetGroups).
func (c *Cloud) TargetGroups() []TargetGroup {
	var all []TargetGroup
	c.view(func(s *state) {
		for _, arn := range keys(s.Targets) {
			all = append(all, TargetGroup{ARN: arn, Spec: s.Targets[arn].Spec})
		}
	})
	return all
}
