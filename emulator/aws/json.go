package aws

import (
	"encoding/json"
	"time"
)

// epoch is a time as JSON services write it: seconds since 1970 (Smithy: "AWS JSON 1.1 protocol"). A time that is zero is left out.
type epoch time.Time

// MarshalJSON writes the seconds with milliseconds.
func (e epoch) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Time(e).UnixMilli()) / 1000)
}

// IsZero reports whether there is no time, for omitzero.
func (e epoch) IsZero() bool { return time.Time(e).IsZero() }
