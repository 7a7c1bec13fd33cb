// Package pin keeps what a stack found when it was first deployed, such as the image that a parameter named on that day.
//
//	found at each deployment ──▶ Pin, in the stack's state ──▶ what was found first
//	                              ▲
//	           another trigger ───┘ takes what is found now
//
// The value is kept in Pulumi's state alone, by a Stash: nothing is created at AWS.
package pin

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/internals"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Args describes a pin.
type Args struct {
	// Found is what is kept, unless something is kept already: text, or lists and maps of text.
	Found pulumi.Input

	// Trigger is why Found was looked for, such as the name of a parameter. Another trigger keeps what is found now.
	Trigger pulumi.StringArray
}

// Validate reports every problem of the arguments.
func (a *Args) Validate() error {
	var problems invalid.List
	problems.Need("found", a.Found != nil)
	return problems.Err()
}

// Pin is a value that stays.
type Pin struct {
	pulumi.ResourceState

	// Kept is the value. It is known in a preview too.
	Kept pulumi.AnyOutput
}

// New registers a pin.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Pin, error) {
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("pin %s: %w", name, err)
	}
	p := &Pin{}
	if err := ctx.RegisterComponentResource("elastic-service:pin:Pin", name, p, opts...); err != nil {
		return nil, fmt.Errorf("pin %s: %w", name, err)
	}
	// Without IgnoreChanges each preview would show what is found now as an update, which changes nothing. A replacement takes
	// the input as it is.
	stash, err := pulumi.NewStash(ctx, name+"-kept", &pulumi.StashArgs{Input: args.Found},
		pulumi.Parent(p), pulumi.IgnoreChanges([]string{"input"}), pulumi.ReplacementTrigger(args.Trigger))
	if err != nil {
		return nil, fmt.Errorf("pin %s: %w", name, err)
	}
	p.Kept = stash.Output
	return p, ctx.RegisterResourceOutputs(p, pulumi.Map{"kept": p.Kept})
}

// Await returns the value, for what shapes the graph. It returns nil where the engine leaves the pin out, as with --target.
func (p *Pin) Await(ctx *pulumi.Context) (any, error) {
	result, err := internals.UnsafeAwaitOutput(ctx.Context(), p.Kept)
	if err != nil || !result.Known {
		return nil, err
	}
	return result.Value, nil
}
