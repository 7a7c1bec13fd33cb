package clock

import (
	"math"
	"time"
)

// Seconds returns a duration for a report, in seconds, rounded to milliseconds.
func Seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }
