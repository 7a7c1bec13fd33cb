package provider

import (
	"fmt"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type getInstanceTypeOfferingsInputs struct {
	LocationType string   `pulumi:"locationType"`
	Filters      []filter `pulumi:"filters"`
}

type getInstanceTypeOfferingsResult struct {
	ID            string   `pulumi:"id"`
	InstanceTypes []string `pulumi:"instanceTypes"`
	Locations     []string `pulumi:"locations"` // of the types at the same positions
	LocationTypes []string `pulumi:"locationTypes"`
}

const zoneLocation = "availability-zone"

// getInstanceTypeOfferings lists the zones that offer some instance types. The emulator has no list of all types: the filter
// instance-type must name them.
func getInstanceTypeOfferings(m *cloud.Model, in getInstanceTypeOfferingsInputs) (getInstanceTypeOfferingsResult, error) {
	result := getInstanceTypeOfferingsResult{ID: string(m.Region)}
	named := slices.IndexFunc(in.Filters, func(f filter) bool { return f.Name == "instance-type" })
	if in.LocationType != zoneLocation || named < 0 {
		return result, fmt.Errorf("the emulator knows the offerings by %s, of types that the filter instance-type names", zoneLocation)
	}
	for _, instanceType := range in.Filters[named].Values {
		for _, zone := range m.EC2.Offering(instanceType) {
			matched, err := matches(in.Filters, map[string]string{"instance-type": instanceType, "location": zone})
			if err != nil {
				return result, err
			}
			if matched {
				result.InstanceTypes = append(result.InstanceTypes, instanceType)
				result.Locations = append(result.Locations, zone)
				result.LocationTypes = append(result.LocationTypes, zoneLocation)
			}
		}
	}
	return result, nil
}
