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
	Region     string `setting:"-"`     // aws:region
	Service    string `required:"true"` // prefix of every name, value of the tag Service; at most 21 characters
	Network    Network
	Image      Image `required:"true"`
	Compute    Compute
	App        *App              // what the instances run: this
	Containers *Containers       // or this
	Health     healthcheck.Check // TCP on port 5001, every 10 s, 5 s to answer, 3 and 3 in a row when left out
	Balancer   Balancer
	Scaling    Scaling
	Database   *Database // none when left out
	Monitoring Monitoring
	Protect    bool // balancer and database refuse to be deleted, and what they leave behind is kept
}

// Network is the VPC.
type Network struct {
	CIDR      netip.Prefix   `default:"\"192.168.0.0/23\""` // private, /16 – /28
	Zones     int            `default:"2"`                  // how many availability zones, one public subnet in each; 2–6
	Subnets   []netip.Prefix // public ones, one a zone; carved from CIDR when empty
	Private   bool           // the instances are in private subnets, one a zone
	NAT       string         `default:"\"none\""` // how private subnets reach the internet: "none", "single", "perZone"
	Endpoints bool           // private subnets reach the AWS services that the instances need without the internet
	ACL       bool           // network ACLs beside the security groups
	FlowLogs  bool           // who talked to whom, for 30 days
}

// Image is the machine image of the instances: exactly one of ID, Parameter and FromInstance is set.
type Image struct {
	ID           string // ami-…
	Parameter    string // public SSM parameter whose value is an image's ID
	FromInstance string // i-…, of which an image is made
	Reboot       bool   // FromInstance is rebooted for it, so that its files are consistent
}

// Compute is an instance.
type Compute struct {
	InstanceType    string         `default:"\"t3.micro\""`
	KeyName         string         // EC2 key pair; none when empty
	SSHFrom         []netip.Prefix // who may reach port 22; nobody when empty
	SSHFromAnywhere bool           // the acknowledgement that 0.0.0.0/0 in SSHFrom is meant
	RootVolumeGiB   int            // 1–16384, at least the image's; 0: as the image has it
	PublicAddress   *bool          // true but in private subnets when left out; never nil after Parse
	SessionManager  bool           // a shell through AWS Systems Manager, without a port
	MemoryMetric    bool           // the CloudWatch agent reports memory use
	Bastion         *Bastion       // the way in by SSH to private instances; none when left out
}

// Bastion is an instance in a public subnet from which the others can be logged in to.
type Bastion struct {
	InstanceType string         `default:"\"t3.nano\""`
	From         []netip.Prefix `required:"true"` // who may reach its port 22
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

// Containers is an ECS service on the instances.
type Containers struct {
	Image       string   `required:"true"` // registry, repository and tag or digest
	Command     []string // the image's own when empty
	Environment map[string]string
	Port        int     `required:"true"` // inside of the container; outside it is ECS's choice
	CPU         int     `default:"256"`   // units, 1024 a virtual CPU
	Memory      int     `default:"256"`   // MiB, at which a container is killed
	Min         int     `default:"1"`
	Desired     int     `default:"1"` // at the beginning
	Max         int     `default:"2"`
	TargetCPU   float64 `default:"60"` // percent of CPU, at which the number of containers is held; 0: it is not scaled
	Wait        bool    // a deployment ends when its containers are healthy, and fails if they don't become so
}

// Balancer is the load balancer in front of the group.
type Balancer struct {
	Type        string `default:"\"network\""` // "network" (TCP, TLS), "application" (HTTP, HTTPS)
	Internal    bool
	Listeners   []Listener // one for TCP on App.Port, or for HTTP on 80, when left out
	Certificate string     // ARN of an ACM certificate, for TLS and HTTPS; one for Alias.Name is made when empty
	Alias       *Alias     // a DNS name for it; none when left out
	AccessLogs  bool
}

// Listener is a port of the balancer that forwards to the target group.
type Listener struct {
	Port     int    `required:"true"`
	Protocol string // network: "TCP", "TLS"; application: "HTTP", "HTTPS"; the first when left out
	Redirect int    // port of an HTTPS listener to which requests are sent instead; 0: they are forwarded
}

// Alias is a name in a hosted zone of Route 53.
type Alias struct {
	Zone       string `required:"true"`
	Name       string `required:"true"` // the zone's name or one below it
	CreateZone bool   // the zone is made; it must be delegated to
}

// Scaling is the Auto Scaling group.
type Scaling struct {
	Min       int           `default:"2"`
	Max       int           `default:"3"`
	Grace     time.Duration `default:"120"` // after a launch, before health is looked at: longer than the bootstrap; 0 – 7200 s
	Policies  []Policy
	Schedules []Schedule
	Hooks     []Hook
	Notify    []Subscription // who hears of launches, terminations, releases' ends and alarms
}

// Policy changes the desired capacity by a metric: exactly one field is set.
type Policy struct {
	TargetTracking *TargetTracking
	Step           *Step
}

// TargetTracking keeps a metric near its target.
type TargetTracking struct {
	Metric string        `default:"\"cpu\""` // "cpu": the group's average CPU utilization
	Target float64       `default:"50"`      // percent, above 0, at most 100
	Warmup time.Duration `default:"300"`     // until a new instance counts; 0 – 3600 s
}

// Step adds instances above a threshold, and removes them below another.
type Step struct {
	Metric   string        `default:"\"cpu\""` // "cpu": the group's average CPU utilization
	Period   time.Duration `default:"60"`      // over which a point is averaged
	Warmup   time.Duration `default:"300"`     // until a new instance counts; 0 – 3600 s
	Above    float64       `required:"true"`   // percent
	AboveFor time.Duration `default:"300"`     // a multiple of Period
	Add      int           `default:"1"`
	Below    float64       `required:"true"` // percent
	BelowFor time.Duration `default:"300"`   // a multiple of Period
	Remove   int           `default:"1"`
}

// Schedule sets the group's bounds at fixed times.
type Schedule struct {
	Name     string `required:"true"`
	Cron     string `required:"true"` // minute, hour, day of the month, month, day of the week
	TimeZone string `default:"\"UTC\""`
	Min      *int   // as it is when left out, like the others
	Max      *int
	Desired  *int
}

// Hook holds an instance back before it serves or before it is gone.
type Hook struct {
	Name       string        `required:"true"`
	Transition string        `required:"true"`        // "launching", "terminating"
	Timeout    time.Duration `default:"300"`          // 30 – 7200 s
	Result     string        `default:"\"continue\""` // "continue", "abandon": what happens after Timeout
}

// Subscription is where notifications are sent.
type Subscription struct {
	Protocol string `required:"true"` // "email", "sms", "https", "sqs", "lambda"
	Endpoint string `required:"true"`
}

// Database is a relational database in subnets without a way out, for the instances alone.
type Database struct {
	Engine        string `required:"true"` // "postgres", "mysql", "mariadb"
	Version       string `required:"true"` // major, or major and minor
	InstanceClass string `default:"\"db.t4g.micro\""`
	StorageGiB    int    `default:"20"`   // 20 – 65536
	MultiAZ       bool   `default:"true"` // a standby in another zone
	Name          string `default:"\"app\""`
	Username      string `default:"\"app\""`
	BackupDays    int    `default:"7"` // 0 – 35; 0: no backups
}

// Monitoring is what people look at.
type Monitoring struct {
	Dashboard bool
	Alarms    bool // told to Scaling.Notify
}

// check gives the fields of healthcheck.Check their defaults.
type check struct {
	Protocol  healthcheck.Protocol `default:"\"TCP\""`
	Port      int                  // 5001 for TCP, the service's own for HTTP when left out
	Path      string               // HTTP only, where it must be set
	Matcher   string               // HTTP only: "200" when left out
	Interval  time.Duration        `default:"10"`
	Timeout   time.Duration        `default:"5"`
	Healthy   int                  `default:"3"`
	Unhealthy int                  `default:"3"`
}
