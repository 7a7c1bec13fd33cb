package containers

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// logDays is how long the containers' output is kept.
const logDays = 30

// stopSeconds is how long a container may take to end after SIGTERM.
const stopSeconds = 30

// AWS's own limits: CPU in units, the most being that of a task on an instance; memory in MiB, of which Docker takes 6
// for itself.
const (
	leastCPU    = 2
	mostCPU     = 196608
	leastMemory = 6
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (a *Args) validTask() error {
	var problems invalid.List
	problems.Include("", a.all("")[0].valid())
	if a.Port < 1 || a.Port > 65535 {
		problems.Add("port", a.Port, "is not between 1 and 65535")
	}
	problems.Include("", a.validSidecars())
	return problems.Err()
}

// valid reports the problems of a container.
func (c Sidecar) valid() error {
	var problems invalid.List
	switch {
	case c.Image == "":
		problems.Missing("image", "a value is needed")
	case strings.ContainsAny(c.Image, " \t\r\n") || strings.Contains(c.Image, "://"):
		problems.Add("image", c.Image, "is not the name of an image such as nginx:1.29")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Environment)) {
		if !variableName.MatchString(name) {
			problems.Add("environment", name, "is not the name of a variable")
		}
	}
	problems.Include("", c.validSecrets())
	if c.CPU < leastCPU || c.CPU > mostCPU {
		problems.Add("cpu", c.CPU, "is not between %d and %d units", leastCPU, mostCPU)
	}
	if c.Memory < leastMemory {
		problems.Add("memory", c.Memory, "is below %d MiB", leastMemory)
	}
	return problems.Err()
}

// task creates the task definition. It has no roles unless there are secrets or permissions: the agent pulls images and writes logs with
// the role of the host.
func (s *Service) task(ctx *pulumi.Context, name string, args *Args) (*ecs.TaskDefinition, error) {
	logs, err := cloudwatch.NewLogGroup(ctx, name+"-logs", &cloudwatch.LogGroupArgs{
		RetentionInDays: pulumi.Int(logDays),
		Tags:            pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(s))
	if err != nil {
		return nil, err
	}
	known := args.locate(name, logs.Name)
	roles, err := s.roles(ctx, name, args, known)
	if err != nil {
		return nil, err
	}
	in := &ecs.TaskDefinitionArgs{
		Family:                  pulumi.String(name),
		NetworkMode:             pulumi.String("bridge"), // with host port 0: many containers on one host
		RequiresCompatibilities: pulumi.StringArray{pulumi.String("EC2")},
		ContainerDefinitions: known.ApplyT(func(l any) (string, error) {
			return definitions(name, args, l.(located))
		}).(pulumi.StringOutput),
		Tags: pulumi.ToStringMap(args.Tags),
	}
	if roles.execution != nil {
		in.ExecutionRoleArn = roles.execution.Arn
	}
	if roles.task != nil {
		in.TaskRoleArn = roles.task.Arn
	}
	return ecs.NewTaskDefinition(ctx, name+"-task", in, pulumi.Parent(s))
}

// container is ECS's ContainerDefinition, as far as it is used.
type container struct {
	Name            string           `json:"name"`
	Image           string           `json:"image"`
	Command         []string         `json:"command,omitempty"`
	Environment     []variable       `json:"environment,omitempty"`
	Secrets         []secretVariable `json:"secrets,omitempty"`
	Essential       bool             `json:"essential"`
	CPU             int              `json:"cpu"`
	Memory          int              `json:"memory"`
	PortMappings    []portMapping    `json:"portMappings,omitempty"`
	Links           []string         `json:"links,omitempty"`
	DependsOn       []dependency     `json:"dependsOn,omitempty"`
	LinuxParameters linuxParameters  `json:"linuxParameters"`
	StopTimeout     int              `json:"stopTimeout"`
	Log             logConfiguration `json:"logConfiguration"`
}

type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type secretVariable struct {
	Name      string `json:"name"`
	ValueFrom string `json:"valueFrom"`
}

type dependency struct {
	Container string `json:"containerName"`
	Condition string `json:"condition"`
}

type portMapping struct {
	ContainerPort int    `json:"containerPort"`
	HostPort      int    `json:"hostPort"` // 0: the host's choice
	Protocol      string `json:"protocol"`
}

type linuxParameters struct {
	InitProcess bool `json:"initProcessEnabled"` // passes signals on, and reaps what the service leaves behind
}

type logConfiguration struct {
	Driver  string            `json:"logDriver"`
	Options map[string]string `json:"options"`
}

// definitions returns the JSON of the task's containers. The same arguments give the same text, because another text
// would be a new revision.
func definitions(name string, args *Args, l located) (string, error) {
	var list []container
	for _, c := range args.all(name) {
		list = append(list, args.definition(name, c, l))
	}
	list[0].PortMappings = []portMapping{{ContainerPort: args.Port, Protocol: "tcp"}}
	text, err := json.Marshal(list)
	return string(text), err
}

// definition returns the definition of a container of a service. Its logs are in the stream SERVICE/CONTAINER/TASK.
func (a *Args) definition(service string, c Sidecar, l located) container {
	d := container{
		Name:            c.Name,
		Image:           c.Image,
		Command:         c.Command,
		Secrets:         a.valueFrom(c, l),
		Essential:       c.Essential,
		CPU:             c.CPU,
		Memory:          c.Memory,
		Links:           c.Links,
		DependsOn:       c.dependencies(),
		LinuxParameters: linuxParameters{InitProcess: true},
		StopTimeout:     stopSeconds,
		Log: logConfiguration{Driver: "awslogs", Options: map[string]string{
			"awslogs-group":         l.logGroup,
			"awslogs-region":        a.Region,
			"awslogs-stream-prefix": service,
		}},
	}
	environment := maps.Clone(l.environment)
	if environment == nil {
		environment = map[string]string{}
	}
	maps.Copy(environment, c.Environment)
	for _, key := range slices.Sorted(maps.Keys(environment)) {
		d.Environment = append(d.Environment, variable{key, environment[key]})
	}
	return d
}
