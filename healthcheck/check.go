package healthcheck

import (
	"time"

	"github.com/elastic-service/elastic-service/internal/fault"
)

// Protocol is how a target's health is asked for.
type Protocol string

// TCP takes an accepted connection as proof of life.
const TCP Protocol = "TCP"

// Check is a health check of a target group.
type Check struct {
	Protocol  Protocol
	Port      int           // 1–65535
	Interval  time.Duration // whole seconds, 5 s – 300 s
	Timeout   time.Duration // whole seconds, 2 s – 120 s, below Interval
	Healthy   int           // successes in a row that make a target healthy, 2–10
	Unhealthy int           // failures in a row that make it unhealthy, 2–10
}

// Validate returns every fault of the check, with the paths protocol, port, interval, timeout, healthy and unhealthy.
func (c Check) Validate() error {
	var faults fault.List
	if c.Protocol != TCP {
		faults.Add("protocol", string(c.Protocol), "is not %s", TCP)
	}
	inRange(&faults, "port", c.Port, 1, 65535)
	seconds(&faults, "interval", c.Interval, 5*time.Second, 300*time.Second)
	seconds(&faults, "timeout", c.Timeout, 2*time.Second, 120*time.Second)
	if c.Timeout >= c.Interval {
		faults.Add("timeout", c.Timeout, "is not below interval (%v)", c.Interval)
	}
	inRange(&faults, "healthy", c.Healthy, 2, 10)
	inRange(&faults, "unhealthy", c.Unhealthy, 2, 10)
	return faults.Err()
}

// Detection is the longest time from a target's death to the balancer calling it unhealthy.
//
// At worst the target dies right after it passed a check, and is silent: the last of the failures in a row begins
// Unhealthy intervals later and takes the whole timeout. A port that refuses instead of being silent saves the timeout.
func (c Check) Detection() time.Duration {
	return c.Interval*time.Duration(c.Unhealthy) + c.Timeout
}

// Recovery is the longest time from a registered target's first sign of life to the balancer calling it healthy: at
// worst it comes up right after it failed a check, and answers the last of the successes in a row just in time.
func (c Check) Recovery() time.Duration {
	return c.Interval*time.Duration(c.Healthy) + c.Timeout
}

func inRange(faults *fault.List, path string, value, low, high int) {
	if value < low || value > high {
		faults.Add(path, value, "is outside %d–%d", low, high)
	}
}

func seconds(faults *fault.List, path string, value, low, high time.Duration) {
	if value < low || value > high {
		faults.Add(path, value, "is outside %d–%d s", low/time.Second, high/time.Second)
	}
	if value%time.Second != 0 {
		faults.Add(path, value, "is not a whole number of seconds")
	}
}
