package matcher_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/matcher"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text        string
		has, hasNot []int
	}{
		{text: "200", has: []int{200}, hasNot: []int{199, 201, 0}},
		{text: "200,204", has: []int{200, 204}, hasNot: []int{202}},
		{text: "200-299", has: []int{200, 250, 299}, hasNot: []int{199, 300}},
		{text: "200-204,302", has: []int{200, 204, 302}, hasNot: []int{205, 301}},
		{text: "204-204", has: []int{204}, hasNot: []int{203}},
	} {
		codes, err := matcher.Parse(test.text)
		require.NoError(t, err, test.text)
		for _, code := range test.has {
			assert.True(t, codes.Has(code), "%s %d", test.text, code)
		}
		for _, code := range test.hasNot {
			assert.False(t, codes.Has(code), "%s %d", test.text, code)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "ok", "20", "2000", "2xx", "+20", "200,", "200, 204", "200-", "-200", "200-204-208", "200;204"} {
		_, err := matcher.Parse(text)
		require.ErrorIs(t, err, matcher.ErrForm, text)
	}
	_, err := matcher.Parse("299-200")
	assert.ErrorIs(t, err, matcher.ErrBackwards)
}

func TestOutside(t *testing.T) {
	for _, test := range []struct {
		text  string
		want  int
		found bool
	}{
		{text: "200-499"},
		{text: "199,200", want: 199, found: true},
		{text: "200-500", want: 500, found: true},
	} {
		codes, err := matcher.Parse(test.text)
		require.NoError(t, err)
		code, found := codes.Outside(200, 499)
		assert.Equal(t, test.found, found, test.text)
		assert.Equal(t, test.want, code, test.text)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"200", "200,204", "200-299", "200-299,302", "299-200", "2xx"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		codes, err := matcher.Parse(text)
		if err != nil {
			return
		}
		require.NotEmpty(t, codes)
		for _, r := range codes {
			assert.True(t, codes.Has(r.First) && codes.Has(r.Last), text)
		}
		if _, found := codes.Outside(0, 999); found {
			t.Errorf("%q has a code of more than three digits", text)
		}
	})
}
