// Command withsecrets starts a program with secrets in its environment, which it fetches from AWS:
//
//	withsecrets [-region REGION] [-timeout 30s] NAME=SOURCE … -- PROGRAM [ARGUMENT …]
//
// A SOURCE is secret:ID, secret:ID#KEY, secret:ID#KEY#VERSION or parameter:NAME, see package secrets. The credentials are those of the
// SDK for Go: on an instance, of its role.
//
// It becomes the program, in the same process. If a value is missing, it prints which and why, and ends with status 1; with status 2 if an
// argument is wrong, and 127 if the program does not exist.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/secrets"
)

const (
	missing    = 1
	wrongUsage = 2
	noProgram  = 127 // as a shell has it
)

func main() {
	os.Exit(run(os.Args[1:], os.Stderr))
}

// run returns only if the program was not started.
func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("withsecrets", flag.ContinueOnError)
	flags.SetOutput(stderr)
	region := flags.String("region", "", "`region` of the secrets; the SDK's own when empty: of AWS_REGION or of the instance")
	timeout := flags.Duration("timeout", 30*time.Second, "`time` that fetching may take")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return wrongUsage // flag has told why
	}
	variables, command, err := split(flags.Args())
	if err != nil {
		fmt.Fprintf(stderr, "withsecrets: %v\n", err)
		return wrongUsage
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	fetched, err := fetch(ctx, *region, variables)
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintf(stderr, "withsecrets: %s\n", line)
		}
		fmt.Fprintf(stderr, "withsecrets: %s is not started\n", command[0])
		return missing
	}
	program, err := exec.LookPath(command[0])
	if err == nil {
		err = unix.Exec(program, command, merged(os.Environ(), fetched))
	}
	fmt.Fprintf(stderr, "withsecrets: %s: %v\n", command[0], err)
	return noProgram
}

// split returns the variables before -- and the command after it.
func split(args []string) ([]secrets.Variable, []string, error) {
	end := slices.Index(args, "--")
	if end < 0 || end == len(args)-1 {
		return nil, nil, errors.New("no program is given: NAME=SOURCE … -- PROGRAM")
	}
	var variables []secrets.Variable
	for _, text := range args[:end] {
		v, err := secrets.ParseVariable(text)
		if err != nil {
			return nil, nil, err
		}
		variables = append(variables, v)
	}
	return variables, args[end+1:], nil
}

func fetch(ctx context.Context, region string, variables []secrets.Variable) ([]string, error) {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithEC2IMDSRegion())
	if err != nil {
		return nil, fmt.Errorf("settings of the SDK: %w", err)
	}
	return newFetcher(loaded).environment(ctx, variables)
}

// merged returns an environment in which the second one's variables replace those of the same name.
func merged(environment, over []string) []string {
	name := func(variable string) string { n, _, _ := strings.Cut(variable, "="); return n }
	kept := slices.DeleteFunc(slices.Clone(environment), func(v string) bool {
		return slices.ContainsFunc(over, func(o string) bool { return name(o) == name(v) })
	})
	return append(kept, over...)
}
