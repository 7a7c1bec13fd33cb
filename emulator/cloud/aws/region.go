package aws

import "fmt"

// Account is the AWS account that everything belongs to: the one of AWS's own examples.
const Account = "123456789012"

// Region is the name of a region, e.g. us-east-1.
type Region string

// ARN returns the name of a resource of the region, e.g. ARN("ec2", "vpc/vpc-1").
func (r Region) ARN(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, r, Account, resource)
}

// zoneLetters lists the availability zones of the regions that are enabled by default, by their letters (AWS: "Regions and
// Availability Zones").
var zoneLetters = map[Region]string{
	"us-east-1": "abcdef", "us-east-2": "abc", "us-west-1": "ac", "us-west-2": "abcd",
	"ca-central-1": "abd", "sa-east-1": "abc",
	"eu-central-1": "abc", "eu-west-1": "abc", "eu-west-2": "abc", "eu-west-3": "abc", "eu-north-1": "abc",
	"ap-south-1": "abc", "ap-northeast-1": "acd", "ap-northeast-2": "abcd", "ap-northeast-3": "abc",
	"ap-southeast-1": "abc", "ap-southeast-2": "abc",
}

// Check refuses a region that AWS does not enable by default.
func (r Region) Check() error {
	if _, known := zoneLetters[r]; !known {
		return Refuse("InvalidParameterValue", "aws:region: %q is not one of those that AWS enables by default", string(r))
	}
	return nil
}

// Zones returns the names of the region's availability zones, sorted.
func (r Region) Zones() []string {
	var names []string
	for _, letter := range zoneLetters[r] {
		names = append(names, string(r)+string(letter))
	}
	return names
}
