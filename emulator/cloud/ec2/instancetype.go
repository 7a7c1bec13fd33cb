package ec2

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// instanceType matches instance types: a family and a size.
var instanceType = regexp.MustCompile(`^[a-z]+[0-9][a-z0-9-]*\.([a-z0-9]+)(-[0-9]+xl)?$`)

// VirtualCPUs returns the number of virtual CPUs of an instance type, of which CPU utilization is a share (EC2:
// "Instance types"; a size means the same in nearly all families).
func VirtualCPUs(instanceType string) int {
	family, size, _ := strings.Cut(instanceType, ".")
	if times, ok := strings.CutSuffix(size, "xlarge"); ok {
		n, err := strconv.Atoi(times)
		if err != nil {
			n = 1
		}
		return 4 * n
	}
	burstable := strings.HasPrefix(family, "t") && family != "t2"
	if size == "large" || burstable || family == "t2" && size == "medium" {
		return 2
	}
	return 1
}

// oldZone is the oldest zone of us-east-1, for most accounts. AWS offers the families there that it had until 2016, and no newer
// ones: no t3, m5 or c5 (terraform-provider-aws#26377). All other zones of the emulator offer all types.
const oldZone = "us-east-1e"

var oldFamilies = []string{"c1", "c3", "c4", "d2", "i2", "m1", "m2", "m3", "m4", "r3", "r4", "t1", "t2"}

// Offering returns the zones that offer an instance type (API: DescribeInstanceTypeOfferings).
func (s *Store) Offering(instanceType string) []string {
	family, _, _ := strings.Cut(instanceType, ".")
	return slices.DeleteFunc(s.vpc.Zones(), func(zone string) bool { return zone == oldZone && !slices.Contains(oldFamilies, family) })
}
