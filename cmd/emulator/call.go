package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/load"
	"github.com/elastic-service/elastic-service/emulator/loopback"
)

func newCall(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "call [QUESTION]",
		Short: "Ask the service through its balancer and print the answer",
		Long: `Ask the service of the running emulator through the listener with the lowest port of its first
balancer, and print the first line of the answer.

QUESTION is a line of text, sent over TCP or TLS, or a path that starts with /, requested over HTTP or
HTTPS. Without it, call sends 0, or gets / from an HTTP balancer.`,
		Example: `  emulator call 2004
  emulator call /index.html`,
		Args: arguments(0, 1, ""),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := g.client().Status(c.Context())
			if err != nil {
				return err
			}
			question := ""
			if len(args) == 1 {
				question = args[0]
			}
			service, err := firstService(s, question)
			if err != nil {
				return err
			}
			answer, err := service.Ask(c.Context())
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), answer)
			return nil
		},
	}
}

// firstService returns the listener with the lowest port of the first balancer. Without a question it is asked what suits it. Each
// question to a network balancer has a connection of its own.
func firstService(s api.Status, question string) (*load.Service, error) {
	if len(s.Balancers) == 0 {
		return nil, errNoBalancer
	}
	first := s.Balancers[0]
	switch {
	case question != "":
	case first.Kind == "application", strings.HasSuffix(first.Address, fmt.Sprintf(":%d", loopback.Port(80))):
		question = "/"
	default:
		question = "0"
	}
	service, err := load.NewService(first.Address, first.Protocol, question, s.Authority)
	if err != nil {
		return nil, err
	}
	service.ConnectEachTime(first.Kind == "network")
	return service, nil
}

var errNoBalancer = errors.New("no balancer is listening: is the stack up?")
