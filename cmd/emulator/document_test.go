package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/elastic-service/elastic-service/internal/docstest"
)

// The document lists the commands and flags that the help lists.
func TestTheDocumentListsTheCommands(t *testing.T) {
	root := newRoot()
	var rows [][]string
	for _, group := range root.Groups() {
		for _, c := range root.Commands() {
			if c.GroupID == group.ID {
				rows = append(rows, commandRows(c)...)
			}
		}
	}
	for _, c := range root.Commands() {
		if c.GroupID == "" && c.Name() != "help" && c.Name() != "completion" {
			rows = append(rows, commandRows(c)...)
		}
	}
	docstest.Section(t, "../../docs/emulator.md", "commands", docstest.Table([]string{"command", "what it does", "its flags"}, rows))
}

// commandRows returns a row for a command and for each command below it.
func commandRows(c *cobra.Command) [][]string {
	var names []string
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			names = append(names, "`--"+f.Name+"`")
		}
	})
	usage := strings.TrimSuffix(strings.TrimPrefix(c.UseLine(), "emulator "), " [flags]")
	usage = strings.ReplaceAll(usage, "|", `\|`) // ends no cell
	rows := [][]string{{fmt.Sprintf("`%s`", usage), c.Short, strings.Join(names, " ")}}
	for _, below := range c.Commands() {
		rows = append(rows, commandRows(below)...)
	}
	return rows
}
