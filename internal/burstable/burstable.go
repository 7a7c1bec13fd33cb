// Package burstable knows the instance types that earn CPU credits.
package burstable

import "strings"

// The ways in which an instance uses more CPU than it has earned (EC2 API: CreditSpecificationRequest).
const (
	Unlimited = "unlimited" // it does, and AWS charges for what it does not earn back within a day
	Standard  = "standard"  // it cannot: without credits it is held at its baseline
)

// baselines are percentages of each virtual CPU by family and size (EC2 User Guide: "Key concepts for burstable performance
// instances"). All families but T2 are alike.
var baselines = map[string]map[string]float64{
	"t2": {"nano": 5, "micro": 10, "small": 20, "medium": 20, "large": 30, "xlarge": 22.5, "2xlarge": 17},
	"t3": {"nano": 5, "micro": 10, "small": 20, "medium": 20, "large": 30, "xlarge": 40, "2xlarge": 40},
}

// Baseline returns the CPU utilization, in percent, at which an instance uses what it earns. It is false for types that earn no
// credits.
func Baseline(instanceType string) (percent float64, ok bool) {
	family, size, _ := strings.Cut(instanceType, ".")
	if family == "t3a" || family == "t4g" {
		family = "t3"
	}
	percent, ok = baselines[family][size]
	return percent, ok
}
