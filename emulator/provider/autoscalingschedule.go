package provider

import (
	"fmt"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
)

type scheduleInputs struct {
	ScheduledActionName  string `pulumi:"scheduledActionName"`
	AutoscalingGroupName string `pulumi:"autoscalingGroupName"`
	Recurrence           string `pulumi:"recurrence"` // cron
	TimeZone             string `pulumi:"timeZone"`
	StartTime            string `pulumi:"startTime"` // RFC 3339
	EndTime              string `pulumi:"endTime"`   // RFC 3339
	MinSize              int    `pulumi:"minSize"`   // -1 leaves it as it is; the default is 0
	MaxSize              int    `pulumi:"maxSize"`
	DesiredCapacity      int    `pulumi:"desiredCapacity"`
}

func scheduledAction() resourceType {
	return define(resourceType{
		token: "aws:autoscaling/schedule:Schedule", kind: Run,
		replaceOn: []string{"scheduledActionName", "autoscalingGroupName"},
	}, handlers[scheduleInputs, arnOutput]{
		create: func(m *cloud.Model, in scheduleInputs) (string, arnOutput, error) {
			arn, err := in.put(m)
			return in.ScheduledActionName, arnOutput{arn}, err
		},
		update: func(m *cloud.Model, _ string, _, now scheduleInputs) (*arnOutput, error) {
			_, err := now.put(m)
			return nil, err
		},
		remove: func(m *cloud.Model, _ string, in scheduleInputs) error {
			return m.AutoScaling.DeleteSchedule(in.AutoscalingGroupName, in.ScheduledActionName)
		},
	})
}

// put creates or replaces an action and returns its ARN.
func (in scheduleInputs) put(m *cloud.Model) (string, error) {
	schedule := autoscaling.Schedule{
		Name: in.ScheduledActionName, Recurrence: in.Recurrence, TimeZone: in.TimeZone,
		Min: size(in.MinSize), Max: size(in.MaxSize), Desired: size(in.DesiredCapacity),
	}
	var err error
	if schedule.Start, err = timeOf("startTime", in.StartTime); err != nil {
		return "", err
	}
	if schedule.End, err = timeOf("endTime", in.EndTime); err != nil {
		return "", err
	}
	return m.AutoScaling.PutSchedule(in.AutoscalingGroupName, schedule, m.Clock.Now())
}

// size returns nil for -1, by which the provider says that a size stays as it is.
func size(n int) *int {
	if n == -1 {
		return nil
	}
	return &n
}

// timeOf reads a time of RFC 3339, the zero time for none.
func timeOf(property, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %q is not a time as 2006-01-02T15:04:05Z", property, text)
	}
	return at, nil
}
