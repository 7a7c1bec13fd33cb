package engine

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheCLIsVersionIsTheOneThatIsPinned(t *testing.T) {
	pins, err := os.ReadFile("../../tools/go.mod")
	require.NoError(t, err)
	assert.Contains(t, string(pins), "github.com/pulumi/pulumi/pkg/v3 "+CLIVersion)
}

func TestABuildsOutputIsCountedAndItsErrorsAreKept(t *testing.T) {
	var progress bytes.Buffer
	failure := follow(strings.NewReader("go: downloading example.com/a v1.0.0\nexample.com/a\nexample.com/b\n"+
		"# example.com/b\nb.go:1:1: syntax error\n"), &progress)
	assert.Equal(t, "# example.com/b\nb.go:1:1: syntax error\n", failure)
}

func TestABuildThatFailsSaysWhyAndLeavesNothing(t *testing.T) {
	module, home := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(module+"/go.mod", []byte("module example.com/empty\n\ngo 1.26\n"), 0o600))
	err := build(t.Context(), module, home, io.Discard)
	require.ErrorContains(t, err, "github.com/pulumi/pulumi/pkg/v3")
	left, err := os.ReadDir(home + "/bin")
	require.NoError(t, err)
	assert.Empty(t, left)
}
