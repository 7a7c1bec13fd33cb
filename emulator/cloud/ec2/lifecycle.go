package ec2

// Lifecycle is the state of an instance within its Auto Scaling group.
type Lifecycle string

// The lifecycle states of a member (Auto Scaling: "instance lifecycle").
const (
	LifecyclePending         Lifecycle = "Pending"
	LifecyclePendingWait     Lifecycle = "Pending:Wait" // for hooks
	LifecycleInService       Lifecycle = "InService"
	LifecycleTerminating     Lifecycle = "Terminating"
	LifecycleTerminatingWait Lifecycle = "Terminating:Wait" // for hooks
)

// IsPending reports whether the member is not yet in service.
func (l Lifecycle) IsPending() bool { return l == LifecyclePending || l == LifecyclePendingWait }

// IsTerminating reports whether the member is being terminated.
func (l Lifecycle) IsTerminating() bool {
	return l == LifecycleTerminating || l == LifecycleTerminatingWait
}
