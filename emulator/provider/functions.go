package provider

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

// function is a function of the provider: it reads the cloud.
type function func(c *cloud.Cloud, args resource.PropertyMap) (resource.PropertyMap, error)

// functions holds the functions of the package aws that the emulator knows, by their tokens. It refuses all others.
var functions = map[string]function{
	"aws:ec2/getAmi:getAmi":                                     reads(getAmi),
	"aws:ec2/getInstance:getInstance":                           reads(getInstance),
	"aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": reads(getInstanceTypeOfferings),
	"aws:ec2/getManagedPrefixList:getManagedPrefixList":         reads(getManagedPrefixList),
	"aws:ec2/getRouteTable:getRouteTable":                       reads(getRouteTable),
	"aws:ec2/getRouteTables:getRouteTables":                     reads(getRouteTables),
	"aws:ec2/getSecurityGroup:getSecurityGroup":                 reads(getSecurityGroup),
	"aws:ec2/getSecurityGroups:getSecurityGroups":               reads(getSecurityGroups),
	"aws:ec2/getSubnet:getSubnet":                               reads(getSubnet),
	"aws:ec2/getSubnets:getSubnets":                             reads(getSubnets),
	"aws:ec2/getVpc:getVpc":                                     reads(getVpc),
	"aws:ec2/getVpcEndpoint:getVpcEndpoint":                     reads(getVpcEndpoint),
	"aws:index/getAvailabilityZones:getAvailabilityZones":       reads(getAvailabilityZones),
	"aws:route53/getZone:getZone":                               reads(getZone),
	"aws:ssm/getParameter:getParameter":                         reads(getParameter),
}

// reads returns a function whose arguments decode into A and whose result is the fields of R. It refuses arguments that A
// has no field for.
func reads[A, R any](read func(*cloud.Model, A) (R, error)) function {
	return func(c *cloud.Cloud, args resource.PropertyMap) (resource.PropertyMap, error) {
		in, unknown, err := decode[A](args)
		if err == nil && len(unknown) > 0 {
			err = fmt.Errorf("the emulator doesn't know the argument %s", unknown[0])
		}
		if err != nil {
			return nil, err
		}
		result, err := cloud.Find(c, func(m *cloud.Model) (R, error) { return read(m, in) })
		if err != nil {
			return nil, err
		}
		return encode(&result)
	}
}

type filter struct {
	Name   string   `pulumi:"name"`
	Values []string `pulumi:"values"`
}

// matches reports whether filters let something with these values pass. It refuses filters that are not known.
func matches(filters []filter, known map[string]string) (bool, error) {
	for _, f := range filters {
		value, ok := known[f.Name]
		if !ok {
			return false, fmt.Errorf("the emulator doesn't know the filter %q", f.Name)
		}
		if !slices.Contains(f.Values, value) {
			return false, nil
		}
	}
	return true, nil
}

type getAvailabilityZonesInputs struct {
	State   string   `pulumi:"state"`
	Filters []filter `pulumi:"filters"`
}

type getAvailabilityZonesResult struct {
	ID         string   `pulumi:"id"`
	GroupNames []string `pulumi:"groupNames"`
	Names      []string `pulumi:"names"`
	ZoneIDs    []string `pulumi:"zoneIds"`
}

// getAvailabilityZones lists the zones that are available and need no opt-in: the emulator has no others.
func getAvailabilityZones(m *cloud.Model, in getAvailabilityZonesInputs) (getAvailabilityZonesResult, error) {
	for _, f := range in.Filters {
		if f.Name != "opt-in-status" {
			return getAvailabilityZonesResult{}, fmt.Errorf("the emulator doesn't know the filter %q", f.Name)
		}
	}
	result := getAvailabilityZonesResult{ID: string(m.Region), GroupNames: []string{string(m.Region)}, Names: m.Region.Zones()}
	for i := range result.Names {
		result.ZoneIDs = append(result.ZoneIDs, fmt.Sprintf("%s-az%d", string(m.Region), i+1))
	}
	return result, nil
}

type getParameterInputs struct {
	Name           string `pulumi:"name"`
	WithDecryption bool   `pulumi:"withDecryption"`
}

type getParameterResult struct {
	ID             string `pulumi:"id"`
	ARN            string `pulumi:"arn"`
	InsecureValue  string `pulumi:"insecureValue"`
	Name           string `pulumi:"name"`
	Type           string `pulumi:"type"`
	Value          string `pulumi:"value"`
	Version        int    `pulumi:"version"`
	WithDecryption bool   `pulumi:"withDecryption"`
}

// getParameter reads a public parameter of AWS that names an image.
func getParameter(m *cloud.Model, in getParameterInputs) (getParameterResult, error) {
	image, err := m.EC2.ImageByParameter(in.Name)
	return getParameterResult{
		ID: in.Name, ARN: "arn:aws:ssm:" + string(m.Region) + "::parameter" + in.Name, InsecureValue: image.ID, Name: in.Name,
		Type: "String", Value: image.ID, Version: m.EC2.ParameterVersion(in.Name), WithDecryption: in.WithDecryption,
	}, err
}
