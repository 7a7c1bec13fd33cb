package main

import (
	"encoding/json"
	"io"
)

// printJSON prints a report for programs.
func printJSON(out io.Writer, report any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(report)
}
