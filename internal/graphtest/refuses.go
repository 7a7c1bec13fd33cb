package graphtest

import (
	"strings"
	"testing"
)

// Refusal is a change that makes good arguments invalid.
type Refusal[Args any] struct {
	Name   string
	Change func(*Args)
	Want   string // a part of the error
}

// Refuses deploys a component with each of the changes to good arguments. Every deployment must fail with the error that the
// case wants, and must register nothing.
func Refuses[Args any](
	t *testing.T, good func() *Args, deploy func(*testing.T, *Args) (*Graph, error), cases []Refusal[Args],
) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			args := good()
			c.Change(args)
			g, err := deploy(t, args)
			switch {
			case err == nil:
				t.Errorf("no error, want one with %q", c.Want)
			case !strings.Contains(err.Error(), c.Want):
				t.Errorf("the error is\n  %v\nwant one with\n  %s", err, c.Want)
			}
			for _, r := range g.Resources {
				t.Errorf("%s %s is registered", r.Type, r.Name)
			}
		})
	}
}
