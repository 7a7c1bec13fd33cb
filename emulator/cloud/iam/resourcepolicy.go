package iam

import (
	"encoding/json"
	"slices"
	"strings"
)

// Call is a request of a service of AWS for a resource that has a policy.
type Call struct {
	Service  string // such as delivery.logs.amazonaws.com
	Action   string
	Resource string            // ARN
	Context  map[string]string // values of condition keys, which are in small letters
}

// AllowsService reports whether the policy of a resource lets a service make a call. An explicit deny wins (IAM User Guide: "Policy
// evaluation logic"). A condition with an operator or a key that is not known does not hold.
func AllowsService(document string, c Call) bool {
	var policy struct{ Statement []grant }
	if json.Unmarshal([]byte(document), &policy) != nil {
		return false // invalid documents were refused
	}
	allowed := false
	for _, g := range policy.Statement {
		if !g.covers(c) {
			continue
		}
		if g.Effect == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

// grant is a statement of a resource's policy.
type grant struct {
	statement

	Principal principals
	Condition map[string]map[string]Patterns // values by operator and key
}

// principals are the principals of a statement by kind: AWS, Service.
type principals map[string]Patterns

// UnmarshalJSON reads principals, or the wildcard for all of them.
func (p *principals) UnmarshalJSON(data []byte) error {
	var everybody string
	if err := json.Unmarshal(data, &everybody); err == nil {
		*p = principals{"AWS": {everybody}}
		return nil
	}
	return json.Unmarshal(data, (*map[string]Patterns)(p))
}

func (g grant) covers(c Call) bool {
	if !slices.Contains(g.Principal["AWS"], "*") && !slices.Contains(g.Principal["Service"], c.Service) {
		return false
	}
	if !g.Action.Match(c.Action) || !g.Resource.Match(c.Resource) {
		return false
	}
	for operator, keys := range g.Condition {
		for key, values := range keys {
			value, known := c.Context[strings.ToLower(key)]
			if !known || !holds(operator, values, value) {
				return false
			}
		}
	}
	return true
}

// holds reports whether a condition holds for a value.
func holds(operator string, values Patterns, value string) bool {
	switch operator {
	case "StringEquals", "Bool":
		return slices.Contains(values, value)
	case "StringLike", "ArnLike", "ArnEquals":
		return values.Match(value)
	}
	return false
}
