package docstest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/docstest"
)

// failing notes that a test would have failed.
type failing struct {
	testing.TB
	failed bool
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(string, ...any) {
	f.failed = true
	panic(f)
}

func TestASectionIsComparedAndRewrittenAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "doc.md")
	const before, after = "# Head\n<!-- a: kept in step by a test -->\n", "<!-- end of a -->\nrest\n"
	require.NoError(t, os.WriteFile(file, []byte(before+"old\n"+after), 0o600))
	t.Setenv(docstest.Update, "")
	refused := func(name, want string) bool {
		f := &failing{TB: t}
		func() {
			defer func() { _ = recover() }()
			docstest.Section(f, file, name, want)
		}()
		return f.failed
	}
	assert.False(t, refused("a", "old\n"))
	assert.True(t, refused("a", "new\n"))
	assert.True(t, refused("b", "old\n"), "there is no such section")

	t.Setenv(docstest.Update, "1")
	table := docstest.Table([]string{"x", "y"}, [][]string{{"1", "2"}})
	docstest.Section(t, file, "a", table)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, before+"| x | y |\n|---|---|\n| 1 | 2 |\n"+after, string(text))
}
