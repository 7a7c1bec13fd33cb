package ec2

import (
	"regexp"
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
