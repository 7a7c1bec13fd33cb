package scaling

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBadSchedulesRegisterNothing(t *testing.T) {
	for _, test := range []struct {
		name     string
		schedule Schedule
		want     string
	}{
		{name: "no name", schedule: Schedule{Cron: "0 20 * * *", Min: new(2)}, want: `schedules[0].name: "" is not made of letters`},
		{
			name:     "a name with a colon",
			schedule: Schedule{Name: "a:b", Cron: "0 20 * * *", Min: new(2)},
			want:     `schedules[0].name: "a:b" is not made of letters`,
		},
		{name: "no expression", schedule: Schedule{Name: "night", Min: new(2)}, want: `schedules[0].cron: "" does not have five fields`},
		{
			name:     "a bad hour",
			schedule: Schedule{Name: "night", Cron: "0 24 * * *", Min: new(2)},
			want:     `schedules[0].cron: "0 24 * * *" has a faulty hour (24)`,
		},
		{
			name:     "an unknown time zone",
			schedule: Schedule{Name: "night", Cron: "0 20 * * *", TimeZone: "Europe/Atlantis", Min: new(2)},
			want:     `schedules[0].timeZone: "Europe/Atlantis" is not the name`,
		},
		{
			name:     "the local time zone",
			schedule: Schedule{Name: "night", Cron: "0 20 * * *", TimeZone: "Local", Min: new(2)},
			want:     `schedules[0].timeZone: "Local" is not the name`,
		},
		{
			name:     "nothing to set",
			schedule: Schedule{Name: "night", Cron: "0 20 * * *"},
			want:     "schedules[0]: one of min, max and desired is needed",
		},
		{name: "min below 0", schedule: Schedule{Name: "night", Cron: "0 20 * * *", Min: new(-1)}, want: "schedules[0].min: -1 is below 0"},
		{
			name:     "max below min",
			schedule: Schedule{Name: "night", Cron: "0 20 * * *", Min: new(5), Max: new(4)},
			want:     "schedules[0].max: 4 is below min (5)",
		},
		{
			name:     "max below the group's min",
			schedule: Schedule{Name: "night", Cron: "0 20 * * *", Max: new(1)},
			want:     "schedules[0].max: 1 is below min (2)",
		},
		{
			name:     "min above the group's max",
			schedule: Schedule{Name: "night", Cron: "0 20 * * *", Min: new(4)},
			want:     "schedules[0].min: 4 is above max (3)",
		},
		{
			name:     "desired above max",
			schedule: Schedule{Name: "night", Cron: "0 20 * * *", Max: new(5), Desired: new(6)},
			want:     "schedules[0].desired: 6 is not between min (2) and max (5)",
		},
		{
			name:     "desired below the group's min",
			schedule: Schedule{Name: "night", Cron: "0 20 * * *", Desired: new(1)},
			want:     "schedules[0].desired: 1 is not between min (2) and max (3)",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
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
	night := Schedule{Name: "night", Cron: "0 20 * * *", Min: new(2)}
	a.Schedules = []Schedule{night, night}
	require.ErrorContains(t, a.Validate(), `schedules[1].name: "night" is used twice`)
}

func TestASchedulesSizesThatAreNotGivenStayAsTheyAre(t *testing.T) {
	a := args()
	a.Schedules = []Schedule{
		{Name: "night", Cron: "0 20 * * MON-FRI", TimeZone: "Europe/Berlin", Min: new(0), Max: new(0), Desired: new(0)},
		{Name: "morning", Cron: "30 7 * * *", Max: new(10)},
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
