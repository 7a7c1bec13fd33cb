package objects_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/objects"
)

func TestEqualBytesAreKeptOnce(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "objects")
	first, err := objects.Keep(folder, strings.NewReader("hello"))
	require.NoError(t, err)
	again, err := objects.KeepFile(folder, first)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.Equal(t, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", filepath.Base(first))
	content, err := os.ReadFile(first)
	require.NoError(t, err)
	assert.Equal(t, "hello", string(content))
	assert.Len(t, files(t, folder), 1)
}

func TestBytesThatCannotBeReadLeaveNothing(t *testing.T) {
	folder := t.TempDir()
	failure := errors.New("connection reset")
	_, err := objects.Keep(folder, iotest.ErrReader(failure))
	require.ErrorIs(t, err, failure)
	assert.Empty(t, files(t, folder))
}

func files(t *testing.T, folder string) []os.DirEntry {
	t.Helper()
	found, err := os.ReadDir(folder)
	require.NoError(t, err)
	return found
}
