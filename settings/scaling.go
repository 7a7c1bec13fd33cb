package settings

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/internal/cron"
	"github.com/elastic-service/elastic-service/internal/iam"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Scaling is the Auto Scaling group.
type Scaling struct {
	// The lowest number of instances. Two in two zones survive the loss of one zone.
	// Limits: 1 to `max`; no more than the instances' subnets have addresses.
	Min int `default:"2" minimum:"1" unit:"instances"`

	// The highest number of instances, except while instances are being replaced.
	// Limits: `min` or more; no more than the instances' subnets have addresses.
	Max int `default:"3" minimum:"1" unit:"instances"`

	// The time after a launch in which an unhealthy instance is not replaced. It must be longer than boot and installation take. It
	// is the group's default warm-up, too: a release and a replacement count a new instance when it is over, at most 3600.
	// Limits: 0 to 7200.
	Grace time.Duration `default:"120" minimum:"0" maximum:"7200"`

	// What finds an unhealthy instance, which is replaced: the balancer's health checks (`ELB`), or only those of EC2 (`EC2`), which notice
	// a broken machine, and not a dead program. Use `EC2` to keep an instance whose program you want to look at. The instances of
	// `containers` have those of EC2 only.
	// Limits: `ELB`, `EC2`.
	HealthCheck string `default:"\"ELB\"" enum:"ELB,EC2"`

	// The longest life of an instance. The group replaces older ones, a few at a time, launching first: for images and packages that
	// must not get old.
	// Default: no limit.
	// Limits: 86400 to 31536000 (Auto Scaling User Guide, maximum instance lifetime).
	MaxInstanceLifetime time.Duration `minimum:"86400" maximum:"31536000"`

	// How a new version replaces the running instances, and when it goes back.
	Release Release

	// What changes the number of instances between `min` and `max`. Without a policy the number stays at `min`.
	// Limits: each metric once.
	Policies []Policy

	// Bounds that change at fixed times.
	Schedules []Schedule

	// Hold an instance back before it serves or before it is gone (Auto Scaling User Guide, lifecycle hooks).
	Hooks []Hook

	// The addresses that are notified of launches, terminations, failures, the end of a release, and alarms.
	// Limits: each once.
	Notify []Subscription
}

// Release is the replacement of the running instances by those of a new version. It goes back by itself when the new version
// does not get healthy, or when one of the stack's alarms (`monitoring.alarms`) goes off.
type Release struct {
	// Percentages of the instances at which the replacement pauses, so that a few serve first.
	// Limits: rising, each from 1 to 99.
	Checkpoints []int

	// The pause at a checkpoint.
	// Limits: 0 to 172800.
	CheckpointDelay time.Duration `default:"300" minimum:"0" maximum:"172800"`

	// The time after the last replacement in which unhealthy targets and alarms still take the release back.
	// Default: 120, none with `containers`.
	// Limits: 0 to 172800.
	Bake *time.Duration `minimum:"0" maximum:"172800"`

	// The longest time without progress: a release goes back, and a first deployment fails. It must be longer than boot,
	// installation and health checks of an instance take.
	// Limits: 60 to 3600.
	Timeout time.Duration `default:"600" minimum:"60" maximum:"3600"`
}

// Policy changes the number of instances by a metric.
type Policy struct {
	// Keeps `metric` near `target`. The instances report each minute (detailed monitoring), which AWS charges for.
	// Limits: either this or `step`.
	TargetTracking *TargetTracking `oneof:"kind"`

	// Adds instances above a threshold and removes them below another.
	// Limits: either this or `targetTracking`.
	Step *Step `oneof:"kind"`
}

// TargetTracking keeps a metric near its target.
type TargetTracking struct {
	// The average CPU utilization of the group.
	// Limits: `cpu`.
	Metric string `default:"\"cpu\"" enum:"cpu"`

	// The value to keep, as a share of all virtual CPUs of the instances. A service that uses one CPU at most reaches 100 divided by
	// their number.
	// Limits: above 0, at most 100.
	Target float64 `default:"50" above:"0" maximum:"100" unit:"%"`

	// The time until a new instance counts.
	// Limits: 0 to 3600.
	Warmup time.Duration `default:"300" minimum:"0" maximum:"3600"`
}

// Step adds instances above a threshold, and removes them below another.
type Step struct {
	// The average CPU utilization of the group.
	// Limits: `cpu`.
	Metric string `default:"\"cpu\"" enum:"cpu"`

	// The time over which a point of the metric is averaged. Below 300, the instances report each minute, which AWS charges for.
	// Limits: a multiple of 60, up to 3600.
	Period time.Duration `default:"60" minimum:"60" maximum:"3600"`

	// The time until a new instance counts.
	// Limits: 0 to 3600.
	Warmup time.Duration `default:"300" minimum:"0" maximum:"3600"`

	// Instances are added when the metric is above this value.
	// Limits: above 0, at most 100.
	Above float64 `required:"true" above:"0" maximum:"100" unit:"%"`

	// How long the metric must be above.
	// Limits: a multiple of `period`, up to a day.
	AboveFor time.Duration `default:"300" minimum:"60" maximum:"86400"`

	// The number of instances that are added.
	// Limits: from 1.
	Add int `default:"1" minimum:"1" unit:"instances"`

	// Instances are removed when the metric is below this value.
	// Limits: above 0, under `above`.
	Below float64 `required:"true" above:"0" maximum:"100" unit:"%"`

	// How long the metric must be below.
	// Limits: a multiple of `period`, up to a day.
	BelowFor time.Duration `default:"300" minimum:"60" maximum:"86400"`

	// The number of instances that are removed.
	// Limits: from 1.
	Remove int `default:"1" minimum:"1" unit:"instances"`
}

// Schedule sets the group's bounds at fixed times. A bound that is nil stays as it is.
type Schedule struct {
	// The name of the scheduled action.
	// Limits: at most 64 of letters, digits, `-` and `_`; each once.
	Name string `required:"true"`

	// When the bounds change.
	// Limits: minute, hour, day of the month, month, day of the week (Auto Scaling User Guide, scheduled scaling).
	Cron string `required:"true"`

	// The time zone of `cron`.
	// Limits: an IANA time zone.
	TimeZone string `default:"\"UTC\""`

	// The group's new minimum.
	// Default: unchanged.
	// Limits: 0 to `desired`.
	Min *int `minimum:"0" unit:"instances"`

	// The group's new maximum.
	// Default: unchanged.
	// Limits: `desired` or more.
	Max *int `minimum:"0" unit:"instances"`

	// The group's new desired number.
	// Default: unchanged.
	// Limits: `min` to `max`.
	Desired *int `minimum:"0" unit:"instances"`
}

// Hook holds an instance back before it serves or before it is gone.
type Hook struct {
	// The name of the hook.
	// Limits: at most 64 of letters, digits, `-` and `_`; each once.
	Name string `required:"true"`

	// `launching` holds an instance back before it serves, `terminating` after its last request.
	// Limits: `launching`, `terminating`.
	Transition string `required:"true" enum:"launching,terminating"`

	// How long the instance is held back, unless the lifecycle action is completed earlier.
	// Limits: 30 to 7200.
	Timeout time.Duration `default:"300" minimum:"30" maximum:"7200"`

	// What happens after the timeout.
	// Limits: `continue`, `abandon`.
	Result string `default:"\"continue\"" enum:"continue,abandon"`
}

// Subscription is an address to which notifications are sent.
type Subscription struct {
	// The kind of address. AWS asks the owner of an email address for consent.
	// Limits: `email`, `sms`, `https`, `sqs`, `lambda`.
	Protocol string `required:"true" enum:"email,sms,https,sqs,lambda"`

	// The address.
	// Limits: an address of that kind.
	Endpoint string `required:"true"`
}

// Bounds of the Auto Scaling and CloudWatch APIs.
const (
	maxGrace     = 2 * time.Hour
	maxWarmup    = time.Hour
	shortestHook = 30 * time.Second
	longestHook  = 2 * time.Hour
	longestAlarm = 24 * time.Hour
	shortestLife = 24 * time.Hour
	longestLife  = 365 * 24 * time.Hour
)

var (
	namePattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	emailPattern = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	phonePattern = regexp.MustCompile(`^\+[1-9][0-9]{5,14}$`)
)

// endpoints are the rules for the address of a notification, by its protocol.
var endpoints = map[string]struct {
	valid func(string) bool
	rule  string
}{
	"email":  {emailPattern.MatchString, "is not an email address"},
	"sms":    {phonePattern.MatchString, "is not a phone number such as +14155550100"},
	"https":  {isHTTPS, "is not an https:// URL"},
	"sqs":    {isARNOf("sqs"), "is not the ARN of a queue"},
	"lambda": {isARNOf("lambda"), "is not the ARN of a function"},
}

func isHTTPS(text string) bool {
	return strings.HasPrefix(text, "https://") && len(text) > len("https://")
}

func isARNOf(service string) func(string) bool {
	return func(text string) bool {
		arn, err := iam.ParseRegional(text)
		return err == nil && strings.HasPrefix(arn.Partition, "aws") && arn.Service == service
	}
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
	if s.HealthCheck != "ELB" && s.HealthCheck != "EC2" {
		l.Add("scaling.healthCheck", s.HealthCheck, "is not ELB or EC2")
	}
	if s.MaxInstanceLifetime != 0 {
		validateSeconds(l, "scaling.maxInstanceLifetime", s.MaxInstanceLifetime, shortestLife, longestLife)
	}
	s.Release.validate(l)
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

func (r Release) validate(l *invalid.List) {
	before := 0
	for i, percentage := range r.Checkpoints {
		at := fmt.Sprintf("scaling.release.checkpoints[%d]", i)
		switch {
		case percentage < 1 || percentage > 99:
			l.Add(at, percentage, "is not from 1 to 99")
		case percentage <= before:
			l.Add(at, percentage, "is not above the checkpoint before it (%d)", before)
		}
		before = percentage
	}
	validateSeconds(l, "scaling.release.checkpointDelay", r.CheckpointDelay, 0, maxReleasePause)
	if r.Bake != nil {
		validateSeconds(l, "scaling.release.bake", *r.Bake, 0, maxReleasePause)
	}
	validateSeconds(l, "scaling.release.timeout", r.Timeout, time.Minute, time.Hour)
}

// maxReleasePause is the longest bake time and pause at a checkpoint (Auto Scaling API: RefreshPreferences).
const maxReleasePause = 48 * time.Hour

// validatePolicies refuses two policies for one metric: each would undo what the other did.
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
