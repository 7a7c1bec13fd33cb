package guest

import (
	"fmt"
	"os"
	"strings"
)

// environmentFile is EnvironmentFile=.
type environmentFile struct {
	path     string
	optional bool // prefix -
}

// readEnvironment returns the variables of the unit's environment files, which are read at each start.
func (s *service) readEnvironment() (map[string]string, error) {
	variables := map[string]string{}
	for _, file := range s.unit.environmentFiles {
		content, err := os.ReadFile(s.instance.root.path(file.path))
		switch {
		case err != nil && file.optional:
		case err != nil:
			return nil, fmt.Errorf("failed to load environment files: %w", s.instance.withGuestPaths(err))
		default:
			parseEnvironment(string(content), variables)
		}
	}
	return variables, nil
}

// parseEnvironment adds the variables of a file (systemd.exec: "EnvironmentFile="): NAME=VALUE in a line, of which a backslash at its end
// makes a longer one. It skips comments, empty lines and, as systemd does, lines that are no assignment.
func parseEnvironment(content string, into map[string]string) {
	for line := range strings.Lines(strings.ReplaceAll(content, "\\\n", "")) {
		line = strings.TrimSpace(line)
		name, value, found := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); line == "" || line[0] == '#' || line[0] == ';' || !found || !isVariable(name) {
			continue
		}
		into[name] = unquoteVariable(strings.TrimSpace(value))
	}
}

// unquoteVariable removes the quotes around parts of a value, and the backslashes before characters outside of single quotes.
func unquoteVariable(value string) string {
	var out strings.Builder
	quote := byte(0)
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && quote != '\'' && i+1 < len(value):
			i++
			if quote == '"' && !strings.ContainsRune("\"\\`$", rune(value[i])) {
				out.WriteByte('\\')
			}
			out.WriteByte(value[i])
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote && quote != 0:
			quote = 0
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}
