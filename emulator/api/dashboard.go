package api

// DashboardStatus is a [Status] with what only the dashboard shows.
type DashboardStatus struct {
	Status
	Stack    string              `json:"stack"`
	Zones    []string            `json:"zones"`    // of balancers and instances
	Subnets  map[string]string   `json:"subnets"`  // of groups and instances, with their zones where an instance is in them
	Members  map[string]string   `json:"members"`  // instances with their groups
	Policies map[string][]Policy `json:"policies"` // by group
}

// Policy is a scaling policy.
type Policy struct {
	Name       string  `json:"name"`
	Type       string  `json:"type"`   // TargetTracking or StepScaling
	Warmup     float64 `json:"warmup"` // emulated seconds
	Disabled   bool    `json:"disabled"`
	Target     float64 `json:"target"`     // percent of CPU, of target tracking
	Adjustment string  `json:"adjustment"` // ChangeInCapacity, PercentChangeInCapacity or ExactCapacity, of step scaling
	Steps      []Step  `json:"steps"`
}

// Step is the adjustment for a range of metric minus threshold.
type Step struct {
	Lower      *float64 `json:"lower"` // nil: no bound
	Upper      *float64 `json:"upper"`
	Adjustment int      `json:"adjustment"`
}
