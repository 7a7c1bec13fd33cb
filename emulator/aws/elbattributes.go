package aws

import (
	"context"
	"strconv"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

// The attributes of load balancers that the emulator has (API: LoadBalancerAttribute).
const (
	attributeProtection = "deletion_protection.enabled"
	attributeCrossZone  = "load_balancing.cross_zone.enabled"
	attributeIdle       = "idle_timeout.timeout_seconds" // of an application load balancer
	attributeLogs       = "access_logs.s3.enabled"
	attributeLogBucket  = "access_logs.s3.bucket"
)

func describeAttributes(b elb.LoadBalancer) []types.LoadBalancerAttribute {
	described := []types.LoadBalancerAttribute{}
	add := func(key, value string) {
		described = append(described, types.LoadBalancerAttribute{Key: &key, Value: &value})
	}
	add(attributeProtection, strconv.FormatBool(b.Spec.Protected))
	add(attributeCrossZone, strconv.FormatBool(b.Spec.CrossZone))
	add(attributeLogs, strconv.FormatBool(b.Spec.AccessLogs != ""))
	add(attributeLogBucket, b.Spec.AccessLogs)
	if b.Spec.Kind == elb.Application {
		add(attributeIdle, strconv.Itoa(int(b.Spec.IdleTimeout.Seconds())))
	}
	return described
}

func (a *API) describeLoadBalancerAttributes(
	_ context.Context, in *elasticloadbalancingv2.DescribeLoadBalancerAttributesInput,
) (*elasticloadbalancingv2.DescribeLoadBalancerAttributesOutput, error) {
	b, err := cloud.Find(a.cloud, func(m *cloud.Model) (elb.LoadBalancer, error) {
		return m.ELB.LoadBalancer(sdk.ToString(in.LoadBalancerArn))
	})
	return &elasticloadbalancingv2.DescribeLoadBalancerAttributesOutput{Attributes: describeAttributes(b)}, err
}

func (a *API) modifyLoadBalancerAttributes(
	_ context.Context, in *elasticloadbalancingv2.ModifyLoadBalancerAttributesInput,
) (*elasticloadbalancingv2.ModifyLoadBalancerAttributesOutput, error) {
	changed, err := cloud.Make(a.cloud, func(m *cloud.Model) (elb.LoadBalancer, error) {
		b, err := m.ELB.LoadBalancer(sdk.ToString(in.LoadBalancerArn))
		if err != nil {
			return b, err
		}
		if err := setAttributes(&b.Spec, in.Attributes); err != nil {
			return b, err
		}
		return b, m.ELB.UpdateLoadBalancer(b.ARN, b.Spec)
	})
	return &elasticloadbalancingv2.ModifyLoadBalancerAttributesOutput{Attributes: describeAttributes(changed)}, err
}

func setAttributes(spec *elb.LoadBalancerSpec, attributes []types.LoadBalancerAttribute) error {
	logs, bucket := spec.AccessLogs != "", spec.AccessLogs
	for _, attribute := range attributes {
		value := sdk.ToString(attribute.Value)
		var err error
		switch key := sdk.ToString(attribute.Key); key {
		case attributeProtection:
			spec.Protected, err = strconv.ParseBool(value)
		case attributeCrossZone:
			spec.CrossZone, err = strconv.ParseBool(value)
		case attributeIdle:
			var seconds int
			seconds, err = strconv.Atoi(value)
			spec.IdleTimeout = time.Duration(seconds) * time.Second
		case attributeLogs:
			logs, err = strconv.ParseBool(value)
		case attributeLogBucket:
			bucket = value
		default:
			return aws.Refuse("InvalidConfigurationRequest", "Load balancer attribute key '%s' is not recognized", key)
		}
		if err != nil {
			return aws.Refuse("InvalidConfigurationRequest", "The value of '%s' is not valid: %s", *attribute.Key, value)
		}
	}
	spec.AccessLogs = ""
	if logs {
		spec.AccessLogs = bucket
	}
	return nil
}
