package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cutShort is an engine that was killed, with the folder of its backend.
func cutShort(t *testing.T) (e *Engine, backend string) {
	t.Helper()
	e = &Engine{name: "dev", folder: t.TempDir()}
	backend = filepath.Join(e.folder, "backend", ".pulumi")
	require.NoError(t, os.MkdirAll(backend, 0o700))
	require.NoError(t, e.begin())
	return e, backend
}

func TestWhatAKilledPulumiWasWritingIsDeleted(t *testing.T) {
	e, backend := cutShort(t)
	write := func(name, text string) string {
		file := filepath.Join(backend, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	whole := []string{write("dev.json", "{}"), write("dev.json.bak", "{}"), write("dev.json.bak.attrs", `{"user.cache_control":""}`)}
	broken := []string{write("dev.json.attrs", ""), write("meta.yaml.attrs", `{"user`), write("dev.json.1234.tmp", `{"versi`)}
	require.NoError(t, e.mend(t.Context()))
	for _, file := range whole {
		assert.FileExists(t, file)
	}
	for _, file := range broken {
		assert.NoFileExists(t, file)
	}
	require.NoError(t, e.end(nil))
	again := write("dev.json.attrs", "")
	require.NoError(t, e.mend(t.Context()))
	assert.FileExists(t, again, "after an operation that was finished nothing is touched")
}

func TestTheLockOfAProcessThatIsGoneIsNobodys(t *testing.T) {
	e, backend := cutShort(t)
	locks := filepath.Join(backend, "locks", "organization", "elastic-service", "dev")
	require.NoError(t, os.MkdirAll(locks, 0o700))
	_, left, err := e.locks()
	require.NoError(t, err)
	assert.False(t, left)
	for name, pid := range map[string]int{"gone": 1 << 30, "reused by another program": os.Getpid()} {
		require.NoError(t, os.WriteFile(filepath.Join(locks, "a.json"), fmt.Appendf(nil, `{"pid":%d}`, pid), 0o600))
		holders, left, err := e.locks()
		require.NoError(t, err)
		assert.Empty(t, holders, name)
		assert.True(t, left, name)
	}
}

func TestACutConnectionIsSaidInWords(t *testing.T) {
	assert.Equal(t, connectionLost, cause("error reading from server: EOF"))
	assert.Equal(t, connectionLost, cause("could not load provider urn:pulumi:dev::x::pulumi:providers:aws::default: aws "+
		"(resource) plugin [aws] did not begin responding to RPC connections"))
	assert.Equal(t, connectionLost, cause(`rpc error: code = Unavailable desc = transport is closing`))
	assert.Equal(t, []string{"a", "b"}, distinct([]string{"a", "b", "a"}))
	assert.Equal(t, []string{connectionLost}, distinct([]string{connectionLost, connectionLost}))
	assert.Equal(t, []string{connectionLost}, distinct([]string{connectionLost, "update failed"}))
	assert.Equal(t, []string{"update failed"}, distinct([]string{"update failed"}))
	assert.Equal(t, []string{"a"}, distinct([]string{connectionLost, "a", connectionLost}), "the program's own, after its end")
}
