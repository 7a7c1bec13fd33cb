package logstore

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func event(n int) Event {
	return Event{Time: int64(n), Ingested: int64(n), Message: fmt.Sprintf("event %04d", n)}
}

func append1(t *testing.T, s *Store, key string, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		require.NoError(t, s.Append(key, []Event{event(n)}))
	}
}

func TestEventsAreReadInTheirOrderSinceATime(t *testing.T) {
	s := Open(filepath.Join(t.TempDir(), "logs"))
	none, err := s.Read("a", time.Time{})
	require.NoError(t, err)
	assert.Empty(t, none)
	require.NoError(t, s.Append("a", nil))
	require.NoError(t, s.Append("a", []Event{event(2), event(3)}))
	require.NoError(t, s.Append("a", []Event{{Time: 1, Ingested: 5, Message: "late"}}))
	all, err := s.Read("a", time.UnixMilli(3))
	require.NoError(t, err)
	assert.Equal(t, []Event{{Time: 1, Ingested: 5, Message: "late"}, event(3)}, all)
}

func TestAStreamHasTwoFilesAtMost(t *testing.T) {
	s := Open(t.TempDir())
	s.most = 1000
	append1(t, s, "a", 0, 200)
	files, err := s.files()
	require.NoError(t, err)
	require.Len(t, files, 2)
	for _, f := range files {
		assert.Less(t, f.Size(), int64(1300))
	}
	kept, err := s.Read("a", time.Time{})
	require.NoError(t, err)
	assert.Equal(t, event(199), kept[len(kept)-1])
	assert.Contains(t, kept[0].Message, "what came before was deleted")
	assert.Equal(t, int64(199), kept[1].Time+int64(len(kept))-3, "none is missing in between, but for the note of the second file")
}

func TestAllFilesTogetherAreBounded(t *testing.T) {
	s := Open(t.TempDir())
	s.most, s.total = 500, 3000
	for stream := range 8 {
		append1(t, s, fmt.Sprint("stream", stream), 0, 30)
	}
	files, err := s.files()
	require.NoError(t, err)
	total := int64(0)
	for _, f := range files {
		total += f.Size()
	}
	assert.LessOrEqual(t, total, int64(3000+600))
	last, err := s.Read("stream7", time.Time{})
	require.NoError(t, err)
	assert.NotEmpty(t, last)
}

func TestACrashLosesNoMoreThanTheLastLine(t *testing.T) {
	s := Open(t.TempDir())
	append1(t, s, "a", 0, 2)
	f, err := os.OpenFile(s.file("a", newSuffix), os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = f.WriteString(`{"t":2,"m":"cu`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	kept, err := s.Read("a", time.Time{})
	require.NoError(t, err)
	assert.Len(t, kept, 2)
}

func TestWhatIsNotKeptIsDeleted(t *testing.T) {
	s := Open(t.TempDir())
	s.most = 100
	append1(t, s, "a", 0, 10)
	append1(t, s, "b", 0, 10)
	require.NoError(t, s.Keep(map[string]bool{"b": true}))
	gone, err := s.Read("a", time.Time{})
	require.NoError(t, err)
	assert.Empty(t, gone)
	kept, err := s.Read("b", time.Time{})
	require.NoError(t, err)
	assert.NotEmpty(t, kept)
}
