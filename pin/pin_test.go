package pin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/engine"
	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/internal/graphtest"
	"github.com/elastic-service/elastic-service/internal/project"
)

func TestBadArgumentsRegisterNothing(t *testing.T) {
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		_, err := New(ctx, "web-image", &Args{})
		return err
	})
	require.ErrorContains(t, err, "found: a value is needed")
	assert.Empty(t, g.Resources)
}

// The engine itself decides what is kept, so that it has to be asked.
func TestWhatWasFoundFirstStaysUntilTheTriggerChanges(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	s := newStack(t)
	assert.Equal(t, "ami-1", s.up("ami-1", "latest"), "the first deployment")
	assert.Equal(t, 0, s.changes("ami-2", "latest"), "a preview, when there is a newer image")
	assert.Equal(t, "ami-1", s.up("ami-2", "latest"), "an unrelated deployment")
	assert.Equal(t, 1, s.changes("ami-2", "latest, in May"), "a preview with another trigger")
	assert.Equal(t, "ami-2", s.up("ami-2", "latest, in May"))
	assert.Equal(t, "ami-2", s.up("ami-3", "latest, in May"))
	assert.Equal(t, "ami-3", s.up("ami-3", "latest, in May", optup.Replace([]string{"**::web-image-kept"})), "asked for on the command line")
}

// stack is a stack of one pin.
type stack struct {
	t              *testing.T
	auto           auto.Stack
	found, trigger string // as the program finds them
}

func newStack(t *testing.T) *stack {
	t.Helper()
	root, err := project.Root()
	require.NoError(t, err)
	cli, err := engine.CLI(t.Context(), root, os.Stderr)
	require.NoError(t, err)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "Pulumi.yaml"), []byte("name: pins\nruntime: go\n"), 0o600))
	s := &stack{t: t}
	workspace, err := auto.NewLocalWorkspace(t.Context(), auto.Pulumi(cli), auto.WorkDir(folder), auto.Program(s.program),
		auto.PulumiHome(filepath.Join(folder, "home")), auto.EnvVars(map[string]string{
			"PULUMI_BACKEND_URL": "file://" + folder, "PULUMI_CONFIG_PASSPHRASE": "test", "PULUMI_SKIP_UPDATE_CHECK": "true",
		}))
	require.NoError(t, err)
	s.auto, err = auto.UpsertStack(t.Context(), "test", workspace)
	require.NoError(t, err)
	return s
}

func (s *stack) program(ctx *pulumi.Context) error {
	p, err := New(ctx, "web-image", &Args{
		Found: pulumi.StringMap{"id": pulumi.String(s.found)}, Trigger: pulumi.StringArray{pulumi.String(s.trigger)},
	})
	if err == nil {
		ctx.Export("kept", p.Kept)
	}
	return err
}

// up deploys the pin and returns what it keeps.
func (s *stack) up(found, trigger string, options ...optup.Option) string {
	s.t.Helper()
	s.found, s.trigger = found, trigger
	result, err := s.auto.Up(s.t.Context(), options...)
	require.NoError(s.t, err)
	text, err := json.Marshal(result.Outputs["kept"].Value)
	require.NoError(s.t, err)
	kept := map[string]string{}
	require.NoError(s.t, json.Unmarshal(text, &kept))
	return kept["id"]
}

// changes returns how many resources a preview would not leave as they are.
func (s *stack) changes(found, trigger string) int {
	s.t.Helper()
	s.found, s.trigger = found, trigger
	result, err := s.auto.Preview(s.t.Context())
	require.NoError(s.t, err)
	changes := 0
	for op, count := range result.ChangeSummary {
		if op != "same" {
			changes += count
		}
	}
	return changes
}
