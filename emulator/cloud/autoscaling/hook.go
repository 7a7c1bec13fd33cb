package autoscaling

import (
	"fmt"
	"maps"
	"regexp"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
)

// The transitions at which a hook may hold an instance.
const (
	Launching   = "autoscaling:EC2_INSTANCE_LAUNCHING"
	Terminating = "autoscaling:EC2_INSTANCE_TERMINATING"
)

// The results of a lifecycle action.
const (
	Continue = "CONTINUE"
	Abandon  = "ABANDON"
)

// Hook is a lifecycle hook: it holds an instance before it enters service, or after it was drained and before it is
// shut down, until the action is completed or the timeout is over.
type Hook struct {
	Name       string
	Transition string        // Launching or Terminating
	Timeout    time.Duration // 30–7200 s
	Result     string        // after the timeout: Continue or Abandon
	Topic      string        // ARN of a topic that is notified, or ""
	Metadata   string        // sent with the notification
}

var hookName = regexp.MustCompile(`^[A-Za-z0-9\-_/]{1,255}$`)

// checkHook refuses a hook that Auto Scaling refuses (API: PutLifecycleHook).
func (s *Store) checkHook(h Hook) error {
	switch {
	case !hookName.MatchString(h.Name):
		return aws.Refuse("ValidationError", "The lifecycle hook name '%s' must be 1 to 255 letters, digits, hyphens, underscores "+
			"and slashes", h.Name)
	case h.Transition != Launching && h.Transition != Terminating:
		return aws.Refuse("ValidationError", "The lifecycle transition '%s' is not %s or %s", h.Transition, Launching, Terminating)
	case h.Timeout < 30*time.Second || h.Timeout > 7200*time.Second:
		return aws.Refuse("ValidationError", "The heartbeat timeout %v must be between 30 and 7200 seconds", h.Timeout)
	case h.Result != Continue && h.Result != Abandon:
		return aws.Refuse("ValidationError", "The default result '%s' is not CONTINUE or ABANDON", h.Result)
	case h.Topic != "":
		return s.checkTopic(h.Topic)
	}
	return nil
}

// Quotas of a group ("Quotas for Auto Scaling resources and groups").
const (
	maxHooks     = 50
	maxPolicies  = 50
	maxSchedules = 125
	maxSteps     = 20 // per policy
)

// tooMany refuses what exceeds a quota.
func tooMany(what string, limit int) error {
	return aws.Refuse("LimitExceeded", "You have already reached the limit of %d %s", limit, what)
}

// checkTopic refuses a topic that does not exist.
func (s *Store) checkTopic(topic string) error {
	if s.events.Topics[topic] == nil {
		return aws.Refuse("ValidationError", "Unable to publish test message to notification target %s. The topic does not exist.", topic)
	}
	return nil
}

// PutHook creates or changes a hook of a group (API: PutLifecycleHook).
func (s *Store) PutHook(group string, hook Hook) error {
	g := s.Groups[group]
	if g == nil {
		return aws.Refuse("ValidationError", "AutoScalingGroup name not found - %s", group)
	}
	if err := s.checkHook(hook); err != nil {
		return err
	}
	if _, there := g.Hooks[hook.Name]; !there && len(g.Hooks) >= maxHooks {
		return tooMany("lifecycle hooks", maxHooks)
	}
	g.setHook(hook)
	return nil
}

func (g *Group) setHook(hook Hook) {
	if g.Hooks == nil {
		g.Hooks = map[string]Hook{}
	}
	g.Hooks[hook.Name] = hook
}

// DeleteHook deletes a hook. Instances that it holds are abandoned if they are being launched, and go on if they are
// being terminated (API: DeleteLifecycleHook).
func (s *Store) DeleteHook(group, name string) error {
	g := s.Groups[group]
	if g == nil || g.Hooks[name].Name == "" {
		return nil
	}
	for _, i := range s.members(g) {
		if _, held := i.Held[name]; !held {
			continue
		}
		if g.Hooks[name].Transition == Launching {
			endWait(i, name, Abandon)
		} else {
			endWait(i, name, Continue)
		}
	}
	delete(g.Hooks, name)
	return nil
}

// CompleteHook ends the wait of an instance for a hook (API: CompleteLifecycleAction).
func (s *Store) CompleteHook(group, hook, instance, result string) error {
	i := s.ec2.Instances[instance]
	if i == nil || i.Group != group || i.Held[hook].IsZero() {
		return aws.Refuse("ValidationError", "No active Lifecycle Action found with instance ID %s", instance)
	}
	if result != Continue && result != Abandon {
		return aws.Refuse("ValidationError", "The lifecycle action result '%s' is not CONTINUE or ABANDON", result)
	}
	endWait(i, hook, result)
	return nil
}

// endWait ends the wait of an instance for a hook. If the hook abandons the instance, the wait for all hooks ends.
func endWait(i *ec2.Instance, hook, result string) {
	i.Held = maps.Clone(i.Held) // copies of the instance have the old one
	delete(i.Held, hook)
	if result == Abandon {
		i.Abandoned, i.Held = true, nil
	}
}

// startHooks makes an instance wait for the hooks of a transition and reports whether there are any.
func (s *Store) startHooks(g *Group, i *ec2.Instance, transition string, now time.Time) bool {
	i.Held, i.Abandoned = map[string]time.Time{}, false
	for _, name := range aws.Keys(g.Hooks) {
		hook := g.Hooks[name]
		if hook.Transition != transition {
			continue
		}
		i.Held[name] = now.Add(hook.Timeout)
		if hook.Topic != "" {
			s.events.Publish(now, hook.Topic, fmt.Sprintf("Auto Scaling:  Lifecycle action '%s' for instance %s in progress.",
				transition, i.ID), map[string]any{
				"AccountId": aws.Account, "AutoScalingGroupName": g.Spec.Name, "EC2InstanceId": i.ID, "LifecycleHookName": name,
				"LifecycleTransition": transition, "NotificationMetadata": hook.Metadata, "Time": now.UTC().Format(time.RFC3339),
			})
		}
	}
	return len(i.Held) > 0
}

// isHeld ends the wait for hooks whose timeout is over with their default result, and reports whether the instance
// still waits.
func isHeld(i *ec2.Instance, g *Group, now time.Time) bool {
	for _, name := range aws.Keys(i.Held) {
		if !now.Before(i.Held[name]) {
			endWait(i, name, g.Hooks[name].Result)
		}
	}
	return len(i.Held) > 0
}
