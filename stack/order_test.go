package stack

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
)

// What AWS refuses to delete while it is in use, by types: user, used.
var inUse = [][2]string{
	{"aws:autoscaling/policy:Policy", "aws:autoscaling/group:Group"},
	{"aws:autoscaling/group:Group", "LaunchTemplate"},
	{"aws:autoscaling/group:Group", "TargetGroup"},
	{"aws:autoscaling/group:Group", "InstanceProfile"},
	{"LaunchTemplate", "InstanceProfile"},
	{"InstanceProfile", "Role"},
	{"RolePolicy", "Role"},
	{"BucketObjectv2", "BucketV2"},
	{"BucketPolicy", "BucketV2"},
	{"Listener", "LoadBalancer"},
	{"Listener", "TargetGroup"},
	{"SecurityGroup", "awsx:ec2:Vpc"},
	{"TargetGroup", "awsx:ec2:Vpc"},
	{"aws:rds/instance:Instance", "SubnetGroup"},
	{"aws:ecs/service:Service", "ClusterCapacityProviders"},
	{"aws:ecs/service:Service", "Listener"},
	{"aws:ecs/service:Service", "aws:autoscaling/group:Group"},
	{"ClusterCapacityProviders", "CapacityProvider"},
	{"CapacityProvider", "aws:autoscaling/group:Group"},
	{"EventTarget", "EventRule"},
	{"aws:route53/record:Record", "Zone"},
}

// What an instance needs from its first boot to its last request, by types.
var needed = []string{"RolePolicy", "BucketObjectv2", "SecurityGroupEgressRule", "awsx:ec2:Vpc"}

func TestNothingIsDeletedWhileItIsInUse(t *testing.T) {
	seen := map[[2]string]bool{}
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		for _, pair := range inUse {
			seen[pair] = seen[pair] || len(g.OfType(pair[0])) > 0 && len(g.OfType(pair[1])) > 0
			for _, user := range g.OfType(pair[0]) {
				for _, used := range g.OfType(pair[1]) {
					if mayUse(g, user, used) {
						assert.True(t, g.Reaches(user, used), "%s is in use by %s", used.Name, user.Name)
					}
				}
			}
		}
	})
	for _, pair := range inUse {
		assert.True(t, seen[pair], "%s uses %s in a stack", pair[0], pair[1])
	}
}

// mayUse leaves out a resource of another component where its own has one of that type, and a target group where it is
// containers that register.
func mayUse(g *graphtest.Graph, user, used *graphtest.Resource) bool {
	own := func(r *graphtest.Resource) bool { return r.Type == used.Type && g.Top(r) == g.Top(user) }
	switch {
	case g.Top(user) != g.Top(used) && slices.ContainsFunc(g.Resources, own):
		return false
	case strings.HasSuffix(user.Type, ":Group") && strings.HasSuffix(used.Type, ":TargetGroup"):
		return at(user, "targetGroupArns") != nil
	}
	return true
}

func TestInstancesOutlastNothingThatTheyNeed(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		for _, group := range g.OfType("aws:autoscaling/group:Group") {
			for _, typ := range needed {
				for _, r := range g.OfType(typ) {
					switch top := g.Top(r).Type; {
					case top == "elastic-service:containers:Service": // the tasks need it
						assert.True(t, g.Reaches(g.OfType("aws:ecs/service:Service")[0], r), r.Name)
					case top != "elastic-service:network:Network" || r.Remote: // flow logs are nobody's need
						assert.True(t, g.Reaches(group, r), r.Name)
					}
				}
			}
			for _, rule := range g.OfType("SecurityGroupIngressRule") {
				if len(g.InputFrom(rule, "referencedSecurityGroupId")) > 0 {
					assert.True(t, g.Reaches(group, rule), rule.Name)
				}
			}
		}
	})
}

// A group is deleted after what its ID is taken from it for, so no ID may be spelt out.
func TestSecurityGroupsOutlastTheirUsersAndEveryRuleThatNamesThem(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		for typ, property := range map[string]string{
			"SecurityGroupIngressRule": "securityGroupId",
			"SecurityGroupEgressRule":  "securityGroupId",
			"LoadBalancer":             "securityGroups",
			"LaunchTemplate":           "networkInterfaces",
		} {
			for _, r := range g.OfType(typ) {
				require.Len(t, g.InputFrom(r, property), 1, r.Name)
				assert.Equal(t, "aws:ec2/securityGroup:SecurityGroup", g.InputFrom(r, property)[0].Type, r.Name)
				if at(r, "referencedSecurityGroupId") != nil {
					assert.Len(t, g.InputFrom(r, "referencedSecurityGroupId"), 1, r.Name)
				}
			}
		}
	})
}

// Subnet IDs alone say nothing of the internet gateway, which cannot be detached while a public address is mapped: the
// dependency on the whole VPC must be written.
func TestPublicAddressesGoBeforeTheInternetGateway(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		vpc := g.OfType("awsx:ec2:Vpc")[0]
		for _, typ := range []string{"elastic-service:loadbalancing:Balancer", "elastic-service:scaling:Group"} {
			for _, component := range g.OfType(typ) {
				assert.Contains(t, g.Dependencies(component), vpc, component.Type)
			}
		}
	})
}

// A release waits until the instances serve: everything that this takes must be there, or on its way, when it begins to wait.
func TestAReleaseComesAfterEverythingThatServingTakes(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		releases := g.OfType("aws:ssm/parameter:Parameter")
		if len(g.OfType("ecs/service:Service")) > 0 {
			assert.Empty(t, releases, "containers have a deployment of their own")
			return
		}
		require.Len(t, releases, 1)
		paths := map[string]bool{"service-in": true, "service-out": true, "health-5001-in": true, "health-5001-out": true}
		aside := []string{ // alarms that no release sets off
			"at-most", "certificate", "surplus-credits", "rejected", "nat-1", "nat-2", "nat-3",
			"database-storage", "database-cpu", "database-connections",
		}
		for _, needed := range g.Resources {
			_, role, _ := strings.Cut(needed.Name, "-")
			forwards := strings.HasSuffix(needed.Type, ":Listener") && at(needed, "defaultActions", 0, "type") != "redirect"
			alarm := strings.HasSuffix(needed.Type, ":MetricAlarm") && g.Parent(needed).Type == "elastic-service:monitoring:Monitoring" &&
				!slices.Contains(aside, role)
			if needed.Type == "aws:autoscaling/group:Group" || forwards || alarm || paths[role] {
				assert.True(t, g.Reaches(releases[0], needed), needed.Name)
			}
		}
	})
}

func TestBalancerAndGroupAreCreatedSideBySide(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		if len(g.OfType("CertificateValidation")) > 0 {
			return
		}
		group := g.OfType("aws:autoscaling/group:Group")[0]
		for _, typ := range []string{"LoadBalancer", "Listener"} {
			for _, r := range g.OfType(typ) {
				assert.False(t, g.Reaches(group, r), "the group waits for %s", r.Name)
				assert.False(t, g.Reaches(r, group), "%s waits for the group", r.Name)
			}
		}
	})
}

// seconds are typical creation times in us-east-1, from public logs: the upper end where there is a range.
var seconds = map[string]int{
	"awsx:ec2:Vpc":              25, // VPC 12, subnet with public addresses 11, route table 1, route 1; gateway meanwhile
	"DefaultSecurityGroup":      2,
	"SecurityGroup":             3,
	"SecurityGroupEgressRule":   3,
	"SecurityGroupIngressRule":  3,
	"LoadBalancer":              161,
	"Stash":                     0, // in the state alone
	"TargetGroup":               3,
	"Listener":                  3,
	"LaunchTemplate":            6,
	"Role":                      2,
	"RolePolicy":                2,
	"InstanceProfile":           8,
	"BucketV2":                  4,
	"BucketObjectv2":            2,
	"BucketPolicy":              2,
	"BucketPublicAccessBlock":   2,
	"BucketOwnershipControls":   2,
	"autoscaling/group:Group":   80, // two instances up and registered, without the wait for the balancer
	"autoscaling/policy:Policy": 2,
	"ssm/parameter:Parameter":   30, // three health checks after the balancer is there

	"BucketServerSideEncryptionConfigurationV2": 2,
	"BucketLifecycleConfigurationV2":            2,

	"VpcEndpoint":                  60, // own
	"NetworkAcl":                   2,
	"FlowLog":                      2,
	"LogGroup":                     1,
	"RolePolicyAttachment":         1,
	"ec2/instance:Instance":        20, // 16 to running
	"AmiFromInstance":              120,
	"Zone":                         38,
	"Record":                       38,
	"Certificate":                  3,
	"CertificateValidation":        60,
	"rds/instance:Instance":        1200, // Multi-AZ
	"SubnetGroup":                  2,
	"ParameterGroup":               2,
	"Topic":                        2,
	"TopicSubscription":            2,
	"TopicPolicy":                  2,
	"EventRule":                    2,
	"EventTarget":                  2,
	"Schedule":                     2,
	"LifecycleHook":                2,
	"MetricAlarm":                  2,
	"Dashboard":                    2,
	"Cluster":                      10,
	"CapacityProvider":             2,
	"ClusterCapacityProviders":     10,
	"TaskDefinition":               2,
	"ecs/service:Service":          60,
	"appautoscaling/target:Target": 2,
	"appautoscaling/policy:Policy": 2,
}

func cost(t *testing.T) func(*graphtest.Resource) time.Duration {
	return func(r *graphtest.Resource) time.Duration {
		if !r.Custom && !r.Remote {
			return 0
		}
		extra := time.Duration(0)
		if r.Type == "awsx:ec2:Vpc" && at(r, "natGateways", "strategy") != "None" {
			extra = 2 * time.Minute // a NAT gateway
		}
		for typ, s := range seconds {
			if r.Type == typ || strings.HasSuffix(r.Type, ":"+typ) {
				return extra + time.Duration(s)*time.Second
			}
		}
		t.Errorf("no creation time for %s", r.Type)
		return 0
	}
}

// demanded is what AWS wants to be there before a resource, beside the sources of its inputs.
func demanded(g *graphtest.Graph, r *graphtest.Resource) []*graphtest.Resource {
	switch {
	case strings.HasSuffix(r.Type, "ecs/service:Service"): // its target group must be a balancer's
		return g.OfType("Listener")
	case strings.HasSuffix(r.Type, "autoscaling/group:Group"): // a first boot needs the way to S3
		return slices.Concat(g.OfType("VpcEndpoint"), g.OfType("NetworkAcl"))
	case strings.HasSuffix(r.Type, "ssm/parameter:Parameter"): // a release waits for healthy targets
		return g.OfType("Listener")
	}
	return nil
}

// slack is for what waits because its component does.
const slack = 15 * time.Second

// Whatever order is asked for beside that of the data must not make a deployment longer: what data and AWS demand is
// the least that any program could take.
func TestOrderCostsNoTime(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		path, total := g.CriticalPath(cost(t), g.Before)
		_, least := g.CriticalPath(cost(t), func(r *graphtest.Resource) []*graphtest.Resource {
			return append(g.InputsFrom(r), demanded(g, r)...)
		})
		at := time.Duration(0)
		for _, r := range path {
			at += cost(t)(r)
			t.Logf("%4.0f s  %s %s", at.Seconds(), r.Type, r.Name)
		}
		assert.LessOrEqual(t, total, least+slack)
	})
}

// 25 VPC + 3 security group + 161 balancer + 3 listener + 30 until its targets are healthy.
func TestTheBalancerIsTheCriticalPath(t *testing.T) {
	g := deploy(t, world(t, "dev", nil))
	path, total := g.CriticalPath(cost(t), g.Before)
	assert.Equal(t, 222*time.Second, total)
	assert.Equal(t, "musicguru-release", path[len(path)-1].Name)
	assert.Equal(t, "musicguru-listener-5000", path[len(path)-3].Name)
}
