package provider

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

type policyInputs struct {
	Name                    string `pulumi:"name"`
	AutoscalingGroupName    string `pulumi:"autoscalingGroupName"`
	PolicyType              string `pulumi:"policyType"`
	Enabled                 *bool  `pulumi:"enabled"`
	EstimatedInstanceWarmup *int   `pulumi:"estimatedInstanceWarmup"` // seconds
	AdjustmentType          string `pulumi:"adjustmentType"`
	MetricAggregationType   string `pulumi:"metricAggregationType"`
	MinAdjustmentMagnitude  int    `pulumi:"minAdjustmentMagnitude"`
	StepAdjustments         []struct {
		Lower      *string `pulumi:"metricIntervalLowerBound"` // a number
		Upper      *string `pulumi:"metricIntervalUpperBound"` // a number
		Adjustment int     `pulumi:"scalingAdjustment"`
	} `pulumi:"stepAdjustments"`
	TargetTrackingConfiguration struct {
		PredefinedMetricSpecification struct {
			PredefinedMetricType string `pulumi:"predefinedMetricType"`
		} `pulumi:"predefinedMetricSpecification"`
		TargetValue    float64 `pulumi:"targetValue"`
		DisableScaleIn bool    `pulumi:"disableScaleIn"`
	} `pulumi:"targetTrackingConfiguration"`
}

func scalingPolicy() resourceType {
	return define(resourceType{
		token: "aws:autoscaling/policy:Policy", kind: Run, name: "name", nameMax: 255,
		replaceOn: []string{"name", "autoscalingGroupName"},
	}, handlers[policyInputs, arnOutput]{
		create: func(m *cloud.Model, in policyInputs) (string, arnOutput, error) {
			arn, err := in.put(m)
			return in.Name, arnOutput{arn}, err
		},
		update: func(m *cloud.Model, _ string, _, now policyInputs) (*arnOutput, error) {
			_, err := now.put(m)
			return nil, err
		},
		remove: func(m *cloud.Model, _ string, in policyInputs) error {
			return m.AutoScaling.DeletePolicy(in.AutoscalingGroupName, in.Name)
		},
	})
}

// put creates or replaces a policy and returns its ARN.
func (in policyInputs) put(m *cloud.Model) (string, error) {
	policy := autoscaling.Policy{Name: in.Name, Type: in.PolicyType, Disabled: in.Enabled != nil && !*in.Enabled}
	if in.EstimatedInstanceWarmup != nil {
		policy.Warmup = new(seconds(*in.EstimatedInstanceWarmup))
	}
	var err error
	switch in.PolicyType {
	case autoscaling.TargetTracking:
		err = in.track(&policy)
	case autoscaling.StepScaling:
		err = in.step(&policy)
	default:
		err = unsupported("policyType", cmp.Or(in.PolicyType, "SimpleScaling"), "TargetTrackingScaling and StepScaling")
	}
	if err != nil {
		return "", err
	}
	return m.AutoScaling.PutPolicy(in.AutoscalingGroupName, policy, m.Clock.Now())
}

// track sets the fields of a policy of target tracking.
func (in policyInputs) track(policy *autoscaling.Policy) error {
	tracking := in.TargetTrackingConfiguration
	metric := tracking.PredefinedMetricSpecification.PredefinedMetricType
	if metric != "ASGAverageCPUUtilization" {
		return unsupported("predefinedMetricType", metric, "ASGAverageCPUUtilization")
	}
	policy.Target, policy.DisableScaleIn = tracking.TargetValue, tracking.DisableScaleIn
	return nil
}

// step sets the fields of a policy of step scaling.
func (in policyInputs) step(policy *autoscaling.Policy) error {
	if cmp.Or(in.MetricAggregationType, metric.Average) != metric.Average {
		return unsupported("metricAggregationType", in.MetricAggregationType, metric.Average)
	}
	policy.Adjustment, policy.MinMagnitude = in.AdjustmentType, in.MinAdjustmentMagnitude
	for n, given := range in.StepAdjustments {
		lower, err := bound(n, "Lower", given.Lower)
		if err != nil {
			return err
		}
		upper, err := bound(n, "Upper", given.Upper)
		if err != nil {
			return err
		}
		policy.Steps = append(policy.Steps, autoscaling.Step{Lower: lower, Upper: upper, Adjustment: given.Adjustment})
	}
	return nil
}

// bound reads a bound of the step with index n, nil for none.
func bound(n int, side string, text *string) (*float64, error) {
	if text == nil || *text == "" {
		return nil, nil
	}
	value, err := strconv.ParseFloat(*text, 64)
	if err != nil {
		return nil, fmt.Errorf("stepAdjustments[%d].metricInterval%sBound: %q is not a number", n, side, *text)
	}
	return &value, nil
}
