package healthcheck

import (
	"strconv"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/internal/matcher"
)

// Protocol is the protocol of a health check.
type Protocol string

const (
	// TCP takes an accepted connection as proof of life.
	TCP Protocol = "TCP"

	// HTTP asks for a path and takes an answer with the right status code as proof of life.
	HTTP Protocol = "HTTP"
)

// The responder's place on an instance: it is asked on this port, unless the stack sets another port.
const (
	Path        = "/usr/local/bin/healthcheck"
	DefaultPort = 5001
)

// serviceName is the name of the service of the responder, and the beginning of the names of others.
const serviceName = "healthcheck"

// ServiceName returns the name of the service of the responder that watches a target, which has no name if it is the first. A former
// responder is a second one, on the port of a check that is about to change.
func ServiceName(target string, former bool) string {
	name := serviceName
	if target != "" {
		name += "-" + target
	}
	if former {
		name += "-former"
	}
	return name
}

// IsServiceName reports whether a name is kept for the services of responders.
func IsServiceName(name string) bool {
	return name == serviceName || strings.HasPrefix(name, serviceName+"-")
}

// DefaultMatcher is the status code of a healthy target if an HTTP check names none. AWS's own default depends on the kind of the
// balancer.
const DefaultMatcher = "200"

// TrafficPort stands for the port on which a target serves (Elastic Load Balancing API: TargetGroup).
const TrafficPort = "traffic-port"

// TargetGroupPort returns the port of a check as a target group has it; 0 is the port on which a target serves.
func TargetGroupPort(port int) string {
	if port == 0 {
		return TrafficPort
	}
	return strconv.Itoa(port)
}

// maxPath is the longest path that a target group's check can have.
const maxPath = 1024

// Check is a health check of a target group.
type Check struct {
	Protocol  Protocol
	Port      int           // 1–65535; 0: the port on which the target serves
	Path      string        // HTTP only: printable ASCII that begins with a slash, at most 1024 characters
	Matcher   string        // HTTP only: the good status codes, as "200", "200,204" or "200-299", 200–499; DefaultMatcher when empty
	Interval  time.Duration // whole seconds, 5 s – 300 s
	Timeout   time.Duration // whole seconds, 2 s – 120 s, below Interval
	Healthy   int           // successes in a row that make a target healthy, 2–10
	Unhealthy int           // failures in a row that make it unhealthy, 2–10
}

// Validate returns every problem of the check, with the paths protocol, path, matcher, port, interval, timeout, healthy and
// unhealthy.
func (c Check) Validate() error {
	var problems invalid.List
	c.validRequest(&problems)
	if c.Port != 0 {
		inRange(&problems, "port", c.Port, 1, 65535)
	}
	seconds(&problems, "interval", c.Interval, 5*time.Second, 300*time.Second)
	seconds(&problems, "timeout", c.Timeout, 2*time.Second, 120*time.Second)
	if c.Timeout >= c.Interval {
		problems.Add("timeout", c.Timeout, "is not below interval (%v)", c.Interval)
	}
	inRange(&problems, "healthy", c.Healthy, 2, 10)
	inRange(&problems, "unhealthy", c.Unhealthy, 2, 10)
	return problems.Err()
}

// validRequest adds the problems of what is asked for and of the answer that is expected.
func (c Check) validRequest(problems *invalid.List) {
	switch c.Protocol {
	case TCP:
		if c.Path != "" {
			problems.Add("path", c.Path, "is for %s: a %s check only connects", HTTP, TCP)
		}
		if c.Matcher != "" {
			problems.Add("matcher", c.Matcher, "is for %s: a %s check only connects", HTTP, TCP)
		}
	case HTTP:
		validPath(problems, c.Path)
		validMatcher(problems, c.Matcher)
	default:
		problems.Add("protocol", string(c.Protocol), "is neither %s nor %s", TCP, HTTP)
	}
}

func validPath(problems *invalid.List, path string) {
	switch {
	case path == "":
		problems.Missing("path", "an %s check needs one, such as /", HTTP)
	case path[0] != '/':
		problems.Add("path", path, "does not begin with a slash")
	}
	if len(path) > maxPath {
		problems.Add("path", len(path), "characters are more than %d", maxPath)
	}
	if strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r > '~' }) {
		problems.Add("path", path, "has other characters than printable ASCII")
	}
}

// Codes that a matcher may name. A network load balancer would take server errors as well, which are no sign of health.
const (
	lowestCode  = 200
	highestCode = 499
)

// validMatcher accepts what the API documents for an application load balancer: a list of codes, or a single range.
func validMatcher(problems *invalid.List, text string) {
	if text == "" {
		return
	}
	codes, err := matcher.Parse(text)
	if err == nil && len(codes) > 1 && strings.Contains(text, "-") {
		err = matcher.ErrForm
	}
	if err != nil {
		problems.Add("matcher", text, "%v", err)
		return
	}
	if code, found := codes.Outside(lowestCode, highestCode); found {
		problems.Add("matcher", text, "names the status code %d, which is outside %d–%d", code, lowestCode, highestCode)
	}
}

// Detection returns the longest time from a target's death until the balancer calls it unhealthy.
//
// In the worst case the target dies right after it passed a check, and stays silent: the last of the failures in a row
// begins Unhealthy intervals later and takes the whole timeout. A port that refuses connections saves the timeout.
func (c Check) Detection() time.Duration {
	return c.Interval*time.Duration(c.Unhealthy) + c.Timeout
}

// Recovery returns the longest time from a registered target's first sign of life until the balancer calls it healthy. In
// the worst case the target starts right after it failed a check, and answers the last of the successes in a row just in
// time.
func (c Check) Recovery() time.Duration {
	return c.Interval*time.Duration(c.Healthy) + c.Timeout
}

func inRange(problems *invalid.List, path string, value, low, high int) {
	if value < low || value > high {
		problems.Add(path, value, "is outside %d–%d", low, high)
	}
}

func seconds(problems *invalid.List, path string, value, low, high time.Duration) {
	if value < low || value > high {
		problems.Add(path, value, "is outside %d–%d s", low/time.Second, high/time.Second)
	}
	if value%time.Second != 0 {
		problems.Add(path, value, "is not a whole number of seconds")
	}
}
