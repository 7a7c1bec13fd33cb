package iam

import (
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

import (
	"encoding/json"
	"regexp"
	"strings"
)

// Allows tells whether an instance profile's role may do something.
func (s *Store) Allows(profile, action, resource string) bool {
	return Evaluate(s.PoliciesOf(profile), action, resource)
}

// Evaluate decides by policies: an explicit deny wins, and what nothing allows is denied (IAM User Guide: "Policy
// evaluation logic").
func Evaluate(documents []string, action, resource string) bool {
	allowed := false
	for _, document := range documents {
		statements, err := ParsePolicy(document)
		if err != nil {
			continue // only valid ones were taken
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

type statement struct {
	Effect   string
	Action   Patterns
	Resource Patterns
}

// Patterns is one or several strings with the wildcards * and ?.
type Patterns []string

func (p *Patterns) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		*p = Patterns{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(p))
}

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

func ParsePolicy(document string) ([]statement, error) {
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
