// Package ssm is the Parameter Store of AWS Systems Manager: named values with versions.
//
//	PutParameter("/web/dev/release", "8") ──▶ version 1, 2, 3 … ──▶ Parameter("/web/dev/release")
package ssm

import (
	"regexp"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Parameter is a named value.
type Parameter struct {
	Name        string
	Type        string // String, StringList or SecureString
	Value       string
	Description string
	Version     int // grows with each change of the value
	Modified    time.Time
}

// State is what survives a restart of the emulator.
type State struct {
	Parameters map[string]*Parameter `left:"parameter"` // by name
}

// Store holds the parameters of a region.
type Store struct {
	State
	region aws.Region
}

// New returns a region without parameters.
func New(region aws.Region) *Store {
	s := &Store{region: region}
	aws.MakeTables(&s.State)
	return s
}

// Limits of the API (PutParameter).
const (
	maxName   = 1011
	maxLevels = 15
	maxValue  = 4096 // bytes, standard tier
)

var parameterName = regexp.MustCompile(`^[a-zA-Z0-9_.\-/]+$`)

func check(p Parameter) error {
	switch first := strings.ToLower(strings.Split(strings.TrimPrefix(p.Name, "/"), "/")[0]); {
	case p.Name == "" || len(p.Name) > maxName || !parameterName.MatchString(p.Name):
		return aws.Refuse("ValidationException", "Parameter name '%s': must consist of 1 to %d letters, digits and _.-/", p.Name, maxName)
	case strings.Contains(p.Name, "/") && !strings.HasPrefix(p.Name, "/"):
		return aws.Refuse("ValidationException", "Parameter name '%s' must be a fully qualified name: it begins with /", p.Name)
	case strings.HasPrefix(first, "aws") || strings.HasPrefix(first, "ssm"):
		return aws.Refuse("ValidationException", "Parameter name '%s': can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)", p.Name)
	case strings.Count(p.Name, "/") > maxLevels:
		return aws.Refuse("HierarchyLevelLimitExceededException", "Parameter name '%s' exceeds the maximum of %d levels.", p.Name, maxLevels)
	}
	switch {
	case p.Type != "String" && p.Type != "StringList" && p.Type != "SecureString":
		return aws.Refuse("UnsupportedParameterType", "The parameter type '%s' is not supported.", p.Type)
	case p.Value == "" || len(p.Value) > maxValue:
		return aws.Refuse("ValidationException", "The value of parameter '%s' must have 1 to %d characters in the standard tier.", p.Name,
			maxValue)
	}
	return nil
}

// PutParameter creates a parameter, or changes its value if that is asked for, and returns the version (API: PutParameter).
func (s *Store) PutParameter(p Parameter, overwrite bool, now time.Time) (int, error) {
	if err := check(p); err != nil {
		return 0, err
	}
	former := s.Parameters[p.Name]
	if former != nil && !overwrite {
		return 0, aws.Refuse("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the "+
			"request to true.")
	}
	p.Version, p.Modified = 1, now
	if former != nil {
		p.Version = former.Version + 1
	}
	s.Parameters[p.Name] = &p
	return p.Version, nil
}

// Parameter returns a parameter by its name (API: GetParameter).
func (s *Store) Parameter(name string) (Parameter, error) {
	if p := s.Parameters[name]; p != nil {
		return *p, nil
	}
	return Parameter{}, aws.Refuse("ParameterNotFound", "Parameter %s not found.", name)
}

// DeleteParameter removes a parameter.
func (s *Store) DeleteParameter(name string) error {
	delete(s.Parameters, name)
	return nil
}

// NameOf returns the name of the parameter with an ARN, "" if there is none. The ARN does not tell whether the name begins with a slash.
func (s *Store) NameOf(arn string) string {
	for name := range s.Parameters {
		if s.ARN(name) == arn {
			return name
		}
	}
	return ""
}

// ARN returns the ARN of a parameter.
func (s *Store) ARN(name string) string {
	return s.region.ARN("ssm", "parameter/"+strings.TrimPrefix(name, "/"))
}
