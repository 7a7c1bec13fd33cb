package guest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWordsAreSplitAsSystemdDoes(t *testing.T) {
	for value, want := range map[string][]string{
		"":                             nil,
		"  one\ttwo  ":                 {"one", "two"},
		`"two words" 'and "quotes"' x`: {"two words", `and "quotes"`, "x"},
		`"" ''`:                        {"", ""},
		`say \"hi\" a\sb`:              {"say", `"hi"`, "a b"},
		`"tab\tnew\nline" \x41\102`:    {"tab\tnew\nline", "AB"},
		`\u00e9 \U0001F600`:            {"é", "😀"},
		`100%% %%n`:                    {"100%", "%n"},
		`";" \; a;b`:                   {";", ";", "a;b"},
		`mid"dle quo"te`:               {"middle quote"},
	} {
		got, err := splitWords(value)
		require.NoError(t, err, value)
		assert.Equal(t, want, got, value)
	}
	for value, want := range map[string]string{
		`"open`: "unclosed quote", `a\`: "escapes nothing", `\q`: `unknown escape \q`, `\x4`: "unknown escape",
		`\xZZ`: "unknown escape", `\400`: "unknown escape", `\000`: "unknown escape", `\ud800`: "unknown escape",
		`%n`: "specifier", `50%`: "specifier", `/a ; /b`: "one command",
	} {
		_, err := splitWords(value)
		assert.ErrorContains(t, err, want, value)
	}
}

func TestVariablesAreExpandedAsSystemdDoes(t *testing.T) {
	environment := map[string]string{"A": "one", "TWO": "x  y", "EMPTY": ""}
	for word, want := range map[string][]string{
		"$A": {"one"}, "${A}": {"one"}, "pre-${A}-post": {"pre-one-post"}, "$TWO": {"x", "y"}, "${TWO}": {"x  y"},
		"$EMPTY": nil, "${EMPTY}": {""}, "$UNSET": nil, "${UNSET}": {""}, "$$A": {"$A"}, "a$A": {"a$A"}, "$": {"$"},
		"$5": {"$5"}, "${5}": {"${5}"}, "$${A}": {"${A}"}, "${A": {"${A"},
	} {
		assert.Equal(t, want, expandVariables([]string{word}, environment), word)
	}
}

func FuzzQuotedWordIsReadBack(f *testing.F) {
	for _, seed := range []string{`a "b c" \x41 %%`, `\`, `"`, `%n`, "line\nbreak", "; x", "é"} {
		f.Add(seed)
	}
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "%", "%%")
	f.Fuzz(func(t *testing.T, word string) {
		_, _ = splitWords(word) // whatever it is, it does not panic
		words, err := splitWords(`"` + quote.Replace(word) + `" 'next'`)
		if err != nil || len(words) != 2 || words[0] != word {
			t.Fatalf("%q became %q, %v", word, words, err)
		}
	})
}

func TestUnitIsReadInFull(t *testing.T) {
	u, err := parseUnit("web.service", []byte(`# a comment
[Unit]
Description=the web
After=a.service b.service
After=c.service
Requires=a.service
Wants=b.service
OnSuccess=next.service
ConditionPathExists=!/done
StartLimitIntervalSec=0
OnFailure=mail.service

[Service]
Type=oneshot
ExecStart=/bin/lost
ExecStart=
ExecStart=-+/bin/one \
  continued
; another comment
ExecStart=:/bin/two ${X}
Environment=A=1 "B=two words"
Environment=C=
Restart=on-failure
RestartSec=1min 500ms
TimeoutStopSec=infinity
StateDirectory=web/data
DynamicUser=yes
ProtectHome=yes
ProtectSystem=strict
Nice=5

[Install]
WantedBy=multi-user.target
`))
	require.NoError(t, err)
	assert.Equal(t, &unit{
		name: "web.service", after: []string{"a.service", "b.service", "c.service"}, needs: []string{"a.service", "b.service"},
		requires: []string{"a.service"}, wantedBy: []string{"multi-user.target"}, onSuccess: []string{"next.service"},
		conditions: []condition{{path: "/done", absent: true}},
		oneshot:    true,
		start: []command{
			{argv: []string{"/bin/one", "continued"}, mayFail: true},
			{argv: []string{"/bin/two", "${X}"}, literal: true},
		},
		environment: map[string]string{"A": "1", "B": "two words", "C": ""},
		folders:     []folder{{"STATE_DIRECTORY", "/var/lib/web/data"}}, stateMode: 0o755,
		restart: "on-failure", restartDelay: time.Minute + 500*time.Millisecond,
		startTimeout: forever, stopTimeout: forever, startInterval: 0, startBurst: 5,
		skipped: []string{
			"OnFailure=mail.service is not supported",
			"DynamicUser=yes: processes run as the emulator's own user",
			"Nice=5 is not supported",
		},
		hardening: []string{"ProtectHome", "ProtectSystem"},
	}, u)
}

func TestUnitThatSystemdWouldNotLoadIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"[Service]\nType=exec\n":                                          "has no ExecStart=",
		"[Service]\nExecStart=/a\nExecStart=/b\n":                         "only Type=oneshot may have several",
		"[Service]\nType=oneshot\nRestart=always\nExecStart=/a\n":         "Restart=always is refused",
		"[Service]\nExecStart=relative\n":                                 "not absolute",
		"[Service]\nExecStart=@/only-one\n":                               "names no program",
		"[Service]\nExecStart=/a\nRestartSec=soon\n":                      `RestartSec=soon: "soon" is not a time span`,
		"[Service]\nExecStart=/a\nRestartSec=\n":                          "the time span is empty",
		"[Service]\nExecStart=/a\nRestart=sometimes\n":                    "supports no, on-failure and always",
		"[Service]\nExecStart=/a\nType=forking\n":                         "simple, exec, notify and oneshot",
		"[Service]\nExecStart=/a\nEnvironment=1A=b\n":                     `"1A=b" is not NAME=VALUE`,
		"[Service]\nExecStart=/a\nWorkingDirectory=/a b\n":                "is not one path",
		"[Unit]\nConditionPathExists=relative\n[Service]\nExecStart=/a\n": "the path is not absolute",
		"[Service\nExecStart=/a":                                          "web.service",
	} {
		_, err := parseUnit("web.service", []byte(text))
		assert.ErrorContains(t, err, want, text)
	}
}

func TestUnitNamesAreCompleted(t *testing.T) {
	for name, want := range map[string]string{
		"web": "web.service", "web.service": "web.service", "app.py": "app.py.service", "multi-user.target": "multi-user.target",
	} {
		assert.Equal(t, want, unitName(name))
	}
}
