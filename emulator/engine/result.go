package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/provider"
)

// Result is what an operation did.
type Result struct {
	Created, Updated, Replaced, Deleted, Same int
	Types                                     map[string]int           // resources of the stack by type token, without components
	Took                                      map[string]time.Duration // the longest operation on a type
	Outputs                                   map[string]string
	Warnings                                  []string // of the engine and the providers
	Duration                                  time.Duration
}

// Changes counts the resources that were not left as they were.
func (r Result) Changes() int { return r.Created + r.Updated + r.Replaced + r.Deleted }

// String describes the operation in a line.
func (r Result) String() string {
	var parts []string
	for _, p := range []struct {
		count int
		what  string
	}{
		{r.Created, "created"}, {r.Updated, "updated"}, {r.Replaced, "replaced"}, {r.Deleted, "deleted"}, {r.Same, "unchanged"},
	} {
		if p.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.count, p.what))
		}
	}
	return fmt.Sprintf("resources: %s, in %.1f s", strings.Join(parts, ", "), r.Duration.Seconds())
}

// Kinds counts the resources that have behaviour on the emulator, and lists those that it only records, as "2 × s3.BucketPolicy".
func (r Result) Kinds() (run int, recorded []string) {
	for token, count := range r.Types {
		if kind, _ := provider.KindOf(token); kind == provider.Recorded {
			recorded = append(recorded, fmt.Sprintf("%d × %s", count, TypeName(token)))
			continue
		}
		run += count
	}
	slices.Sort(recorded)
	return run, recorded
}

// DescribeKinds says what the emulator does with the resources, and what has no effect on it.
func (r Result) DescribeKinds() []string {
	run, recorded := r.Kinds()
	lines := []string{fmt.Sprintf("%d run: they have behaviour", run)}
	if len(recorded) > 0 {
		lines = append(lines, "recorded only, without behaviour: "+strings.Join(recorded, ", "))
	}
	for _, warning := range r.Warnings {
		lines = append(lines, "warning: "+warning)
	}
	return lines
}

// TypeName returns a type as a program writes it: s3.BucketPolicy for aws:s3/bucketPolicy:BucketPolicy.
func TypeName(token string) string {
	module, name, _ := strings.Cut(strings.TrimPrefix(token, "aws:"), "/")
	if _, after, ok := strings.Cut(name, ":"); ok {
		name = after
	}
	return module + "." + name
}
