// Package settings reads a stack's configuration into one typed value, valid as a whole, or says everything that is
// wrong with it at once, before any resource is registered.
//
//	Pulumi.yaml          declared keys, defaults ─┐
//	Pulumi.<stack>.yaml  what the stack sets ─────┴▶ Load ─▶ Parse: decode ─▶ rules ─▶ *Settings
//	                                                                  │         │
//	                                                                  ▼         ▼
//	                                 scaling.max: 1 is below scaling.min (2)
//	                                 health.intervall: is not a setting: there are protocol, port, …
//
// A key is written as its field, in lower camel case: [Compute.SSHFrom] is compute.sshFrom. Durations are whole seconds.
// The tag default holds the value, as JSON, of a key that is left out; the tag required marks a key that may not be.
package settings

import (
	"net/netip"
	"time"

	"github.com/elastic-service/elastic-service/healthcheck"
)

// Settings is one stack's configuration, valid as a whole.
type Settings struct {
	Region   string `setting:"-"`     // aws:region
	Service  string `required:"true"` // prefix of every name, value of the tag Service; at most 21 characters
	Network  Network
	Image    Image `required:"true"`
	Compute  Compute
	App      App               `required:"true"`
	Health   healthcheck.Check // TCP on port 5001, every 10 s, 5 s to answer, 3 and 3 in a row when left out
	Balancer Balancer
	Scaling  Scaling
}

// Network is the VPC.
type Network struct {
	CIDR    netip.Prefix   `default:"\"192.168.0.0/23\""` // private, /16 – /28
	Zones   int            `default:"2"`                  // how many availability zones, one public subnet in each; 2–6
	Subnets []netip.Prefix // one a zone; carved from CIDR in equal parts when empty
}

// Image is the machine image of the instances: exactly one field is set.
type Image struct {
	ID        string // ami-…
	Parameter string // public SSM parameter whose value is an image's ID
}

// Compute is an instance.
type Compute struct {
	InstanceType    string         `default:"\"t3.micro\""`
	KeyName         string         // EC2 key pair; none when empty
	SSHFrom         []netip.Prefix // who may reach port 22; nobody when empty
	SSHFromAnywhere bool           // the acknowledgement that 0.0.0.0/0 in SSHFrom is meant
	RootVolumeGiB   int            // 1–16384, at least the image's; 0: as the image has it
	PublicAddress   bool           `default:"true"`
}

// App is what runs on an instance.
type App struct {
	Port      int `required:"true"`
	Artifacts []Artifact
	Services  []Service `required:"true"` // at least one
	Packages  []string  // of the image's distribution, installed at boot
}

// Artifact is a file put on each instance: exactly one of Build and File is set.
type Artifact struct {
	Build string // Go package, built for the instance's architecture
	File  string // file beside Pulumi.yaml, taken as it is
	Path  string `required:"true"` // absolute, where it lands on the instance
}

// Service is a process that systemd keeps alive.
type Service struct {
	Name        string   `required:"true"`
	Command     []string `required:"true"` // absolute path and arguments; no shell
	User        string   // a dynamic, unprivileged one when empty
	Directory   string   // must exist; /var/lib/NAME does
	Environment map[string]string
}

// Balancer is the load balancer in front of the group.
type Balancer struct {
	Type      string `default:"\"network\""` // "network"
	Internal  bool
	Listeners []Listener // one for TCP on App.Port when left out
}

// Listener is a port of the balancer that forwards to the target group.
type Listener struct {
	Port     int    `required:"true"`
	Protocol string `default:"\"TCP\""` // "TCP"
}

// Scaling is the Auto Scaling group.
type Scaling struct {
	Min      int           `default:"2"`
	Max      int           `default:"3"`
	Grace    time.Duration `default:"120"` // after a launch, before health is looked at: longer than the bootstrap; 0 – 7200 s
	Policies []Policy
}

// Policy changes the desired capacity by a metric: exactly one field is set.
type Policy struct {
	TargetTracking *TargetTracking
}

// TargetTracking keeps a metric near its target.
type TargetTracking struct {
	Metric string        `default:"\"cpu\""` // "cpu": the group's average CPU utilization
	Target float64       `default:"50"`      // percent, above 0, at most 100
	Warmup time.Duration `default:"300"`     // until a new instance counts; 0 – 3600 s
}

// check gives the fields of healthcheck.Check their defaults.
type check struct {
	Protocol  healthcheck.Protocol `default:"\"TCP\""`
	Port      int                  `default:"5001"`
	Interval  time.Duration        `default:"10"`
	Timeout   time.Duration        `default:"5"`
	Healthy   int                  `default:"3"`
	Unhealthy int                  `default:"3"`
}
