package vpc

import (
	"maps"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// SetTags replaces the tags of a VPC, a subnet or a security group.
func (s *Store) SetTags(id string, tags map[string]string) { s.Tags[id] = maps.Clone(tags) }

// Tagged reports whether a VPC, a subnet or a security group has all of some tags.
func (s *Store) Tagged(id string, tags map[string]string) bool {
	for _, key := range aws.Keys(tags) {
		if value, has := s.Tags[id][key]; !has || value != tags[key] {
			return false
		}
	}
	return true
}
