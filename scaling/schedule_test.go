package scaling

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBadSchedulesRegisterNothing(t *testing.T) {
	for name, test := range map[string]struct {
		schedule Schedule // in a group of 2 … 3
		want     string
	}{
		"no name":              {Schedule{Cron: "0 20 * * *", Min: ref(2)}, `schedules[0].name: "" is not made of letters`},
		"a name with a colon":  {Schedule{Name: "a:b", Cron: "0 20 * * *", Min: ref(2)}, `schedules[0].name: "a:b" is not made of letters`},
		"no expression":        {Schedule{Name: "night", Min: ref(2)}, `schedules[0].cron: "" does not have five fields`},
		"a bad hour":           {Schedule{Name: "night", Cron: "0 24 * * *", Min: ref(2)}, `schedules[0].cron: "0 24 * * *" has a faulty hour (24)`},
		"an unknown time zone": {Schedule{Name: "night", Cron: "0 20 * * *", TimeZone: "Europe/Atlantis", Min: ref(2)}, `schedules[0].timeZone: "Europe/Atlantis" is not the name`},
		"the local time zone":  {Schedule{Name: "night", Cron: "0 20 * * *", TimeZone: "Local", Min: ref(2)}, `schedules[0].timeZone: "Local" is not the name`},
		"nothing to set":       {Schedule{Name: "night", Cron: "0 20 * * *"}, "schedules[0]: one of min, max and desired is needed"},
		"min below 0":          {Schedule{Name: "night", Cron: "0 20 * * *", Min: ref(-1)}, "schedules[0].min: -1 is below 0"},
		"max below min":        {Schedule{Name: "night", Cron: "0 20 * * *", Min: ref(5), Max: ref(4)}, "schedules[0].max: 4 is below min (5)"},
		"max below the group's min": {
			Schedule{Name: "night", Cron: "0 20 * * *", Max: ref(1)}, "schedules[0].max: 1 is below min (2)",
		},
		"min above the group's max": {
			Schedule{Name: "night", Cron: "0 20 * * *", Min: ref(4)}, "schedules[0].min: 4 is above max (3)",
		},
		"desired above max": {
			Schedule{Name: "night", Cron: "0 20 * * *", Max: ref(5), Desired: ref(6)}, "schedules[0].desired: 6 is not between min (2) and max (5)",
		},
		"desired below the group's min": {
			Schedule{Name: "night", Cron: "0 20 * * *", Desired: ref(1)}, "schedules[0].desired: 1 is not between min (2) and max (3)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := args()
			a.Schedules = []Schedule{test.schedule}
			g, err := deploy(t, a)
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, g.Resources)
		})
	}
}

func TestSchedulesHaveDifferentNames(t *testing.T) {
	a := args()
	night := Schedule{Name: "night", Cron: "0 20 * * *", Min: ref(2)}
	a.Schedules = []Schedule{night, night}
	require.ErrorContains(t, a.Validate(), `schedules[1].name: "night" is used twice`)
}

func TestASchedulesSizesThatAreNotGivenStayAsTheyAre(t *testing.T) {
	a := args()
	a.Schedules = []Schedule{
		{Name: "night", Cron: "0 20 * * MON-FRI", TimeZone: "Europe/Berlin", Min: ref(0), Max: ref(0), Desired: ref(0)},
		{Name: "morning", Cron: "30 7 * * *", Max: ref(10)},
	}
	g, err := deploy(t, a)
	require.NoError(t, err)
	group := g.Find("aws:autoscaling/group:Group", "musicguru-group").Outputs["name"].StringValue()
	assert.Equal(t, map[string]any{
		"autoscalingGroupName": group, "scheduledActionName": "night",
		"recurrence": "0 20 * * MON-FRI", "timeZone": "Europe/Berlin",
		"minSize": 0.0, "maxSize": 0.0, "desiredCapacity": 0.0,
	}, g.Find("Schedule", "musicguru-at-night").Inputs.Mappable())
	assert.Equal(t, map[string]any{
		"autoscalingGroupName": group, "scheduledActionName": "morning", "recurrence": "30 7 * * *",
		"minSize": -1.0, "maxSize": 10.0, "desiredCapacity": -1.0,
	}, g.Find("Schedule", "musicguru-at-morning").Inputs.Mappable())
}
