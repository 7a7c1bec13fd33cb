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
	for name, test := range map[string]struct {
		change func(*Hook)
		want   string
	}{
		"no name":              {func(h *Hook) { h.Name = "" }, `hooks[0].name: "" is not made of letters`},
		"a name with a space":  {func(h *Hook) { h.Name = "a b" }, `hooks[0].name: "a b" is not made of letters`},
		"another one's name":   {func(h *Hook) { h.Name = "save" }, `hooks[1].name: "save" is used twice`},
		"an unknown event":     {func(h *Hook) { h.Transition = "sleeping" }, `hooks[0].transition: "sleeping" is not one of [launching terminating]`},
		"29 seconds":           {func(h *Hook) { h.Timeout = 29 * time.Second }, "hooks[0].timeout: 29s is not a number of whole seconds from 30s to 2h0m0s"},
		"more than two hours":  {func(h *Hook) { h.Timeout = 7201 * time.Second }, "hooks[0].timeout: 2h0m1s is not"},
		"fractions of seconds": {func(h *Hook) { h.Timeout = 30500 * time.Millisecond }, "hooks[0].timeout: 30.5s is not"},
		"an unknown result":    {func(h *Hook) { h.Result = "CONTINUE" }, `hooks[0].result: "CONTINUE" is not one of [abandon continue]`},
	} {
		t.Run(name, func(t *testing.T) {
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
		assert.Equal(t, []string{"initialLifecycleHooks"}, group.IgnoreChanges, name)
	}
}

func TestTheGroupWaitsForWhatHooksHoldBack(t *testing.T) {
	g, err := deploy(t, hooked())
	require.NoError(t, err)
	group := g.Find("aws:autoscaling/group:Group", "musicguru-group")
	assert.Equal(t, "13m", group.Inputs["waitForCapacityTimeout"].StringValue()) // 10 min and 150 s
}
