package provider

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Limits of tags (AWS General Reference: "Tag naming limits and requirements").
const maxTags, maxTagKey, maxTagValue = 50, 128, 256

// checkTags applies the rules that every service has for tags.
func checkTags(inputs resource.PropertyMap) error {
	given := inputs["tags"]
	if !given.IsObject() { // the tags of a group are a list; tags that are not known yet are checked once they are
		return nil
	}
	tags := given.ObjectValue()
	if len(tags) > maxTags {
		return fmt.Errorf("TagLimitExceeded: more than %d tags: %d", maxTags, len(tags))
	}
	for key, value := range tags {
		switch {
		case strings.HasPrefix(strings.ToLower(string(key)), "aws:"):
			return fmt.Errorf("InvalidParameterValue: Tag keys starting with 'aws:' are reserved for internal use: %s", key)
		case key == "" || utf8.RuneCountInString(string(key)) > maxTagKey:
			return fmt.Errorf("InvalidParameterValue: Tag key %q exceeds the maximum length of %d characters or is empty", key, maxTagKey)
		case value.IsString() && utf8.RuneCountInString(value.StringValue()) > maxTagValue:
			return fmt.Errorf("InvalidParameterValue: Tag value of %s exceeds the maximum length of %d characters", key, maxTagValue)
		}
	}
	return nil
}
