package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/elastic-service/elastic-service/emulator"
)

// commandVariable makes the test binary the command, with the control API at an address of its own.
const commandVariable = "EMULATOR_TEST_ADDRESS"

// TestMain keeps the tests away from an emulator that its user runs.
func TestMain(m *testing.M) {
	if address := os.Getenv(commandVariable); address != "" {
		client.Address = address
		main()
	}
	client.Address = "127.0.0.1:1"
	m.Run()
}

func TestMistypedCommandLinesSayWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"nothing":              {nil, 2, "usage: emulator COMMAND"},
		"help":                 {[]string{"help"}, 0, "rehearse"},
		"an unknown command":   {[]string{"rehears"}, 2, `there is no command "rehears"`},
		"an unknown flag":      {[]string{"rehearse", "-sped", "10"}, 2, "-sped"},
		"a flag's help":        {[]string{"up", "-h"}, 0, "-speed"},
		"an argument too many": {[]string{"rehearse", "dev"}, 2, `"dev" is one too many`},
		"an unknown stack":     {[]string{"rehearse", "-stack", "deb"}, 2, "Pulumi.deb.yaml"},
		"an absurd speed":      {[]string{"rehearse", "-speed", "0"}, 2, "-speed 0 is not between"},
		"no speed at all":      {[]string{"up", "-speed", "NaN"}, 2, "-speed NaN is not between"},
		"an unknown runtime":   {[]string{"up", "-runtime", "docker"}, 2, `-runtime "docker" is neither process nor machine`},
		"an empty argument":    {[]string{"terminate", ""}, 2, "one of them is empty"},
		"no instance":          {[]string{"terminate"}, 2, "name one instance"},
		"no service":           {[]string{"stop-service", "i-1"}, 2, "name an instance and one of its services"},
		"nobody to be asked":   {[]string{"status"}, 1, emulator.ErrNotRunning.Error()},
		"no experiment":        {[]string{"experiment"}, 2, "answers, replacement, scale, terminate"},
		"another experiment":   {[]string{"experiment", "anser"}, 2, `there is no experiment "anser"`},
		"too many instances":   {[]string{"experiment", "scale", "-instances", "1000"}, 2, "-instances 1000 is not between 1 and 200"},
		"nobody terminated":    {[]string{"experiment", "terminate", "-count", "0"}, 2, "-count 0 is not between"},
		"two lines":            {[]string{"call", "1", "2"}, 2, "one question"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			assert.Equal(t, c.code, run(t.Context(), c.args, &out, &out))
			assert.Contains(t, out.String(), c.says)
		})
	}
}
