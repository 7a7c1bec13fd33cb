package aws

import (
	"context"
	"slices"
	"strconv"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	model "github.com/elastic-service/elastic-service/emulator/cloud/ecs"
)

func (a *API) ecs() *service {
	return &service{name: "ecs", title: "ECS", operations: map[string]operation{
		"DescribeClusters":       answering(a.describeClusters),
		"DescribeServices":       answering(a.describeServices),
		"DescribeTaskDefinition": answering(a.describeTaskDefinition),
		"DescribeTasks":          answering(a.describeTasks),
		"ListServices":           answering(a.listServices),
		"ListTasks":              answering(a.listTasks),
		"StopTask":               answering(a.stopTask),
		"UpdateService":          answering(a.updateService),
	}}
}

// ecsFailure says what was asked for and not found.
type ecsFailure struct {
	ARN    string `json:"arn"`
	Reason string `json:"reason"`
}

func missing(id string) ecsFailure { return ecsFailure{id, "MISSING"} }

// clusterName returns the name of a cluster, which is "default" unless another is named.
func clusterName(id string) string {
	if id == "" {
		return "default"
	}
	return aws.LastPart(id)
}

type describeClustersInput struct{ Clusters []string }

type describeClustersOutput struct {
	Clusters []ecsCluster `json:"clusters"`
	Failures []ecsFailure `json:"failures"`
}

type ecsCluster struct {
	ARN      string   `json:"clusterArn"`
	Name     string   `json:"clusterName"`
	Status   string   `json:"status"`
	Hosts    int      `json:"registeredContainerInstancesCount"`
	Running  int      `json:"runningTasksCount"`
	Pending  int      `json:"pendingTasksCount"`
	Services int      `json:"activeServicesCount"`
	Provider []string `json:"capacityProviders"`
}

func (a *API) describeClusters(_ context.Context, in *describeClustersInput) (*describeClustersOutput, error) {
	out := &describeClustersOutput{Clusters: []ecsCluster{}, Failures: []ecsFailure{}}
	if len(in.Clusters) == 0 {
		in.Clusters = []string{""}
	}
	a.cloud.View(func(m *cloud.Model) {
		for _, id := range in.Clusters {
			if c := m.ECS.Clusters[clusterName(id)]; c != nil {
				out.Clusters = append(out.Clusters, describeCluster(m, c))
			} else {
				out.Failures = append(out.Failures, missing(id))
			}
		}
	})
	return out, nil
}

func describeCluster(m *cloud.Model, c *model.Cluster) ecsCluster {
	described := ecsCluster{
		ARN: c.ARN, Name: c.Name, Status: "ACTIVE", Provider: slices.Clone(c.Providers),
		Hosts: len(m.ECS.DescribeContainerInstances(c.Name)),
	}
	for _, s := range m.ECS.DescribeServices() {
		if s.Cluster == c.Name {
			described.Services++
			described.Running += s.Running
			described.Pending += s.Pending
		}
	}
	return described
}

type servicesInput struct {
	Cluster    string
	Services   []string
	MaxResults *int32
	NextToken  *string
}

type describeServicesOutput struct {
	Services []ecsService `json:"services"`
	Failures []ecsFailure `json:"failures"`
}

type ecsService struct {
	ARN            string          `json:"serviceArn"`
	Name           string          `json:"serviceName"`
	Cluster        string          `json:"clusterArn"`
	Status         string          `json:"status"`
	Desired        int             `json:"desiredCount"`
	Running        int             `json:"runningCount"`
	Pending        int             `json:"pendingCount"`
	TaskDefinition string          `json:"taskDefinition"`
	Deployments    []ecsDeployment `json:"deployments"`
	Events         []ecsEvent      `json:"events"`
}

type ecsDeployment struct {
	ID             string `json:"id"`
	Status         string `json:"status"`
	TaskDefinition string `json:"taskDefinition"`
	Rollout        string `json:"rolloutState"`
	Reason         string `json:"rolloutStateReason"`
	Failed         int    `json:"failedTasks"`
	Created        epoch  `json:"createdAt"`
	Updated        epoch  `json:"updatedAt"`
}

type ecsEvent struct {
	Created epoch  `json:"createdAt"`
	Message string `json:"message"`
}

// findService returns a service of a cluster by its name or ARN.
func findService(m *cloud.Model, cluster, id string) (model.ServiceStatus, error) {
	for _, s := range m.ECS.DescribeServices() {
		if s.Cluster == clusterName(cluster) && s.Name == aws.LastPart(id) {
			return s, nil
		}
	}
	if m.ECS.Clusters[clusterName(cluster)] == nil {
		return model.ServiceStatus{}, aws.Refuse("ClusterNotFoundException", "Cluster not found.")
	}
	return model.ServiceStatus{}, aws.Refuse("ServiceNotFoundException", "Service not found.")
}

func (a *API) describeServices(_ context.Context, in *servicesInput) (*describeServicesOutput, error) {
	out := &describeServicesOutput{Services: []ecsService{}, Failures: []ecsFailure{}}
	return out, a.read(func(m *cloud.Model) error {
		for _, id := range in.Services {
			s, err := findService(m, in.Cluster, id)
			switch {
			case err == nil:
				out.Services = append(out.Services, describeService(m, s))
			case m.ECS.Clusters[clusterName(in.Cluster)] == nil:
				return err
			default:
				out.Failures = append(out.Failures, missing(id))
			}
		}
		return nil
	})
}

// describeService describes a service. Its newest event comes first.
func describeService(m *cloud.Model, s model.ServiceStatus) ecsService {
	described := ecsService{
		ARN: s.ARN, Name: s.Name, Cluster: m.Region.ARN("ecs", "cluster/"+s.Cluster), Status: s.Status, Desired: s.Desired,
		Running: s.Running, Pending: s.Pending, TaskDefinition: s.TaskDefinition, Events: []ecsEvent{},
	}
	for _, d := range s.Deployments {
		described.Deployments = append(described.Deployments, ecsDeployment{
			ID: d.ID, Status: d.Status, TaskDefinition: d.TaskDefinition, Rollout: d.Rollout, Reason: d.Reason, Failed: d.Failed,
			Created: epoch(d.Created), Updated: epoch(d.Updated),
		})
	}
	for _, e := range slices.Backward(s.Events) {
		described.Events = append(described.Events, ecsEvent{epoch(e.Time), e.Message})
	}
	return described
}

type listServicesOutput struct {
	ARNs      []string `json:"serviceArns"`
	NextToken *string  `json:"nextToken,omitempty"`
}

func (a *API) listServices(_ context.Context, in *servicesInput) (*listServicesOutput, error) {
	found := []string{}
	for _, s := range cloud.Get(a.cloud, func(m *cloud.Model) []model.ServiceStatus { return m.ECS.DescribeServices() }) {
		if s.Cluster == clusterName(in.Cluster) {
			found = append(found, s.ARN)
		}
	}
	found, next, err := page(found, in.MaxResults, in.NextToken, 10)
	return &listServicesOutput{found, next}, err
}

type updateServiceInput struct {
	Cluster            string
	Service            string
	DesiredCount       *int
	TaskDefinition     string
	ForceNewDeployment bool
}

type updateServiceOutput struct {
	Service ecsService `json:"service"`
}

func (a *API) updateService(_ context.Context, in *updateServiceInput) (*updateServiceOutput, error) {
	return cloud.Make(a.cloud, func(m *cloud.Model) (*updateServiceOutput, error) {
		s, err := findService(m, in.Cluster, in.Service)
		if err != nil {
			return nil, err
		}
		spec := m.ECS.Services[s.ARN].Spec
		spec.TaskDefinition = s.TaskDefinition
		if in.TaskDefinition != "" {
			spec.TaskDefinition = in.TaskDefinition
		}
		if in.ForceNewDeployment || in.TaskDefinition != "" {
			err = m.ECS.UpdateService(s.ARN, spec, in.ForceNewDeployment, m.Clock.Now())
		}
		if err == nil && in.DesiredCount != nil {
			err = m.ECS.SetDesiredCount(s.ARN, *in.DesiredCount)
		}
		if err != nil {
			return nil, err
		}
		s, err = findService(m, in.Cluster, in.Service)
		return &updateServiceOutput{describeService(m, s)}, err
	})
}

type tasksInput struct {
	Cluster       string
	Tasks         []string
	Task          string
	Reason        string
	ServiceName   string
	DesiredStatus string
	MaxResults    *int32
	NextToken     *string
}

type ecsTask struct {
	ARN            string         `json:"taskArn"`
	Cluster        string         `json:"clusterArn"`
	TaskDefinition string         `json:"taskDefinitionArn"`
	Group          string         `json:"group"`
	Status         string         `json:"lastStatus"`
	DesiredStatus  string         `json:"desiredStatus"`
	StoppedReason  string         `json:"stoppedReason,omitempty"`
	Created        epoch          `json:"createdAt"`
	Started        epoch          `json:"startedAt,omitzero"`
	Stopped        epoch          `json:"stoppedAt,omitzero"`
	Containers     []ecsContainer `json:"containers"`
}

type ecsContainer struct {
	Name     string `json:"name"`
	Image    string `json:"image"`
	Status   string `json:"lastStatus"`
	ExitCode *int   `json:"exitCode,omitempty"`
}

func describeTask(m *cloud.Model, t model.Task) ecsTask {
	described := ecsTask{
		ARN: t.ARN, Cluster: m.Region.ARN("ecs", "cluster/"+t.Cluster), TaskDefinition: t.Definition, Group: "service:" + t.Service,
		Status: string(t.State), DesiredStatus: t.DesiredStatus, StoppedReason: t.Reason, Created: epoch(t.Created), Started: epoch(t.Started),
		Stopped: epoch(t.Stopped),
	}
	for _, c := range t.Containers {
		status := string(t.State)
		if c.ExitCode != nil {
			status = string(model.TaskStopped)
		}
		described.Containers = append(described.Containers, ecsContainer{Name: c.Name, Image: c.Image, Status: status, ExitCode: c.ExitCode})
	}
	return described
}

type describeTasksOutput struct {
	Tasks    []ecsTask    `json:"tasks"`
	Failures []ecsFailure `json:"failures"`
}

func (a *API) describeTasks(_ context.Context, in *tasksInput) (*describeTasksOutput, error) {
	out := &describeTasksOutput{Tasks: []ecsTask{}, Failures: []ecsFailure{}}
	a.cloud.View(func(m *cloud.Model) {
		for _, id := range in.Tasks {
			if t := m.ECS.Tasks[aws.LastPart(id)]; t != nil && t.Cluster == clusterName(in.Cluster) {
				out.Tasks = append(out.Tasks, describeTask(m, *t))
			} else {
				out.Failures = append(out.Failures, missing(id))
			}
		}
	})
	return out, nil
}

type listTasksOutput struct {
	ARNs      []string `json:"taskArns"`
	NextToken *string  `json:"nextToken,omitempty"`
}

// listTasks lists the tasks of a cluster, or of a service, that are to run, or those that are to be stopped.
func (a *API) listTasks(_ context.Context, in *tasksInput) (*listTasksOutput, error) {
	status := in.DesiredStatus
	if status == "" {
		status = "RUNNING"
	}
	found := []string{}
	for _, t := range cloud.Get(a.cloud, func(m *cloud.Model) []model.Task { return m.ECS.DescribeTasks() }) {
		ofService := in.ServiceName == "" || aws.LastPart(in.ServiceName) == t.Service
		if t.Cluster == clusterName(in.Cluster) && t.DesiredStatus == status && ofService {
			found = append(found, t.ARN)
		}
	}
	found, next, err := page(found, in.MaxResults, in.NextToken, 100)
	return &listTasksOutput{found, next}, err
}

type stopTaskOutput struct {
	Task ecsTask `json:"task"`
}

func (a *API) stopTask(_ context.Context, in *tasksInput) (*stopTaskOutput, error) {
	return cloud.Make(a.cloud, func(m *cloud.Model) (*stopTaskOutput, error) {
		id := aws.LastPart(in.Task)
		if err := m.ECS.StopTask(id, in.Reason, m.Clock.Now()); err != nil {
			return nil, err
		}
		return &stopTaskOutput{describeTask(m, *m.ECS.Tasks[id])}, nil
	})
}

type describeTaskDefinitionInput struct{ TaskDefinition string }

type describeTaskDefinitionOutput struct {
	TaskDefinition ecsTaskDefinition `json:"taskDefinition"`
}

type ecsTaskDefinition struct {
	ARN         string                      `json:"taskDefinitionArn"`
	Family      string                      `json:"family"`
	Revision    int                         `json:"revision"`
	Status      string                      `json:"status"`
	NetworkMode string                      `json:"networkMode"`
	CPU         string                      `json:"cpu,omitempty"`
	Memory      string                      `json:"memory,omitempty"`
	TaskRole    string                      `json:"taskRoleArn,omitempty"`
	Execution   string                      `json:"executionRoleArn,omitempty"`
	Containers  []model.ContainerDefinition `json:"containerDefinitions"`
}

func (a *API) describeTaskDefinition(_ context.Context, in *describeTaskDefinitionInput) (*describeTaskDefinitionOutput, error) {
	d, err := cloud.Find(a.cloud, func(m *cloud.Model) (model.TaskDefinition, error) { return m.ECS.TaskDefinition(in.TaskDefinition) })
	described := ecsTaskDefinition{
		ARN: d.ARN, Family: d.Family, Revision: d.Revision, Status: "INACTIVE", NetworkMode: d.Spec.NetworkMode, CPU: units(d.Spec.CPU),
		Memory: units(d.Spec.Memory), TaskRole: d.Spec.TaskRole, Execution: d.Spec.ExecutionRole, Containers: d.Spec.Containers,
	}
	if d.Active {
		described.Status = "ACTIVE"
	}
	return &describeTaskDefinitionOutput{described}, err
}

// units returns a number of CPU units or MiB as text, "" for none.
func units(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
