package docstest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fence   = regexp.MustCompile("(?ms)^```.*?^```")
)

// TestLinksOfTheDocumentsLeadSomewhere follows the links between files and headings of the repository.
func TestLinksOfTheDocumentsLeadSomewhere(t *testing.T) {
	const root = "../.."
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			followLinks(t, path)
		}
		return nil
	}))
}

func followLinks(t *testing.T, path string) {
	t.Helper()
	for _, found := range link.FindAllStringSubmatch(withoutCode(t, path), -1) {
		target, anchor, _ := strings.Cut(found[1], "#")
		if strings.Contains(target, "://") {
			continue
		}
		file := path
		if target != "" {
			file = filepath.Join(filepath.Dir(path), target)
		}
		if _, err := os.Stat(file); !assert.NoError(t, err, "%s links to %s", path, found[1]) || anchor == "" {
			continue
		}
		assert.Contains(t, anchors(t, file), anchor, "%s links to %s", path, found[1])
	}
}

func withoutCode(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return fence.ReplaceAllString(string(text), "")
}

// anchors returns the names that GitHub gives the headings of a file.
func anchors(t *testing.T, path string) []string {
	t.Helper()
	var names []string
	for _, h := range heading.FindAllStringSubmatch(withoutCode(t, path), -1) {
		names = append(names, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 127:
				return r
			}
			return -1
		}, strings.ToLower(h[1])))
	}
	return names
}
