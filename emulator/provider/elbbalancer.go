package provider

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

type loadBalancerInputs struct {
	Name                         string   `pulumi:"name"`
	LoadBalancerType             string   `pulumi:"loadBalancerType"`
	IPAddressType                string   `pulumi:"ipAddressType"`
	Internal                     bool     `pulumi:"internal"`
	Subnets                      []string `pulumi:"subnets"`
	SecurityGroups               []string `pulumi:"securityGroups"`
	EnableCrossZoneLoadBalancing bool     `pulumi:"enableCrossZoneLoadBalancing"`
	EnableDeletionProtection     bool     `pulumi:"enableDeletionProtection"`
	EnableHTTP2                  *bool    `pulumi:"enableHttp2"`
	DropInvalidHeaderFields      bool     `pulumi:"dropInvalidHeaderFields"`
	IdleTimeout                  int      `pulumi:"idleTimeout"` // seconds
	AccessLogs                   struct {
		Bucket  string `pulumi:"bucket"`
		Prefix  string `pulumi:"prefix"`
		Enabled bool   `pulumi:"enabled"`
	} `pulumi:"accessLogs"`
	Tags map[string]string `pulumi:"tags"`
}

type loadBalancerOutputs struct {
	ARN       string `pulumi:"arn"`
	ARNSuffix string `pulumi:"arnSuffix"`
	DNSName   string `pulumi:"dnsName"`
	ZoneID    string `pulumi:"zoneId"`
}

func loadBalancer() resourceType {
	return define(resourceType{
		token: "aws:lb/loadBalancer:LoadBalancer", kind: Run, name: "name", nameMax: 32,
		replaceOn: []string{"name", "internal", "loadBalancerType"}, replaceIf: replacesNetwork,
	}, handlers[loadBalancerInputs, loadBalancerOutputs]{
		create: func(m *cloud.Model, in loadBalancerInputs) (string, loadBalancerOutputs, error) {
			spec, err := in.spec()
			if err != nil {
				return "", loadBalancerOutputs{}, err
			}
			made, err := m.ELB.CreateLoadBalancer(spec, m.Clock.Now())
			return made.ARN, loadBalancerOutputs{
				ARN: made.ARN, ARNSuffix: suffix(made.ARN, "loadbalancer/"), DNSName: made.Address.String(),
				ZoneID: hostedZones[made.Spec.Kind],
			}, err
		},
		update: func(m *cloud.Model, id string, _, now loadBalancerInputs) (*loadBalancerOutputs, error) {
			spec, err := now.spec()
			if err != nil {
				return nil, err
			}
			return nil, m.ELB.UpdateLoadBalancer(id, spec)
		},
		remove: func(m *cloud.Model, id string, _ loadBalancerInputs) error { return m.ELB.DeleteLoadBalancer(id) },
	})
}

// hostedZones holds the hosted zones of the balancers' DNS names in us-east-1, by kind (AWS General Reference: "Elastic Load
// Balancing endpoints and quotas"). An alias record names them; the emulator doesn't use them.
var hostedZones = map[string]string{
	elb.Network: "Z26RNL4JYFTOTI", elb.Application: "Z35SXDOTRQ7X7K",
}

// suffix returns the end of an ARN by which CloudWatch names balancers and target groups.
func suffix(arn, after string) string {
	_, end, _ := strings.Cut(arn, after)
	return end
}

func (in loadBalancerInputs) spec() (elb.LoadBalancerSpec, error) {
	kind := cmp.Or(in.LoadBalancerType, elb.Application)
	switch {
	case kind != elb.Network && kind != elb.Application:
		return elb.LoadBalancerSpec{}, unsupported("loadBalancerType", kind, "network and application")
	case cmp.Or(in.IPAddressType, "ipv4") != "ipv4":
		return elb.LoadBalancerSpec{}, unsupported("ipAddressType", in.IPAddressType, "ipv4")
	}
	spec := elb.LoadBalancerSpec{
		Name: in.Name, Kind: kind, Internal: in.Internal, Subnets: in.Subnets, SecurityGroups: in.SecurityGroups,
		CrossZone: in.EnableCrossZoneLoadBalancing, Protected: in.EnableDeletionProtection, IdleTimeout: seconds(in.IdleTimeout),
	}
	if in.AccessLogs.Enabled {
		spec.AccessLogs = in.AccessLogs.Bucket
	}
	return spec, nil
}

// replacesNetwork reports whether a change replaces a network balancer and not an application balancer: removing a subnet does,
// adding the first security group and removing the last (the provider's document of aws_lb).
func replacesNetwork(key string, old, now resource.PropertyMap) bool {
	if kind := now["loadBalancerType"]; !kind.IsString() || kind.StringValue() != elb.Network {
		return false
	}
	before, after := items(old[resource.PropertyKey(key)]), items(now[resource.PropertyKey(key)])
	switch key {
	case "subnets":
		return slices.ContainsFunc(before, func(v resource.PropertyValue) bool {
			return !slices.ContainsFunc(after, v.DeepEquals)
		})
	case "securityGroups":
		return (len(before) == 0) != (len(after) == 0)
	}
	return false
}

func items(v resource.PropertyValue) []resource.PropertyValue {
	if v.IsArray() {
		return v.ArrayValue()
	}
	return nil
}
