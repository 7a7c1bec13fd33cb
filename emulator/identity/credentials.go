// Package identity gives what runs in the emulated cloud the identity of its role, as AWS does it: temporary credentials from the
// metadata service of an instance or the credentials endpoint of a task, with which the SDKs sign their requests.
//
//	program ── credentials? ──▶ Metadata, or the task's endpoint
//	        ── signed request ─▶ Signature: whose key, signed with its secret? ──▶ AWS's API, with the permissions of the role
//
// An [Endpoint] is all of this at one address, for processes of this machine. Booted machines reach the same services at AWS's own
// addresses.
package identity

import (
	"crypto/rand"
	"net/http"
	"time"
)

// Credentials are temporary credentials of a role.
type Credentials struct {
	Key, Secret, Token string
	From, Until        time.Time
}

const credentialsLast = 6 * time.Hour

// NewCredentials returns credentials that nobody else has.
func NewCredentials() Credentials {
	now := time.Now().UTC().Truncate(time.Second)
	return Credentials{"ASIA" + rand.Text()[:16], rand.Text() + rand.Text()[:14], rand.Text() + rand.Text(), now, now.Add(credentialsLast)}
}

// OfInstance returns the document of the metadata service.
func (c Credentials) OfInstance() string {
	return document(map[string]any{
		"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": c.Key, "SecretAccessKey": c.Secret, "Token": c.Token,
		"LastUpdated": c.From.Format(time.RFC3339), "Expiration": c.Until.Format(time.RFC3339),
	})
}

// OfTask returns the document of a task's endpoint (ECS Developer Guide, "Amazon ECS task IAM role").
func (c Credentials) OfTask(role string) string {
	return document(map[string]any{
		"RoleArn": role, "AccessKeyId": c.Key, "SecretAccessKey": c.Secret, "Token": c.Token, "Expiration": c.Until.Format(time.RFC3339),
	})
}

// Signed reports whether a request was signed with the credentials, whenever that was: the clocks of the cloud's clients differ from its
// own.
func (c Credentials) Signed(r *http.Request) bool {
	s, ok := ParseSignature(r)
	return ok && s.Key == c.Key && r.Header.Get("X-Amz-Security-Token") == c.Token && s.Valid(r, c.Secret)
}
