package main

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// testSpeed is high enough for a test, and low enough for a probe's timeout to be long beside a busy machine's pauses.
const testSpeed = "20"

func TestRehearsalOfDev(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	root := must(session.EnterProject("dev"))(t)
	before := folders(t, root)
	var out, errs bytes.Buffer
	log := &enginetest.Logger{T: t}
	args := []string{"rehearse", "--stack", "dev", "--speed", testSpeed}
	code := run(t.Context(), args, io.MultiWriter(&out, log), io.MultiWriter(&errs, log))
	require.Zero(t, code, "%s\n%s", &out, &errs)

	report := out.String()
	for _, line := range []string{
		`up +resources: \d+ created, in`,
		`healthy +i-[0-9a-f]+ in us-east-1a, 192\.168\.0\.`,
		`healthy +i-[0-9a-f]+ in us-east-1b, 192\.168\.1\.`,
		`ask +In \d{4} the number \d+\. song was .+ - .+ \(127\.168\.[01]\.\d+\)`,
		`answered +i-[0-9a-f]+ in us-east-1a: \d+ of`,
		`answered +i-[0-9a-f]+ in us-east-1b: \d+ of`,
		`up again +resources: \d+ unchanged, in`,
		`terminate +i-[0-9a-f]+ in us-east-1`,
		`replaced +by i-[0-9a-f]+ in us-east-1`,
		` +resources: \d+ deleted`,
		`left +nothing`,
	} {
		assert.Regexp(t, `(?m)^`+line, report)
	}
	assert.Equal(t, before, folders(t, root), "no file stays")
}

func folders(t *testing.T, root string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, ".emulator", "*"))
	require.NoError(t, err)
	return found
}

// must returns a result that has to be there.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		require.NoError(t, err)
		return value
	}
}
