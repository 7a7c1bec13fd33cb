package aws_test

import (
	"strconv"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

func TestTheSDKDescribesAGroup(t *testing.T) {
	w := newWorld(t)
	client := autoscaling.NewFromConfig(w.config())
	require.NoError(t, autoscaling.NewGroupInServiceWaiter(client).Wait(t.Context(),
		&autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"web"}}, time.Minute))
	found, err := client.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{
		AutoScalingGroupNames: []string{"web"},
	})
	require.NoError(t, err)
	require.Len(t, found.AutoScalingGroups, 1)
	g := found.AutoScalingGroups[0]
	assert.EqualValues(t, 2, *g.DesiredCapacity)
	assert.Equal(t, []string{w.targets}, g.TargetGroupARNs)
	assert.Equal(t, "1", *g.LaunchTemplate.Version)
	require.Len(t, g.Instances, 2)
	assert.Equal(t, astypes.LifecycleStateInService, g.Instances[0].LifecycleState)

	policies, err := client.DescribePolicies(t.Context(), &autoscaling.DescribePoliciesInput{AutoScalingGroupName: sdk.String("web")})
	require.NoError(t, err)
	require.Len(t, policies.ScalingPolicies, 1)
	assert.InDelta(t, 50, *policies.ScalingPolicies[0].TargetTrackingConfiguration.TargetValue, 0)
	assert.Len(t, policies.ScalingPolicies[0].Alarms, 2)
}

func TestTheSDKDetachesAndAttachesTargetGroups(t *testing.T) {
	w := newWorld(t)
	client := autoscaling.NewFromConfig(w.config())
	attached := func() []string {
		found, err := client.DescribeAutoScalingGroups(t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{})
		require.NoError(t, err)
		return found.AutoScalingGroups[0].TargetGroupARNs
	}
	before := attached()
	require.Len(t, before, 1)
	detach := &autoscaling.DetachLoadBalancerTargetGroupsInput{AutoScalingGroupName: sdk.String("web"), TargetGroupARNs: before}
	_, err := client.DetachLoadBalancerTargetGroups(t.Context(), detach)
	require.NoError(t, err)
	assert.Empty(t, attached())
	_, err = client.DetachLoadBalancerTargetGroups(t.Context(), detach)
	require.ErrorContains(t, err, "Trying to remove Target Groups that are not part of the group")
	attach := &autoscaling.AttachLoadBalancerTargetGroupsInput{AutoScalingGroupName: sdk.String("web"), TargetGroupARNs: before}
	for range 2 { // it is idempotent
		_, err = client.AttachLoadBalancerTargetGroups(t.Context(), attach)
		require.NoError(t, err)
		assert.Equal(t, before, attached())
	}
}

func TestTheSDKTurnsPages(t *testing.T) {
	w := newWorld(t)
	client := autoscaling.NewFromConfig(w.config())
	_, err := client.SetDesiredCapacity(t.Context(), &autoscaling.SetDesiredCapacityInput{
		AutoScalingGroupName: sdk.String("web"), DesiredCapacity: sdk.Int32(5),
	})
	require.NoError(t, err)
	w.wait(t, func(m *cloud.Model) bool { return m.AutoScaling.Capacity("web") == 5 })
	pages := autoscaling.NewDescribeScalingActivitiesPaginator(client, &autoscaling.DescribeScalingActivitiesInput{MaxRecords: sdk.Int32(2)})
	var seen []astypes.Activity
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		assert.LessOrEqual(t, len(page.Activities), 2)
		seen = append(seen, page.Activities...)
	}
	assert.Len(t, seen, 5)
	assert.Contains(t, *seen[0].Cause, "a user request explicitly set group desired capacity changing the desired capacity from 2 to 5.")
	assert.Equal(t, "At", (*seen[4].Cause)[:2], "the newest comes first")
}

func TestTheSDKFollowsARefreshAndRollsItBack(t *testing.T) {
	w := newWorld(t)
	client := autoscaling.NewFromConfig(w.config())
	start := func(version int) string {
		started, err := client.StartInstanceRefresh(t.Context(), &autoscaling.StartInstanceRefreshInput{
			AutoScalingGroupName: sdk.String("web"),
			DesiredConfiguration: &astypes.DesiredConfiguration{LaunchTemplate: &astypes.LaunchTemplateSpecification{
				LaunchTemplateId: &w.template, Version: sdk.String(strconv.Itoa(version)),
			}},
			Preferences: &astypes.RefreshPreferences{
				AutoRollback: sdk.Bool(true), MinHealthyPercentage: sdk.Int32(100), MaxHealthyPercentage: sdk.Int32(150),
				InstanceWarmup:     sdk.Int32(0),
				AlarmSpecification: &astypes.AlarmSpecification{Alarms: []string{"unhealthy"}},
			},
		})
		require.NoError(t, err)
		return *started.InstanceRefreshId
	}
	status := func(id string) astypes.InstanceRefresh {
		found, err := client.DescribeInstanceRefreshes(t.Context(), &autoscaling.DescribeInstanceRefreshesInput{
			AutoScalingGroupName: sdk.String("web"), InstanceRefreshIds: []string{id},
		})
		require.NoError(t, err)
		require.Len(t, found.InstanceRefreshes, 1)
		return found.InstanceRefreshes[0]
	}
	reaches := func(id string, wanted astypes.InstanceRefreshStatus) {
		require.Eventually(t, func() bool { return status(id).Status == wanted }, 20*time.Second, time.Millisecond)
	}
	good := start(w.newVersion(t, true))
	_, err := client.StartInstanceRefresh(t.Context(), &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: sdk.String("web")})
	var inProgress *astypes.InstanceRefreshInProgressFault
	require.ErrorAs(t, err, &inProgress)
	reaches(good, astypes.InstanceRefreshStatusSuccessful)

	bad := start(w.newVersion(t, false))
	reaches(bad, astypes.InstanceRefreshStatusInProgress)
	_, err = client.RollbackInstanceRefresh(t.Context(), &autoscaling.RollbackInstanceRefreshInput{AutoScalingGroupName: sdk.String("web")})
	require.NoError(t, err)
	reaches(bad, astypes.InstanceRefreshStatusRollbackSuccessful)
	assert.NotNil(t, status(bad).RollbackDetails)
	_, err = client.CancelInstanceRefresh(t.Context(), &autoscaling.CancelInstanceRefreshInput{AutoScalingGroupName: sdk.String("web")})
	var none *astypes.ActiveInstanceRefreshNotFoundFault
	require.ErrorAs(t, err, &none)
}

func TestTheSDKTerminatesAMember(t *testing.T) {
	w := newWorld(t)
	client := autoscaling.NewFromConfig(w.config())
	victim := cloud.Get(w.cloud, func(m *cloud.Model) string { return m.EC2.DescribeInstances()[0].ID })
	_, err := client.TerminateInstanceInAutoScalingGroup(t.Context(), &autoscaling.TerminateInstanceInAutoScalingGroupInput{
		InstanceId: &victim, ShouldDecrementDesiredCapacity: sdk.Bool(true),
	})
	require.ErrorContains(t, err, "min size constraint")
	out, err := client.TerminateInstanceInAutoScalingGroup(t.Context(), &autoscaling.TerminateInstanceInAutoScalingGroupInput{
		InstanceId: &victim, ShouldDecrementDesiredCapacity: sdk.Bool(false),
	})
	require.NoError(t, err)
	assert.Contains(t, *out.Activity.Description, victim)
	w.wait(t, func(m *cloud.Model) bool {
		return len(m.EC2.DescribeInstances()) == 3 && m.AutoScaling.Capacity("web") == 2
	})
}

func TestTheSDKDescribesABalancer(t *testing.T) {
	w := newWorld(t)
	client := elasticloadbalancingv2.NewFromConfig(w.config())
	require.NoError(t, elasticloadbalancingv2.NewLoadBalancerAvailableWaiter(client).Wait(t.Context(),
		&elasticloadbalancingv2.DescribeLoadBalancersInput{Names: []string{"web"}}, time.Minute))
	balancers, err := client.DescribeLoadBalancers(t.Context(), &elasticloadbalancingv2.DescribeLoadBalancersInput{})
	require.NoError(t, err)
	require.Len(t, balancers.LoadBalancers, 1)
	assert.Len(t, balancers.LoadBalancers[0].AvailabilityZones, 2)
	arn := balancers.LoadBalancers[0].LoadBalancerArn
	listeners, err := client.DescribeListeners(t.Context(), &elasticloadbalancingv2.DescribeListenersInput{LoadBalancerArn: arn})
	require.NoError(t, err)
	require.Len(t, listeners.Listeners, 1)
	assert.Equal(t, w.targets, *listeners.Listeners[0].DefaultActions[0].TargetGroupArn)
	groups, err := client.DescribeTargetGroups(t.Context(), &elasticloadbalancingv2.DescribeTargetGroupsInput{LoadBalancerArn: arn})
	require.NoError(t, err)
	require.Len(t, groups.TargetGroups, 1)
	assert.Equal(t, "5001", *groups.TargetGroups[0].HealthCheckPort)
	_, err = client.DescribeLoadBalancers(t.Context(), &elasticloadbalancingv2.DescribeLoadBalancersInput{Names: []string{"none"}})
	var unknown *elbtypes.LoadBalancerNotFoundException
	require.ErrorAs(t, err, &unknown)
}

func TestTheSDKTakesATargetOutAndPutsItBack(t *testing.T) {
	w := newWorld(t)
	client := elasticloadbalancingv2.NewFromConfig(w.config())
	id := cloud.Get(w.cloud, func(m *cloud.Model) string { return m.EC2.DescribeInstances()[0].ID })
	targets := []elbtypes.TargetDescription{{Id: &id}}
	_, err := client.DeregisterTargets(t.Context(), &elasticloadbalancingv2.DeregisterTargetsInput{
		TargetGroupArn: &w.targets, Targets: targets,
	})
	require.NoError(t, err)
	soon := func(o *elasticloadbalancingv2.TargetDeregisteredWaiterOptions) { o.MinDelay = 10 * time.Millisecond }
	asked := &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: &w.targets, Targets: targets}
	require.NoError(t, elasticloadbalancingv2.NewTargetDeregisteredWaiter(client, soon).Wait(t.Context(), asked, time.Minute))
	_, err = client.RegisterTargets(t.Context(), &elasticloadbalancingv2.RegisterTargetsInput{TargetGroupArn: &w.targets, Targets: targets})
	require.NoError(t, err)
	require.NoError(t, elasticloadbalancingv2.NewTargetInServiceWaiter(client, func(o *elasticloadbalancingv2.TargetInServiceWaiterOptions) {
		o.MinDelay = 10 * time.Millisecond
	}).Wait(t.Context(), asked, time.Minute))
	_, err = client.RegisterTargets(t.Context(), &elasticloadbalancingv2.RegisterTargetsInput{
		TargetGroupArn: &w.targets, Targets: []elbtypes.TargetDescription{{Id: sdk.String("i-00000000000000000")}},
	})
	var invalid *elbtypes.InvalidTargetException
	require.ErrorAs(t, err, &invalid)
}

func TestTheSDKReadsAlarmsAndWhoItIs(t *testing.T) {
	w := newWorld(t)
	alarms, err := cloudwatch.NewFromConfig(w.config()).DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{
		AlarmNames: []string{"unhealthy"},
	})
	require.NoError(t, err)
	require.Len(t, alarms.MetricAlarms, 1)
	assert.Equal(t, "UnHealthyHostCount", *alarms.MetricAlarms[0].MetricName)
	me, err := sts.NewFromConfig(w.config()).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	require.NoError(t, err)
	assert.Equal(t, "123456789012", *me.Account)
}
