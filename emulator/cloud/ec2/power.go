package ec2

import (
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// An instance is started and stopped by requests, and by what the data plane reports (User Guide: "Amazon EC2 instance state
// changes"):
//
//	pending ──InstanceRunning──▶ running ──StopInstances──▶ stopping ──InstanceEnded──▶ stopped ──StartInstances──▶ pending
//	                                │                                                     │
//	                                └──TerminateInstances──▶ shutting-down ◀─────────────────┘
//	                                                             └──InstanceEnded──▶ terminated

// IsOn reports whether an instance runs or is about to. The data plane runs it then.
func (i *Instance) IsOn() bool { return i.State == Pending || i.State == Running }

// InstanceRunning reports that an instance has booted.
func (s *Store) InstanceRunning(id string) (changed bool) {
	i := s.Instances[id]
	if i == nil || i.State != Pending {
		return false
	}
	i.State = Running
	return true
}

// InstanceEnded reports that no process of an instance runs any more, and why if its end was not requested. An instance that was
// to stop is stopped and keeps its network interface; any other is terminated.
func (s *Store) InstanceEnded(id, reason string, now time.Time) (changed bool) {
	i := s.Instances[id]
	switch {
	case i == nil || i.State == Terminated || i.State == Stopped:
		return false
	case i.State == Stopping:
		i.State = Stopped
		return true
	}
	i.BootFailed = i.State == Pending && reason != ""
	i.State, i.Ended = Terminated, now
	s.vpc.DeleteInterfaces(i.owner())
	if reason != "" {
		i.Reason = reason
	}
	return true
}

func noInstance(id string) error {
	return aws.Refuse("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
}

// userShutdown is the reason of an end that was requested.
const userShutdown = "Client.UserInitiatedShutdown: User initiated shutdown"

// all does something to each instance, or to none if it is refused for one of them.
func (s *Store) all(ids []string, check func(*Instance) error, do func(*Instance)) error {
	for _, id := range ids {
		i := s.Instances[id]
		if i == nil {
			return noInstance(id)
		}
		if err := check(i); err != nil {
			return err
		}
	}
	for _, id := range ids {
		do(s.Instances[id])
	}
	return nil
}

// TerminateInstance terminates an instance, see [Store.TerminateInstances].
func (s *Store) TerminateInstance(id string) error { return s.TerminateInstances(id) }

// TerminateInstances terminates instances, also those of Auto Scaling groups (API: TerminateInstances).
func (s *Store) TerminateInstances(ids ...string) error {
	return s.all(ids, func(i *Instance) error {
		if i.Protected {
			return aws.Refuse("OperationNotPermitted", "The instance '%s' may not be terminated. Modify its 'disableApiTermination' "+
				"instance attribute and try again.", i.ID)
		}
		return nil
	}, func(i *Instance) {
		if i.State != Terminated && i.State != ShuttingDown {
			i.State, i.Reason = ShuttingDown, userShutdown
		}
	})
}

// StopInstances stops instances, which keep their volumes and their private addresses. A group replaces its member (API:
// StopInstances).
func (s *Store) StopInstances(ids ...string) error {
	return s.all(ids, func(i *Instance) error { return i.within("stopped", Running, Stopping, Stopped) }, func(i *Instance) {
		if i.State == Running {
			i.State, i.Reason = Stopping, userShutdown
		}
	})
}

// StartInstances starts stopped instances, if their zones have room. Their user data does not run again (API: StartInstances).
func (s *Store) StartInstances(now time.Time, ids ...string) error {
	return s.all(ids, func(i *Instance) error {
		if err := i.within("started", Stopped, Pending, Running); err != nil || i.State != Stopped {
			return err
		}
		return s.CheckCapacity(i.Group, i.Zone, i.Type)
	}, func(i *Instance) {
		if i.State == Stopped {
			i.State, i.Reason, i.Launched = Pending, "", now
		}
	})
}

// RebootInstances reboots running instances, whose state stays the same (API: RebootInstances).
func (s *Store) RebootInstances(ids ...string) error {
	return s.all(ids, func(i *Instance) error { return i.within("rebooted", Running) }, func(i *Instance) { i.Reboots++ })
}

// within refuses a change of an instance's state that only some states allow.
func (i *Instance) within(verb string, states ...InstanceState) error {
	if slices.Contains(states, i.State) {
		return nil
	}
	return aws.Refuse("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be %s.", i.ID, verb)
}
