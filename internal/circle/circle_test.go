package circle_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/elastic-service/elastic-service/internal/circle"
)

func TestACircleIsFoundByItsNames(t *testing.T) {
	for name, c := range map[string]struct {
		after map[string][]string
		want  []string
	}{
		"nothing":              {},
		"a chain":              {after: map[string][]string{"a": {"b"}, "b": {"c"}}},
		"two ways to one end":  {after: map[string][]string{"a": {"b", "c"}, "b": {"d"}, "c": {"d"}}},
		"itself":               {after: map[string][]string{"a": {"a"}}, want: []string{"a"}},
		"two":                  {after: map[string][]string{"a": {"b"}, "b": {"a"}}, want: []string{"a", "b"}},
		"behind one that ends": {after: map[string][]string{"a": {"b"}, "b": {"c", "d"}, "d": {"b"}}, want: []string{"b", "d"}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, circle.Find(c.after)) })
	}
}
