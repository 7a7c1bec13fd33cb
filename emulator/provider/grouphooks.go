package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type hookInputs struct {
	Name                  string `pulumi:"name"`
	AutoscalingGroupName  string `pulumi:"autoscalingGroupName"`
	LifecycleTransition   string `pulumi:"lifecycleTransition"`
	HeartbeatTimeout      int    `pulumi:"heartbeatTimeout"` // seconds
	DefaultResult         string `pulumi:"defaultResult"`
	NotificationTargetArn string `pulumi:"notificationTargetArn"`
	NotificationMetadata  string `pulumi:"notificationMetadata"`
	RoleArn               string `pulumi:"roleArn"`
}

type scheduleInputs struct {
	ScheduledActionName  string `pulumi:"scheduledActionName"`
	AutoscalingGroupName string `pulumi:"autoscalingGroupName"`
	Recurrence           string `pulumi:"recurrence"` // cron
	TimeZone             string `pulumi:"timeZone"`
	StartTime            string `pulumi:"startTime"` // RFC 3339
	EndTime              string `pulumi:"endTime"`   // RFC 3339
	MinSize              int    `pulumi:"minSize"`   // -1 leaves it as it is; what isn't given is 0
	MaxSize              int    `pulumi:"maxSize"`
	DesiredCapacity      int    `pulumi:"desiredCapacity"`
}

func init() {
	define(resourceType{
		token: "aws:autoscaling/lifecycleHook:LifecycleHook", kind: Run, name: "name", nameMax: 255,
		replaceOn: []string{"name", "autoscalingGroupName"},
	}, handlers[hookInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in hookInputs) (string, map[string]any, error) {
			err := in.put(c)
			return idUnless(err, in.Name), nil, err
		},
		update: func(_ context.Context, c *cloud.Cloud, _ string, _, now hookInputs) (map[string]any, error) {
			return nil, now.put(c)
		},
		remove: func(_ context.Context, c *cloud.Cloud, _ string, in hookInputs) error {
			return c.DeleteHook(in.AutoscalingGroupName, in.Name)
		},
	})
	define(resourceType{
		token: "aws:autoscaling/schedule:Schedule", kind: Run,
		replaceOn: []string{"scheduledActionName", "autoscalingGroupName"},
	}, handlers[scheduleInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in scheduleInputs) (string, map[string]any, error) {
			arn, err := in.put(c)
			return idUnless(err, in.ScheduledActionName), map[string]any{"arn": arn}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, _ string, _, now scheduleInputs) (map[string]any, error) {
			_, err := now.put(c)
			return nil, err
		},
		remove: func(_ context.Context, c *cloud.Cloud, _ string, in scheduleInputs) error {
			return c.DeleteSchedule(in.AutoscalingGroupName, in.ScheduledActionName)
		},
	})
}

func (in hookInputs) put(c *cloud.Cloud) error {
	hook, err := in.hook()
	if err != nil {
		return err
	}
	return c.PutHook(in.AutoscalingGroupName, hook)
}

// hook applies the API's defaults (PutLifecycleHook).
func (in hookInputs) hook() (cloud.Hook, error) {
	if in.NotificationTargetArn != "" && in.RoleArn == "" {
		return cloud.Hook{}, fmt.Errorf("ValidationError: roleArn is required with notificationTargetArn")
	}
	return cloud.Hook{
		Name: in.Name, Transition: in.LifecycleTransition, Timeout: seconds(orDefault(in.HeartbeatTimeout, 3600)),
		Result: orDefault(in.DefaultResult, cloud.Abandon), Topic: in.NotificationTargetArn, Metadata: in.NotificationMetadata,
	}, nil
}

func (in scheduleInputs) put(c *cloud.Cloud) (string, error) {
	schedule := cloud.Schedule{
		Name: in.ScheduledActionName, Recurrence: in.Recurrence, TimeZone: in.TimeZone,
		Min: size(in.MinSize), Max: size(in.MaxSize), Desired: size(in.DesiredCapacity),
	}
	for _, at := range []struct {
		name, text string
		into       *time.Time
	}{{"startTime", in.StartTime, &schedule.Start}, {"endTime", in.EndTime, &schedule.End}} {
		if at.text == "" {
			continue
		}
		when, err := time.Parse(time.RFC3339, at.text)
		if err != nil {
			return "", fmt.Errorf("%s: %q is not a time as 2006-01-02T15:04:05Z", at.name, at.text)
		}
		*at.into = when
	}
	return c.PutSchedule(in.AutoscalingGroupName, schedule)
}

// size is nil for the provider's way to say that a size stays.
func size(n int) *int {
	if n == -1 {
		return nil
	}
	return &n
}
