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
	switch {
	case a.Image == "":
		problems.Missing("image", "a value is needed")
	case strings.ContainsAny(a.Image, " \t\r\n") || strings.Contains(a.Image, "://"):
		problems.Add("image", a.Image, "is not the name of an image such as nginx:1.29")
	}
	for _, name := range slices.Sorted(maps.Keys(a.Environment)) {
		if !variableName.MatchString(name) {
			problems.Add("environment", name, "is not the name of a variable")
		}
	}
	problems.Include("", a.validSecrets())
	if a.Port < 1 || a.Port > 65535 {
		problems.Add("port", a.Port, "is not between 1 and 65535")
	}
	if a.CPU < leastCPU || a.CPU > mostCPU {
		problems.Add("cpu", a.CPU, "is not between %d and %d units", leastCPU, mostCPU)
	}
	if a.Memory < leastMemory {
		problems.Add("memory", a.Memory, "is below %d MiB", leastMemory)
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
	known := args.locate(logs.Name)
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
	PortMappings    []portMapping    `json:"portMappings"`
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

// definitions returns the JSON of the task's only container. The same arguments give the same text, because another text
// would be a new revision.
func definitions(name string, args *Args, l located) (string, error) {
	c := container{
		Name:            name,
		Image:           args.Image,
		Command:         args.Command,
		Essential:       true,
		CPU:             args.CPU,
		Memory:          args.Memory,
		PortMappings:    []portMapping{{ContainerPort: args.Port, Protocol: "tcp"}},
		LinuxParameters: linuxParameters{InitProcess: true},
		StopTimeout:     stopSeconds,
		Log: logConfiguration{Driver: "awslogs", Options: map[string]string{
			"awslogs-group":         l.logGroup,
			"awslogs-region":        args.Region,
			"awslogs-stream-prefix": name,
		}},
	}
	environment := maps.Clone(l.environment)
	if environment == nil {
		environment = map[string]string{}
	}
	maps.Copy(environment, args.Environment)
	for _, key := range slices.Sorted(maps.Keys(environment)) {
		c.Environment = append(c.Environment, variable{key, environment[key]})
	}
	c.Secrets = args.valueFrom(l)
	text, err := json.Marshal([]container{c})
	return string(text), err
}
