package settings

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Limits of tags (AWS General Reference: "Tag naming limits and requirements").
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// tagText matches what all services take in keys and values.
var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// ownTags are keys that the program, or ECS, sets itself.
var ownTags = []string{"Service", "Stack", "Name", "AmazonECSManaged"}

func (s *Settings) validateTags(l *invalid.List) {
	if most := maxTags - len(ownTags); len(s.Tags) > most {
		l.Add("tags", len(s.Tags), "are more than %d: AWS takes %d, and %s are added", most, maxTags, strings.Join(ownTags, ", "))
	}
	keys := slices.Sorted(maps.Keys(s.Tags))
	for i, key := range keys {
		at, value := join("tags", key), s.Tags[key]
		alike := func(other string) bool { return strings.EqualFold(key, other) }
		switch {
		case key == "":
			l.Missing("tags", "has an empty key")
		case utf8.RuneCountInString(key) > maxTagKey:
			l.Missing(at, "has a key of more than %d characters", maxTagKey)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			l.Missing(at, "begins with aws:, which AWS keeps for itself")
		case slices.ContainsFunc(ownTags, alike):
			l.Missing(at, "is a tag that is set already: %s", strings.Join(ownTags, ", "))
		case slices.ContainsFunc(keys[:i], alike):
			l.Missing(at, "differs from another key in small and capital letters alone: IAM takes them for one")
		case !tagText.MatchString(key):
			l.Missing(at, "has a key of other characters than letters, digits, spaces and _.:/=+-@")
		case utf8.RuneCountInString(value) > maxTagValue:
			l.Add(at, value, "is longer than %d characters", maxTagValue)
		case !tagText.MatchString(value):
			l.Add(at, value, "has other characters than letters, digits, spaces and _.:/=+-@")
		}
	}
}
