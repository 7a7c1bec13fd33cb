// Package secrets has the command line of withsecrets, the program on an instance that starts a service with secrets in its environment.
// It fetches them from AWS at each start:
//
//	withsecrets DB_PASSWORD=secret:prod/db#password TOKEN=parameter:/web/token -- /usr/local/bin/web serve
//	     │ asks Secrets Manager and Systems Manager, with the role of the instance
//	     ▼ exec
//	/usr/local/bin/web serve, with DB_PASSWORD and TOKEN in its environment
//
// The values are in the memory of the process alone. If one of them is missing, the program does not start, and the log says
// which variable, which secret and why.
package secrets

import (
	"fmt"
	"strings"
)

// Path is where the program is installed on an instance.
const Path = "/usr/local/bin/withsecrets"

// Source says where a value is: in Secrets Manager or in the Parameter Store of Systems Manager.
type Source struct {
	// Secret is the ARN or the name of a secret of Secrets Manager.
	Secret string

	// Key is the key of a value in the JSON object that the secret is; the whole secret if empty.
	Key string

	// Version is the ID of a version of the secret; the current version if empty.
	Version string

	// Parameter is the name or the ARN of a parameter of Systems Manager.
	Parameter string
}

// The words before the name of a source.
const (
	ofSecret    = "secret:"
	ofParameter = "parameter:"
)

// String returns the source as the command line has it: parameter:NAME, secret:ID, secret:ID#KEY or secret:ID#KEY#VERSION, where the key
// may be empty.
func (s Source) String() string {
	if s.Parameter != "" {
		return ofParameter + s.Parameter
	}
	text := ofSecret + s.Secret
	switch {
	case s.Version != "":
		text += "#" + s.Key + "#" + s.Version
	case s.Key != "":
		text += "#" + s.Key
	}
	return text
}

// ParseSource reads what [Source.String] returns.
func ParseSource(text string) (Source, error) {
	if name, ok := strings.CutPrefix(text, ofParameter); ok && name != "" {
		return Source{Parameter: name}, nil
	}
	id, ok := strings.CutPrefix(text, ofSecret)
	parts := strings.Split(id, "#")
	if !ok || parts[0] == "" || len(parts) > 3 {
		return Source{}, fmt.Errorf("%q is not secret:ID, secret:ID#KEY, secret:ID#KEY#VERSION or parameter:NAME", text)
	}
	parts = append(parts, "", "")
	return Source{Secret: parts[0], Key: parts[1], Version: parts[2]}, nil
}

// Variable is an environment variable with the place of its value.
type Variable struct {
	Name   string
	Source Source
}

// ParseVariable reads NAME=SOURCE.
func ParseVariable(text string) (Variable, error) {
	name, place, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return Variable{}, fmt.Errorf("%q is not NAME=SOURCE", text)
	}
	source, err := ParseSource(place)
	if err != nil {
		return Variable{}, fmt.Errorf("%s: %w", name, err)
	}
	return Variable{Name: name, Source: source}, nil
}
