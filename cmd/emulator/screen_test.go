package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/session"
)

func TestWithoutATerminalLinesArePlain(t *testing.T) {
	file := must(os.CreateTemp(t.TempDir(), ""))(t)
	defer file.Close()
	out, errs := onScreen(file, file)
	assert.Equal(t, file, out)
	assert.Equal(t, file, errs)
	working(out, "deploying")()
	assert.Empty(t, must(os.ReadFile(file.Name()))(t))
}

func TestAScreenShowsStatesInColour(t *testing.T) {
	terminal := &recorder{}
	s := &screen{terminal: terminal, colour: true}
	out := &pane{screen: s, to: terminal}
	fmt.Fprint(out, "i-1  run")
	assert.Empty(t, terminal.String(), "a line is painted as a whole")
	fmt.Fprint(out, "ning  unhealthy\n")
	assert.Equal(t, "i-1  \x1b[32mrunning\x1b[0m  \x1b[31munhealthy\x1b[0m\n", terminal.String())
}

func TestAScreenWithoutColour(t *testing.T) {
	terminal := &recorder{}
	fmt.Fprintln(&pane{screen: &screen{terminal: terminal}, to: terminal}, "healthy")
	assert.Equal(t, "healthy\n", terminal.String())
}

func TestWhatIsUnderWayStaysBelowTheLines(t *testing.T) {
	terminal := &recorder{}
	s := &screen{terminal: terminal}
	out := &pane{screen: s, to: terminal}
	end := working(out, "deploying")
	shown := func() bool { return strings.HasSuffix(terminal.String(), " deploying, 0 s") }
	require.NoError(t, session.Poll(t.Context(), 5*time.Second, shown))
	fmt.Fprintln(out, "up")
	assert.Contains(t, terminal.String(), " deploying, 0 s\r\x1b[Kup\n")
	end()
	assert.NotContains(t, terminal.String()[strings.LastIndex(terminal.String(), "\x1b[K"):], "deploying")
}
