package cloud_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

func TestAStoppedInstanceKeepsItsAddressAndStartsAgain(t *testing.T) {
	w := newTiered(t)
	before := must(w.EC2.Instance(w.bastion))(t)
	w.EC2.InstanceRunning(w.bastion)
	require.NoError(t, w.EC2.StopInstances(w.bastion))
	assert.Equal(t, ec2.Stopping, must(w.EC2.Instance(w.bastion))(t).State)
	require.NoError(t, w.EC2.StopInstances(w.bastion), "again")
	refused(t, "IncorrectInstanceState", w.EC2.StartInstances(w.Now(), w.bastion))
	assert.True(t, w.EC2.InstanceEnded(w.bastion, "", w.Now()))
	assert.False(t, w.EC2.InstanceEnded(w.bastion, "", w.Now()))
	assert.Equal(t, ec2.Stopped, must(w.EC2.Instance(w.bastion))(t).State)
	assert.Len(t, w.VPC.InterfacesOf(vpc.Owner{Kind: vpc.OwnerInstance, ID: w.bastion}), 1, "the interface stays, with its address")
	refused(t, "IncorrectInstanceState", w.EC2.RebootInstances(w.bastion))

	w.clock.Advance(3 * time.Hour)
	require.NoError(t, w.EC2.StartInstances(w.Now(), w.bastion))
	started := must(w.EC2.Instance(w.bastion))(t)
	assert.Equal(t, ec2.Pending, started.State)
	assert.Equal(t, before.Address, started.Address)
	assert.Equal(t, w.Now(), started.Launched)
	assert.True(t, w.EC2.InstanceRunning(w.bastion))
	require.NoError(t, w.EC2.RebootInstances(w.bastion))
	assert.Equal(t, ec2.Running, must(w.EC2.Instance(w.bastion))(t).State)

	require.NoError(t, w.EC2.StopInstances(w.bastion))
	require.NoError(t, w.EC2.TerminateInstances(w.bastion), "one that is about to stop, too")
	w.EC2.InstanceEnded(w.bastion, "", w.Now())
	assert.Equal(t, ec2.Terminated, must(w.EC2.Instance(w.bastion))(t).State)
}

func TestARequestForSeveralInstancesIsForAllOrNone(t *testing.T) {
	w := newTiered(t)
	w.EC2.InstanceRunning(w.bastion)
	w.EC2.InstanceRunning(w.instance)
	refused(t, "InvalidInstanceID.NotFound", w.EC2.StopInstances(w.bastion, "i-1"))
	assert.Equal(t, ec2.Running, must(w.EC2.Instance(w.bastion))(t).State)

	spec := w.spec(w.private[0], w.group, false)
	w.EC2.Capacity = func(_, zone, _ string) error {
		if len(w.EC2.Instances) < 5 {
			return nil
		}
		return aws.Refuse(ec2.InsufficientCapacity, "no room in %s", zone)
	}
	_, err := w.EC2.RunInstances(spec, 4, 4, w.Now())
	refused(t, ec2.InsufficientCapacity, err)
	assert.Len(t, w.EC2.Instances, 2)
	assert.Len(t, must(w.EC2.RunInstances(spec, 1, 4, w.Now()))(t), 3, "as many as there is room for")
}

func TestAGroupReplacesAMemberThatIsStopped(t *testing.T) {
	w := newWorldOf(t, "192.168.0.0/24", "192.168.1.0/24")
	w.start(2, 3)
	victim := w.members()[0].ID
	require.NoError(t, w.EC2.StopInstances(victim))
	w.within(time.Minute, func() bool { return w.EC2.Instances[victim].State == ec2.Terminated })
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
	g, _ := w.AutoScaling.Group(group)
	var causes []string
	for _, a := range g.Activities {
		if a.Description == "Terminating EC2 instance: "+victim {
			causes = append(causes, a.Cause)
		}
	}
	require.Len(t, causes, 1)
	assert.Contains(t, causes[0], "EC2 health check indicating it has been terminated or stopped")
}

func TestATargetOfAStoppedInstanceIsUnused(t *testing.T) {
	w := newWorldOf(t, "192.168.0.0/24", "192.168.1.0/24")
	w.badVersion = -1 // the instance has no version of a template
	alone := must(w.EC2.RunInstance(ec2.InstanceSpec{TemplateData: w.templateData("one"), Subnet: w.subnets[0]}, w.Now()))(t).ID
	require.NoError(t, w.ELB.RegisterTarget(w.targets, alone, 0, w.Now()))
	w.within(2*time.Minute, func() bool { return w.state(alone) == elb.TargetHealthy })
	require.NoError(t, w.EC2.StopInstances(alone))
	w.within(time.Minute, func() bool { return w.EC2.Instances[alone].State == ec2.Stopped })
	w.pass(time.Minute)
	target := w.ELB.TargetGroups[w.targets].Target(alone, servicePort)
	assert.Equal(t, elb.TargetUnused, target.State)
	assert.Equal(t, "Target.InvalidState", target.Reason)
	require.NoError(t, w.EC2.StartInstances(w.Now(), alone))
	w.step()
	assert.Equal(t, elb.TargetInitial, w.state(alone))
	w.within(2*time.Minute, func() bool { return w.state(alone) == elb.TargetHealthy })
}
