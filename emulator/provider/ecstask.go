package provider

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
)

type taskDefinitionInputs struct {
	Family                  string   `pulumi:"family"`
	ContainerDefinitions    string   `pulumi:"containerDefinitions"` // JSON
	NetworkMode             string   `pulumi:"networkMode"`
	RequiresCompatibilities []string `pulumi:"requiresCompatibilities"`
	CPU                     string   `pulumi:"cpu"`    // units
	Memory                  string   `pulumi:"memory"` // MiB
	TaskRoleArn             string   `pulumi:"taskRoleArn"`
	ExecutionRoleArn        string   `pulumi:"executionRoleArn"`
	RuntimePlatform         struct {
		CPUArchitecture       string `pulumi:"cpuArchitecture"`
		OperatingSystemFamily string `pulumi:"operatingSystemFamily"`
	} `pulumi:"runtimePlatform"`
	SkipDestroy bool              `pulumi:"skipDestroy"`
	TrackLatest bool              `pulumi:"trackLatest"`
	Tags        map[string]string `pulumi:"tags"`
}

type taskDefinitionOutputs struct {
	ARN                string `pulumi:"arn"`
	ARNWithoutRevision string `pulumi:"arnWithoutRevision"`
	NetworkMode        string `pulumi:"networkMode"`
	Revision           int    `pulumi:"revision"`
}

// taskDefinition never changes a revision: a change of all but the tags replaces it.
func taskDefinition() resourceType {
	t := define(resourceType{
		token: "aws:ecs/taskDefinition:TaskDefinition", kind: Run,
		replaceOn: []string{
			"family", "containerDefinitions", "networkMode", "requiresCompatibilities", "cpu", "memory", "taskRoleArn",
			"executionRoleArn", "runtimePlatform",
		},
		alsoUnknown: unknownContainerKeys,
	}, handlers[taskDefinitionInputs, taskDefinitionOutputs]{
		create: func(m *cloud.Model, in taskDefinitionInputs) (string, taskDefinitionOutputs, error) {
			spec, err := in.spec()
			if err != nil {
				return "", taskDefinitionOutputs{}, err
			}
			made, err := m.ECS.RegisterTaskDefinition(spec)
			return made.Family, taskDefinitionOutputs{
				ARN: made.ARN, ARNWithoutRevision: strings.TrimSuffix(made.ARN, ":"+strconv.Itoa(made.Revision)),
				NetworkMode: made.Spec.NetworkMode, Revision: made.Revision,
			}, err
		},
	})
	t.remove = deregisterTaskDefinition
	return t
}

// deregisterTaskDefinition finds the revision by the output arn: the resource's ID is the family.
func deregisterTaskDefinition(m *cloud.Model, _ string, properties resource.PropertyMap) error {
	made, _, err := decode[struct {
		ARN         string `pulumi:"arn"`
		SkipDestroy bool   `pulumi:"skipDestroy"`
	}](properties)
	if err != nil || made.SkipDestroy {
		return err
	}
	return m.ECS.DeregisterTaskDefinition(made.ARN)
}

// unknownContainerKeys returns the key in the JSON of the container definitions that the emulator doesn't know.
func unknownContainerKeys(inputs resource.PropertyMap) []string {
	in, _, err := decode[taskDefinitionInputs](inputs)
	if err != nil || in.ContainerDefinitions == "" {
		return nil // not known yet, in a preview
	}
	_, err = ecs.ParseContainers(in.ContainerDefinitions)
	if err == nil {
		return nil
	}
	_, after, found := strings.Cut(err.Error(), "doesn't know the key \"")
	key, _, _ := strings.Cut(after, "\"")
	if !found {
		return nil // refused when it is registered
	}
	return []string{"containerDefinitions." + key}
}

func (in taskDefinitionInputs) spec() (ecs.TaskDefinitionSpec, error) {
	spec := ecs.TaskDefinitionSpec{
		Family: in.Family, NetworkMode: in.NetworkMode, TaskRole: in.TaskRoleArn, ExecutionRole: in.ExecutionRoleArn,
	}
	for _, compatibility := range in.RequiresCompatibilities {
		if compatibility != "EC2" {
			return spec, unsupported("requiresCompatibilities", compatibility, "EC2")
		}
	}
	if os := in.RuntimePlatform.OperatingSystemFamily; os != "" && os != "LINUX" {
		return spec, unsupported("runtimePlatform.operatingSystemFamily", os, "LINUX")
	}
	var err error
	if spec.CPU, err = number("cpu", in.CPU); err != nil {
		return spec, err
	}
	if spec.Memory, err = number("memory", in.Memory); err != nil {
		return spec, err
	}
	spec.Containers, err = ecs.ParseContainers(in.ContainerDefinitions)
	return spec, err
}

// number reads a size of a task, 0 for none.
func number(property, text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("ClientException: Invalid '%s' setting for task: %q is not a number", property, text)
	}
	return n, nil
}
