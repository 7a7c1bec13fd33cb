package provider

import (
	"cmp"
	"fmt"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
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

func lifecycleHook() resourceType {
	return define(resourceType{
		token: "aws:autoscaling/lifecycleHook:LifecycleHook", kind: Run, name: "name", nameMax: 255,
		replaceOn: []string{"name", "autoscalingGroupName"},
	}, handlers[hookInputs, none]{
		create: func(m *cloud.Model, in hookInputs) (string, none, error) { return in.Name, none{}, in.put(m) },
		update: func(m *cloud.Model, _ string, _, now hookInputs) (*none, error) { return nil, now.put(m) },
		remove: func(m *cloud.Model, _ string, in hookInputs) error {
			return m.AutoScaling.DeleteHook(in.AutoscalingGroupName, in.Name)
		},
	})
}

func (in hookInputs) put(m *cloud.Model) error {
	hook, err := in.hook()
	if err != nil {
		return err
	}
	return m.AutoScaling.PutHook(in.AutoscalingGroupName, hook)
}

// hook applies the API's defaults (PutLifecycleHook).
func (in hookInputs) hook() (autoscaling.Hook, error) {
	if in.NotificationTargetArn != "" && in.RoleArn == "" {
		return autoscaling.Hook{}, fmt.Errorf("ValidationError: roleArn is required with notificationTargetArn")
	}
	return autoscaling.Hook{
		Name: in.Name, Transition: in.LifecycleTransition, Timeout: seconds(cmp.Or(in.HeartbeatTimeout, 3600)),
		Result: cmp.Or(in.DefaultResult, autoscaling.Abandon), Topic: in.NotificationTargetArn, Metadata: in.NotificationMetadata,
	}, nil
}
