package ecs

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// TaskDefinition is a revision of a family. It is never changed, only deregistered.
type TaskDefinition struct {
	ARN, Family string
	Revision    int
	Active      bool // not deregistered; services that use a deregistered revision go on
	Spec        TaskDefinitionSpec
}

// TaskDefinitionSpec describes a task definition.
type TaskDefinitionSpec struct {
	Family        string
	NetworkMode   string // bridge (default)
	CPU, Memory   int    // of the whole task, in units and MiB; 0: those of the container
	TaskRole      string // ARN
	ExecutionRole string // ARN
	Containers    []ContainerDefinition
}

// served is the position of the container whose port is mapped, or of the first container.
func (d *TaskDefinition) served() int {
	mapped := func(c ContainerDefinition) bool { return len(c.PortMappings) > 0 }
	return max(0, slices.IndexFunc(d.Spec.Containers, mapped))
}

// ContainerDefinition is a container of a task definition, as in its JSON document (API: ContainerDefinition). A field
// that is marked as kept has no effect in the emulator.
type ContainerDefinition struct {
	Name              string           `json:"name"`
	Image             string           `json:"image"`
	CPU               int              `json:"cpu,omitempty"`               // units, 1024 a virtual CPU
	Memory            int              `json:"memory,omitempty"`            // MiB, the hard limit
	MemoryReservation int              `json:"memoryReservation,omitempty"` // MiB, the soft limit
	Essential         *bool            `json:"essential,omitempty"`         // true when absent
	EntryPoint        []string         `json:"entryPoint,omitempty"`
	Command           []string         `json:"command,omitempty"`
	Environment       []KeyValue       `json:"environment,omitempty"`
	Secrets           []SecretRef      `json:"secrets,omitempty"`
	PortMappings      []PortMapping    `json:"portMappings,omitempty"`
	Links             []string         `json:"links,omitempty"` // containers that this one reaches by their names, or NAME:ALIAS
	DependsOn         []Dependency     `json:"dependsOn,omitempty"`
	StopTimeout       *int             `json:"stopTimeout,omitempty"` // seconds, 30 when absent
	LogConfiguration  *LogSettings     `json:"logConfiguration,omitempty"`
	LinuxParameters   *LinuxParameters `json:"linuxParameters,omitempty"` // kept

	User                   string            `json:"user,omitempty"`                   // kept
	WorkingDirectory       string            `json:"workingDirectory,omitempty"`       // kept
	ReadonlyRootFilesystem bool              `json:"readonlyRootFilesystem,omitempty"` // kept
	Privileged             bool              `json:"privileged,omitempty"`             // kept
	DockerLabels           map[string]string `json:"dockerLabels,omitempty"`           // kept

	// Tools write these as empty lists. Anything in them is refused.
	MountPoints    []json.RawMessage `json:"mountPoints,omitempty"`
	VolumesFrom    []json.RawMessage `json:"volumesFrom,omitempty"`
	SystemControls []json.RawMessage `json:"systemControls,omitempty"`
}

// essential reports whether the end of the container ends its task.
func (d ContainerDefinition) essential() bool { return d.Essential == nil || *d.Essential }

// KeyValue is an environment variable.
type KeyValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// SecretRef is an environment variable with the place of its value: a parameter of Systems Manager, or a secret of Secrets Manager, with a
// key, a stage and a version after its ARN.
type SecretRef struct {
	Name      string `json:"name"`
	ValueFrom string `json:"valueFrom"`
}

// PortMapping makes a port of a container reachable at its instance.
type PortMapping struct {
	Name          string `json:"name,omitempty"`
	ContainerPort int    `json:"containerPort"`
	HostPort      int    `json:"hostPort,omitempty"` // 0: a dynamic port of the instance
	Protocol      string `json:"protocol,omitempty"` // tcp (default)
}

// LogSettings names where a container's output goes, beside the task's log: with the driver awslogs to a log group. Other drivers are kept.
type LogSettings struct {
	LogDriver string            `json:"logDriver"`
	Options   map[string]string `json:"options,omitempty"`
}

// LinuxParameters are kept.
type LinuxParameters struct {
	InitProcessEnabled bool `json:"initProcessEnabled,omitempty"`
}

// ParseContainers reads the JSON list of container definitions. It refuses a key that the emulator does not know.
func ParseContainers(document string) ([]ContainerDefinition, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(document)))
	decoder.DisallowUnknownFields()
	var containers []ContainerDefinition
	if err := decoder.Decode(&containers); err != nil {
		if key, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return nil, fmt.Errorf("containerDefinitions: the emulator doesn't know the key %s: what it would do on AWS cannot "+
				"be shown here", key)
		}
		return nil, fmt.Errorf("containerDefinitions: not a JSON list of container definitions: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("containerDefinitions: something follows the JSON list")
	}
	return containers, nil
}

// RegisterTaskDefinition adds a revision to a family.
func (s *Store) RegisterTaskDefinition(spec TaskDefinitionSpec) (TaskDefinition, error) {
	if err := checkDefinition(&spec); err != nil {
		return TaskDefinition{}, err
	}
	if err := s.checkTaskRoles(spec); err != nil {
		return TaskDefinition{}, err
	}
	revision := 1
	for _, other := range s.TaskDefinitions {
		if other.Family == spec.Family {
			revision = max(revision, other.Revision+1)
		}
	}
	made := TaskDefinition{
		ARN:    s.region.ARN("ecs", fmt.Sprintf("task-definition/%s:%d", spec.Family, revision)),
		Family: spec.Family, Revision: revision, Active: true, Spec: spec,
	}
	copied := made
	s.TaskDefinitions[made.ARN] = &copied
	return made, nil
}

// DeregisterTaskDefinition deregisters a revision. It stays, INACTIVE, as on AWS: its number is not used again.
func (s *Store) DeregisterTaskDefinition(arn string) error {
	if d := s.TaskDefinitions[arn]; d != nil {
		d.Active = false
	}
	return nil
}

// definition returns an active revision by its ARN, by "family:revision", or by "family" for the latest.
func (s *Store) definition(id string) (*TaskDefinition, error) {
	name := aws.LastPart(id)
	var found *TaskDefinition
	for _, d := range s.TaskDefinitions {
		named := name == d.Family || name == fmt.Sprintf("%s:%d", d.Family, d.Revision)
		if named && d.Active && (found == nil || d.Revision > found.Revision) {
			found = d
		}
	}
	if found == nil {
		return nil, clientException("TaskDefinition not found: %s", id)
	}
	return found, nil
}

// TaskDefinition returns a revision by its ARN, also one that was deregistered, by "family:revision", or by "family" for the latest
// that is active (API: DescribeTaskDefinition).
func (s *Store) TaskDefinition(id string) (TaskDefinition, error) {
	for _, d := range s.TaskDefinitions {
		if aws.LastPart(id) == fmt.Sprintf("%s:%d", d.Family, d.Revision) {
			return *d, nil
		}
	}
	d, err := s.definition(id)
	if err != nil {
		return TaskDefinition{}, clientException("Unable to describe task definition.")
	}
	return *d, nil
}

// checkTaskRoles refuses roles that do not exist.
func (s *Store) checkTaskRoles(spec TaskDefinitionSpec) error {
	for _, arn := range []string{spec.TaskRole, spec.ExecutionRole} {
		if arn != "" && s.iam.Roles[aws.LastPart(arn)] == nil {
			return clientException("Role is not valid: %s", arn)
		}
	}
	return nil
}

// checkDefinition refuses a task definition that ECS refuses (API: RegisterTaskDefinition) or that the emulator cannot
// run.
func checkDefinition(spec *TaskDefinitionSpec) error {
	spec.NetworkMode = cmp.Or(spec.NetworkMode, "bridge")
	switch {
	case !ecsName.MatchString(spec.Family):
		return clientException("Family contains invalid characters or is empty: '%s'", spec.Family)
	case len(spec.Containers) == 0:
		return clientException("Container list cannot be empty.")
	case len(spec.Containers) > mostContainers:
		return clientException("Too many containers in the task definition: %d, at most %d", len(spec.Containers), mostContainers)
	case !slices.ContainsFunc(spec.Containers, ContainerDefinition.essential):
		return clientException("A task definition must have at least one essential container.")
	case spec.NetworkMode != "bridge":
		return clientException("networkMode '%s' has no behaviour in the emulator yet, which takes bridge", spec.NetworkMode)
	}
	memory, mapped := 0, 0
	for _, d := range spec.Containers {
		if len(d.Secrets) > 0 && spec.ExecutionRole == "" {
			return clientException("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.")
		}
		if err := checkContainer(d, spec.Memory); err != nil {
			return err
		}
		memory += d.reservation()
		mapped += len(d.PortMappings)
	}
	switch {
	case spec.Memory != 0 && memory > spec.Memory:
		return clientException("The 'memory' setting of the containers together, %d MiB, is greater than for the task: %d", memory, spec.Memory)
	case mapped > 1:
		return clientException("ports of several containers are valid on AWS, but have no behaviour in the emulator yet, which maps one " +
			"port of a task")
	}
	return checkOrder(spec.Containers)
}

// mostContainers is the number of containers that a task definition may have (ECS service quotas).
const mostContainers = 10

// minMemory is the least memory that Docker accepts, in MiB (API: ContainerDefinition, memory).
const minMemory = 6

// checkContainer checks a container.
func checkContainer(d ContainerDefinition, taskMemory int) error {
	switch {
	case !ecsName.MatchString(d.Name):
		return clientException("Invalid container name '%s': 1 to 255 letters, digits, hyphens and underscores", d.Name)
	case d.Image == "":
		return clientException("Container.image should not be null or empty.")
	case d.CPU < 0:
		return clientException("Invalid 'cpu' setting for container '%s'.", d.Name)
	case d.Memory == 0 && d.MemoryReservation == 0 && taskMemory == 0:
		return clientException("Invalid setting for container '%s'. At least one of 'memory' or 'memoryReservation' must be "+
			"specified.", d.Name)
	case d.Memory != 0 && d.Memory < minMemory, d.MemoryReservation != 0 && d.MemoryReservation < minMemory:
		return clientException("Invalid 'memory' setting for container '%s': at least %d MiB", d.Name, minMemory)
	case d.Memory != 0 && d.MemoryReservation > d.Memory:
		return clientException("Invalid setting for container '%s'. 'memoryReservation' must not be greater than 'memory'.",
			d.Name)
	case taskMemory != 0 && max(d.Memory, d.MemoryReservation) > taskMemory:
		return clientException("The 'memory' setting for container is greater than for the task: '%s'", d.Name)
	case d.StopTimeout != nil && *d.StopTimeout < 0:
		return clientException("Invalid 'stopTimeout' setting for container '%s'.", d.Name)
	case len(d.MountPoints)+len(d.VolumesFrom)+len(d.SystemControls) > 0:
		return clientException("mountPoints, volumesFrom and systemControls have no behaviour in the emulator yet: "+
			"container '%s'", d.Name)
	}
	if err := checkEnvironment(d); err != nil {
		return err
	}
	if err := checkMappings(d); err != nil {
		return err
	}
	return checkLogs(d)
}

// checkEnvironment checks the environment variables.
func checkEnvironment(d ContainerDefinition) error {
	for _, variable := range d.Environment {
		if variable.Name == "" {
			return clientException("An environment variable of container '%s' has no name.", d.Name)
		}
	}
	for i, secret := range d.Secrets {
		named := func(other string) bool { return other == secret.Name }
		switch {
		case secret.Name == "" || secret.ValueFrom == "":
			return clientException("A secret of container '%s' has no name or no valueFrom.", d.Name)
		case slices.ContainsFunc(d.Environment, func(v KeyValue) bool { return named(v.Name) }),
			slices.ContainsFunc(d.Secrets[:i], func(s SecretRef) bool { return named(s.Name) }):
			return clientException("The secret name must be unique and not shared with any new or existing environment variables set on the "+
				"container, such as '%s'.", secret.Name)
		}
	}
	return nil
}

// checkMappings checks the port mappings.
func checkMappings(d ContainerDefinition) error {
	if len(d.PortMappings) > 1 {
		return clientException("a container of several ports is valid on AWS, but has no behaviour in the emulator yet, which "+
			"takes one: container '%s'", d.Name)
	}
	for _, m := range d.PortMappings {
		switch {
		case m.ContainerPort < 1 || m.ContainerPort > 65535:
			return clientException("Invalid 'containerPort' setting for container '%s': %d", d.Name, m.ContainerPort)
		case m.HostPort < 0 || m.HostPort > 65535:
			return clientException("Invalid 'hostPort' setting for container '%s': %d", d.Name, m.HostPort)
		case m.Protocol != "" && m.Protocol != "tcp":
			return clientException("protocol '%s' of container '%s' has no behaviour in the emulator yet, which takes tcp",
				m.Protocol, d.Name)
		}
	}
	return nil
}

// checkLogs checks the log configuration: awslogs needs a log group and a region (API: LogConfiguration).
func checkLogs(d ContainerDefinition) error {
	l := d.LogConfiguration
	drivers := []string{"awslogs", "fluentd", "gelf", "journald", "json-file", "splunk", "syslog"}
	switch {
	case l == nil:
		return nil
	case !slices.Contains(drivers, l.LogDriver):
		return clientException("Invalid log driver '%s' for container '%s': one of %s", l.LogDriver, d.Name,
			strings.Join(drivers, ", "))
	case l.LogDriver == "awslogs" && (l.Options["awslogs-group"] == "" || l.Options["awslogs-region"] == ""):
		return clientException("Log driver awslogs requires options: awslogs-group, awslogs-region")
	}
	return nil
}

// mapping returns the port mapping of the task, or the zero value.
func (d *TaskDefinition) mapping() PortMapping {
	for _, m := range d.Spec.Containers[d.served()].PortMappings {
		return m
	}
	return PortMapping{}
}

// units returns the CPU units that a task reserves: those of the task, or those of its containers together.
func (d *TaskDefinition) units() int {
	if d.Spec.CPU > 0 {
		return d.Spec.CPU
	}
	units := 0
	for _, c := range d.Spec.Containers {
		units += c.CPU
	}
	return units
}

// memory returns the memory that a task reserves, in MiB: that of the task, or what its containers reserve together.
func (d *TaskDefinition) memory() int {
	if d.Spec.Memory > 0 {
		return d.Spec.Memory
	}
	memory := 0
	for _, c := range d.Spec.Containers {
		memory += c.reservation()
	}
	return memory
}

// reservation returns the memory that a container reserves, in MiB: its soft limit, or its hard limit.
func (d ContainerDefinition) reservation() int { return cmp.Or(d.MemoryReservation, d.Memory) }

// stopTimeout returns how long a container has to stop after SIGTERM.
func (d ContainerDefinition) stopTimeout() time.Duration {
	if d.StopTimeout != nil {
		return time.Duration(*d.StopTimeout) * time.Second
	}
	return 30 * time.Second // ECS_CONTAINER_STOP_TIMEOUT
}

// IsLeft reports whether the revision counts as left over: a deregistered revision stays on AWS too.
func (d *TaskDefinition) IsLeft() bool { return d.Active }
