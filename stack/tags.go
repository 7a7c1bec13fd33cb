package stack

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/settings"
)

// maxObjectTags is how many tags an object takes (S3 User Guide: "Categorizing your storage using tags").
const maxObjectTags = 10

const defaultTagsKey = "aws:defaultTags"

// tagsOf returns the tags of everything that the stack creates.
func tagsOf(s *settings.Settings, stack string) map[string]string {
	tags := map[string]string{"Service": s.Service, "Stack": stack}
	maps.Copy(tags, s.Tags)
	return tags
}

// countObjectTags refuses more tags than the artifacts take, to which the provider adds its default tags.
func (p *plan) countObjectTags(ctx *pulumi.Context, problems *invalid.List) {
	defaults, err := defaultTags(ctx)
	if err != nil {
		problems.Include("tags", err)
		return
	}
	if !p.software.HasObjects() {
		return
	}
	all := maps.Clone(defaults)
	maps.Copy(all, p.tags)
	if len(all) > maxObjectTags {
		problems.Add("tags", len(all), "are more than the %d that an artifact takes in S3: %d of %s, %d of tags, Service and Stack",
			maxObjectTags, len(all)-len(p.tags), defaultTagsKey, len(p.settings.Tags))
	}
}

// defaultTags returns the tags that the provider adds to those of each resource.
func defaultTags(ctx *pulumi.Context) (map[string]string, error) {
	text, given := ctx.GetConfig(defaultTagsKey)
	if !given {
		return map[string]string{}, nil
	}
	var config struct {
		Tags map[string]string `json:"tags"`
	}
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return nil, fmt.Errorf("%s is not {tags: {KEY: VALUE}}: %w", defaultTagsKey, err)
	}
	if config.Tags == nil {
		config.Tags = map[string]string{}
	}
	return config.Tags, nil
}
