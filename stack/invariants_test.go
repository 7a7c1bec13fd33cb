package stack

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/internal/graphtest"
)

// at is a value inside of a resource's inputs: property names and indices.
func at(r *graphtest.Resource, path ...any) any {
	value := resource.NewProperty(r.Inputs)
	for _, step := range path {
		switch step := step.(type) {
		case string:
			value = value.ObjectValue()[resource.PropertyKey(step)]
		case int:
			value = value.ArrayValue()[step]
		}
	}
	return value.Mappable()
}

func TestEveryResourceDescendsFromAComponent(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		for _, r := range g.Resources {
			assert.True(t, strings.HasPrefix(g.Top(r).Type, "elastic-service:"), "%s %s", r.Type, r.Name)
		}
	})
}

func TestAwsxMakesTheVPCAndNothingElse(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		for _, r := range g.Resources {
			assert.Equal(t, r.Type == "awsx:ec2:Vpc", strings.HasPrefix(r.Type, "awsx:"), r.Type)
		}
	})
}

func TestNothingButABalancerIsOpenToTheWorld(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		asked := strings.Contains(world(t, filepath.Base(t.Name()), nil).Config["elastic-service:compute"], `"sshFromAnywhere":true`)
		for _, rule := range g.OfType("SecurityGroupIngressRule") {
			if at(rule, "cidrIpv4") != "0.0.0.0/0" && at(rule, "cidrIpv6") != "::/0" {
				continue
			}
			for _, group := range g.InputFrom(rule, "securityGroupId") {
				top := g.Top(group).Type
				assert.True(t, top == "elastic-service:loadbalancing:Balancer" || asked && at(rule, "fromPort") == 22.0, rule.Name)
			}
		}
	})
}

func TestSecurityGroupsHaveNoRulesInline(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		for _, group := range g.OfType("SecurityGroup") {
			assert.NotContains(t, group.Inputs, resource.PropertyKey("ingress"), group.Name)
			assert.NotContains(t, group.Inputs, resource.PropertyKey("egress"), group.Name)
		}
	})
}

// untagged are the types that take no tags.
var untagged = []string{
	"RolePolicy", "Policy", "BucketPolicy", "BucketPublicAccessBlock", "BucketOwnershipControls",
	"BucketServerSideEncryptionConfigurationV2", "BucketLifecycleConfigurationV2", "RolePolicyAttachment", "EventTarget",
	"Schedule", "LifecycleHook", "TopicSubscription", "TopicPolicy", "Record", "CertificateValidation", "Dashboard",
	"ClusterCapacityProviders", "Stash",
}

func TestEverythingThatTakesTagsHasThem(t *testing.T) {
	everyStack(t, func(t *testing.T, _ *graphtest.Graph) {
		g := deploy(t, world(t, filepath.Base(t.Name()), map[string]any{"tags": `{"cost-center":"4711"}`}))
		for _, r := range g.Resources {
			if !r.Custom && !r.Remote || slices.ContainsFunc(untagged, func(typ string) bool { return strings.HasSuffix(r.Type, ":"+typ) }) {
				continue
			}
			if list, ok := at(r, "tags").([]any); ok { // an Auto Scaling group's
				for _, tag := range list {
					assert.Equal(t, true, tag.(map[string]any)["propagateAtLaunch"], r.Name)
				}
				want := 3 // Service, Stack and the stack's own
				if len(g.OfType("CapacityProvider")) > 0 {
					want++ // ECS's own
				}
				assert.Len(t, list, want)
				continue
			}
			for _, key := range []string{"Service", "Stack", "cost-center"} {
				assert.NotEmpty(t, at(r, "tags", key), "%s of %s", key, r.Name)
			}
		}
	})
}

func TestInstancesAndVolumesCarryTheTags(t *testing.T) {
	everyStack(t, func(t *testing.T, _ *graphtest.Graph) {
		g := deploy(t, world(t, filepath.Base(t.Name()), map[string]any{"tags": `{"cost-center":"4711"}`}))
		for _, instance := range g.OfType("aws:ec2/instance:Instance") {
			assert.Equal(t, "4711", at(instance, "rootBlockDevice", "tags", "cost-center"))
		}
		for _, template := range g.OfType("LaunchTemplate") {
			tagged := map[any]bool{}
			for i := range template.Inputs["tagSpecifications"].ArrayValue() {
				tags := at(template, "tagSpecifications", i, "tags").(map[string]any)
				assert.NotEmpty(t, tags["Service"])
				assert.NotEmpty(t, tags["Stack"])
				assert.NotEmpty(t, tags["cost-center"])
				tagged[at(template, "tagSpecifications", i, "resourceType")] = true
			}
			assert.True(t, tagged["instance"] && tagged["volume"], template.Name)
		}
	})
}

func TestGroupsHaveRoomAndNoDesiredCapacity(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		for _, group := range g.OfType("aws:autoscaling/group:Group") {
			assert.GreaterOrEqual(t, at(group, "minSize"), 1.0)
			assert.LessOrEqual(t, at(group, "minSize"), at(group, "maxSize"))
			assert.NotContains(t, group.Inputs, resource.PropertyKey("desiredCapacity"))
		}
	})
}

// Names in the DNS, those of hooks, which are a group's own, that of a release's record and that of the instances' log group are what
// people look them up by.
var named = []string{
	"aws:route53/zone:Zone", "aws:route53/record:Record", "aws:autoscaling/lifecycleHook:LifecycleHook", "aws:ssm/parameter:Parameter",
	"aws:cloudwatch/logGroup:LogGroup",
}

// A balancer is deleted first: its target group could not be a second one's meanwhile.
func TestNothingElseAsksToBeDeletedFirstOrNamesItself(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		for _, r := range g.Resources {
			assert.Equal(t, r.Type == "aws:lb/loadBalancer:LoadBalancer", r.DeleteBeforeReplace, r.Name)
			if r.Custom && !slices.Contains(named, r.Type) {
				assert.NotContains(t, r.Inputs, resource.PropertyKey("name"), r.Name)
			}
		}
	})
}

func TestNamesAreUniqueAmongEachType(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		seen := map[string]bool{}
		for _, r := range g.Resources {
			assert.False(t, seen[r.Type+r.Name], "%s %s", r.Type, r.Name)
			seen[r.Type+r.Name] = true
		}
	})
}

func TestTheLongestServiceNameFitsEverywhere(t *testing.T) {
	longest := strings.Repeat("m", 21)
	// The recorder refuses a physical name that is longer than AWS allows for its type.
	g := deploy(t, world(t, "dev", map[string]any{"service": longest}))
	for _, typ := range []string{"LoadBalancer", "TargetGroup"} {
		for _, r := range g.OfType(typ) {
			assert.Len(t, r.Outputs["name"].StringValue(), 32, r.Name)
		}
	}
}

func TestTheDemonstratedSystemHasItsConstants(t *testing.T) {
	g := deploy(t, world(t, "dev", nil))
	vpc, template := g.Find("Vpc", "musicguru-vpc"), g.Find("LaunchTemplate", "musicguru-template")
	targets, balancer := g.Find("TargetGroup", "musicguru-tg"), g.Find("LoadBalancer", "musicguru-lb")
	listener := g.Find("Listener", "musicguru-listener-5000")
	group, policy := g.Find("aws:autoscaling/group:Group", "musicguru-group"), g.Find("Policy", "musicguru-cpu")
	for what, pair := range map[string][2]any{
		"the VPC":                            {at(vpc, "cidrBlock"), "192.168.0.0/23"},
		"one public subnet a zone, in two":   {at(vpc, "availabilityZoneNames"), []any{"us-east-1a", "us-east-1b"}},
		"of /24, in order: .0.0/24, .1.0/24": {at(vpc, "subnetSpecs"), []any{map[string]any{"type": "Public", "cidrMask": 24.0}}},
		"instances of t2.micro":              {at(template, "instanceType"), "t2.micro"},
		"no key pair without a name":         {at(template, "keyName"), nil},
		"a public address":                   {at(template, "networkInterfaces", 0, "associatePublicIpAddress"), "true"},
		"volumes gone with the instance":     {at(template, "blockDeviceMappings", 0, "ebs", "deleteOnTermination"), "true"},
		"targets' protocol":                  {at(targets, "protocol"), "TCP"},
		"targets' port":                      {at(targets, "port"), 5000.0},
		"health check's protocol":            {at(targets, "healthCheck", "protocol"), "TCP"},
		"health check's port":                {at(targets, "healthCheck", "port"), "5001"},
		"health check's interval":            {at(targets, "healthCheck", "interval"), 10.0},
		"health check's timeout":             {at(targets, "healthCheck", "timeout"), 5.0},
		"a network load balancer":            {at(balancer, "loadBalancerType"), "network"},
		"internet-facing":                    {at(balancer, "internal"), false},
		"the listener's port":                {at(listener, "port"), 5000.0},
		"the listener's protocol":            {at(listener, "protocol"), "TCP"},
		"min":                                {at(group, "minSize"), 2.0},
		"max":                                {at(group, "maxSize"), 3.0},
		"the template's latest version":      {at(group, "launchTemplate", "version"), "7"},
		"group metrics":                      {len(at(group, "enabledMetrics").([]any)), 8},
		"the policy's kind":                  {at(policy, "policyType"), "TargetTrackingScaling"},
		"the policy's target":                {at(policy, "targetTrackingConfiguration", "targetValue"), 50.0},
		"the policy's warm-up":               {at(policy, "estimatedInstanceWarmup"), 300.0},
	} {
		assert.Equal(t, pair[1], pair[0], what)
	}
	subnets := func(r *graphtest.Resource, property string) any { return at(r, property) }
	assert.Equal(t, vpc.Outputs["publicSubnetIds"].Mappable(), subnets(balancer, "subnets"), "the balancer is over both subnets")
	assert.Equal(t, vpc.Outputs["publicSubnetIds"].Mappable(), subnets(group, "vpcZoneIdentifiers"), "the group is over both subnets")
	assert.Equal(t, []any{targets.Outputs["arn"].StringValue()}, at(group, "targetGroupArns"))
}

// MusicGuru serves one connection at a time: it keeps one virtual CPU busy at most. Half of that has to be left at the target.
func TestAServerOfOneConnectionReachesItsTarget(t *testing.T) {
	for stack, cpus := range map[string]float64{"dev": 1, "prod": 2} {
		g := deploy(t, world(t, stack, nil))
		template, policy := g.Find("LaunchTemplate", "musicguru-template"), g.Find("Policy", "musicguru-cpu")
		assert.InDelta(t, cpus, ec2.VirtualCPUs(at(template, "instanceType").(string)), 0, stack)
		assert.LessOrEqual(t, at(policy, "targetTrackingConfiguration", "targetValue").(float64), 100/cpus/2, stack)
		assert.Equal(t, "unlimited", at(template, "creditSpecification", "cpuCredits"), stack)
		assert.Equal(t, true, at(template, "monitoring", "enabled"), stack)
	}
}

// opened is the pair of rules that lets the balancer reach the instances on a range of ports, for a purpose.
func opened(t *testing.T, g *graphtest.Graph, name string, first, last any) {
	t.Helper()
	for typ, direction := range map[string]string{"SecurityGroupEgressRule": "-out", "SecurityGroupIngressRule": "-in"} {
		rule := g.Find(typ, name+direction)
		require.NotNil(t, rule, name+direction)
		assert.Equal(t, fmt.Sprint(first), fmt.Sprint(at(rule, "fromPort")), rule.Name)
		assert.Equal(t, fmt.Sprint(last), fmt.Sprint(at(rule, "toPort")), rule.Name)
	}
}

func TestPortsAgreeFromListenerToProcess(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		name := g.OfType("Balancer")[0].Name
		targets, template := g.Find("TargetGroup", name+"-tg"), g.OfType("LaunchTemplate")[0]
		service, health := at(targets, "port"), at(targets, "healthCheck", "port")
		switch {
		case len(g.OfType("aws:ecs/service:Service")) > 0:
			opened(t, g, name+"-service", 32768, 65535)
			assert.Equal(t, "traffic-port", health)
		case at(targets, "healthCheck", "protocol") == "HTTP":
			opened(t, g, name+"-service", service, service)
			assert.Equal(t, "traffic-port", health)
			assert.NotContains(t, graphtest.UserData(template), "/healthcheck", "the service is asked itself")
		default:
			opened(t, g, name+"-service", service, service)
			opened(t, g, fmt.Sprintf("%s-health-%v", name, health), health, health)
			assert.Contains(t, graphtest.UserData(template),
				fmt.Sprintf("ExecStart=/usr/local/bin/healthcheck -port %v -service-port %v\n", health, service))
		}
		for _, listener := range g.OfType("Listener") {
			open := slices.ContainsFunc(g.OfType("SecurityGroupIngressRule"), func(rule *graphtest.Resource) bool {
				return at(rule, "fromPort") == at(listener, "port") && g.Reaches(listener, rule)
			})
			assert.True(t, open, "clients reach %s", listener.Name)
		}
	})
}

func TestTheHealthPortIsWrittenOnce(t *testing.T) {
	before := deploy(t, world(t, "dev", nil)).Text()
	after := deploy(t, world(t, "dev", map[string]any{"health.port": 5055})).Text()
	assert.Equal(t, strings.ReplaceAll(before, "5001", "5055"), after)
	assert.NotContains(t, after, "5001")
}

// A check that moves to another port keeps the rules of the former one, which is answered as well.
func TestTheFormerHealthPortIsStillAnswered(t *testing.T) {
	g := deploy(t, world(t, "dev", map[string]any{"health.port": 5055, "health.formerPort": 5001}))
	opened(t, g, "musicguru-health-5001", 5001, 5001)
	opened(t, g, "musicguru-health-5055", 5055, 5055)
	template := graphtest.UserData(g.OfType("LaunchTemplate")[0])
	assert.Contains(t, template, "ExecStart=/usr/local/bin/healthcheck -port 5055 -service-port 5000\n")
	assert.Contains(t, template, "ExecStart=/usr/local/bin/healthcheck -port 5001 -service-port 5000\n")
	assert.Equal(t, "5055", at(g.OfType("TargetGroup")[0], "healthCheck", "port"))
	assert.Equal(t, []string{"healthCheck"}, g.OfType("TargetGroup")[0].IgnoreChanges, "the release changes it")
}

// Two services of the same instances have each a listener, a target group, paths for traffic and checks, and a responder.
func TestEachTargetIsWiredFromListenerToProcess(t *testing.T) {
	w := world(t, "dev", map[string]any{
		"app.targets": []any{map[string]any{
			"name": "admin", "port": 8081, "health": map[string]any{"port": 8082, "formerPort": 8083, "interval": 20},
		}},
		"monitoring.alarms": true, "network.acl": true,
		"balancer.listeners": []any{map[string]any{"port": 5000}, map[string]any{"port": 8081, "target": "admin"}},
	})
	g := deploy(t, w)
	for _, target := range []struct {
		group, service, unit string
		port, health         int
	}{
		{"musicguru-tg", "musicguru-service", "healthcheck", 5000, 5001},
		{"musicguru-admin", "musicguru-admin-service", "healthcheck-admin", 8081, 8082},
	} {
		group := g.Find("TargetGroup", target.group)
		require.NotNil(t, group, target.group)
		assert.Equal(t, fmt.Sprint(target.port), fmt.Sprint(at(group, "port")))
		assert.Equal(t, fmt.Sprint(target.health), at(group, "healthCheck", "port"))
		listener := g.Find("Listener", fmt.Sprintf("musicguru-listener-%d", target.port))
		assert.Equal(t, []*graphtest.Resource{group}, g.InputFrom(listener, "defaultActions"), target.group)
		opened(t, g, target.service, target.port, target.port)
		opened(t, g, fmt.Sprintf("musicguru-health-%d", target.health), target.health, target.health)
		assert.Contains(t, graphtest.UserData(g.OfType("LaunchTemplate")[0]),
			fmt.Sprintf("ExecStart=/usr/local/bin/healthcheck -port %d -service-port %d\n", target.health, target.port))
		assert.Contains(t, graphtest.UserData(g.OfType("LaunchTemplate")[0]), "/"+target.unit+".service")
	}
	opened(t, g, "musicguru-health-8083", 8083, 8083)
	group := g.OfType("aws:autoscaling/group:Group")[0]
	assert.Len(t, at(group, "targetGroupArns"), 2)
	assert.Contains(t, group.IgnoreChanges, "targetGroupArns", "the release attaches the group to new ones")
	assert.NotNil(t, g.Find("MetricAlarm", "musicguru-admin-unhealthy"))
	record := at(g.Find("aws:ssm/parameter:Parameter", "musicguru-release"), "insecureValue").(string)
	assert.Contains(t, record, `"moreChecks":[{"protocol":"TCP","port":8082,"interval":20`)
	assert.Contains(t, record, `"ports":[5001,8082,8083,5000,8081]`)
}

func TestTheServicesPortIsWrittenOnceBesideTheListeners(t *testing.T) {
	before := deploy(t, world(t, "dev", nil))
	after := deploy(t, world(t, "dev", map[string]any{"app.port": 5066}))
	changed := map[string]bool{}
	for _, r := range before.Resources {
		if other := after.Find(r.Type, r.Name); other == nil || !assert.ObjectsAreEqual(r.Inputs.Mappable(), other.Inputs.Mappable()) {
			changed[r.Name] = true
		}
	}
	assert.Equal(t, map[string]bool{
		"musicguru-tg": true, "musicguru-service-out": true, "musicguru-service-in": true, "musicguru-template": true,
		"musicguru-release": true,
	}, changed)
}

func TestAnInternalBalancerServesTheVPCOnly(t *testing.T) {
	g := deploy(t, world(t, "dev", map[string]any{"balancer.internal": true}))
	assert.Equal(t, true, at(g.OfType("LoadBalancer")[0], "internal"))
	assert.NotNil(t, g.Find("SecurityGroupIngressRule", "musicguru-5000-from-192.168.0.0/23"))
	assert.Nil(t, g.Find("SecurityGroupIngressRule", "musicguru-5000-from-0.0.0.0/0"))
}

func TestZonesAreTheFirstByNameOfThoseThatNeedNoOptIn(t *testing.T) {
	w := world(t, "dev", nil)
	w.Zones = []string{"us-east-1f", "us-east-1b", "us-east-1c"}
	g := deploy(t, w)
	assert.Equal(t, []any{"us-east-1b", "us-east-1c"}, at(g.OfType("Vpc")[0], "availabilityZoneNames"))
	assert.Equal(t, map[string]any{
		"filters": []any{map[string]any{"name": "opt-in-status", "values": []any{"opt-in-not-required"}}},
	}, g.Invokes[0].Args.Mappable(), "in any state: a zone that is impaired stays a zone of the stack")
}

func TestZonesThatDoNotOfferTheTypeArePassedOver(t *testing.T) {
	w := world(t, "dev", nil)
	w.Lacks = []string{"us-east-1b"}
	assert.Equal(t, []any{"us-east-1a", "us-east-1c"}, at(deploy(t, w).OfType("Vpc")[0], "availabilityZoneNames"))
}

func TestZonesStayAsTheyWereFoundFirst(t *testing.T) {
	w := world(t, "dev", nil)
	w.Kept = map[string]any{"musicguru-zones-kept": []any{"us-east-1b", "us-east-1c"}}
	assert.Equal(t, []any{"us-east-1b", "us-east-1c"}, at(deploy(t, w).OfType("Vpc")[0], "availabilityZoneNames"))

	w.Lacks = []string{"us-east-1c"}
	g, err := graphtest.Run(t, w, Deploy)
	require.ErrorContains(t, err, `compute.instanceType: "t2.micro" is for other zones: us-east-1c, which the stack has been in since its `+
		`first deployment, does not offer t2.micro (those that do: us-east-1a, us-east-1b)`)
	assert.Empty(t, g.OfType("Vpc"))
}

func TestZonesAreThoseThatTheSettingsName(t *testing.T) {
	w := world(t, "dev", map[string]any{"network.zones": []any{"us-east-1c", "us-east-1a"}})
	w.Kept = map[string]any{"musicguru-zones-kept": []any{"us-east-1b", "us-east-1c"}}
	assert.Equal(t, []any{"us-east-1c", "us-east-1a"}, at(deploy(t, w).OfType("Vpc")[0], "availabilityZoneNames"))
}

func TestTheRootVolumeTakesTheImagesOwnDevice(t *testing.T) {
	w := world(t, "dev", nil)
	w.Image.RootDevice = "/dev/sda1"
	g := deploy(t, w)
	assert.Equal(t, "/dev/sda1", at(g.OfType("LaunchTemplate")[0], "blockDeviceMappings", 0, "deviceName"))
}

func TestPrivateInstancesHaveNoPublicAddressAndTheBalancerHas(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		vpc, group, balancer := g.OfType("Vpc")[0], g.OfType("aws:autoscaling/group:Group")[0], g.OfType("LoadBalancer")[0]
		private := len(vpc.Outputs["privateSubnetIds"].ArrayValue()) > 0
		where := map[bool]string{true: "privateSubnetIds", false: "publicSubnetIds"}[private]
		assert.Equal(t, vpc.Outputs[resource.PropertyKey(where)].Mappable(), at(group, "vpcZoneIdentifiers"))
		if at(balancer, "internal") == true && private {
			assert.Equal(t, vpc.Outputs["privateSubnetIds"].Mappable(), at(balancer, "subnets"))
		} else {
			assert.Equal(t, vpc.Outputs["publicSubnetIds"].Mappable(), at(balancer, "subnets"))
		}
		public := at(g.OfType("LaunchTemplate")[0], "networkInterfaces", 0, "associatePublicIpAddress")
		assert.Equal(t, fmt.Sprint(!private), public)
	})
}

func TestADatabaseIsReachedByTheInstancesAloneAndItsPasswordIsNowhere(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		for _, database := range g.OfType("aws:rds/instance:Instance") {
			assert.Equal(t, true, at(database, "storageEncrypted"))
			assert.Equal(t, false, at(database, "publiclyAccessible"))
			assert.Equal(t, true, at(database, "manageMasterUserPassword"))
			assert.NotContains(t, database.Inputs, resource.PropertyKey("password"))
			groups := g.InputFrom(database, "vpcSecurityGroupIds")
			require.Len(t, groups, 1)
			var rules []*graphtest.Resource
			for _, rule := range g.OfType("SecurityGroupIngressRule") {
				if slices.Contains(g.InputFrom(rule, "securityGroupId"), groups[0]) {
					rules = append(rules, rule)
				}
			}
			require.Len(t, rules, 1)
			from := g.InputFrom(rules[0], "referencedSecurityGroupId")
			assert.Equal(t, "elastic-service:compute:Template", g.Top(from[0]).Type)
		}
	})
}

func TestSSHComesFromABastionAloneWhereThereIsOne(t *testing.T) {
	g := deploy(t, world(t, "swiftcode", nil))
	instances := g.Find("SecurityGroup", "swiftcode-instances")
	for _, rule := range g.OfType("SecurityGroupIngressRule") {
		if at(rule, "fromPort") != 22.0 {
			continue
		}
		switch {
		case slices.Contains(g.InputFrom(rule, "securityGroupId"), instances):
			assert.Equal(t, "elastic-service:compute:Bastion", g.Top(g.InputFrom(rule, "referencedSecurityGroupId")[0]).Type)
		default:
			assert.Equal(t, "elastic-service:compute:Bastion", g.Top(g.InputFrom(rule, "securityGroupId")[0]).Type)
			assert.Equal(t, "203.0.113.0/24", at(rule, "cidrIpv4"))
		}
	}
	without := deploy(t, world(t, "swiftcode", map[string]any{"compute.bastion": nil}))
	for _, rule := range without.OfType("SecurityGroupIngressRule") {
		assert.NotEqual(t, 22.0, at(rule, "fromPort"), rule.Name)
	}
}

func TestAnImageOfAnInstanceIsMadeAsAskedAndKept(t *testing.T) {
	for name, reboot := range map[string]bool{"with a reboot": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			w := world(t, "cardweb", map[string]any{"image.parameter": nil, "image.fromInstance": "i-0123456789abcdef0", "image.reboot": reboot})
			g := deploy(t, w)
			image := g.Find("AmiFromInstance", "cardweb-image")
			require.NotNil(t, image)
			assert.Equal(t, "i-0123456789abcdef0", at(image, "sourceInstanceId"))
			assert.Equal(t, !reboot, at(image, "snapshotWithoutReboot"))
			assert.True(t, image.RetainOnDelete)
			assert.Equal(t, []*graphtest.Resource{image}, g.InputFrom(g.OfType("LaunchTemplate")[0], "imageId"))
		})
	}
}

func TestImagesStayAsTheyWereFoundFirst(t *testing.T) {
	w := world(t, "swiftcode", nil)
	w.Kept = map[string]any{
		"swiftcode-image-kept":         map[string]any{"id": "ami-01", "rootDevice": "/dev/sda1"},
		"swiftcode-bastion-image-kept": map[string]any{"id": "ami-02", "rootDevice": "/dev/xvda"},
	}
	g := deploy(t, w)
	template := g.OfType("LaunchTemplate")[0]
	assert.Equal(t, "ami-01", at(template, "imageId"))
	assert.Equal(t, "/dev/sda1", at(template, "blockDeviceMappings", 0, "deviceName"))
	assert.Equal(t, "ami-02", at(g.OfType("aws:ec2/instance:Instance")[0], "ami"))
}
