package scaling

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func hooked() *Args {
	a := args()
	a.Hooks = []Hook{
		{Name: "warm", Transition: "launching", Timeout: 150 * time.Second, Result: "abandon"},
		{Name: "save", Transition: "terminating", Timeout: time.Hour, Result: "continue"},
	}
	return a
}

func TestBadHooksRegisterNothing(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Hook)
		want   string
	}{
		{name: "no name", change: func(h *Hook) { h.Name = "" }, want: `hooks[0].name: "" is not made of letters`},
		{name: "a name with a space", change: func(h *Hook) { h.Name = "a b" }, want: `hooks[0].name: "a b" is not made of letters`},
		{name: "another one's name", change: func(h *Hook) { h.Name = "save" }, want: `hooks[1].name: "save" is used twice`},
		{
			name:   "an unknown event",
			change: func(h *Hook) { h.Transition = "sleeping" },
			want:   `hooks[0].transition: "sleeping" is not one of [launching terminating]`,
		},
		{
			name:   "29 seconds",
			change: func(h *Hook) { h.Timeout = 29 * time.Second },
			want:   "hooks[0].timeout: 29s is not a number of whole seconds from 30s to 2h0m0s",
		},
		{name: "more than two hours", change: func(h *Hook) { h.Timeout = 7201 * time.Second }, want: "hooks[0].timeout: 2h0m1s is not"},
		{name: "fractions of seconds", change: func(h *Hook) { h.Timeout = 30500 * time.Millisecond }, want: "hooks[0].timeout: 30.5s is not"},
		{
			name:   "an unknown result",
			change: func(h *Hook) { h.Result = "CONTINUE" },
			want:   `hooks[0].result: "CONTINUE" is not one of [abandon continue]`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := hooked()
			test.change(&a.Hooks[0])
			g, err := deploy(t, a)
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, g.Resources)
		})
	}
}

func TestHooksHoldForTheFirstInstancesAndCanBeChanged(t *testing.T) {
	g, err := deploy(t, hooked())
	require.NoError(t, err)
	group := g.Find("aws:autoscaling/group:Group", "musicguru-group")
	warm := map[string]any{
		"name": "warm", "lifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
		"heartbeatTimeout": 150.0, "defaultResult": "ABANDON",
	}
	save := map[string]any{
		"name": "save", "lifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
		"heartbeatTimeout": 3600.0, "defaultResult": "CONTINUE",
	}
	assert.Equal(t, []any{warm, save}, group.Inputs.Mappable()["initialLifecycleHooks"])
	warm["autoscalingGroupName"] = group.Outputs["name"].StringValue()
	save["autoscalingGroupName"] = group.Outputs["name"].StringValue()
	assert.Equal(t, warm, g.Find("LifecycleHook", "musicguru-hook-warm").Inputs.Mappable())
	assert.Equal(t, save, g.Find("LifecycleHook", "musicguru-hook-save").Inputs.Mappable())
}

// The provider replaces a group whose initial hooks change, the first one that comes and the last one that goes included.
func TestHooksNeverReplaceTheGroup(t *testing.T) {
	for name, a := range map[string]*Args{"with hooks": hooked(), "without": args()} {
		g, err := deploy(t, a)
		require.NoError(t, err)
		group := g.Find("aws:autoscaling/group:Group", "musicguru-group")
		assert.Contains(t, group.IgnoreChanges, "initialLifecycleHooks", name)
	}
}

func TestHooksHoldAnInstanceBackWhileItIsLaunched(t *testing.T) {
	assert.Equal(t, 150*time.Second, Held(hooked().Hooks))
}
