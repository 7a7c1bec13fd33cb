package api

// Attachment tells another process how to deploy to a running emulator.
type Attachment struct {
	Stack       string            `json:"stack"`  // for which the emulator was started
	Stacks      []string          `json:"stacks"` // that have resources, sorted
	Folder      string            `json:"folder"`
	Environment map[string]string `json:"environment"`
}

// Resource is a resource as Pulumi knows it.
type Resource struct {
	Type string `json:"type"` // token, e.g. aws:ec2/vpc:Vpc
	ID   string `json:"id"`
}

// Path answers whether a connection can be opened.
type Path struct {
	From    string   `json:"from"` // as it was found, e.g. "load balancer musicguru-lb"
	To      string   `json:"to"`
	Port    int      `json:"port"`
	Hops    []Hop    `json:"hops"`              // what the connection passes, as far as it comes
	Blocked *Blocked `json:"blocked,omitempty"` // what stops the connection; nil if nothing does
}

// Hop is a thing that a connection passes.
type Hop struct {
	Component string `json:"component"` // an end, a security group, a route table, a gateway, …
	By        string `json:"by"`        // e.g. the rule or the route that lets the connection pass
}

// Blocked says what stops a connection.
type Blocked struct {
	Code   string `json:"code"` // an explanation code of Reachability Analyzer
	Reason string `json:"reason"`
}
