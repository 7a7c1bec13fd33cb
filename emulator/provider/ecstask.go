package provider

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
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

const taskDefinitionToken = "aws:ecs/taskDefinition:TaskDefinition"

// A revision never changes: all but its tags replaces it.
func init() {
	define(resourceType{
		token: taskDefinitionToken, kind: Run,
		replaceOn: []string{
			"family", "containerDefinitions", "networkMode", "requiresCompatibilities", "cpu", "memory", "taskRoleArn",
			"executionRoleArn", "runtimePlatform",
		},
	}, handlers[taskDefinitionInputs]{create: registerTaskDefinition})
	t := registry[taskDefinitionToken]
	properties := t.unknown
	t.unknown = func(inputs resource.PropertyMap) []string { return append(properties(inputs), unknownKeys(inputs)...) }
	t.remove = deregisterTaskDefinition
}

// unknownKeys names what the JSON of the container definitions has and the emulator doesn't know.
func unknownKeys(inputs resource.PropertyMap) []string {
	in, _, err := decode[taskDefinitionInputs](inputs)
	if err != nil || in.ContainerDefinitions == "" {
		return nil // not known yet, in a preview
	}
	_, err = cloud.ParseContainers(in.ContainerDefinitions)
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

func registerTaskDefinition(_ context.Context, c *cloud.Cloud, in taskDefinitionInputs) (string, map[string]any, error) {
	spec, err := in.spec()
	if err != nil {
		return "", nil, err
	}
	made, err := c.RegisterTaskDefinition(spec)
	revision := strconv.Itoa(made.Revision)
	return idUnless(err, made.Family), map[string]any{
		"arn": made.ARN, "arnWithoutRevision": strings.TrimSuffix(made.ARN, ":"+revision), "revision": made.Revision,
		"networkMode": made.Spec.NetworkMode,
	}, err
}

func (in taskDefinitionInputs) spec() (cloud.TaskDefinitionSpec, error) {
	spec := cloud.TaskDefinitionSpec{
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
	spec.Containers, err = cloud.ParseContainers(in.ContainerDefinitions)
	return spec, err
}

// number reads a size of a task; 0 is none.
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

// deregisterTaskDefinition finds the revision among the outputs: its ID is the family.
func deregisterTaskDefinition(_ context.Context, c *cloud.Cloud, _ string, properties resource.PropertyMap) error {
	in, _, err := decode[struct {
		Arn         string `pulumi:"arn"`
		SkipDestroy bool   `pulumi:"skipDestroy"`
	}](properties)
	if err != nil || in.SkipDestroy {
		return err
	}
	return c.DeregisterTaskDefinition(in.Arn)
}
