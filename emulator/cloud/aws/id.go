package aws

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// NewID returns an identifier in the form of EC2: a prefix and 17 hexadecimal digits.
func NewID(prefix string) string { return prefix + "-0" + RandomHex(8) }

// RandomHex returns random bytes as hexadecimal digits.
func RandomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return hex.EncodeToString(b)
}

// UUID returns a random identifier of 32 hexadecimal digits in five groups.
func UUID() string {
	digits := RandomHex(16)
	return strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-")
}

// LastPart returns what follows the last slash of an ARN, or a name as it is.
func LastPart(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
