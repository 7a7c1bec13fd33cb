package ec2

// Lifecycle is an instance's state within its group.
type Lifecycle string

// The lifecycle states of a member (Auto Scaling: "instance lifecycle").
const (
	LifecyclePending         Lifecycle = "Pending"
	LifecyclePendingWait     Lifecycle = "Pending:Wait" // for hooks
	LifecycleInService       Lifecycle = "InService"
	LifecycleTerminating     Lifecycle = "Terminating"
	LifecycleTerminatingWait Lifecycle = "Terminating:Wait" // for hooks
)

func (l Lifecycle) IsPending() bool { return l == LifecyclePending || l == LifecyclePendingWait }

func (l Lifecycle) IsTerminating() bool {
	return l == LifecycleTerminating || l == LifecycleTerminatingWait
}
