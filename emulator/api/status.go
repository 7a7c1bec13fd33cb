package api

import (
	"net/netip"
	"time"
)

// Status describes everything that an emulator runs.
type Status struct {
	Region        string         `json:"region"`
	Speed         float64        `json:"speed"`     // emulated seconds in a real second
	Time          time.Time      `json:"time"`      // emulated
	Folder        string         `json:"folder"`    // with its state and logs
	Authority     string         `json:"authority"` // file with the certificate that clients of TLS and HTTPS listeners must trust
	Balancers     []Balancer     `json:"balancers"` // one for each listener
	Groups        []Group        `json:"groups"`
	Instances     []Instance     `json:"instances"`
	Services      []Service      `json:"services"`
	Tasks         []Task         `json:"tasks"` // including those that stopped within the last hour, the oldest first
	Alarms        []Alarm        `json:"alarms"`
	Faults        []Fault        `json:"faults"`        // those that last, the oldest first
	Notifications []Notification `json:"notifications"` // the oldest first
	Skipped       []string       `json:"skipped"`       // what user data and images ask for and a process cannot do
	Moved         []string       `json:"moved"`         // ports that only root may open, and where they are instead
}

// Balancer is a listener of a load balancer.
type Balancer struct {
	Name     string          `json:"name"`
	Kind     string          `json:"kind"`     // network or application
	Protocol string          `json:"protocol"` // TCP, TLS, HTTP or HTTPS
	Address  string          `json:"address"`  // where clients connect
	Redirect string          `json:"redirect"` // where clients are sent, e.g. HTTPS:443
	Failure  string          `json:"failure"`  // why it takes no connections
	Flows    map[string]Flow `json:"flows"`    // by target; requests without a target are those of ""
}

// Flow counts a target's flows, or its requests, through one listener.
type Flow struct {
	Total   uint64 `json:"total"`
	Active  int    `json:"active"`
	Refused uint64 `json:"refused"`

	// Statuses counts the target's answers to requests by their first digit: Statuses[2] are 200 to 299.
	Statuses [6]uint64 `json:"statuses"`
}

// Group is an Auto Scaling group.
type Group struct {
	Name       string       `json:"name"`
	Min        int          `json:"min"`
	Desired    int          `json:"desired"`
	Max        int          `json:"max"`
	Healthy    int          `json:"healthy"`
	Activities []Activity   `json:"activities"` // the oldest first
	Refreshes  []Refresh    `json:"refreshes"`  // the oldest first
	Alarms     []GroupAlarm `json:"alarms"`     // of its policies
}

// GroupAlarm is an alarm of a group's policy.
type GroupAlarm struct {
	Name  string `json:"name"`
	State string `json:"state"`
}

// Activity is a scaling activity.
type Activity struct {
	Description string    `json:"description"`
	Cause       string    `json:"cause"`
	Status      string    `json:"status"` // InProgress, Successful or Failed
	Message     string    `json:"message"`
	Instance    string    `json:"instance"`
	Start       time.Time `json:"start"`
	End         time.Time `json:"end,omitzero"`
}

// Refresh is an instance refresh.
type Refresh struct {
	ID       string    `json:"id"`
	Status   string    `json:"status"`
	Reason   string    `json:"reason"`
	Percent  int       `json:"percent"`
	ToUpdate int       `json:"toUpdate"` // members still to be replaced
	Start    time.Time `json:"start"`
	End      time.Time `json:"end,omitzero"`
}

// Instance is an EC2 instance with its health.
type Instance struct {
	ID          string           `json:"id"`
	State       string           `json:"state"`
	Lifecycle   string           `json:"lifecycle"` // in its group
	Image       string           `json:"image"`
	Zone        string           `json:"zone"`
	Address     netip.Addr       `json:"address"`     // private
	Loopback    netip.Addr       `json:"loopback"`    // where it is found on this machine
	Version     int              `json:"version"`     // of the launch template
	Target      string           `json:"target"`      // its state behind the balancer, the worst of its target groups
	Description string           `json:"description"` // why it is not healthy
	CPU         float64          `json:"cpu"`         // percent, of the last minute
	Services    []MachineService `json:"services"`
	Launched    time.Time        `json:"launched"`
}

// MachineService is a systemd service of an instance.
type MachineService struct {
	Name     string `json:"name"`
	State    string `json:"state"` // one of the states below
	PID      int    `json:"pid"`
	Restarts int    `json:"restarts"`
	LastExit string `json:"lastExit"` // how its process ended last, e.g. "exit status 0", or why it was skipped
}

// States of a [MachineService].
const (
	ServiceStarting   = "starting"   // waits for its dependencies or runs its start commands
	ServiceRunning    = "running"    // its process is up
	ServiceRestarting = "restarting" // ended, and waits to be started again
	ServiceStopped    = "stopped"    // never started, stopped or done, see LastExit
	ServiceFailed     = "failed"     // ended badly, and is not started again
)

// Service is a service of ECS.
type Service struct {
	ARN            string         `json:"arn"`
	Name           string         `json:"name"`
	Cluster        string         `json:"cluster"`
	Status         string         `json:"status"`         // ACTIVE or DRAINING
	TaskDefinition string         `json:"taskDefinition"` // ARN, of the primary deployment
	Desired        int            `json:"desired"`
	Running        int            `json:"running"`
	Pending        int            `json:"pending"`     // including those that fit nowhere yet
	Deployments    []Deployment   `json:"deployments"` // the primary first
	Events         []ServiceEvent `json:"events"`      // the oldest first
	Steady         bool           `json:"steady"`      // one deployment, completed, with all of its tasks healthy
}

// Deployment is a revision of a service of ECS that runs or is being rolled out.
type Deployment struct {
	ID             string    `json:"id"`
	Status         string    `json:"status"`         // PRIMARY or ACTIVE
	TaskDefinition string    `json:"taskDefinition"` // ARN
	Rollout        string    `json:"rollout"`
	Reason         string    `json:"reason"`
	Failed         int       `json:"failed"` // tasks
	Created        time.Time `json:"created"`
	Updated        time.Time `json:"updated"`
}

// ServiceEvent is a message of a service of ECS.
type ServiceEvent struct {
	Time    time.Time `json:"time"`
	Message string    `json:"message"`
}

// Task is a task of ECS with its health.
type Task struct {
	ID          string     `json:"id"`
	Service     string     `json:"service"`
	Revision    int        `json:"revision"`
	Instance    string     `json:"instance"`
	State       string     `json:"state"`
	Reason      string     `json:"reason"`      // why it stops or stopped
	Address     netip.Addr `json:"address"`     // where its container is found on this machine
	Port        int        `json:"port"`        // of its instance
	Target      string     `json:"target"`      // its state behind the balancer
	Description string     `json:"description"` // why it is not healthy
	CPU         float64    `json:"cpu"`         // percent of what it reserves, of the last minute
	Started     time.Time  `json:"started,omitzero"`
}

// Alarm is a CloudWatch alarm of one metric.
type Alarm struct {
	Name              string       `json:"name"`
	Namespace         string       `json:"namespace"`
	Statistic         string       `json:"statistic"` // Average, Minimum, Maximum, Sum or SampleCount
	Metric            string       `json:"metric"`
	Comparison        string       `json:"comparison"`
	Threshold         float64      `json:"threshold"`
	Period            float64      `json:"period"`            // of a point, seconds
	EvaluationPeriods int          `json:"evaluationPeriods"` // points that are looked at
	DatapointsToAlarm int          `json:"datapointsToAlarm"` // of those, how many breach
	Policy            string       `json:"policy"`            // ARN of the target tracking policy that made it
	State             string       `json:"state"`
	Reason            string       `json:"reason"`
	Since             time.Time    `json:"since"`
	Value             float64      `json:"value"`   // of the newest point
	History           []Transition `json:"history"` // the oldest first
}

// Transition is a change of an alarm's state; where From and To are the same, an action of it.
type Transition struct {
	Time   time.Time `json:"time"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Reason string    `json:"reason"`
}

// Notification is a message to a topic.
type Notification struct {
	Time    time.Time `json:"time"`
	Topic   string    `json:"topic"` // ARN
	Subject string    `json:"subject"`
	Message string    `json:"message"` // JSON, in the sender's format
	Lost    string    `json:"lost"`    // why the topic did not take it
}
