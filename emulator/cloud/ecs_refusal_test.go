package cloud_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

// Each case is something that ECS refuses, with the code that it gives.
func ecsRefusals(*testing.T) refusals[*ecsWorld] {
	const parameter, client = "InvalidParameterException", "ClientException"
	type (
		definitionOf = ecs.TaskDefinitionSpec
		containerOf  = ecs.ContainerDefinition
		serviceOf    = ecs.ServiceSpec
		providerOf   = ecs.CapacityProviderSpec
	)
	task := func(change func(*definitionOf)) func(*ecsWorld) error {
		return func(w *ecsWorld) error {
			spec := definition("web:2")
			change(&spec)
			_, err := w.ECS.RegisterTaskDefinition(spec)
			return err
		}
	}
	container := func(change func(*containerOf)) func(*ecsWorld) error {
		return task(func(s *definitionOf) { change(&s.Containers[0]) })
	}
	beside := func(change func(*containerOf)) func(*ecsWorld) error {
		return task(func(s *definitionOf) {
			agent := containerOf{Name: "agent", Image: "agent:1", Memory: 64}
			change(&agent)
			s.Containers = append(s.Containers, agent)
		})
	}
	create := func(change func(*ecsWorld, *serviceOf)) func(*ecsWorld) error {
		return func(w *ecsWorld) error {
			spec := w.service(1)
			spec.Name = "other"
			change(w, &spec)
			_, err := w.ECS.CreateService(spec, w.Now())
			return err
		}
	}
	capacity := func(change func(*providerOf)) func(*ecsWorld) error {
		return func(w *ecsWorld) error {
			spec := w.provider()
			change(&spec)
			_, err := w.ECS.CreateCapacityProvider(spec)
			return err
		}
	}
	scalable := func(namespace, resource, dimension string, lowest, highest int) func(*ecsWorld) error {
		return func(w *ecsWorld) error {
			_, err := w.ECS.RegisterScalableTarget(namespace, resource, dimension, lowest, highest, w.Now())
			return err
		}
	}
	no, negative := false, -1
	return refusals[*ecsWorld]{
		"a secret of a container without an execution role": {client, "ECS API: RegisterTaskDefinition", container(func(c *containerOf) {
			c.Secrets = []ecs.SecretRef{{Name: "TOKEN", ValueFrom: "token"}}
		})},
		"a secret of a container without a place": {client, "ECS API: ContainerDefinition, secrets", func(w *ecsWorld) error {
			return w.registerWithSecrets(ecs.SecretRef{Name: "TOKEN"})
		}},
		"two secrets of a container with one name": {client, "ECS API: ContainerDefinition, secrets", func(w *ecsWorld) error {
			return w.registerWithSecrets(ecs.SecretRef{Name: "TOKEN", ValueFrom: "a"}, ecs.SecretRef{Name: "TOKEN", ValueFrom: "b"})
		}},
		"a cluster's name with a space": {parameter, "ECS API: CreateCluster", func(w *ecsWorld) error {
			_, err := w.ECS.CreateCluster("a b")
			return err
		}},
		"a second capacity provider with the same name": {client, "ECS API: CreateCapacityProvider", capacity(func(*providerOf) {})},
		"a second capacity provider for a group": {client, "ECS API: CreateCapacityProvider", capacity(func(s *providerOf) {
			s.Name = "other"
		})},
		"a capacity provider's name that AWS reserves": {client, "ECS API: CreateCapacityProvider", capacity(func(s *providerOf) {
			s.Name = "ecs-hosts"
		})},
		"a capacity provider for a group that does not exist": {client, "ECS API: CreateCapacityProvider", capacity(func(s *providerOf) {
			s.Name, s.Group = "other", "none"
		})},
		"a capacity provider's target capacity over 100": {client, "ECS API: UpdateCapacityProvider", func(w *ecsWorld) error {
			s := w.provider()
			s.Scaling.Target = 101
			return w.ECS.UpdateCapacityProvider(s)
		}},
		"managed termination protection without instance protection in the group": {client, "ECS API: UpdateCapacityProvider",
			func(w *ecsWorld) error {
				s := w.provider()
				s.TerminationProtection = true
				return w.ECS.UpdateCapacityProvider(s)
			}},
		"managed termination protection without managed scaling": {client, "ECS API: UpdateCapacityProvider", func(w *ecsWorld) error {
			s := w.provider()
			s.TerminationProtection, s.Scaling = true, nil
			return w.ECS.UpdateCapacityProvider(s)
		}},
		"capacity providers for a cluster that does not exist": {"ClusterNotFoundException", "ECS API: PutClusterCapacityProviders",
			func(w *ecsWorld) error {
				return w.ECS.PutClusterCapacityProviders("none", nil, nil)
			}},
		"a capacity provider that does not exist": {parameter, "ECS API: PutClusterCapacityProviders", func(w *ecsWorld) error {
			return w.ECS.PutClusterCapacityProviders("flask", []string{"none"}, nil)
		}},
		"a default strategy with a capacity provider that the cluster does not have": {parameter, "ECS API: PutClusterCapacityProviders",
			func(w *ecsWorld) error {
				return w.ECS.PutClusterCapacityProviders("flask", nil, []ecs.ProviderStrategy{{Provider: "capacity", Weight: 1}})
			}},
		"a strategy in which no capacity provider has a weight": {parameter, "ECS API: PutClusterCapacityProviders", func(w *ecsWorld) error {
			return w.ECS.PutClusterCapacityProviders("flask", []string{"capacity"}, []ecs.ProviderStrategy{{Provider: "capacity"}})
		}},
		"taking a capacity provider that a service uses from its cluster": {"ResourceInUseException", "ECS API: PutClusterCapacityProviders",
			func(w *ecsWorld) error {
				return w.ECS.PutClusterCapacityProviders("flask", nil, nil)
			}},
		"deleting a capacity provider that a cluster uses": {"ResourceInUseException", "ECS API: DeleteCapacityProvider",
			func(w *ecsWorld) error {
				return w.ECS.DeleteCapacityProvider("capacity")
			}},
		"deleting a cluster with services": {"ClusterContainsServicesException", "ECS API: DeleteCluster", func(w *ecsWorld) error {
			return w.ECS.DeleteCluster("flask")
		}},

		"a family with a dot": {client, "ECS API: RegisterTaskDefinition", task(func(s *definitionOf) { s.Family = "a.b" })},
		"a task definition without containers": {client, "ECS API: RegisterTaskDefinition", task(func(s *definitionOf) {
			s.Containers = nil
		})},
		"a task definition with 11 containers": {client, "ECS service quotas", task(func(s *definitionOf) {
			for range 10 {
				s.Containers = append(s.Containers, s.Containers[0])
			}
		})},
		"two containers of a name": {client, "ECS API: ContainerDefinition", beside(func(d *containerOf) { d.Name = "web" })},
		"containers larger than their task": {client, "ECS API: RegisterTaskDefinition", task(func(s *definitionOf) {
			s.Memory, s.Containers = 300, append(s.Containers, containerOf{Name: "agent", Image: "agent:1", Memory: 64})
		})},
		"a link with a container that does not exist": {client, "ECS API: ContainerDefinition, links", beside(func(d *containerOf) {
			d.Links = []string{"none"}
		})},
		"a dependency on a container that does not exist": {client, "ECS API: ContainerDependency", beside(func(d *containerOf) {
			d.DependsOn = []ecs.Dependency{{Container: "none", Condition: ecs.ConditionStart}}
		})},
		"a condition that does not exist": {client, "ECS API: ContainerDependency", beside(func(d *containerOf) {
			d.DependsOn = []ecs.Dependency{{Container: "web", Condition: "HAPPY"}}
		})},
		"a dependency on the end of an essential container": {client, "ECS API: ContainerDependency", beside(func(d *containerOf) {
			d.DependsOn = []ecs.Dependency{{Container: "web", Condition: ecs.ConditionComplete}}
		})},
		"a container that depends on itself": {client, "ECS API: ContainerDependency", beside(func(d *containerOf) {
			d.DependsOn = []ecs.Dependency{{Container: "agent", Condition: ecs.ConditionStart}}
		})},
		"a dependency on a container's health": {client, emulatorsOwn, beside(func(d *containerOf) {
			d.DependsOn = []ecs.Dependency{{Container: "web", Condition: ecs.ConditionHealthy}}
		})},
		"ports of two containers": {client, emulatorsOwn, beside(func(d *containerOf) {
			d.PortMappings = []ecs.PortMapping{{ContainerPort: 5001}}
		})},
		"the network mode awsvpc": {client, emulatorsOwn, task(func(s *definitionOf) { s.NetworkMode = "awsvpc" })},
		"a task role that does not exist": {client, "ECS API: RegisterTaskDefinition", task(func(s *definitionOf) {
			s.TaskRole = "arn:aws:iam::123456789012:role/none"
		})},
		"a container larger than its task": {client, "ECS API: RegisterTaskDefinition", task(func(s *definitionOf) { s.Memory = 128 })},
		"a container without a name":       {client, "ECS API: ContainerDefinition", container(func(d *containerOf) { d.Name = "" })},
		"a container without an image":     {client, "ECS API: ContainerDefinition", container(func(d *containerOf) { d.Image = "" })},
		"a container without memory":       {client, "ECS API: ContainerDefinition", container(func(d *containerOf) { d.Memory = 0 })},
		"a container's memory of 5 MiB": {client, "ECS API: ContainerDefinition", container(func(d *containerOf) {
			d.Memory = 5
		})},
		"a container's memory reservation above its memory": {client, "ECS API: ContainerDefinition", container(func(d *containerOf) {
			d.MemoryReservation = 257
		})},
		"a container's CPU below 0": {client, "ECS API: ContainerDefinition", container(func(d *containerOf) {
			d.CPU = -1
		})},
		"a task definition without an essential container": {client, "ECS API: ContainerDefinition", container(func(d *containerOf) {
			d.Essential = &no
		})},
		"a container's negative stop timeout": {client, "ECS API: ContainerDefinition", container(func(d *containerOf) {
			d.StopTimeout = &negative
		})},
		"an environment variable without a name": {client, "ECS API: ContainerDefinition", container(func(d *containerOf) {
			d.Environment[0].Name = ""
		})},
		"container port 0": {client, "ECS API: ContainerDefinition", container(func(d *containerOf) {
			d.PortMappings[0].ContainerPort = 0
		})},
		"host port 65536": {client, "ECS API: ContainerDefinition", container(func(d *containerOf) {
			d.PortMappings[0].HostPort = 65536
		})},
		"a container with two ports": {client, emulatorsOwn, container(func(d *containerOf) {
			d.PortMappings = append(d.PortMappings, d.PortMappings[0])
		})},
		"a UDP port of a container": {client, emulatorsOwn, container(func(d *containerOf) {
			d.PortMappings[0].Protocol = "udp"
		})},
		"a container with a volume": {client, emulatorsOwn, container(func(d *containerOf) {
			d.MountPoints = append(d.MountPoints, []byte(`{}`))
		})},
		"a log driver that does not exist": {client, "ECS API: ContainerDefinition", container(func(d *containerOf) {
			d.LogConfiguration = &ecs.LogSettings{LogDriver: "paper"}
		})},
		"the log driver awslogs without a log group": {client, "ECS API: ContainerDefinition", container(func(d *containerOf) {
			d.LogConfiguration = &ecs.LogSettings{LogDriver: "awslogs"}
		})},
		"a service in a cluster that does not exist": {"ClusterNotFoundException", "ECS API: CreateService",
			create(func(_ *ecsWorld, s *serviceOf) {
				s.Cluster = "none"
			})},
		"a second service with the same name": {parameter, "ECS API: CreateService", create(func(_ *ecsWorld, s *serviceOf) {
			s.Name = "web"
		})},
		"a service's name with a dot": {parameter, "ECS API: CreateService", create(func(_ *ecsWorld, s *serviceOf) { s.Name = "a.b" })},
		"a task definition that does not exist": {client, "ECS API: CreateService", create(func(_ *ecsWorld, s *serviceOf) {
			s.TaskDefinition = "none:1"
		})},
		"a revision of a task definition that is out of use": {client, "ECS API: CreateService", create(func(w *ecsWorld, _ *serviceOf) {
			require.NoError(w.t, w.ECS.DeregisterTaskDefinition(w.definitions()[0]))
		})},
		"the launch type Fargate": {parameter, emulatorsOwn, create(func(_ *ecsWorld, s *serviceOf) {
			s.LaunchType = "FARGATE"
		})},
		"a service with both a launch type and a capacity provider": {parameter, "ECS API: CreateService",
			create(func(_ *ecsWorld, s *serviceOf) {
				s.LaunchType = "EC2"
			})},
		"a service with a capacity provider that the cluster does not have": {parameter, "ECS API: CreateService",
			create(func(_ *ecsWorld, s *serviceOf) {
				s.Providers[0].Provider = "none"
			})},
		"a minimum healthy percentage above 100": {parameter, "ECS API: CreateService", create(func(_ *ecsWorld, s *serviceOf) {
			s.MinHealthy = 101
		})},
		"a maximum healthy percentage below 100": {parameter, "ECS API: CreateService", create(func(_ *ecsWorld, s *serviceOf) {
			s.MaxHealthy = 99
		})},
		"a negative desired count": {parameter, "ECS API: CreateService", create(func(_ *ecsWorld, s *serviceOf) { s.Desired = -1 })},
		"a service's target group that does not exist": {parameter, "ECS API: CreateService", create(func(_ *ecsWorld, s *serviceOf) {
			s.Balancers[0].TargetGroup = "none"
		})},
		"a service's container that the task does not have": {parameter, "ECS API: CreateService", create(func(_ *ecsWorld, s *serviceOf) {
			s.Balancers[0].Container = "none"
		})},
		"a service's container port that the task does not have": {parameter, "ECS API: CreateService", create(func(_ *ecsWorld, s *serviceOf) {
			s.Balancers[0].ContainerPort = 5001
		})},
		"a placement strategy that does not exist": {parameter, "ECS API: PlacementStrategy", create(func(_ *ecsWorld, s *serviceOf) {
			s.Placement = []ecs.Placement{{Type: "pile"}}
		})},
		"a spread over CPU": {parameter, "ECS API: PlacementStrategy", create(func(_ *ecsWorld, s *serviceOf) {
			s.Placement = []ecs.Placement{{Type: "spread", Field: "cpu"}}
		})},
		"a grace period without a balancer": {parameter, "ECS API: CreateService", create(func(_ *ecsWorld, s *serviceOf) { s.Balancers = nil })},
		"a target group without a balancer": {parameter, "ECS API: CreateService", create(func(w *ecsWorld, s *serviceOf) {
			loose := must(w.ELB.CreateTargetGroup(elb.TargetGroupSpec{
				Name: "loose", Port: 80, Protocol: "TCP", VPC: w.vpc, Check: elb.HealthCheck{
					Protocol: "TCP", Port: "traffic-port", Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3,
				},
			}))(w.t)
			s.Balancers[0].TargetGroup = loose.ARN
		})},
		"updating a service that does not exist": {"ServiceNotFoundException", "ECS API: UpdateService", func(w *ecsWorld) error {
			return w.ECS.UpdateService("none", w.service(1), false, w.Now())
		}},
		"a desired count for a service that does not exist": {"ServiceNotFoundException", "ECS API: UpdateService", func(w *ecsWorld) error {
			return w.ECS.SetDesiredCount("none", 1)
		}},
		"deleting a service that is not scaled to 0": {parameter, "ECS API: DeleteService", func(w *ecsWorld) error {
			return w.ECS.DeleteService(w.serviceARN, false)
		}},
		"stopping a task that does not exist": {parameter, "ECS API: StopTask", func(w *ecsWorld) error {
			return w.ECS.StopTask("none", "", w.Now())
		}},
		"a scalable target for a service that does not exist": {"ValidationException", "Application Auto Scaling API: RegisterScalableTarget",
			scalable("ecs", "service/flask/none", "ecs:service:DesiredCount", 1, 2)},
		"a scalable target's minimum above its maximum": {"ValidationException", "Application Auto Scaling API: RegisterScalableTarget",
			scalable("ecs", "service/flask/web", "ecs:service:DesiredCount", 3, 2)},
		"a scalable target of another service of AWS": {"ValidationException", "Application Auto Scaling API: RegisterScalableTarget",
			scalable("dynamodb", "service/flask/web", "ecs:service:DesiredCount", 1, 2)},
		"a scalable target of another dimension": {"ValidationException", "Application Auto Scaling API: RegisterScalableTarget",
			scalable("ecs", "service/flask/web", "ecs:service:Memory", 1, 2)},
		"a scaling policy without a scalable target": {"ObjectNotFoundException", "Application Auto Scaling API: PutScalingPolicy",
			func(w *ecsWorld) error {
				policy := ecs.ServicePolicy{Name: "cpu", Target: 50}
				_, err := w.ECS.PutServicePolicy("ecs", "service/flask/web", "ecs:service:DesiredCount", policy, w.Now())
				return err
			}},
	}
}

func TestWhatECSRefusesIsRefused(t *testing.T) {
	for name, c := range ecsRefusals(t) {
		t.Run(name, func(t *testing.T) {
			w := newECS(t, 2)
			w.startService(1)
			version := w.Version()
			if err := c.try(w); assert.Error(t, err) {
				refused(t, c.code, err)
			}
			if !strings.Contains(name, "out of use") && !strings.Contains(name, "without a balancer") {
				assert.Equal(t, version, w.Version(), "a refusal changes nothing")
			}
		})
	}
}

func TestWhatTheRefusalsVaryIsValid(t *testing.T) {
	spec, zero := definition("web:2"), 0
	spec.Containers[0].StopTimeout = &zero
	must(newECS(t, 1).ECS.RegisterTaskDefinition(spec))(t)
}

func TestADrainingServiceTakesNoUpdate(t *testing.T) {
	w := newECS(t, 2)
	w.startService(1)
	require.NoError(t, w.ECS.DeleteService(w.serviceARN, true))
	refused(t, "ServiceNotActiveException", w.ECS.UpdateService(w.serviceARN, w.service(2), false, w.Now()))
	refused(t, "ServiceNotActiveException", w.ECS.SetDesiredCount(w.serviceARN, 2))
	require.NoError(t, w.ECS.DeleteService(w.serviceARN, true), "once more is no fault")
}

func TestContainerDefinitionsAreReadStrictly(t *testing.T) {
	for document, want := range map[string]string{
		`[{"name":"web","healthCheck":{}}]`: `doesn't know the key "healthCheck"`,
		`[{"name":"web","ulimits":[]}]`:     `doesn't know the key "ulimits"`,
		`{"name":"web"}`:                    "not a JSON list",
		`[{"name":"web"}] []`:               "something follows",
		``:                                  "not a JSON list",
	} {
		_, err := ecs.ParseContainers(document)
		require.ErrorContains(t, err, want, document)
	}
}

func TestRevisionsAreNumberedPerFamilyAndNeverAgain(t *testing.T) {
	w := newECS(t, 1)
	second := must(w.ECS.RegisterTaskDefinition(definition("web:2")))(t)
	assert.Equal(t, 2, second.Revision)
	require.NoError(t, w.ECS.DeregisterTaskDefinition(second.ARN))
	assert.Equal(t, 3, must(w.ECS.RegisterTaskDefinition(definition("web:3")))(t).Revision)
	other := definition("web:1")
	other.Family = "other"
	assert.Equal(t, 1, must(w.ECS.RegisterTaskDefinition(other))(t).Revision)
}

// registerWithSecrets registers a task whose container has secrets, with an execution role.
func (w *ecsWorld) registerWithSecrets(secrets ...ecs.SecretRef) error {
	const trust = `{"Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	if err := w.IAM.CreateRole("execution", trust); err != nil {
		return nil //nolint:nilerr // the case fails
	}
	spec := definition("web:2")
	spec.ExecutionRole = "arn:aws:iam::123456789012:role/execution"
	spec.Containers[0].Secrets = secrets
	_, err := w.ECS.RegisterTaskDefinition(spec)
	return err
}
