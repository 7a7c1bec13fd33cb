package ec2

import (
	"regexp"
	"strconv"
	"strings"
)

// instanceType is the pattern of EC2's instance types: a family and a size.
var instanceType = regexp.MustCompile(`^[a-z]+[0-9][a-z0-9-]*\.([a-z0-9]+)(-[0-9]+xl)?$`)

// VirtualCPUs is how many virtual CPUs an instance type has: what its CPU utilization is a share of (EC2: "Instance
// types"; sizes mean the same in nearly all families).
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
