package invalid_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

func TestNothingWrongIsNoError(t *testing.T) {
	var l invalid.List
	l.Include("a", nil)
	assert.NoError(t, l.Err())
}

func TestAProblemNamesPathValueAndRule(t *testing.T) {
	var l invalid.List
	l.Add("scaling.max", 1, "is below scaling.min (%d)", 2)
	l.Add("service", "", "is empty")
	l.Missing("image", "one of id and parameter is needed")
	l.Need("region", false)
	l.Need("vpcId", true)
	assert.EqualError(t, l.Err(), "scaling.max: 1 is below scaling.min (2)\n"+
		`service: "" is empty`+"\n"+
		"image: one of id and parameter is needed\n"+
		"region: a value is needed")
}

func TestIncludedProblemsLieBelowThePrefix(t *testing.T) {
	var inner, outer invalid.List
	inner.Add("port", 0, "is not between 1 and 65535")
	inner.Add("interval", "4s", "is below 5 s")
	outer.Include("health", inner.Err())
	outer.Include("app", errors.Join(errors.New("does not build"), invalid.Problem{Value: "x", Rule: "is not there"}))
	require.EqualError(t, outer.Err(), "health.port: 0 is not between 1 and 65535\n"+
		`health.interval: "4s" is below 5 s`+"\n"+
		"app: does not build\n"+
		"app: x is not there")
	require.Len(t, outer.Problems(), 4)
}
