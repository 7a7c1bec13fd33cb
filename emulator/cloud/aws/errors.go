// Package aws is what all services of the emulated AWS share: refusals with AWS's error codes, identifiers, ARNs and the
// region with its zones. It knows no service.
package aws

import "fmt"

// Error is a refusal, as an AWS API words it.
type Error struct {
	Code    string // as in the API's list of errors, e.g. DependencyViolation
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Refuse returns an [Error] with a code of an AWS API.
func Refuse(code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// NotFound refuses an ID that does not exist, as EC2 words it.
func NotFound(code, kind, id string) error {
	return Refuse(code, "The %s ID '%s' does not exist", kind, id)
}

// InUse refuses to delete something that another resource needs, as EC2 words it.
func InUse(kind, id, by string) error {
	return Refuse("DependencyViolation", "The %s '%s' has dependencies and cannot be deleted: %s.", kind, id, by)
}
