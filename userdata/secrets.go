package userdata

import (
	"fmt"
	"regexp"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/secrets"
)

// Secret is an environment variable whose value is kept in AWS. The program of package secrets fetches it at each start of the service
// and hands it to the service, in memory alone: the unit names where the value is.
type Secret struct {
	Variable string
	Source   secrets.Source
}

// withSecrets returns a command, or that of the program that fetches secrets and then becomes the command.
func withSecrets(all []Secret, command []string) []string {
	if len(all) == 0 {
		return command
	}
	words := []string{secrets.Path}
	for _, secret := range all {
		words = append(words, secret.Variable+"="+secret.Source.String())
	}
	return append(append(words, "--"), command...)
}

// sourceWords are words that a command line shows as they are.
var sourceWords = regexp.MustCompile(`^[A-Za-z0-9/_+=.@!:#-]+$`)

func validateSecrets(l *invalid.List, at string, all []Secret) {
	for i, secret := range all {
		at := fmt.Sprintf("%s[%d]", at, i)
		if !variableName.MatchString(secret.Variable) {
			l.Add(at+".variable", secret.Variable, "is not the name of a variable: letters, digits and _")
		}
		if text := secret.Source.String(); !sourceWords.MatchString(text) {
			l.Add(at+".source", text, "is not the place of a secret")
		}
	}
}
