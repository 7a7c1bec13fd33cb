package scaling

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Hook holds an instance back until complete-lifecycle-action is called, or until Timeout has passed. Type Hook of package
// settings has the same fields.
type Hook struct {
	Name string // unique in the group: letters, digits, hyphens and underscores, at most 64

	// Transition is "launching": before the instance is in service, or "terminating": after it has been drained.
	Transition string

	// Timeout is 30–7200 s, whole seconds.
	Timeout time.Duration

	// Result is what happens after Timeout: "continue", or "abandon", which terminates an instance that is being launched.
	Result string
}

// transitions and results are AWS's names.
var (
	transitions = map[string]string{
		"launching":   "autoscaling:EC2_INSTANCE_LAUNCHING",
		"terminating": "autoscaling:EC2_INSTANCE_TERMINATING",
	}
	results = []string{"abandon", "continue"}
)

func validHooks(hooks []Hook) error {
	var problems invalid.List
	seen := map[string]bool{}
	for i, h := range hooks {
		path := fmt.Sprintf("hooks[%d]", i)
		problems.Include("", namedOnce(path+".name", h.Name, seen))
		if transitions[h.Transition] == "" {
			problems.Add(path+".transition", h.Transition, "is not one of %v", slices.Sorted(maps.Keys(transitions)))
		}
		if h.Timeout < 30*time.Second || h.Timeout > 7200*time.Second || h.Timeout%time.Second != 0 {
			problems.Add(path+".timeout", h.Timeout, "is not a number of whole seconds from 30s to 2h0m0s")
		}
		if !slices.Contains(results, h.Result) {
			problems.Add(path+".result", h.Result, "is not one of %v", results)
		}
	}
	return problems.Err()
}

// Held returns for how long hooks may hold back an instance that is launched, at worst.
func Held(hooks []Hook) time.Duration {
	var launching time.Duration
	for _, h := range hooks {
		if h.Transition == "launching" {
			launching += h.Timeout
		}
	}
	return launching
}

// initialHooks returns the hooks that exist before the first instance. Hooks that are resources of their own cannot: they
// need the group, which exists once its instances do. But the provider takes initial hooks at creation only, and would
// replace the group for a change of them.
func initialHooks(hooks []Hook) autoscaling.GroupInitialLifecycleHookArray {
	var list autoscaling.GroupInitialLifecycleHookArray
	for _, h := range hooks {
		list = append(list, &autoscaling.GroupInitialLifecycleHookArgs{
			Name:                pulumi.String(h.Name),
			LifecycleTransition: pulumi.String(transitions[h.Transition]),
			HeartbeatTimeout:    pulumi.Int(int(h.Timeout.Seconds())),
			DefaultResult:       pulumi.String(strings.ToUpper(h.Result)),
		})
	}
	return list
}

// hooks creates the same hooks again, by the same names: AWS changes a hook that exists. They follow later changes of the
// arguments, which the group ignores.
func (g *Group) hooks(ctx *pulumi.Context, name string, args *Args) error {
	for _, h := range args.Hooks {
		_, err := autoscaling.NewLifecycleHook(ctx, name+"-hook-"+h.Name, &autoscaling.LifecycleHookArgs{
			AutoscalingGroupName: g.Name,
			Name:                 pulumi.String(h.Name),
			LifecycleTransition:  pulumi.String(transitions[h.Transition]),
			HeartbeatTimeout:     pulumi.Int(int(h.Timeout.Seconds())),
			DefaultResult:        pulumi.String(strings.ToUpper(h.Result)),
		}, pulumi.Parent(g))
		if err != nil {
			return err
		}
	}
	return nil
}
