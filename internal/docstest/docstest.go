// Package docstest holds tables of the documents in step with the tests that execute them: what a document lists is what a
// test runs.
//
//	<!-- NAME: kept in step by a test -->
//	…
//	<!-- end of NAME -->
package docstest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Update is the environment variable that makes [Section] write instead of compare.
const Update = "UPDATE_DOCS"

// Section compares a section of a document with what a test says that it is. With UPDATE_DOCS=1 it rewrites the section.
func Section(t testing.TB, file, name, want string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, began := strings.Cut(string(text), "<!-- "+name+": kept in step by a test -->\n")
	is, after, ended := strings.Cut(rest, "<!-- end of "+name+" -->\n")
	if !began || !ended {
		t.Fatalf("%s has no section %q", file, name)
	}
	if is == want {
		return
	}
	if os.Getenv(Update) == "" {
		t.Fatalf("%s: section %q is not what its test runs (%s=1 go test rewrites it): %s", file, name, Update, difference(is, want))
	}
	whole := before + "<!-- " + name + ": kept in step by a test -->\n" + want + "<!-- end of " + name + " -->\n" + after
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
}

func difference(is, want string) string {
	there, wanted := strings.Split(is, "\n"), strings.Split(want, "\n")
	for n := range min(len(there), len(wanted)) {
		if there[n] != wanted[n] {
			return "it says\n  " + there[n] + "\nand the test runs\n  " + wanted[n]
		}
	}
	return "one is longer than the other"
}

// Table renders rows below a head.
func Table(head []string, rows [][]string) string {
	var text strings.Builder
	line := func(cells []string) { text.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(head)
	text.WriteString(strings.Repeat("|---", len(head)) + "|\n")
	for _, row := range rows {
		line(row)
	}
	return text.String()
}

// File compares a whole file with what a test says that it is. With UPDATE_DOCS=1 it writes the file.
func File(t testing.TB, file, want string) {
	t.Helper()
	is, err := os.ReadFile(file)
	switch {
	case os.Getenv(Update) != "":
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	case err != nil:
		t.Fatal(err)
	case string(is) != want:
		t.Fatalf("%s is not what its test generates (%s=1 go test rewrites it): %s", file, Update, difference(string(is), want))
	}
}

// fileBlock matches a block of code whose first line is a comment with the name of a file.
var fileBlock = regexp.MustCompile("(?s)\n```[a-z]+\n((?:#|//|<!--) ([A-Za-z0-9./]+\\.[a-z]+)(?: -->)?\n.*?)```\n")

// Files returns the files that a document shows, by their names: its blocks of code that begin with a comment of the file's name. The
// comment is part of the file, but not where the file is JSON, which has no comments.
func Files(t testing.TB, document string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, found := range fileBlock.FindAllStringSubmatch(string(text), -1) {
		content, name := found[1], found[2]
		if strings.HasSuffix(name, ".json") {
			_, content, _ = strings.Cut(content, "\n")
		}
		if _, twice := files[name]; twice {
			t.Fatalf("%s shows %s twice", document, name)
		}
		files[name] = content
	}
	return files
}

// Project returns the folder of a project that has the files which a document of the project at root shows, as a user would copy them.
// Beside them it has only what every deployment needs: Pulumi.yaml, and the sources of the programs that each instance gets.
func Project(t testing.TB, root, document string) string {
	t.Helper()
	folder := t.TempDir()
	files := Files(t, filepath.Join(root, document))
	for _, name := range []string{"Pulumi.yaml", "go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(content)
	}
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, sources := range []string{"cmd", "healthcheck", "internal", "secrets"} {
		if err := os.CopyFS(filepath.Join(folder, sources), os.DirFS(filepath.Join(root, sources))); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
