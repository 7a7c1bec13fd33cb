package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/experiments"
	"github.com/elastic-service/elastic-service/emulator/session"
)

func newExperiment() *cobra.Command {
	c := &cobra.Command{
		Use:   "experiment NAME",
		Short: "Answer a question about the stack by measurement",
		Long: `Answer a question about the stack by measurement, each on emulators of its own.
docs/experiments.md has what they found.

With --output json an experiment prints an object when it has ended: experiment, stack, speed, error,
and findings, whose fields go doc ./emulator/experiments lists. Times are in seconds.`,
		Example: `  emulator experiment answers --stack cardweb
  emulator experiment terminate --count 2 --speed 1
  emulator experiment scale --instances 100`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%w: name one experiment: %s", session.ErrUsage, experiments.NameList())
			}
			return fmt.Errorf("%w: there is no experiment %q; there is %s", session.ErrUsage, args[0], experiments.NameList())
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // Args refuses it
	}
	c.AddCommand(
		newExperimentCommand("answers", "Which instance answers: is there a pattern?",
			`Ask 3000 questions of three instances, one after the other, and count who answers. The report
compares the counts with those that chance makes (χ²), and looks for patterns in the order (the runs
test of Wald and Wolfowitz), with cross-zone balancing on and off.`, nil),
		newExperimentCommand("terminate", "What do clients notice when instances are terminated?",
			`Terminate some of the instances at once, while clients ask 100 questions a second, and report what
happened when, and which questions were lost.`,
			func(c *cobra.Command, o *experiments.Options) {
				c.Flags().IntVar(&o.Count, "count", 1, fmt.Sprintf("how many `instances` to terminate at once, up to %d", experiments.MostInstances))
			}),
		newExperimentCommand("replacement", "Where does the time go until a lost instance is replaced?",
			`Lose an instance that is terminated, and an instance whose service is dead, with the settings that
the console proposes and with those of the stack, and report the phases until a replacement answers.`, nil),
		newExperimentCommand("scale", "What do many instances and resources cost on this machine?",
			`Deploy a group of many instances and measure the time, CPU and memory that it takes.`,
			func(c *cobra.Command, o *experiments.Options) {
				c.Flags().IntVar(&o.Instances, "instances", 2, fmt.Sprintf("`size` of the group, up to %d", experiments.MostInstances))
				c.Flags().IntVar(&o.Resources, "resources", 0,
					fmt.Sprintf("at least so many resources, up to %d (default the stack's own)", experiments.MostResources))
			}),
	)
	return c
}

// newExperimentCommand returns the command of an experiment. addFlags adds its own flags.
func newExperimentCommand(name, short, long string, addFlags func(*cobra.Command, *experiments.Options)) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short, Long: long, Args: noArguments}
	flags := addStackFlags(c)
	o := experiments.Options{Count: 1, Instances: 2}
	c.Flags().StringVar(&o.Question, "ask", "", askHelp)
	output := addOutputFlag(c)
	if addFlags != nil {
		addFlags(c, &o)
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := o.Check(); err != nil {
			return err
		}
		root, err := session.EnterProject(flags.stack)
		if err != nil {
			return err
		}
		defer working(c.OutOrStdout(), "measuring")()
		o.Session = flags.session(root, "", c.ErrOrStderr())
		if *output == formatJSON {
			return experimentJSON(c.Context(), name, o, c.OutOrStdout())
		}
		o.Found = func(f experiments.Finding) { f.Print(c.OutOrStdout()) }
		return experiments.Run(c.Context(), name, o)
	}
	return c
}

// experimentReport is the JSON of an experiment.
type experimentReport struct {
	Experiment string                `json:"experiment"`
	Stack      string                `json:"stack"`
	Speed      float64               `json:"speed"` // emulated seconds in a real second
	Findings   []experiments.Finding `json:"findings"`
	Error      string                `json:"error,omitempty"`
}

// experimentJSON runs an experiment and prints what it found, also if it fails.
func experimentJSON(ctx context.Context, name string, o experiments.Options, out io.Writer) error {
	report := experimentReport{Experiment: name, Stack: o.Session.Stack, Speed: o.Session.Speed, Findings: []experiments.Finding{}}
	o.Found = func(f experiments.Finding) { report.Findings = append(report.Findings, f) }
	err := experiments.Run(ctx, name, o)
	if err != nil {
		report.Error = err.Error()
	}
	return errors.Join(err, printJSON(out, report))
}
