package stack

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/elastic-service/elastic-service/internal/graphtest"
)

// TestADestroyWouldBeginWithTheProtection holds what the protection rests on: nothing has its turn before it.
func TestADestroyWouldBeginWithTheProtection(t *testing.T) {
	everyStack(t, func(t *testing.T, g *graphtest.Graph) {
		for _, r := range g.Resources {
			assert.Equal(t, r.Type == "elastic-service:stack:Protection", g.NeedsAll(r), "%s %s", r.Type, r.Name)
		}
	})
}

func TestProtectKeepsWhatCarriesTrafficAndDataAndLetsTheRestChange(t *testing.T) {
	everything := map[string]any{
		"protect": true, "database.engine": "mysql", "database.version": "8.4",
		"scaling.schedules": []any{map[string]any{"name": "night", "cron": "0 22 * * *", "min": 2, "max": 3}},
	}
	g := deploy(t, world(t, "swiftcode", everything))
	var replaceable []string
	for _, r := range g.Resources {
		if !r.Protect {
			replaceable = append(replaceable, r.Type+" "+r.Name)
		}
	}
	assert.Equal(t, []string{
		"aws:autoscaling/lifecycleHook:LifecycleHook swiftcode-hook-finish",
		"aws:autoscaling/policy:Policy swiftcode-cpu-in",
		"aws:autoscaling/policy:Policy swiftcode-cpu-out",
		"aws:autoscaling/schedule:Schedule swiftcode-at-night",
		"aws:cloudwatch/dashboard:Dashboard swiftcode-dashboard",
		"aws:cloudwatch/eventRule:EventRule swiftcode-events",
		"aws:cloudwatch/eventTarget:EventTarget swiftcode-events",
		"aws:cloudwatch/metricAlarm:MetricAlarm swiftcode-at-most",
		"aws:cloudwatch/metricAlarm:MetricAlarm swiftcode-balancer-errors",
		"aws:cloudwatch/metricAlarm:MetricAlarm swiftcode-certificate",
		"aws:cloudwatch/metricAlarm:MetricAlarm swiftcode-cpu-above",
		"aws:cloudwatch/metricAlarm:MetricAlarm swiftcode-cpu-below",
		"aws:cloudwatch/metricAlarm:MetricAlarm swiftcode-database-connections",
		"aws:cloudwatch/metricAlarm:MetricAlarm swiftcode-database-cpu",
		"aws:cloudwatch/metricAlarm:MetricAlarm swiftcode-database-storage",
		"aws:cloudwatch/metricAlarm:MetricAlarm swiftcode-healthy",
		"aws:cloudwatch/metricAlarm:MetricAlarm swiftcode-nat-1",
		"aws:cloudwatch/metricAlarm:MetricAlarm swiftcode-nat-2",
		"aws:cloudwatch/metricAlarm:MetricAlarm swiftcode-rejected",
		"aws:cloudwatch/metricAlarm:MetricAlarm swiftcode-surplus-credits",
		"aws:cloudwatch/metricAlarm:MetricAlarm swiftcode-target-errors",
		"aws:cloudwatch/metricAlarm:MetricAlarm swiftcode-unhealthy",
		"aws:ec2/instance:Instance swiftcode-bastion",
		"aws:ec2/networkAcl:NetworkAcl swiftcode-isolated",
		"aws:ec2/networkAcl:NetworkAcl swiftcode-private",
		"aws:ec2/networkAcl:NetworkAcl swiftcode-public",
		"aws:ec2/securityGroup:SecurityGroup swiftcode-bastion",
		"aws:iam/rolePolicy:RolePolicy swiftcode-memory-metric",
		"aws:iam/rolePolicy:RolePolicy swiftcode-read-artifacts",
		"aws:iam/rolePolicy:RolePolicy swiftcode-read-secret",
		"aws:iam/rolePolicy:RolePolicy swiftcode-read-secrets",
		"aws:iam/rolePolicy:RolePolicy swiftcode-session-manager",
		"aws:rds/parameterGroup:ParameterGroup swiftcode-database",
		"aws:s3/bucketObjectv2:BucketObjectv2 swiftcode-artifacts/usr/local/bin/web",
		"aws:s3/bucketObjectv2:BucketObjectv2 swiftcode-artifacts/usr/local/bin/withsecrets",
		"aws:sns/topicSubscription:TopicSubscription swiftcode-notify-email-3f995b2b",
		"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule swiftcode-https-out",
		"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule swiftcode-ssh-out",
		"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule swiftcode-bastion-ssh-from-203.0.113.0/24",
		"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule swiftcode-ssh-in",
		"elastic-service:compute:Bastion swiftcode",
		"elastic-service:monitoring:Monitoring swiftcode",
		"elastic-service:pin:Pin swiftcode-bastion-image",
		"elastic-service:pin:Pin swiftcode-image",
		"elastic-service:pin:Pin swiftcode-zones",
		"pulumi:index:Stash swiftcode-bastion-image-kept",
		"pulumi:index:Stash swiftcode-image-kept",
		"pulumi:index:Stash swiftcode-zones-kept",
	}, replaceable)
}

func TestAFormerHealthPortIsClosedUnderProtection(t *testing.T) {
	g := deploy(t, world(t, "prod", map[string]any{"protect": true}))
	assert.False(t, g.Find("SecurityGroupIngressRule", "musicguru-health-5001-in").Protect)
	assert.False(t, g.Find("SecurityGroupEgressRule", "musicguru-health-5001-out").Protect)
	assert.True(t, g.Find("SecurityGroupIngressRule", "musicguru-service-in").Protect)

	g = deploy(t, world(t, "prod", map[string]any{"protect": true, "service": "a-health-check"}))
	assert.False(t, g.Find("SecurityGroupIngressRule", "a-health-check-health-5001-in").Protect)
	assert.True(t, g.Find("SecurityGroupIngressRule", "a-health-check-service-in").Protect, "a service may have such a name")
}

func TestAReleaseOfContainersReplacesItsTaskDefinition(t *testing.T) {
	g := deploy(t, world(t, "flask", map[string]any{"protect": true}))
	assert.False(t, g.OfType("TaskDefinition")[0].Protect)
	assert.True(t, g.OfType("aws:ecs/service:Service")[0].Protect)
	assert.False(t, g.OfType("aws:appautoscaling/policy:Policy")[0].Protect)
}

func TestWithoutProtectEverythingIsReleased(t *testing.T) {
	g := deploy(t, world(t, "swiftcode", nil))
	for _, r := range g.Resources {
		assert.False(t, r.Protect, "%s %s", r.Type, r.Name)
	}
	assert.NotContains(t, g.OfType("LoadBalancer")[0].Inputs, "enableDeletionProtection")
}

func TestProtectHoldsBalancerAndDatabaseAtAWS(t *testing.T) {
	for _, protect := range []bool{true, false} {
		g := deploy(t, world(t, "swiftcode", map[string]any{"protect": protect}))
		balancer, database := g.OfType("LoadBalancer")[0], g.OfType("aws:rds/instance:Instance")[0]
		assert.Equal(t, protect, at(balancer, "enableDeletionProtection") == true)
		assert.Equal(t, protect, at(database, "deletionProtection") == true)
	}
}
