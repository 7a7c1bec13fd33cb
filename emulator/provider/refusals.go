package provider

import "fmt"

// notOneOf returns the provider's error for a value that AWS would refuse, too.
func notOneOf(property, value string, valid ...string) error {
	return fmt.Errorf("expected %s to be one of %q, got %s", property, valid, value)
}

// unsupported returns the error for a value that AWS takes and the emulator doesn't.
func unsupported(property, value, takes string) error {
	return fmt.Errorf("%s: %q is valid on AWS, but has no behaviour in the emulator yet, which takes %s", property, value, takes)
}
