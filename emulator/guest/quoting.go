package guest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// splitWords splits a value as systemd does: at white space outside quotes, with quotes removed and C escapes decoded,
// then %% to %. Other specifiers need a whole machine's knowledge and are refused.
func splitWords(value string) ([]string, error) {
	var words []string
	for {
		value = strings.TrimLeft(value, " \t\n\r")
		if value == "" {
			return words, nil
		}
		if value == ";" || strings.HasPrefix(value, "; ") {
			return nil, errors.New("the emulator takes one command a line, and no semicolon")
		}
		word, rest, err := nextWord(value)
		if err != nil {
			return nil, err
		}
		if word, err = specifiers(word); err != nil {
			return nil, err
		}
		words, value = append(words, word), rest
	}
}

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

var simpleEscapes = map[byte]byte{
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\', '"': '"', '\'': '\'', 's': ' ', ';': ';',
}

// unescape writes what the escape sequence s, without its backslash, stands for, and returns its length.
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

func specifiers(word string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] == '%' {
			if i++; i == len(word) || word[i] != '%' {
				return "", fmt.Errorf("%q has a specifier other than %%%%, which the emulator does not know", word)
			}
		}
		b.WriteByte(word[i])
	}
	return b.String(), nil
}

// expandVariables substitutes a command's arguments as systemd does: ${NAME} within a word, $NAME as a word of its own,
// which may become several or none, and $$ for a dollar.
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

func isVariable(name string) bool {
	for i, c := range []byte(name) {
		letter := c == '_' || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z')
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
