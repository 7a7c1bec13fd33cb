package iam

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Allows reports whether an instance profile's role allows an action on a resource.
func (s *Store) Allows(profile, action, resource string) bool {
	return Evaluate(s.PoliciesOf(profile), action, resource)
}

// Evaluate decides by policy documents: an explicit deny wins, and an action that no statement allows is denied (IAM
// User Guide: "Policy evaluation logic").
func Evaluate(documents []string, action, resource string) bool {
	allowed := false
	for _, document := range documents {
		statements, err := parsePolicy(document)
		if err != nil {
			continue // invalid documents were refused
		}
		for _, st := range statements {
			if !st.Action.Match(action) || !st.Resource.Match(resource) {
				continue
			}
			if st.Effect == "Deny" {
				return false
			}
			allowed = true
		}
	}
	return allowed
}

// EvaluateAction decides like [Evaluate] about an action whose resource is not known: a statement for any resource allows it, and only a
// denial of all resources denies it.
func EvaluateAction(documents []string, action string) bool {
	allowed := false
	for _, document := range documents {
		statements, err := parsePolicy(document)
		if err != nil {
			continue // invalid documents were refused
		}
		for _, st := range statements {
			switch {
			case !st.Action.Match(action):
			case st.Effect == "Allow":
				allowed = true
			case st.Resource.Match("*"):
				return false
			}
		}
	}
	return allowed
}

type statement struct {
	Effect   string
	Action   Patterns
	Resource Patterns
}

// Patterns is one string or a list of strings with the wildcards * and ?.
type Patterns []string

// UnmarshalJSON reads a string or a list of strings.
func (p *Patterns) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		*p = Patterns{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(p))
}

// Match reports whether a pattern matches the text.
func (p Patterns) Match(text string) bool {
	for _, pattern := range p {
		expression := regexp.QuoteMeta(pattern)
		expression = strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(expression)
		if ok, err := regexp.MatchString("^"+expression+"$", text); err == nil && ok {
			return true
		}
	}
	return false
}

// CheckPolicy refuses a policy document without statements that allow or deny.
func CheckPolicy(document string) error {
	_, err := parsePolicy(document)
	return err
}

// parsePolicy reads the statements of a policy document. It refuses a document without statements.
func parsePolicy(document string) ([]statement, error) {
	var policy struct{ Statement []statement }
	if err := json.Unmarshal([]byte(document), &policy); err != nil || len(policy.Statement) == 0 {
		return nil, aws.Refuse("MalformedPolicyDocument", "the policy is no JSON document with statements")
	}
	for _, st := range policy.Statement {
		if st.Effect != "Allow" && st.Effect != "Deny" {
			return nil, aws.Refuse("MalformedPolicyDocument", "an effect is Allow or Deny, not %q", st.Effect)
		}
	}
	return policy.Statement, nil
}
