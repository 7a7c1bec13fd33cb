package settings

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/internal/cron"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Bounds of the Auto Scaling and CloudWatch APIs.
const (
	maxGrace     = 2 * time.Hour
	maxWarmup    = time.Hour
	shortestHook = 30 * time.Second
	longestHook  = 2 * time.Hour
	longestAlarm = 24 * time.Hour
)

var (
	namePattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	emailPattern = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	phonePattern = regexp.MustCompile(`^\+[1-9][0-9]{5,14}$`)
)

// endpoints are what a notification's protocol takes.
var endpoints = map[string]struct {
	valid func(string) bool
	rule  string
}{
	"email":  {emailPattern.MatchString, "is not an email address"},
	"sms":    {phonePattern.MatchString, "is not a phone number such as +14155550100"},
	"https":  {func(s string) bool { return strings.HasPrefix(s, "https://") && len(s) > len("https://") }, "is not an https:// URL"},
	"sqs":    {func(s string) bool { return strings.HasPrefix(s, "arn:aws") && strings.Contains(s, ":sqs:") }, "is not the ARN of a queue"},
	"lambda": {func(s string) bool { return strings.HasPrefix(s, "arn:aws") && strings.Contains(s, ":lambda:") }, "is not the ARN of a function"},
}

func (s Scaling) validate(l *invalid.List) {
	if s.Min < 1 {
		l.Add("scaling.min", s.Min, "is below 1: the service would have no instance")
	}
	if s.Max < 1 {
		l.Add("scaling.max", s.Max, "is below 1: the group could never have an instance")
	} else if s.Max < s.Min {
		l.Add("scaling.max", s.Max, "is below scaling.min (%d)", s.Min)
	}
	validateSeconds(l, "scaling.grace", s.Grace, 0, maxGrace)
	s.validatePolicies(l)
	for i, schedule := range s.Schedules {
		at := fmt.Sprintf("scaling.schedules[%d]", i)
		schedule.validate(l, at)
		if first := slices.IndexFunc(s.Schedules, func(o Schedule) bool { return o.Name == schedule.Name }); first < i {
			l.Add(at+".name", schedule.Name, "is the name of scaling.schedules[%d]", first)
		}
	}
	for i, hook := range s.Hooks {
		at := fmt.Sprintf("scaling.hooks[%d]", i)
		hook.validate(l, at)
		if first := slices.IndexFunc(s.Hooks, func(o Hook) bool { return o.Name == hook.Name }); first < i {
			l.Add(at+".name", hook.Name, "is the name of scaling.hooks[%d]", first)
		}
	}
	for i, subscription := range s.Notify {
		at := fmt.Sprintf("scaling.notify[%d]", i)
		subscription.validate(l, at)
		if first := slices.Index(s.Notify, subscription); first < i {
			l.Add(at+".endpoint", subscription.Endpoint, "is that of scaling.notify[%d]", first)
		}
	}
}

// validatePolicies lets each metric be followed once: two policies would undo what the other did.
func (s Scaling) validatePolicies(l *invalid.List) {
	followed := map[string]int{}
	for i, policy := range s.Policies {
		at, kind, metric := fmt.Sprintf("scaling.policies[%d]", i), "", ""
		switch {
		case policy.TargetTracking == nil && policy.Step == nil:
			l.Missing(at, "must have targetTracking or step")
			continue
		case policy.TargetTracking != nil && policy.Step != nil:
			l.Missing(at, "has both targetTracking and step: a policy is one of them")
			continue
		case policy.Step != nil:
			kind, metric = "step", policy.Step.Metric
			policy.Step.validate(l, at+".step")
		default:
			kind, metric = "targetTracking", policy.TargetTracking.Metric
			policy.TargetTracking.validate(l, at+".targetTracking")
		}
		if first, again := followed[metric]; again {
			l.Add(at+"."+kind+".metric", metric, "is followed by scaling.policies[%d] already", first)
		} else {
			followed[metric] = i
		}
	}
}

func (t TargetTracking) validate(l *invalid.List, at string) {
	validateMetric(l, at, t.Metric)
	validatePercent(l, at+".target", t.Target)
	validateSeconds(l, at+".warmup", t.Warmup, 0, maxWarmup)
}

func (s Step) validate(l *invalid.List, at string) {
	validateMetric(l, at, s.Metric)
	validateSeconds(l, at+".warmup", s.Warmup, 0, maxWarmup)
	validatePercent(l, at+".above", s.Above)
	validatePercent(l, at+".below", s.Below)
	if s.Below >= s.Above {
		l.Add(at+".below", s.Below, "is not under %s.above (%v): the group would grow and shrink at once", at, s.Above)
	}
	for _, count := range []struct {
		key   string
		value int
	}{{"add", s.Add}, {"remove", s.Remove}} {
		if count.value < 1 {
			l.Add(at+"."+count.key, count.value, "is below 1")
		}
	}
	if s.Period < time.Minute || s.Period > time.Hour || s.Period%time.Minute != 0 {
		l.Add(at+".period", s.Period.Seconds(), "is not a multiple of 60 s, up to 3600")
		return
	}
	for _, d := range []struct {
		key   string
		value time.Duration
	}{{"aboveFor", s.AboveFor}, {"belowFor", s.BelowFor}} {
		if d.value < s.Period || d.value > longestAlarm || d.value%s.Period != 0 {
			l.Add(at+"."+d.key, d.value.Seconds(), "is not a multiple of %s.period (%.0f s), up to a day", at, s.Period.Seconds())
		}
	}
}

func validateMetric(l *invalid.List, at, metric string) {
	if metric != "cpu" {
		l.Add(at+".metric", metric, "is not supported: cpu is")
	}
}

func validatePercent(l *invalid.List, at string, value float64) {
	if value <= 0 || value > 100 || math.IsNaN(value) {
		l.Add(at, value, "is not above 0 and at most 100 percent")
	}
}

func (s Schedule) validate(l *invalid.List, at string) {
	validateName(l, at+".name", s.Name)
	if _, err := cron.Parse(s.Cron); err != nil {
		l.Add(at+".cron", s.Cron, "is not a recurrence such as 0 8 * * 1-5: it %v", err)
	}
	if _, err := time.LoadLocation(s.TimeZone); err != nil || s.TimeZone == "" || s.TimeZone == "Local" {
		l.Add(at+".timeZone", s.TimeZone, "is not a time zone such as Europe/Berlin")
	}
	if s.Min == nil && s.Max == nil && s.Desired == nil {
		l.Missing(at, "must have min, max or desired")
	}
	low, lowest := 0, "0"
	for _, bound := range []struct {
		key   string
		value *int
	}{{"min", s.Min}, {"desired", s.Desired}, {"max", s.Max}} {
		switch {
		case bound.value == nil:
		case *bound.value < low:
			l.Add(at+"."+bound.key, *bound.value, "is below %s", lowest)
		default:
			low, lowest = *bound.value, fmt.Sprintf("%s.%s (%d)", at, bound.key, *bound.value)
		}
	}
}

func (h Hook) validate(l *invalid.List, at string) {
	validateName(l, at+".name", h.Name)
	if h.Transition != "launching" && h.Transition != "terminating" {
		l.Add(at+".transition", h.Transition, "is not launching or terminating")
	}
	if h.Result != "continue" && h.Result != "abandon" {
		l.Add(at+".result", h.Result, "is not continue or abandon")
	}
	validateSeconds(l, at+".timeout", h.Timeout, shortestHook, longestHook)
}

func (s Subscription) validate(l *invalid.List, at string) {
	rule, ok := endpoints[s.Protocol]
	switch {
	case !ok:
		l.Add(at+".protocol", s.Protocol, "is not email, sms, https, sqs or lambda")
	case !rule.valid(s.Endpoint):
		l.Add(at+".endpoint", s.Endpoint, "%s", rule.rule)
	}
}

func validateName(l *invalid.List, at, name string) {
	if !namePattern.MatchString(name) {
		l.Add(at, name, "is not a name of letters, digits, - and _, at most 64, beginning with a letter or digit")
	}
}
