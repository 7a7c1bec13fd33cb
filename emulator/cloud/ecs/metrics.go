package ecs

import (
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

// namespace is that of the metrics of services.
const namespace = "AWS/ECS"

// collect collects the metrics of services: what their running tasks use of what they reserve.
func (s *Store) collect(minute time.Time, put func(cloudwatch.Metric, metric.Sample)) {
	for _, name := range aws.Keys(s.Services) {
		svc := s.Services[name]
		var cpu, memory metric.Sample
		for _, t := range s.tasksOf(svc) {
			if t.State == TaskRunning && len(t.CPU) > 0 && minute.Sub(t.Measured) <= cloudwatch.CPUFresh {
				cpu = cpu.Merge(metric.One(t.CPU[len(t.CPU)-1]))
				memory = memory.Merge(metric.One(t.MemoryUse))
			}
		}
		of := map[string]string{"ClusterName": svc.Spec.Cluster, "ServiceName": svc.Spec.Name}
		put(cloudwatch.Metric{Namespace: namespace, Name: cloudwatch.CPUUtilization, Dimensions: of}, cpu)
		put(cloudwatch.Metric{Namespace: namespace, Name: "MemoryUtilization", Dimensions: of}, memory)
	}
}
