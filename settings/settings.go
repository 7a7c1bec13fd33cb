// Package settings reads a stack's configuration into one typed value that is valid as a whole. It reports every fault at
// once, before any resource is registered.
//
//	Pulumi.yaml          declared keys, defaults ─┐
//	Pulumi.<stack>.yaml  what the stack sets ─────┴▶ Load ─▶ Parse: decode ─▶ rules ─▶ *Settings
//	                                                                  │         │
//	                                                                  ▼         ▼
//	                                 scaling.max: 1 is below scaling.min (2)
//	                                 health.intervall: is not a setting: there are protocol, port, …
//
// A key is the name of its field in lower camel case: [Compute.SSHFrom] is compute.sshFrom. Durations are whole seconds.
//
// A field and its comment are the only description of a setting. The tests generate docs/settings.schema.json, the tables of
// docs/settings.md and the declarations of Pulumi.yaml from them (go generate ./settings). The comment says what the setting
// does, then its limits after "Limits:", and after "Default:" what holds without a value if the tag default cannot say it.
// The tags:
//
//	default:"JSON"       the value of a key that is left out
//	required:"true"      the key must be set
//	oneof:"NAME"         exactly one of the fields with the same NAME must be set
//	enum:"a,b"           the values that a text may have
//	minimum, maximum     the bounds of a number, or of a duration in seconds; above excludes the bound
//	unit:"GiB"           the unit, or the kind of text
package settings

//go:generate env UPDATE_DOCS=1 go test -count=1 -run ^TestGenerated .

import (
	"time"

	"github.com/elastic-service/elastic-service/healthcheck"
)

// Settings is the configuration of one stack, valid as a whole.
type Settings struct {
	Region string `setting:"-"` // aws:region

	// The first part of every name, and the value of the tag `Service`. A change replaces every resource.
	// Limits: 1 to 21 of a–z, 0–9 and `-`; begins with a letter, does not end with `-`. Not `aws`; not beginning with
	// `internal-` (ELB API Reference, CreateLoadBalancer), `sg-` (EC2 API Reference, CreateSecurityGroup), `xn--`, `sthree-` or
	// `amzn-s3-demo-` (S3 User Guide, bucket naming rules); with `containers` not beginning with `aws`, `ecs` or `fargate` (ECS API
	// Reference, CreateCapacityProvider); with `database` without `--` (RDS API Reference, CreateDBInstance).
	Service string `required:"true"`

	// Tags of your own, for everything that the stack creates and that takes tags, instances and their volumes included. The tags
	// `Service` and `Stack` are added to them. `aws:defaultTags` does not reach instances and volumes.
	// Limits: keys of 1 to 128 characters, values of at most 256: letters, digits, spaces and `_.:/=+-@` (AWS General Reference,
	// tag naming limits); not beginning with `aws:`; not `Service`, `Stack`, `Name` or `AmazonECSManaged`. At most 46; with
	// `app.artifacts` at most 8, those of `aws:defaultTags` included (S3 User Guide, object tagging).
	Tags map[string]string

	// The VPC.
	Network Network

	// The machine image of the instances: exactly one of `id`, `parameter` and `fromInstance`.
	Image Image `required:"true"`

	// The instances.
	Compute Compute

	// The software that runs on an instance. A stack has either `app` or `containers`.
	App *App `oneof:"software"`

	// One ECS service on the instances. A stack has either `app` or `containers`.
	Containers *Containers `oneof:"software"`

	// The health check of the target group. A check that changes together with the instances changes last: the new instances
	// have to answer the former check as well.
	Health Health

	// The load balancer.
	Balancer Balancer

	// The Auto Scaling group.
	Scaling Scaling

	// A database of RDS that only the instances reach.
	Database *Database

	// What CloudWatch shows and reports.
	Monitoring Monitoring

	// Nothing of the stack can be destroyed, and no change can delete or replace what carries traffic, data or the way out;
	// releases go through. AWS refuses to delete the balancer and the database, too. To lift it, set `protect` to false and run
	// `pulumi up`.
	Protect bool
}

// Monitoring is what CloudWatch shows and reports.
type Monitoring struct {
	// A CloudWatch dashboard of the balancer, the targets and the instances.
	Dashboard bool

	// Alarms for unhealthy targets, too few instances, errors, a group at its maximum, CPU credits that are charged, a certificate
	// that is not renewed, a balancer or a NAT gateway that takes no more connections, and a database that is full or too busy. They
	// notify the addresses in `scaling.notify`.
	Alarms bool

	// An alarm for slow answers: the time to the first byte that one request in a hundred may exceed.
	// Default: no alarm.
	// Limits: above 0; needs `alarms` and a balancer of type application.
	Latency float64 `unit:"s"`
}

// Health is the health check of a target group.
type Health struct {
	// `TCP` asks the health responder on the instance, `HTTP` asks the service itself.
	// Limits: `TCP`, `HTTP`; an application balancer needs `HTTP`.
	Protocol healthcheck.Protocol `default:"\"TCP\"" enum:"TCP,HTTP"`

	// The port that is checked.
	// Default: 5001 for TCP, to be set in `app.targets`; the service's own for HTTP.
	// Limits: 1 to 65535, not 22; for TCP not the port of a service or of another check; not with `containers`.
	Port int `minimum:"1" maximum:"65535" unit:"TCP port"`

	// The port that the health responder answered on before `port` or `protocol` changed. It goes on answering there, so that the
	// new instances are healthy by the former check too. Leave it out of the next release.
	// Limits: 1 to 65535, not 22, not the port of a service or of another check; not with `containers`.
	FormerPort int `minimum:"1" maximum:"65535" unit:"TCP port"`

	// The path that is requested.
	// Default: required for HTTP.
	// Limits: HTTP only; begins with `/`, at most 1024 characters (CreateTargetGroup).
	Path string

	// The status codes of a healthy service.
	// Default: 200.
	// Limits: HTTP only; such as `200`, `200,204`, `200-299`, within 200 to 499 (CreateTargetGroup).
	Matcher string

	// The time from one check to the next.
	// Limits: 5 to 300 (ELB API Reference, CreateTargetGroup).
	Interval time.Duration `default:"10" minimum:"5" maximum:"300"`

	// How long the balancer waits for an answer.
	// Limits: 2 to 120 (CreateTargetGroup), below `interval`.
	Timeout time.Duration `default:"5" minimum:"2" maximum:"120"`

	// Answers in a row that make an unhealthy instance healthy.
	// Limits: 2 to 10 (CreateTargetGroup).
	Healthy int `default:"3" minimum:"2" maximum:"10" unit:"checks"`

	// Failures in a row that make an instance unhealthy.
	// Limits: 2 to 10 (CreateTargetGroup).
	Unhealthy int `default:"3" minimum:"2" maximum:"10" unit:"checks"`
}

// Check returns the check that the balancer makes.
func (h Health) Check() healthcheck.Check {
	return healthcheck.Check{
		Protocol: h.Protocol, Port: h.Port, Path: h.Path, Matcher: h.Matcher,
		Interval: h.Interval, Timeout: h.Timeout, Healthy: h.Healthy, Unhealthy: h.Unhealthy,
	}
}
