package provider

import (
	"encoding/base64"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/provider/ledger"
)

const (
	clusterToken         = "aws:ecs/cluster:Cluster"
	providerToken        = "aws:ecs/capacityProvider:CapacityProvider"
	clusterProviderToken = "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders"
	serviceToken         = "aws:ecs/service:Service"
	taskDefinitionToken  = "aws:ecs/taskDefinition:TaskDefinition"
	targetToken          = "aws:appautoscaling/target:Target"
	servicePolicyToken   = "aws:appautoscaling/policy:Policy"
)

// driven is a provider whose cloud has a data plane that does in no time what a real one does in seconds.
type driven struct {
	*awsProvider
	t           *testing.T
	targets     string // ARN of the target group
	brokenImage string
}

func newDriven(t *testing.T) *driven { return drive(t, 100*time.Microsecond) }

// drive has a second of the cloud take a while here.
func drive(t *testing.T, second time.Duration) *driven {
	t.Helper()
	clock := clockwork.NewFakeClockAt(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	c, err := cloud.New("us-east-1", clock, func(netip.Addr) bool { return true })
	require.NoError(t, err)
	d := &driven{awsProvider: newAWS(c, ledger.New(nil), t.TempDir(), func() error { return nil }), t: t, brokenImage: "web:broken"}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(second):
				clock.Advance(time.Second)
				d.step()
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
	return d
}

func (d *driven) step() {
	d.cloud.Reconcile()
	moveInstances(d.cloud)
	moveTasks(d.cloud, d.brokenImage)
	probe(d.cloud)
}

func (d *driven) make(token, logical string, inputs map[string]any) plugin.CreateResponse {
	d.t.Helper()
	return d.created(d.t, token, logical, inputs)
}

func (d *driven) tryCreate(token, logical string, inputs map[string]any) error {
	d.t.Helper()
	checked := d.checked(d.t, token, logical, nil, inputs)
	require.Empty(d.t, checked.Failures)
	_, err := d.Create(d.t.Context(), plugin.CreateRequest{
		URN: name(token, logical), Name: logical, Type: tokens.Type(token), Properties: checked.Properties,
	})
	return err
}

// remove deletes a resource as the engine does, with its inputs and outputs.
func (d *driven) remove(token string, made plugin.CreateResponse) error {
	_, err := d.Delete(d.t.Context(), plugin.DeleteRequest{
		Type: tokens.Type(token), ID: made.ID, Inputs: made.Properties, Outputs: made.Properties,
	})
	return err
}

func (d *driven) gone(token string, made plugin.CreateResponse) {
	d.t.Helper()
	require.NoError(d.t, d.remove(token, made), token)
}

// hosts makes a network, a balancer and a group whose instances join the cluster.
func (d *driven) hosts(cluster string) plugin.CreateResponse {
	vpc := string(d.make("aws:ec2/vpc:Vpc", "v", map[string]any{"cidrBlock": "10.0.0.0/16"}).ID)
	gateway := string(d.make("aws:ec2/internetGateway:InternetGateway", "g", map[string]any{"vpcId": vpc}).ID)
	var subnets []any
	for i, zone := range []string{"us-east-1a", "us-east-1b"} {
		subnet := string(d.make("aws:ec2/subnet:Subnet", "s"+zone, map[string]any{
			"vpcId": vpc, "cidrBlock": []string{"10.0.0.0/24", "10.0.1.0/24"}[i], "availabilityZone": zone,
		}).ID)
		table := string(d.make("aws:ec2/routeTable:RouteTable", "t"+zone, map[string]any{"vpcId": vpc}).ID)
		d.make("aws:ec2/route:Route", "r"+zone, map[string]any{
			"routeTableId": table, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": gateway,
		})
		d.make("aws:ec2/routeTableAssociation:RouteTableAssociation", "a"+zone, map[string]any{"routeTableId": table, "subnetId": subnet})
		subnets = append(subnets, subnet)
	}
	sg := string(d.make("aws:ec2/securityGroup:SecurityGroup", "open", map[string]any{"vpcId": vpc}).ID)
	for token, logical := range map[string]string{
		"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "in",
		"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":   "out",
	} {
		d.make(token, logical, map[string]any{
			"securityGroupId": sg, "cidrIpv4": "0.0.0.0/0", "ipProtocol": "tcp", "fromPort": 1, "toPort": 65535,
		})
	}
	d.balancer(vpc, sg, subnets)
	return d.group(cluster, sg, subnets)
}

func (d *driven) balancer(vpc, sg string, subnets []any) {
	lb := d.make("aws:lb/loadBalancer:LoadBalancer", "lb", map[string]any{
		"loadBalancerType": "application", "subnets": subnets, "securityGroups": []any{sg},
	})
	d.targets = string(d.make("aws:lb/targetGroup:TargetGroup", "tg", map[string]any{
		"vpcId": vpc, "port": 80, "protocol": "HTTP", "targetType": "instance", "deregistrationDelay": 30,
		"healthCheck": map[string]any{
			"protocol": "HTTP", "path": "/ping", "port": "traffic-port", "interval": 10, "timeout": 5,
			"healthyThreshold": 3, "unhealthyThreshold": 3,
		},
	}).ID)
	d.make("aws:lb/listener:Listener", "l", map[string]any{
		"loadBalancerArn": string(lb.ID), "port": 80, "protocol": "HTTP",
		"defaultActions": []any{map[string]any{"type": "forward", "targetGroupArn": d.targets}},
	})
}

func (d *driven) group(cluster, sg string, subnets []any) plugin.CreateResponse {
	d.make("aws:iam/role:Role", "host", map[string]any{
		"name": "host", "assumeRolePolicy": `{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}`,
	})
	d.make("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "host", map[string]any{
		"role": "host", "policyArn": "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role",
	})
	d.make("aws:iam/instanceProfile:InstanceProfile", "host", map[string]any{"name": "host", "role": "host"})
	image, err := d.called(d.t, "aws:ssm/getParameter:getParameter", map[string]any{
		"name": "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id",
	})
	require.NoError(d.t, err)
	script := "#!/bin/sh\necho ECS_CLUSTER=" + cluster + " >> /etc/ecs/ecs.config\n"
	template := d.make("aws:ec2/launchTemplate:LaunchTemplate", "hosts", map[string]any{
		"imageId": image["insecureValue"], "instanceType": "t3.micro", "userData": base64.StdEncoding.EncodeToString([]byte(script)),
		"iamInstanceProfile": map[string]any{"name": "host"},
		"networkInterfaces":  []any{map[string]any{"associatePublicIpAddress": "true", "securityGroups": []any{sg}}},
	})
	return d.make("aws:autoscaling/group:Group", "hosts", map[string]any{
		"vpcZoneIdentifiers": subnets, "minSize": 2, "maxSize": 3,
		"launchTemplate": map[string]any{"id": string(template.ID), "version": "1"},
	})
}

func containersJSON(image string) string {
	return `[{"name":"web","image":"` + image + `","essential":true,"cpu":128,"memory":128,"command":["web","serve"],
		"portMappings":[{"containerPort":5000,"hostPort":0,"protocol":"tcp"}],
		"environment":[{"name":"RELEASE","value":"1"}],"linuxParameters":{"initProcessEnabled":true},
		"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"web","awslogs-region":"us-east-1"}}}]`
}

func (d *driven) definition(image string) plugin.CreateResponse {
	return d.make(taskDefinitionToken, "task", map[string]any{
		"family": "web", "networkMode": "bridge", "requiresCompatibilities": []any{"EC2"}, "containerDefinitions": containersJSON(image),
	})
}

func output(made plugin.CreateResponse, key string) string {
	return made.Properties[resource.PropertyKey(key)].StringValue()
}

func (d *driven) serviceInputs(cluster, provider, task string) map[string]any {
	return map[string]any{
		"cluster": cluster, "taskDefinition": task, "desiredCount": 2, "waitForSteadyState": true,
		"capacityProviderStrategies": []any{map[string]any{"capacityProvider": provider, "weight": 1}},
		"loadBalancers":              []any{map[string]any{"targetGroupArn": d.targets, "containerName": "web", "containerPort": 5000}},
		"orderedPlacementStrategies": []any{map[string]any{"type": "spread", "field": "attribute:ecs.availability-zone"}},
		"deploymentCircuitBreaker":   map[string]any{"enable": true, "rollback": true},
		"enableEcsManagedTags":       true, "propagateTags": "SERVICE",
	}
}

// flask is the containers' part of the stack.
type flask struct {
	cluster, group, provider, association, task, service, target, policy plugin.CreateResponse
}

func (d *driven) flask() flask {
	var f flask
	f.cluster = d.make(clusterToken, "web", map[string]any{
		"settings": []any{map[string]any{"name": "containerInsights", "value": "disabled"}},
	})
	f.group = d.hosts(output(f.cluster, "name"))
	f.provider = d.make(providerToken, "web", map[string]any{"autoScalingGroupProvider": map[string]any{
		"autoScalingGroupArn": output(f.group, "arn"), "managedDraining": "ENABLED", "managedTerminationProtection": "DISABLED",
		"managedScaling": map[string]any{"status": "ENABLED", "targetCapacity": 100},
	}})
	provider := output(f.provider, "name")
	f.association = d.make(clusterProviderToken, "web", map[string]any{
		"clusterName": output(f.cluster, "name"), "capacityProviders": []any{provider},
		"defaultCapacityProviderStrategies": []any{map[string]any{"capacityProvider": provider, "weight": 1}},
	})
	f.task = d.definition("web:1")
	f.service = d.make(serviceToken, "web", d.serviceInputs(string(f.cluster.ID), provider, output(f.task, "arn")))
	f.target = d.make(targetToken, "web", map[string]any{
		"serviceNamespace": "ecs", "scalableDimension": "ecs:service:DesiredCount", "minCapacity": 1, "maxCapacity": 3,
		"resourceId": "service/" + output(f.cluster, "name") + "/" + output(f.service, "name"),
	})
	f.policy = d.make(servicePolicyToken, "cpu", map[string]any{
		"policyType": "TargetTrackingScaling", "serviceNamespace": "ecs", "scalableDimension": "ecs:service:DesiredCount",
		"resourceId": output(f.target, "resourceId"),
		"targetTrackingScalingPolicyConfiguration": map[string]any{
			"predefinedMetricSpecification": map[string]any{"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
			"targetValue":                   50,
		},
	})
	return f
}

func (d *driven) update(token string, made plugin.CreateResponse, change map[string]any) (resource.PropertyMap, error) {
	news := made.Properties.Copy()
	maps.Copy(news, properties(change))
	response, err := d.Update(d.t.Context(), plugin.UpdateRequest{
		Type: tokens.Type(token), ID: made.ID, OldInputs: made.Properties, OldOutputs: made.Properties, NewInputs: news,
	})
	return response.Properties, err
}

func TestAServiceComesUpSteadyAndGoesInItsOrder(t *testing.T) {
	d := newDriven(t)
	f := d.flask()
	services := services(d.cloud)
	require.Len(t, services, 1)
	assert.Equal(t, 2, services[0].Running, "waitForSteadyState")
	assert.Equal(t, "arn:aws:ecs:us-east-1:"+aws.Account+":task-definition/web:1", output(f.task, "arn"))
	assert.Equal(t, "arn:aws:ecs:us-east-1:"+aws.Account+":task-definition/web", output(f.task, "arnWithoutRevision"))
	assert.Equal(t, "web", string(f.task.ID))
	assert.Contains(t, output(f.target, "roleArn"), "AWSServiceRoleForApplicationAutoScaling_ECSService")
	assert.Len(t, f.policy.Properties["alarmArns"].ArrayValue(), 2)

	for _, r := range []struct {
		token string
		made  plugin.CreateResponse
	}{
		{servicePolicyToken, f.policy}, {targetToken, f.target}, {serviceToken, f.service}, {taskDefinitionToken, f.task},
		{clusterProviderToken, f.association}, {providerToken, f.provider}, {"aws:autoscaling/group:Group", f.group},
		{clusterToken, f.cluster},
	} {
		d.gone(r.token, r.made)
	}
	for _, left := range d.cloud.Left() {
		for _, kind := range []string{"cluster", "capacity provider", "task ", "task definition", "service ", "scalable"} {
			assert.False(t, strings.HasPrefix(left, kind), left)
		}
	}
}

func TestANewRevisionIsDeployedAndABrokenOneRolledBackWithoutAnError(t *testing.T) {
	d := newDriven(t)
	f := d.flask()
	second := d.definition("web:2")
	assert.Equal(t, f.task.ID, second.ID, "the family")
	outputs, err := d.update(serviceToken, f.service, map[string]any{"taskDefinition": output(second, "arn")})
	require.NoError(t, err)
	assert.Equal(t, output(second, "arn"), outputs["taskDefinition"].StringValue())
	d.gone(taskDefinitionToken, f.task)
	require.NoError(t, err)

	broken := d.definition(d.brokenImage)
	outputs, err = d.update(serviceToken, f.service, map[string]any{"taskDefinition": output(broken, "arn")})
	require.NoError(t, err, "the provider takes a rollback for a success")
	assert.Equal(t, output(second, "arn"), outputs["taskDefinition"].StringValue(), "and reads what runs")
}

func TestACountThatWasScaledOutlivesAnUpdate(t *testing.T) {
	d := newDriven(t)
	f := d.flask()
	require.NoError(t, d.cloud.Change(func(m *cloud.Model) error { return m.ECS.SetDesiredCount(string(f.service.ID), 3) }))
	_, err := d.update(serviceToken, f.service, map[string]any{"healthCheckGracePeriodSeconds": 60})
	require.NoError(t, err)
	status := serviceStatus(d.cloud, string(f.service.ID))
	assert.Equal(t, 3, status.Desired)
	_, err = d.update(serviceToken, f.service, map[string]any{"desiredCount": 1})
	require.NoError(t, err)
	status = serviceStatus(d.cloud, string(f.service.ID))
	assert.Equal(t, 1, status.Desired)
}

func TestAServiceThatNeverGetsSteadyFailsAndIsKeptToBeRepaired(t *testing.T) {
	d := newDriven(t)
	f := d.flask()
	broken := d.definition(d.brokenImage)
	inputs := d.serviceInputs(string(f.cluster.ID), output(f.provider, "name"), output(broken, "arn"))
	err := d.tryCreate(serviceToken, "other", inputs)
	require.ErrorContains(t, err, "timeout while waiting for ECS Service")
	assert.Len(t, services(d.cloud), 2)
}

func TestWhatIsStillInUseIsNotDeleted(t *testing.T) {
	d := newDriven(t)
	f := d.flask()
	require.ErrorContains(t, d.remove(providerToken, f.provider), "ResourceInUseException")
	require.ErrorContains(t, d.remove(clusterProviderToken, f.association), "ResourceInUseException")
	require.ErrorContains(t, d.remove(clusterToken, f.cluster), "ClusterContains")
}

func TestKeysOfContainerDefinitionsThatAreNotKnownAreRefusedByName(t *testing.T) {
	p := newProvider(t)
	failures := p.checked(t, taskDefinitionToken, "task", nil, map[string]any{
		"family": "web", "containerDefinitions": `[{"name":"web","image":"web:1","memory":128,"repositoryCredentials":{}}]`,
	}).Failures
	require.Len(t, failures, 1)
	assert.EqualValues(t, "containerDefinitions.repositoryCredentials", failures[0].Property)
}

func TestValuesOfECSThatHaveNoBehaviourHereAreRefusedByName(t *testing.T) {
	for _, c := range []struct {
		name, token string
		inputs      map[string]any
		message     string
	}{
		{
			name: "Fargate", token: taskDefinitionToken,
			inputs: map[string]any{
				"family": "web", "containerDefinitions": containersJSON("web:1"), "requiresCompatibilities": []any{"FARGATE"},
			},
			message: "requiresCompatibilities",
		},
		{
			name: "Windows", token: taskDefinitionToken,
			inputs: map[string]any{
				"family": "web", "containerDefinitions": containersJSON("web:1"),
				"runtimePlatform": map[string]any{"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},
			},
			message: "operatingSystemFamily",
		},
		{
			name: "a size that is not a number", token: taskDefinitionToken,
			inputs: map[string]any{
				"family": "web", "containerDefinitions": containersJSON("web:1"), "cpu": "1 vCPU",
			},
			message: "Invalid 'cpu' setting",
		},
		{
			name: "containers that are not JSON", token: taskDefinitionToken,
			inputs: map[string]any{
				"family": "web", "containerDefinitions": "web",
			},
			message: "not a JSON list",
		},
		{
			name: "a daemon", token: serviceToken, inputs: map[string]any{"schedulingStrategy": "DAEMON"},
			message: "schedulingStrategy",
		},
		{
			name: "a blue/green deployment", token: serviceToken,
			inputs:  map[string]any{"deploymentController": map[string]any{"type": "CODE_DEPLOY"}},
			message: "deploymentController.type",
		},
		{
			name: "rebalancing of zones without room for more tasks", token: serviceToken,
			inputs:  map[string]any{"availabilityZoneRebalancing": "ENABLED", "deploymentMaximumPercent": 100},
			message: "availabilityZoneRebalancing ENABLED needs",
		},
		{
			name: "rebalancing of zones that placement disregards", token: serviceToken,
			inputs: map[string]any{
				"availabilityZoneRebalancing": "ENABLED",
				"orderedPlacementStrategies":  []any{map[string]any{"type": "spread", "field": "instanceId"}},
			},
			message: "availabilityZoneRebalancing ENABLED needs",
		},
		{
			name: "a placement constraint", token: serviceToken,
			inputs: map[string]any{
				"placementConstraints": []any{map[string]any{"type": "memberOf", "expression": "attribute:a == b"}},
			},
			message: "placementConstraints.type",
		},
		{
			name: "an unknown value of a cluster setting", token: clusterToken,
			inputs: map[string]any{
				"settings": []any{map[string]any{"name": "containerInsights", "value": "maybe"}},
			},
			message: "containerInsights",
		},
		{
			name: "managed draining that is neither on nor off", token: providerToken,
			inputs: map[string]any{
				"autoScalingGroupProvider": map[string]any{"autoScalingGroupArn": "a", "managedDraining": "MAYBE"},
			},
			message: "managedDraining",
		},
		{
			name: "step scaling of a service", token: servicePolicyToken, inputs: map[string]any{"policyType": "StepScaling"},
			message: "policyType",
		},
		{
			name: "another metric", token: servicePolicyToken,
			inputs: map[string]any{
				"policyType": "TargetTrackingScaling",
				"targetTrackingScalingPolicyConfiguration": map[string]any{
					"predefinedMetricSpecification": map[string]any{"predefinedMetricType": "ALBRequestCountPerTarget"},
				},
			},
			message: "predefinedMetricType",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProvider(t)
			checked := p.checked(t, c.token, "x", nil, c.inputs)
			require.Empty(t, checked.Failures)
			_, err := p.Create(t.Context(), plugin.CreateRequest{
				URN: name(c.token, "x"), Name: "x", Type: tokens.Type(c.token), Properties: checked.Properties,
			})
			require.ErrorContains(t, err, c.message)
			assert.Empty(t, p.left())
		})
	}
}

func TestOnlyTheGroupOfACapacityProviderReplacesIt(t *testing.T) {
	p := newProvider(t)
	of := func(group string, capacity int) resource.PropertyMap {
		return properties(map[string]any{"autoScalingGroupProvider": map[string]any{
			"autoScalingGroupArn": group, "managedScaling": map[string]any{"targetCapacity": capacity},
		}})
	}
	for what, c := range map[string]struct {
		now      resource.PropertyMap
		replaces bool
	}{
		"its group": {of("b", 100), true}, "its scaling": {of("a", 80), false},
	} {
		diff, err := p.Diff(t.Context(), plugin.DiffRequest{Type: providerToken, OldInputs: of("a", 100), NewInputs: c.now})
		require.NoError(t, err)
		assert.Equal(t, plugin.DiffSome, diff.Changes, what)
		assert.Equal(t, c.replaces, len(diff.ReplaceKeys) == 1, what)
	}
}
