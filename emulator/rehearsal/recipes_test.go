package rehearsal

import (
	"bytes"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/runtime"
	"github.com/elastic-service/elastic-service/emulator/runtime/nspawn"
	"github.com/elastic-service/elastic-service/emulator/session"
	"github.com/elastic-service/elastic-service/internal/docstest"
	"github.com/elastic-service/elastic-service/internal/project"
	"github.com/elastic-service/elastic-service/settings"
)

// recipe is a stack of a document that is followed to the letter.
type recipe struct {
	document string
	needs    []string // commands that succeed where this machine has the programs of the stack's packages
	question string
	answer   string // as the report shows it
}

var recipes = map[string]recipe{
	"cache": {"docs/your-own-stack.md", []string{"command -v redis-server"}, "PING", `ask +\+PONG`},
	"guestbook": {"docs/recipes.md", []string{
		"command -v gunicorn", "/usr/bin/python3 -c 'import flask, psycopg2'", "ls /usr/lib/postgresql/*/bin/postgres",
	}, "/", `ask +visit \d+`},
	"quotes": {"docs/recipes.md", []string{"command -v node"}, "/", `ask +Good morning\. .+\.`},
	"site":   {"docs/recipes.md", []string{"command -v nginx || ls /usr/sbin/nginx"}, "/index.html", `ask +<!-- site/index.html -->`},
	"orders": {"docs/recipes.md", []string{"command -v javac"}, "/", `ask +orders in EUR`},
}

// projectOf returns the folder of a project with the files that the recipe's document shows.
func (r recipe) projectOf(t *testing.T) string {
	t.Helper()
	for _, check := range r.needs {
		if err := exec.Command("sh", "-c", check).Run(); err != nil {
			require.Empty(t, os.Getenv("CI"), "%s: %v", check, err)
			t.Skipf("%s fails, and packages are this machine's on the emulator", check)
		}
	}
	project := docstest.Project(t, must(session.EnterProject("dev"))(t), r.document)
	if slices.Contains(r.needs, "command -v javac") {
		build := exec.Command("sh", "-e", "orders/build.sh")
		build.Dir = project
		out, err := build.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	return project
}

// rehearse rehearses the recipe and returns the report.
func (r recipe) rehearse(t *testing.T, o Options) string {
	t.Helper()
	t.Chdir(o.Session.Root) // where the command is started
	var out bytes.Buffer
	o.Question, o.Out = r.question, io.MultiWriter(&out, o.Out)
	_, err := runIn(t.Context(), o, newReport(o))
	require.NoError(t, err)
	assert.Regexp(t, r.answer, out.String())
	return out.String()
}

func TestTheRecipesOfTheDocumentsAreRehearsed(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(recipes)) {
		t.Run(name, func(t *testing.T) {
			if enginetest.Apart(t) {
				return
			}
			report := recipes[name].rehearse(t, testOptions(t, recipes[name].projectOf(t), name, t.TempDir(), 20))
			assert.Regexp(t, `skipped +packages: .+ is not installed`, report)
		})
	}
}

func TestTheRecipesOfTheDocumentsAreRehearsedOnBootedMachines(t *testing.T) {
	if missing := nspawn.Missing(); missing != "" {
		require.Empty(t, os.Getenv("CI"), missing)
		t.Skip(missing)
	}
	for _, name := range slices.Sorted(maps.Keys(recipes)) {
		t.Run(name, func(t *testing.T) {
			folder := recipes[name].projectOf(t)
			// Before the test enters a namespace without a way out, and before an instance waits for it.
			for _, packages := range [][]string{nil, packagesOf(t, folder, name)} {
				_, err := nspawn.Base(t.Context(), slog.Default(), packages...)
				require.NoError(t, err)
			}
			if enginetest.Apart(t) {
				return
			}
			o := testOptions(t, folder, name, t.TempDir(), 4)
			o.Session.Runtime = runtime.Nspawn
			recipes[name].rehearse(t, o)
		})
	}
}

// packagesOf returns the packages of a stack's user data.
func packagesOf(t *testing.T, root, stack string) []string {
	t.Helper()
	s, err := settings.Parse(must(project.Config(root, stack))(t))
	require.NoError(t, err)
	return s.App.Packages
}
