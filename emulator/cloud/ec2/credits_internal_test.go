package ec2

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A t3.micro earns 12 credits an hour: 10 % of its two virtual CPUs.
func TestCreditsAreEarnedUsedAndCharged(t *testing.T) {
	for name, c := range map[string]struct {
		minutes int
		percent float64
		want    Credits
	}{
		"at rest it saves up":                                     {60, 0, Credits{Balance: 12}},
		"no more than it earns in a day":                          {3 * 24 * 60, 0, Credits{Balance: 288}},
		"at its baseline it breaks even":                          {1000, 10, Credits{Used: 200}},
		"above, it uses what it has not earned":                   {100, 100, Credits{Surplus: 180, Used: 200}},
		"more than it earns in a day is charged":                  {200, 100, Credits{Surplus: 288, Used: 400, Charged: 72}},
		"half a day at 25 % is surplus":                           {12 * 60, 25, Credits{Surplus: 216, Used: 360}},
		"of a day and a half at 25 %, more than a day is charged": {36 * 60, 25, Credits{Surplus: 288, Used: 1080, Charged: 360}},
	} {
		i := &Instance{Type: "t3.micro"}
		for range c.minutes {
			i.spend(c.percent)
		}
		got := i.TakeCredits()
		assert.InDelta(t, c.want.Balance, got.Balance, 1e-6, name)
		assert.InDelta(t, c.want.Surplus, got.Surplus, 1e-6, name)
		assert.InDelta(t, c.want.Used, got.Used, 1e-6, name)
		assert.InDelta(t, c.want.Charged, got.Charged, 1e-6, name)
		assert.Zero(t, i.TakeCredits().Used, "it was taken")
	}
}

func TestEarningsPayBackSurplusFirst(t *testing.T) {
	i := &Instance{Type: "t3.micro"}
	i.spend(100)
	for range 9 {
		i.spend(0)
	}
	assert.InDelta(t, 0, i.Credits.Balance, 1e-9)
	i.spend(0)
	assert.InDelta(t, 0.2, i.Credits.Balance, 1e-9)
}

func TestInstancesThatAreNotBurstableHaveNoCredits(t *testing.T) {
	for _, kind := range []string{"m5.large", "c6g.medium", "t1.micro"} {
		i := &Instance{Type: kind}
		i.spend(100)
		assert.Equal(t, Credits{}, i.Credits, kind)
	}
}

// A t2.micro has one virtual CPU and earns 6 credits an hour.
func TestStandardInstancesAreHeldAtTheirBaseline(t *testing.T) {
	for name, c := range map[string]struct {
		instanceType, option string
		minutes              int
		percent, want        float64 // of the last minute
		balance              float64
	}{
		"T2 is standard by default, and starts with 30 credits": {"t2.micro", "", 10, 100, 100, 21},
		"they last half an hour at full load":                   {"t2.micro", "", 35, 100, 10, 0},
		"at half load for longer":                               {"t2.micro", "", 74, 50, 50, 0.4},
		"T3 starts without any":                                 {"t3.micro", "standard", 1, 100, 10, 0},
		"below its baseline it saves":                           {"t3.micro", "standard", 60, 5, 5, 6},
		"T3 is unlimited by default":                            {"t3.micro", "", 60, 100, 100, 0},
		"T2 can be":                                             {"t2.micro", "unlimited", 60, 100, 100, 0},
	} {
		i := &Instance{Type: c.instanceType}
		i.StartCredits(c.option)
		var got float64
		for range c.minutes {
			got = i.spend(c.percent)
		}
		assert.InDelta(t, c.want, got, 1e-6, name)
		assert.InDelta(t, c.balance, i.Credits.Balance, 1e-6, name)
	}
}
