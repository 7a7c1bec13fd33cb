// Package tags makes the tags of resources.
package tags

import (
	"maps"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Named returns the tags with the tag Name, under which the console lists a resource. The tags themselves stay unchanged.
func Named(tags map[string]string, name string) pulumi.StringMap {
	named := map[string]string{}
	maps.Copy(named, tags)
	named["Name"] = name
	return pulumi.ToStringMap(named)
}
