package guest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// splitWords splits a value into words as systemd does: at white space outside quotes. It removes quotes, decodes C escapes and replaces %%
// by %. It returns an error for other specifiers, which need the knowledge of a whole machine.
func splitWords(value string) ([]string, error) {
	var words []string
	for {
		value = strings.TrimLeft(value, " \t\n\r")
		if value == "" {
			return words, nil
		}
		if value == ";" || strings.HasPrefix(value, "; ") {
			return nil, errors.New("the emulator supports one command a line, and no semicolon")
		}
		word, rest, err := nextWord(value)
		if err != nil {
			return nil, err
		}
		if word, err = unescapePercent(word); err != nil {
			return nil, err
		}
		words, value = append(words, word), rest
	}
}

// nextWord returns the first word of a value and what follows it.
func nextWord(value string) (word, rest string, err error) {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\':
			n, err := unescape(&b, value[i+1:])
			if err != nil {
				return "", "", err
			}
			i += n
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && strings.IndexByte(" \t\n\r", c) >= 0:
			return b.String(), value[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", "", fmt.Errorf("%s has an unclosed quote", value)
	}
	return b.String(), "", nil
}

// simpleEscapes are the escapes of one letter.
var simpleEscapes = map[byte]byte{
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\', '"': '"', '\'': '\'', 's': ' ', ';': ';',
}

// unescape writes the character of an escape sequence, which is given without its backslash, and returns the length of the sequence.
func unescape(b *strings.Builder, s string) (int, error) {
	if s == "" {
		return 0, errors.New("a backslash escapes nothing")
	}
	if c, ok := simpleEscapes[s[0]]; ok {
		b.WriteByte(c)
		return 1, nil
	}
	digits, base, skip := 3, 8, 0
	switch s[0] {
	case 'x':
		digits, base, skip = 2, 16, 1
	case 'u':
		digits, base, skip = 4, 16, 1
	case 'U':
		digits, base, skip = 8, 16, 1
	}
	end := skip + digits
	if len(s) < end {
		return 0, fmt.Errorf(`unknown escape \%s`, s)
	}
	code, err := strconv.ParseUint(s[skip:end], base, 32)
	if err != nil || code == 0 || (digits == 3 && code > 0xff) || (digits > 3 && !utf8.ValidRune(rune(code))) {
		return 0, fmt.Errorf(`unknown escape \%s`, s[:end])
	}
	if digits > 3 {
		b.WriteRune(rune(code))
	} else {
		b.WriteByte(byte(code))
	}
	return end, nil
}

// unescapePercent replaces %% by %.
func unescapePercent(word string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] == '%' {
			if i++; i == len(word) || word[i] != '%' {
				return "", fmt.Errorf("%q has a specifier: the emulator supports only %%%%", word)
			}
		}
		b.WriteByte(word[i])
	}
	return b.String(), nil
}

// expandVariables expands variables in a command's arguments as systemd does: ${NAME} within a word, $NAME as a whole word, which may
// become several words or none, and $$ for a dollar.
func expandVariables(words []string, environment map[string]string) []string {
	var out []string
	for _, word := range words {
		if name, ok := strings.CutPrefix(word, "$"); ok && isVariable(name) {
			out = append(out, strings.Fields(environment[name])...)
			continue
		}
		out = append(out, expandWithin(word, environment))
	}
	return out
}

// expandWithin expands ${NAME} and $$ in a word.
func expandWithin(word string, environment map[string]string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(word, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if rest, ok := strings.CutPrefix(after, "$"); ok {
			b.WriteByte('$')
			word = rest
			continue
		}
		if name, rest, ok := strings.Cut(strings.TrimPrefix(after, "{"), "}"); ok && strings.HasPrefix(after, "{") && isVariable(name) {
			b.WriteString(environment[name])
			word = rest
			continue
		}
		b.WriteByte('$')
		word = after
	}
}

// isVariable reports whether a text is a valid name of a variable.
func isVariable(name string) bool {
	for i, c := range []byte(name) {
		letter := c == '_' || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z')
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
