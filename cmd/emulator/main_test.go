package main

import (
	"bytes"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// commandVariable makes the test binary the command.
const commandVariable = "EMULATOR_TEST_COMMAND"

// TestMain keeps the tests away from an emulator that its user runs.
func TestMain(m *testing.M) {
	if os.Getenv(commandVariable) != "" {
		main()
	}
	if err := os.Setenv(addressVariable, "127.0.0.1:1"); err != nil {
		panic(err)
	}
	m.Run()
}

// recorder keeps what is written to it from several goroutines.
type recorder struct {
	mu   sync.Mutex
	said bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.Write(p)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.String()
}

func TestMistypedCommandLinesSayWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"nothing":              {nil, 2, "name a command"},
		"help":                 {[]string{"help"}, 0, "rehearse"},
		"an unknown command":   {[]string{"rehears"}, 2, `there is no command "rehears"`},
		"an unknown flag":      {[]string{"rehearse", "--sped", "10"}, 2, "--sped"},
		"a flag's help":        {[]string{"up", "-h"}, 0, "--speed"},
		"an argument too many": {[]string{"rehearse", "dev"}, 2, `"dev" is one too many`},
		"an unknown stack":     {[]string{"rehearse", "--stack", "deb"}, 2, "Pulumi.deb.yaml"},
		"an absurd speed":      {[]string{"rehearse", "--speed", "0"}, 2, "0 is not a number between 0.1 and 1000"},
		"no speed at all":      {[]string{"up", "--speed", "NaN"}, 2, "NaN is not a number between"},
		"an unknown runtime":   {[]string{"up", "--runtime", "docker"}, 2, `"docker" is neither process nor machine`},
		"an empty argument":    {[]string{"terminate", ""}, 2, "an argument is empty"},
		"no instance":          {[]string{"terminate"}, 2, "name one instance"},
		"no service":           {[]string{"stop-service", "i-1"}, 2, "name an instance and one of its services"},
		"nobody to be asked":   {[]string{"status"}, 1, "no emulator is running at 127.0.0.1:1"},
		"no experiment":        {[]string{"experiment"}, 2, "answers, replacement, scale, terminate"},
		"another experiment":   {[]string{"experiment", "anser"}, 2, `there is no experiment "anser"`},
		"too many instances":   {[]string{"experiment", "scale", "--instances", "1000"}, 2, "--instances 1000 is not between 1 and 200"},
		"nobody terminated":    {[]string{"experiment", "terminate", "--count", "0"}, 2, "--count 0 is not between"},
		"two lines":            {[]string{"call", "1", "2"}, 2, `"2" is one too many`},
		"another address":      {[]string{"status", "--address", "127.0.0.1:2"}, 1, "no emulator is running at 127.0.0.1:2"},
		"no address":           {[]string{"status", "--address", "4567"}, 2, `"4567" is not HOST:PORT`},
		"another output":       {[]string{"status", "-o", "yaml"}, 2, `"yaml" is neither text nor json`},
		"how to use it":        {[]string{"terminate"}, 2, "usage: emulator terminate INSTANCE"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			assert.Equal(t, c.code, run(t.Context(), c.args, &out, &out))
			assert.Contains(t, out.String(), c.says)
		})
	}
}
