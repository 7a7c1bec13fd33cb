package cloudwatch

import (
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

// The namespace of instances, and a metric that other services have too.
const (
	NamespaceEC2   = "AWS/EC2"
	CPUUtilization = "CPUUtilization"
)

// collectInstances collects the metrics of instances, and the credits of the instances of each Auto Scaling group.
func (s *Store) collectInstances(minute time.Time, put func(Metric, metric.Sample)) {
	for _, id := range aws.Keys(s.ec2.Instances) {
		i, of := s.ec2.Instances[id], map[string]string{"InstanceId": id}
		if value, ok := CPU(i, minute); ok {
			put(Metric{Namespace: NamespaceEC2, Name: CPUUtilization, Dimensions: of}, metric.One(value))
		}
		if !ec2.IsBurstable(i.Type) || i.State != ec2.Running || minute.Unix()/60%basicPeriod != 0 {
			continue
		}
		credits := i.TakeCredits()
		for name, value := range map[string]float64{
			"CPUCreditBalance": credits.Balance, "CPUCreditUsage": credits.Used,
			"CPUSurplusCreditBalance": credits.Surplus, "CPUSurplusCreditsCharged": credits.Charged,
		} {
			m := Metric{Namespace: NamespaceEC2, Name: name, Dimensions: of}
			put(m, metric.One(value))
			if i.Group != "" {
				m.Dimensions = map[string]string{"AutoScalingGroupName": i.Group}
				put(m, metric.One(value))
			}
		}
	}
}

// CPUFresh is how old the last measured CPU use may be to count for a minute: the data plane does not measure on the
// minute.
const CPUFresh = 90 * time.Second

// basicPeriod is the number of minutes between the metrics of an instance without detailed monitoring, and of CPU credits (EC2:
// "Manage detailed monitoring", "CloudWatch metrics for your instances").
const basicPeriod = 5

// CPU returns the CPU utilization that an instance publishes at the end of a minute, or false. With basic monitoring it
// publishes every fifth minute the average of five.
func CPU(i *ec2.Instance, minute time.Time) (float64, bool) {
	latest, ok := MinuteCPU(i, minute)
	if i.Detailed {
		return latest, ok
	}
	if !ok || minute.Unix()/60%basicPeriod != 0 {
		return 0, false
	}
	var sample metric.Sample
	for _, value := range i.CPU[max(0, len(i.CPU)-basicPeriod):] {
		sample = sample.Merge(metric.One(value))
	}
	return sample.Statistic(metric.Average), true
}

// MinuteCPU returns the CPU utilization of the last minute, published or not, or false.
func MinuteCPU(i *ec2.Instance, minute time.Time) (float64, bool) {
	if len(i.CPU) == 0 || minute.Sub(i.CPUAt) > CPUFresh {
		return 0, false
	}
	return i.CPU[len(i.CPU)-1], true
}
