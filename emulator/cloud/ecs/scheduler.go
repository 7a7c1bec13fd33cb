package ecs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

// Reconcile moves container instances, tasks, services and managed scaling on, and reports whether anything changed.
func (s *Store) Reconcile(now time.Time) bool {
	changed := s.reconcileHosts(now)
	changed = s.advanceTasks(now) || changed
	for _, arn := range aws.Keys(s.Services) {
		changed = s.reconcileService(s.Services[arn], now) || changed
	}
	return s.manageCapacity(now) || changed
}

// reconcileService moves a service on.
func (s *Store) reconcileService(svc *Service, now time.Time) bool {
	if svc.Status == ServiceDraining {
		return s.endService(svc, now)
	}
	changed := s.checkTasks(svc, now)
	changed = s.breakCircuit(svc, now) || changed
	changed = s.startTasks(svc, now) || changed
	changed = s.stopTasks(svc, now) || changed
	changed = s.completeDeployment(svc, now) || changed
	return s.rebalance(svc, now) || changed
}

// endService drains and stops all tasks of a service that is being deleted. The service is gone with its last task.
func (s *Store) endService(svc *Service, now time.Time) bool {
	tasks := s.tasksOf(svc)
	if len(tasks) == 0 {
		delete(s.Services, svc.ARN)
		return true
	}
	changed := false
	for _, t := range tasks {
		if t.DesiredStatus == desiredRunning {
			s.stopTask(t, "Scaling activity initiated by (service "+svc.Spec.Name+")", now)
			changed = true
		}
	}
	return changed
}

// checkTasks takes over the health that ELB reports for the tasks. After the grace period an unhealthy task is to be
// replaced.
func (s *Store) checkTasks(svc *Service, now time.Time) bool {
	changed := false
	for _, t := range s.tasksOf(svc) {
		if t.State != TaskRunning || t.Unhealthy {
			continue
		}
		if !t.Settled && s.healthyTask(svc, t) {
			t.Settled, changed = true, true
		}
		for _, group := range s.targetGroups(svc) {
			target := group.Target(t.Instance, t.HostPort)
			if target == nil || target.State != elb.TargetUnhealthy || now.Sub(t.Started) < svc.Spec.Grace {
				continue
			}
			svc.event(now, "(port %d) is unhealthy in (target-group %s) due to (reason %s)",
				t.HostPort, group.ARN, target.Description)
			t.Unhealthy, changed = true, true
			t.Reason = fmt.Sprintf("Task failed ELB health checks in (target-group %s)", group.ARN)
			s.taskFailed(t, now)
			break
		}
	}
	return changed
}

// healthyTask reports whether a task runs and is healthy in its target groups. After a restart a task that was healthy
// counts as healthy until its target has been probed again.
func (s *Store) healthyTask(svc *Service, t *Task) bool {
	if t.State != TaskRunning || t.Unhealthy || !t.active() {
		return false
	}
	for _, b := range svc.Spec.Balancers {
		group := s.elb.TargetGroups[b.TargetGroup]
		if group == nil {
			return false
		}
		target := group.Target(t.Instance, t.HostPort)
		if target == nil || target.State != elb.TargetHealthy && (target.State != elb.TargetInitial || !t.Settled) {
			return false
		}
	}
	return true
}

// The start of tasks that fail early, several in a row, is delayed more and more, up to a quarter of an hour (Developer
// Guide: "Service throttle logic", which gives no numbers for its steps).
const (
	earlyFailure  = 5 * time.Minute
	firstBackoff  = 10 * time.Second
	longestPause  = 15 * time.Minute
	inconsistent  = 4 // failures in a row after which ECS adds an event
	breakerLowest = 3
	breakerLimit  = 200
)

// taskFailed counts a task that ended by itself or became unhealthy.
func (s *Store) taskFailed(t *Task, now time.Time) {
	svc := s.Services[t.ServiceARN]
	if svc == nil || svc.Status != ServiceActive {
		return
	}
	if !t.Started.IsZero() && now.Sub(t.Started) > earlyFailure {
		svc.Failures = 0
	}
	svc.Failures++
	if svc.Failures > 1 {
		pause := longestPause
		if doubled := svc.Failures - 2; doubled < 7 {
			pause = min(pause, firstBackoff<<doubled)
		}
		svc.RetryAt = now.Add(pause)
	}
	if svc.Failures >= inconsistent {
		svc.event(now, "is unable to consistently start tasks successfully. For more information, see the Troubleshooting "+
			"section of the Amazon ECS Developer Guide.")
	}
	if d := svc.primary(); t.Deployment == d.ID && d.Rollout == RolloutInProgress {
		d.Failed++
	}
}

// threshold returns how many tasks may fail before the circuit breaker ends a deployment (Developer Guide: "How the
// Amazon ECS deployment circuit breaker detects failures").
func threshold(desired int) int { return max(breakerLowest, min(breakerLimit, (desired+1)/2)) }

// breakCircuit fails a deployment whose tasks fail, and rolls back to the last completed deployment if the service says
// so.
func (s *Store) breakCircuit(svc *Service, now time.Time) bool {
	d := svc.primary()
	if !svc.Spec.Breaker.Enable || d.Rollout != RolloutInProgress || d.Failed < threshold(svc.Desired) {
		return false
	}
	d.Rollout, d.Updated, d.Reason = RolloutFailed, now, "ECS deployment circuit breaker: tasks failed to start."
	svc.event(now, "(deployment %s) deployment failed: tasks failed to start.", d.ID)
	if !svc.Spec.Breaker.Rollback || svc.Completed == "" || svc.Completed == d.TaskDefinition {
		return true
	}
	back := slices.IndexFunc(svc.Deployments, func(other *Deployment) bool {
		return other != d && other.TaskDefinition == svc.Completed
	})
	if back >= 0 {
		svc.promote(svc.Deployments[back], now)
	} else {
		svc.deploy(svc.Completed, now)
	}
	svc.primary().Reason = "ECS deployment circuit breaker: rolling back to deploymentId " + svc.primary().ID + "."
	svc.event(now, "rolling back to (deployment %s).", svc.primary().ID)
	return true
}

// splitTasks returns the active tasks in two groups: those that stay, and those to be replaced because they are of an
// earlier deployment, unhealthy, or on a container instance that is being drained.
func (s *Store) splitTasks(svc *Service) (current, outgoing []*Task) {
	for _, t := range s.tasksOf(svc) {
		host := s.ContainerInstances[t.Instance]
		switch {
		case !t.active():
		case t.Deployment != svc.primary().ID || t.Unhealthy || host == nil || host.Draining:
			outgoing = append(outgoing, t)
		default:
			current = append(current, t)
		}
	}
	return current, outgoing
}

// startTasks starts missing tasks, as far as the maximum allows. A failed deployment starts none.
func (s *Store) startTasks(svc *Service, now time.Time) bool {
	current, outgoing := s.splitTasks(svc)
	need := svc.Desired - len(current)
	room := svc.Desired*svc.Spec.MaxHealthy/100 - len(current) - len(outgoing)
	waited := svc.Waiting
	svc.Waiting = 0
	if svc.primary().Rollout == RolloutFailed || now.Before(svc.RetryAt) {
		return waited != 0
	}
	var started []string
	for range min(need, room) {
		t, reason := s.startTask(svc, now)
		if reason != "" {
			svc.Waiting = min(need, room) - len(started)
			svc.unplaced(now, reason)
			break
		}
		started = append(started, "(task "+t.ID+")")
	}
	if len(started) > 0 {
		svc.event(now, "has started %d tasks: %s.", len(started), strings.Join(started, " "))
	}
	return len(started) > 0 || waited != svc.Waiting
}

// unplaced adds the event that a task cannot be placed.
func (svc *Service) unplaced(now time.Time, reason string) {
	svc.event(now, "was unable to place a task because no container instance met all of its requirements. %s For more "+
		"information, see the Troubleshooting section of the Amazon ECS Developer Guide.", reason)
}

// stopTasks stops tasks that are to be replaced, while enough healthy tasks stay, and surplus tasks.
func (s *Store) stopTasks(svc *Service, now time.Time) bool {
	current, outgoing := s.splitTasks(svc)
	lowest := autoscaling.Floor(svc.Desired, svc.Spec.MinHealthy)
	highest := svc.Desired * svc.Spec.MaxHealthy / 100
	healthy := s.countHealthy(svc, current) + s.countHealthy(svc, outgoing)
	var stopped []*Task
	s.sortForStop(svc, outgoing)
	for _, t := range outgoing {
		switch {
		case s.healthyTask(svc, t):
			if healthy-1 < lowest {
				continue
			}
			healthy--
		case t.Unhealthy && s.spares(svc, t, current) && len(current)+len(outgoing) < highest:
			continue // its replacement first, where there is room for it
		}
		stopped = append(stopped, t)
	}
	if len(stopped) == 0 && len(outgoing) > 0 && len(current) < svc.Desired && highest <= lowest {
		svc.event(now, "was unable to stop or start tasks during a deployment because of the service deployment configuration. "+
			"Update the minimumHealthyPercent or maximumPercent value and try again.")
	}
	s.sortForStop(svc, current)
	if !s.movesTask(svc, current) {
		for n := range max(0, len(current)-svc.Desired) {
			stopped = append(stopped, current[n])
		}
	}
	s.stopAll(svc, stopped, now)
	return len(stopped) > 0
}

// spares reports whether an unhealthy task stays until its replacement is healthy: in a service whose deployment has
// completed, while other tasks are not all healthy.
func (s *Store) spares(svc *Service, t *Task, current []*Task) bool {
	d := svc.primary()
	return t.Deployment == d.ID && d.Rollout == RolloutCompleted && s.countHealthy(svc, current) < svc.Desired
}

// countHealthy counts the healthy tasks.
func (s *Store) countHealthy(svc *Service, tasks []*Task) int {
	count := 0
	for _, t := range tasks {
		if s.healthyTask(svc, t) {
			count++
		}
	}
	return count
}

// sortForStop sorts tasks by the order in which they are to be stopped: unhealthy tasks first, then those in the
// fullest zone and on the fullest instance, then the newest.
func (s *Store) sortForStop(svc *Service, tasks []*Task) {
	zones, hosts := map[string]int{}, map[string]int{}
	zone := func(t *Task) string {
		if i := s.ec2.Instances[t.Instance]; i != nil {
			return i.Zone
		}
		return ""
	}
	for _, t := range tasks {
		zones[zone(t)]++
		hosts[t.Instance]++
	}
	rank := func(t *Task) int {
		if s.healthyTask(svc, t) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(tasks, func(a, b *Task) int {
		return cmp.Or(rank(a)-rank(b), zones[zone(b)]-zones[zone(a)], hosts[b.Instance]-hosts[a.Instance],
			b.Created.Compare(a.Created))
	})
}

// stopAll stops tasks and adds an event.
func (s *Store) stopAll(svc *Service, tasks []*Task, now time.Time) {
	var names []string
	for _, t := range tasks {
		reason := t.Reason
		if reason == "" {
			reason = "Scaling activity initiated by (deployment " + svc.primary().ID + ")"
		}
		s.stopTask(t, reason, now)
		names = append(names, "(task "+t.ID+")")
	}
	if len(names) > 0 {
		svc.event(now, "has stopped %d running tasks: %s.", len(names), strings.Join(names, " "))
	}
}

// completeDeployment completes a deployment whose tasks are all healthy once the tasks of earlier deployments are gone,
// and adds an event when the service becomes steady.
func (s *Store) completeDeployment(svc *Service, now time.Time) bool {
	current, outgoing := s.splitTasks(svc)
	d := svc.primary()
	ready := len(outgoing) == 0 && len(current) == svc.Desired && s.countHealthy(svc, current) == svc.Desired
	changed := false
	if ready && d.Rollout == RolloutInProgress && !s.hasEarlierTasks(svc) {
		d.Rollout, d.Updated, d.Reason = RolloutCompleted, now, "ECS deployment "+d.ID+" completed."
		svc.Completed, svc.Deployments, changed = d.TaskDefinition, []*Deployment{d}, true
		svc.event(now, "(deployment %s) deployment completed.", d.ID)
	}
	steady := ready && d.Rollout == RolloutCompleted
	if steady != svc.Steady {
		svc.Steady, changed = steady, true
		if steady {
			svc.event(now, "has reached a steady state.")
		}
	}
	return changed
}

// hasEarlierTasks reports whether a task of an earlier deployment has not stopped yet.
func (s *Store) hasEarlierTasks(svc *Service) bool {
	return slices.ContainsFunc(s.tasksOf(svc), func(t *Task) bool { return t.Deployment != svc.primary().ID })
}
