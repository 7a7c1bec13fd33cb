package userdata

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// plainWord matches words that systemd reads without quotes, wherever they stand.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_+=:,./@-]+$`)

// quote returns a word as systemd reads it back from a unit. % begins a specifier and is doubled; in quotes, \ escapes. The
// text must have passed validateText.
func quote(text string) string {
	text = strings.ReplaceAll(text, "%", "%%")
	if plainWord.MatchString(text) {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`).Replace(text) + `"`
}

// commandLine returns a value of ExecStart=, where $ begins a variable, even in quotes, and is doubled.
func commandLine(words ...string) string {
	var quoted []string
	for _, word := range words {
		quoted = append(quoted, quote(strings.ReplaceAll(word, "$", "$$")))
	}
	return strings.Join(quoted, " ")
}

// assignments returns a value of Environment= for each variable, in the order of their names.
func assignments(environment map[string]string) []string {
	var quoted []string
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		quoted = append(quoted, quote(name+"="+environment[name]))
	}
	return quoted
}
