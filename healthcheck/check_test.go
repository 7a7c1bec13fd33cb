package healthcheck

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func valid() Check {
	return Check{Protocol: TCP, Port: 5001, Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3}
}

func overHTTP(path, matcher string) Check {
	c := valid()
	c.Protocol, c.Port, c.Path, c.Matcher = HTTP, 0, path, matcher
	return c
}

func TestCheckOverHTTPWithinItsLimitsIsValid(t *testing.T) {
	for _, path := range []string{"/", "/ping", "/health?deep=1&from=elb", "/" + strings.Repeat("p", 1023)} {
		require.NoError(t, overHTTP(path, "").Validate(), path)
	}
	for _, matcher := range []string{"200", "499", "200,204", "301,200", "200-299", "200-499", "204-204"} {
		require.NoError(t, overHTTP("/ping", matcher).Validate(), matcher)
	}
}

func TestCheckOnThePortOfTheServiceIsValid(t *testing.T) {
	c := valid()
	c.Port = 0
	require.NoError(t, c.Validate())
}

func TestCheckOverHTTPNamesTheBrokenRule(t *testing.T) {
	form := "is neither a list of status codes (200,204) nor a range of them (200-299)"
	for name, test := range map[string]struct {
		check Check
		want  string
	}{
		"no path":              {overHTTP("", ""), "path: an HTTP check needs one, such as /"},
		"a relative path":      {overHTTP("ping", ""), `path: "ping" does not begin with a slash`},
		"a URL":                {overHTTP("http://host/ping", ""), `path: "http://host/ping" does not begin with a slash`},
		"a path too long":      {overHTTP("/"+strings.Repeat("p", 1024), ""), "path: 1025 characters are more than 1024"},
		"a space in the path":  {overHTTP("/a b", ""), `path: "/a b" has other characters than printable ASCII`},
		"a line in the path":   {overHTTP("/a\n", ""), `path: "/a\n" has other characters than printable ASCII`},
		"a letter in the path": {overHTTP("/käse", ""), `path: "/käse" has other characters than printable ASCII`},
		"a matcher in words":   {overHTTP("/", "ok"), `matcher: "ok" ` + form},
		"a short code":         {overHTTP("/", "20"), `matcher: "20" ` + form},
		"a space in a list":    {overHTTP("/", "200, 204"), `matcher: "200, 204" ` + form},
		"a list left open":     {overHTTP("/", "200,"), `matcher: "200," ` + form},
		"a range left open":    {overHTTP("/", "200-"), `matcher: "200-" ` + form},
		"ranges in a list":     {overHTTP("/", "200-204,301"), `matcher: "200-204,301" ` + form},
		"a class":              {overHTTP("/", "2xx"), `matcher: "2xx" ` + form},
		"a code too low":       {overHTTP("/", "199,200"), `matcher: "199,200" names the status code 199, which is outside 200–499`},
		"a server error":       {overHTTP("/", "200-500"), `matcher: "200-500" names the status code 500, which is outside 200–499`},
		"a range backwards":    {overHTTP("/", "299-200"), `matcher: "299-200" ends before it begins`},
	} {
		t.Run(name, func(t *testing.T) {
			assert.EqualError(t, test.check.Validate(), test.want)
		})
	}
}

func TestCheckWithinItsLimitsIsValid(t *testing.T) {
	require.NoError(t, valid().Validate())
	lowest := Check{Protocol: TCP, Port: 1, Interval: 5 * time.Second, Timeout: 2 * time.Second, Healthy: 2, Unhealthy: 2}
	require.NoError(t, lowest.Validate())
	highest := Check{Protocol: TCP, Port: 65535, Interval: 300 * time.Second, Timeout: 120 * time.Second, Healthy: 10, Unhealthy: 10}
	require.NoError(t, highest.Validate())
}

func TestCheckNamesTheBrokenRule(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Check)
		want   string
	}{
		{name: "no protocol", change: func(c *Check) { c.Protocol = "" }, want: `protocol: "" is neither TCP nor HTTP`},
		{name: "HTTPS", change: func(c *Check) { c.Protocol = "HTTPS" }, want: `protocol: "HTTPS" is neither TCP nor HTTP`},
		{name: "TCP with a path", change: func(c *Check) { c.Path = "/ping" }, want: `path: "/ping" is for HTTP: a TCP check only connects`},
		{name: "TCP with a matcher", change: func(c *Check) { c.Matcher = "200" }, want: `matcher: "200" is for HTTP: a TCP check only connects`},
		{name: "port too low", change: func(c *Check) { c.Port = -1 }, want: "port: -1 is outside 1–65535"},
		{name: "port too high", change: func(c *Check) { c.Port = 65536 }, want: "port: 65536 is outside 1–65535"},
		{
			name:   "interval too short",
			change: func(c *Check) { c.Interval, c.Timeout = 4*time.Second, 2*time.Second },
			want:   "interval: 4s is outside 5–300 s",
		},
		{name: "interval too long", change: func(c *Check) { c.Interval = 301 * time.Second }, want: "interval: 5m1s is outside 5–300 s"},
		{
			name:   "interval with fraction",
			change: func(c *Check) { c.Interval = 10500 * time.Millisecond },
			want:   "interval: 10.5s is not a whole number of seconds",
		},
		{name: "timeout too short", change: func(c *Check) { c.Timeout = time.Second }, want: "timeout: 1s is outside 2–120 s"},
		{
			name:   "timeout too long",
			change: func(c *Check) { c.Interval, c.Timeout = 300*time.Second, 121*time.Second },
			want:   "timeout: 2m1s is outside 2–120 s",
		},
		{
			name:   "timeout with fraction",
			change: func(c *Check) { c.Timeout = 2500 * time.Millisecond },
			want:   "timeout: 2.5s is not a whole number of seconds",
		},
		{name: "timeout as the interval", change: func(c *Check) { c.Timeout = c.Interval }, want: "timeout: 10s is not below interval (10s)"},
		{name: "healthy too low", change: func(c *Check) { c.Healthy = 1 }, want: "healthy: 1 is outside 2–10"},
		{name: "healthy too high", change: func(c *Check) { c.Healthy = 11 }, want: "healthy: 11 is outside 2–10"},
		{name: "unhealthy too low", change: func(c *Check) { c.Unhealthy = 1 }, want: "unhealthy: 1 is outside 2–10"},
		{name: "unhealthy too high", change: func(c *Check) { c.Unhealthy = 11 }, want: "unhealthy: 11 is outside 2–10"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := valid()
			test.change(&c)
			assert.EqualError(t, c.Validate(), test.want)
		})
	}
}

func TestCheckReportsAllFaultsAtOnce(t *testing.T) {
	assert.EqualError(t, Check{}.Validate(), `protocol: "" is neither TCP nor HTTP
interval: 0s is outside 5–300 s
timeout: 0s is outside 2–120 s
timeout: 0s is not below interval (0s)
healthy: 0 is outside 2–10
unhealthy: 0 is outside 2–10`)
}

func TestTimingIsTheWorstCase(t *testing.T) {
	for name, test := range map[string]struct {
		check               Check
		detection, recovery time.Duration
	}{
		"the default": {valid(), 35 * time.Second, 35 * time.Second},
		"the fastest": {Check{Interval: 5 * time.Second, Timeout: 2 * time.Second, Healthy: 2, Unhealthy: 2},
			12 * time.Second, 12 * time.Second},
		"slow to trust": {Check{Interval: 30 * time.Second, Timeout: 10 * time.Second, Healthy: 5, Unhealthy: 2},
			70 * time.Second, 160 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.detection, test.check.Detection())
			assert.Equal(t, test.recovery, test.check.Recovery())
		})
	}
}

func FuzzAMatcherNamesCodesOfHealth(f *testing.F) {
	for _, seed := range []string{"200", "200,204", "200-299", "200-", "1e2", "２００"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, matcher string) {
		if matcher == "" || overHTTP("/", matcher).Validate() != nil {
			return
		}
		require.False(t, strings.Contains(matcher, ",") && strings.Contains(matcher, "-"), matcher)
		for _, text := range strings.FieldsFunc(matcher, func(r rune) bool { return r == ',' || r == '-' }) {
			code, err := strconv.Atoi(text)
			require.NoError(t, err, matcher)
			require.True(t, code >= 200 && code <= 499, matcher)
		}
	})
}
