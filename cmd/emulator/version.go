package main

import (
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/engine"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of the emulator, of Go and of the Pulumi CLI",
		Long: `Print the version of the emulator, the commit that it was built from, the version of Go, and the
version of the Pulumi CLI that it builds if there is no recent one on PATH.`,
		Example: `  emulator version`,
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			info, _ := debug.ReadBuildInfo()
			printVersion(c.OutOrStdout(), info)
			return nil
		},
	}
}

// printVersion prints what the linker has recorded. Only a program that `go build` built in a checkout knows its commit.
func printVersion(out io.Writer, info *debug.BuildInfo) {
	version, revision, goVersion, modified := "unknown", "unknown", "unknown", ""
	if info != nil {
		version, goVersion = info.Main.Version, info.GoVersion
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = ", with changes"
			}
		}
	}
	fmt.Fprintf(out, "emulator    %s\ncommit      %s%s\nGo          %s\nPulumi CLI  %s, or a newer one on PATH\n", version, revision, modified,
		goVersion, engine.CLIVersion)
}
