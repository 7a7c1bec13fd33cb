package settings

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const plainPathRule = `is not an absolute path of letters, digits and ._+@-, without . and .. as folders`

// app is a service that has nothing wrong with it, to be given something more.
func app(more string) string {
	return `app: {port: 5000, services: [{name: a, command: [/bin/a]}], ` + more + `}`
}

func oneService(fields string) string {
	return `app: {port: 5000, services: [{` + fields + `}]}`
}

// ranges returns a list of so many ranges.
func ranges(count int) string {
	var list []string
	for i := range count {
		list = append(list, fmt.Sprintf("10.0.%d.0/24", i))
	}
	return strings.Join(list, ", ")
}

// target returns a target, with a health port.
func target(fields string) string { return app("targets: [{" + fields + ", health: {port: 8082}}]") }

// listeners returns a list of so many listeners.
func listeners(count int) string {
	var list []string
	for i := range count {
		list = append(list, fmt.Sprintf("{port: %d}", 5000+i))
	}
	return strings.Join(list, ", ")
}

func tracking(fields string) string {
	return `scaling: {policies: [{targetTracking: {` + fields + `}}]}`
}

func TestEachRuleNamesPathValueAndWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name, given, want string
	}{
		{
			name:  "an unknown key",
			given: `networks: {}`,
			want: `networks: is not a setting: there are service, tags, network, image, compute, app, containers, health, balancer, scaling, ` +
				`database, monitoring, protect`,
		},
		{
			name:  "an unknown field",
			given: `compute: {size: 3}`,
			want: `compute.size: is not a setting: there are instanceType, cpuCredits, keyName, sshFrom, sshFromAnywhere, ` +
				`securityGroups, rootVolumeGiB, ` +
				`publicAddress, sessionManager, memoryMetric, bastion`,
		},
		{
			name:  "an unknown field in a list",
			given: `balancer: {listeners: [{port: 1, tls: true}]}`,
			want:  `balancer.listeners[0].tls: is not a setting: there are port, protocol, target, redirect`,
		},
		{
			name:  "an unknown field of health",
			given: `health: {intervall: 10}`,
			want:  `health.intervall: is not a setting: there are protocol, port, formerPort, path, matcher, interval, timeout, healthy, unhealthy`,
		},
		{
			name:  "another case",
			given: `network: {Zones: 2}`,
			want:  `network.Zones: is not a setting: there are cidr, zones, subnets, private, nat, endpoints, acl, egress, flowLogs, existing`,
		},
		{
			name:  "a path without --path",
			given: `scaling.min: 2`,
			want:  `scaling.min: is a field of scaling, not a key of its own: pulumi config set --path 'elastic-service:scaling.min'`,
		},
		{
			name:  "an unknown key with a dot",
			given: `scale.min: 2`,
			want: `scale.min: is not a setting: there are service, tags, network, image, compute, app, containers, health, balancer, scaling, ` +
				`database, monitoring, protect`,
		},
		{
			name:  "text for an object",
			given: `network: 192.168.0.0/23`,
			want: `network: "192.168.0.0/23" is not an object: there are cidr, zones, subnets, private, nat, endpoints, acl, egress, ` +
				`flowLogs, existing`,
		},
		{
			name:  "a list for an object",
			given: `network: [2]`,
			want:  `network: a list is not an object: there are cidr, zones, subnets, private, nat, endpoints, acl, egress, flowLogs, existing`,
		},
		{name: "an object for a list", given: `balancer: {listeners: {port: 5000}}`, want: `balancer.listeners: an object is not a list`},
		{name: "nothing in a list", given: app(`packages: [~]`), want: `app.packages[0]: nothing is not text: put it in quotes`},
		{
			name:  "a number for text",
			given: oneService(`name: a, command: [/bin/a, 5000]`),
			want:  `app.services[0].command[1]: 5000 is not text: put it in quotes`,
		},
		{
			name:  "a truth value for text",
			given: oneService(`name: a, command: [/bin/a], environment: {DEBUG: true}`),
			want:  `app.services[0].environment.DEBUG: true is not text: put it in quotes`,
		},
		{
			name:  "a list for an environment",
			given: oneService(`name: a, command: [/bin/a], environment: [A=b]`),
			want:  `app.services[0].environment: a list is not an object of names and texts`,
		},
		{name: "text for a number", given: `scaling: {min: two}`, want: `scaling.min: "two" is not a whole number`},
		{name: "a number in quotes", given: `scaling: {min: "2"}`, want: `scaling.min: "2" is not a whole number: leave out the quotes`},
		{name: "a fraction", given: `scaling: {min: 2.5}`, want: `scaling.min: 2.5 is not a whole number`},
		{
			name:  "a number too large",
			given: `scaling: {max: 99999999999999999999}`,
			want:  `scaling.max: 100000000000000000000 is too large a number`,
		},
		{name: "a duration with a unit", given: `scaling: {grace: 2m}`, want: `scaling.grace: "2m" is not a whole number of seconds`},
		{name: "a fraction of a second", given: `health: {timeout: 2.5}`, want: `health.timeout: 2.5 is not a whole number of seconds`},
		{name: "a duration too large", given: `scaling: {grace: 9223372037}`, want: `scaling.grace: 9223372037 is too large a number`},
		{
			name:  "a truth value in quotes",
			given: `compute: {publicAddress: "true"}`,
			want:  `compute.publicAddress: "true" is not true or false: leave out the quotes`,
		},
		{name: "a number for a truth value", given: `compute: {publicAddress: 1}`, want: `compute.publicAddress: 1 is not true or false`},
		{
			name:  "a percentage in quotes",
			given: tracking(`target: "50"`),
			want:  `scaling.policies[0].targetTracking.target: "50" is not a number: leave out the quotes`,
		},
		{name: "no region", given: `aws:region: ""`, want: `aws:region: must be set, for example: pulumi config set aws:region us-east-1`},
		{
			name:  "a region of GovCloud",
			given: `aws:region: us-gov-west-1`,
			want: `aws:region: "us-gov-west-1" is in the partition aws-us-gov, whose ARNs, endpoints and service names differ: the stacks are ` +
				`for regions of the partition aws`,
		},
		{
			name:  "a region of the European Sovereign Cloud",
			given: `aws:region: eusc-de-east-1`,
			want: `aws:region: "eusc-de-east-1" is in the partition aws-eusc, whose ARNs, endpoints and service names differ: the stacks are ` +
				`for regions of the partition aws`,
		},
		{
			name:  "a retention that CloudWatch Logs does not have",
			given: app("logs: {retention: 10}"),
			want: `app.logs.retention: 10 is not one of the numbers of days that CloudWatch Logs has: 1 3 5 7 14 30 60 90 120 150 180 365 400 545 ` +
				`731 1096 1827 2192 2557 2922 3288 3653`,
		},
		{
			name:  "logs for ever",
			given: app("logs: {retention: 0}"),
			want: `app.logs.retention: 0 is not one of the numbers of days that CloudWatch Logs has: 1 3 5 7 14 30 60 90 120 150 180 365 400 545 ` +
				`731 1096 1827 2192 2557 2922 3288 3653`,
		},
		{
			name:  "a service of the log shipper's name",
			given: oneService("name: shiplogs, command: [/usr/local/bin/web]"),
			want:  `app.services[0].name: "shiplogs" is the name of a unit of the system, which the service would replace: choose another name`,
		},
		{
			name:  "a misspelt namespace",
			given: `elastic-servcie:protect: true`,
			want:  `elastic-servcie:protect: is read by nothing: write elastic-service:protect`,
		},
		{
			name:  "a namespace without its dash",
			given: `elasticservice:scaling: {min: 9}`,
			want:  `elasticservice:scaling: is read by nothing: write elastic-service:scaling`,
		},
		{
			name:  "a path in a misspelt namespace",
			given: `elastic:scaling.min: 9`,
			want:  `elastic:scaling.min: is read by nothing: write elastic-service:scaling.min`,
		},
		{
			name:  "a section for a namespace",
			given: `scaling:min: 9`,
			want:  `scaling:min: is read by nothing: write elastic-service:scaling, and min in it`,
		},
		{
			name:  "a namespace of another program",
			given: `musicguru:size: 9`,
			want: `musicguru:size: is read by nothing: musicguru is neither the namespace of the settings (elastic-service) nor a ` +
				`provider`,
		},
		{
			name:  "a guard of the provider, misspelt",
			given: `aws:allowedAccountId: ["123456789012"]`,
			want:  `aws:allowedAccountId: is not a setting of the provider aws: there are ` + strings.Join(awsKeys, ", "),
		},
		{name: "a zone for a region", given: `aws:region: us-east-1a`, want: `aws:region: "us-east-1a" is not a region such as us-east-1`},
		{
			name:  "a service with capitals",
			given: `service: MusicGuru`,
			want:  `service: "MusicGuru" is not a name of a–z, 0–9 and -, beginning with a letter and not ending with -`,
		},
		{
			name:  "a service ending with -",
			given: `service: music-`,
			want:  `service: "music-" is not a name of a–z, 0–9 and -, beginning with a letter and not ending with -`,
		},
		{
			name:  "a service too long",
			given: `service: a123456789b123456789c1`,
			want:  `service: "a123456789b123456789c1" has 22 characters: 21 at most, because AWS allows a load balancer 32 and Pulumi adds 8`,
		},
		{
			name:  "a balancer's reserved name",
			given: `service: internal-music`,
			want:  `service: "internal-music" begins with internal-, which AWS refuses in the name of a load balancer`,
		},
		{
			name:  "a group's reserved name",
			given: `service: sg-music`,
			want:  `service: "sg-music" begins with sg-, which AWS refuses in the name of a security group`,
		},
		{
			name:  "a bucket's reserved name",
			given: `service: sthree-music`,
			want:  `service: "sthree-music" begins with sthree-, which AWS refuses in the name of a bucket`,
		},
		{name: "a service called aws", given: `service: aws`, want: `service: "aws" is reserved by AWS`},
		{
			name:  "a range that is none",
			given: `network: {cidr: 192.168.0.0}`,
			want:  `network.cidr: "192.168.0.0" is not a range of addresses such as 192.168.0.0/23`,
		},
		{
			name:  "a range with an octet of 256",
			given: `network: {cidr: 192.168.256.0/24}`,
			want:  `network.cidr: "192.168.256.0/24" is not a range of addresses such as 192.168.0.0/23`,
		},
		{
			name:  "a range with host bits",
			given: `network: {cidr: 10.1.2.3/16}`,
			want:  `network.cidr: 10.1.2.3/16 has bits set beyond /16: write 10.1.0.0/16`,
		},
		{
			name:  "a range too large",
			given: `network: {cidr: 10.0.0.0/15}`,
			want:  `network.cidr: 10.0.0.0/15 is not from /16 to /28, which AWS demands`,
		},
		{
			name:  "a range too small",
			given: `network: {cidr: 10.0.0.0/29}`,
			want:  `network.cidr: 10.0.0.0/29 is not from /16 to /28, which AWS demands`,
		},
		{
			name:  "a range too small for 2 zones",
			given: `network: {cidr: 10.0.0.0/28}`,
			want:  `network.cidr: 10.0.0.0/28 is too small for 2 zones: each needs a subnet of /28 at least`,
		},
		{
			name:  "a range too small for 3 zones",
			given: `network: {cidr: 10.0.0.0/27, zones: 3}`,
			want:  `network.cidr: 10.0.0.0/27 is too small for 3 zones: each needs a subnet of /28 at least`,
		},
		{
			name:  "a public range",
			given: `network: {cidr: 8.8.0.0/16}`,
			want:  `network.cidr: 8.8.0.0/16 is not in a private range: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10`,
		},
		{
			name:  "a range half private",
			given: `network: {cidr: 100.128.0.0/16}`,
			want:  `network.cidr: 100.128.0.0/16 is not in a private range: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10`,
		},
		{name: "a range of IPv6", given: `network: {cidr: "fd00::/56"}`, want: `network.cidr: fd00::/56 is IPv6: it must be IPv4`},
		{name: "one zone", given: `network: {zones: 1}`, want: `network.zones: 1 is below 2: a zone can fail as a whole`},
		{name: "one zone by its name", given: `network: {zones: [us-east-1a]}`, want: `network.zones: 1 is below 2: a zone can fail as a whole`},
		{
			name:  "a zone twice",
			given: `network: {zones: [us-east-1a, us-east-1a]}`,
			want:  `network.zones[1]: "us-east-1a" is listed twice`,
		},
		{
			name:  "the ID of a zone",
			given: `network: {zones: [us-east-1a, use1-az2]}`,
			want:  `network.zones[1]: "use1-az2" is not an availability zone such as us-east-1a`,
		},
		{name: "zones in words", given: `network: {zones: two}`, want: `network.zones: "two" is not a whole number, or a list of zones`},
		{name: "negative zones", given: `network: {zones: -2}`, want: `network.zones: -2 is below 2: a zone can fail as a whole`},
		{name: "seven zones", given: `network: {zones: 7}`, want: `network.zones: 7 is above 6, which no region has`},
		{
			name:  "fewer subnets than zones",
			given: `network: {subnets: [192.168.0.0/24]}`,
			want:  `network.subnets: 1 are given for 2 zones: there must be one a zone, or none`,
		},
		{
			name:  "a subnet outside",
			given: `network: {subnets: [192.168.0.0/24, 192.168.2.0/24]}`,
			want:  `network.subnets[1]: 192.168.2.0/24 is not within network.cidr (192.168.0.0/23)`,
		},
		{
			name:  "a subnet larger than the VPC",
			given: `network: {cidr: 10.0.0.0/24, zones: 2, subnets: [10.0.0.0/25, 10.0.0.0/23]}`,
			want: "network.subnets[1]: 10.0.0.0/23 is not within network.cidr (10.0.0.0/24)\nnetwork.subnets[1]: 10.0.0.0/23 overlaps " +
				"network.subnets[0] (10.0.0.0/25)",
		},
		{
			name:  "subnets that overlap",
			given: `network: {subnets: [192.168.0.0/24, 192.168.0.128/25]}`,
			want:  `network.subnets[1]: 192.168.0.128/25 overlaps network.subnets[0] (192.168.0.0/24)`,
		},
		{
			name:  "a subnet with host bits",
			given: `network: {subnets: [192.168.0.0/24, 192.168.1.1/24]}`,
			want:  `network.subnets[1]: 192.168.1.1/24 has bits set beyond /24: write 192.168.1.0/24`,
		},
		{
			name:  "a subnet too small",
			given: `network: {subnets: [192.168.0.0/24, 192.168.1.0/29]}`,
			want:  `network.subnets[1]: 192.168.1.0/29 is not from /16 to /28, which AWS demands`,
		},
		{name: "a tag of AWS", given: `tags: {"AWS:team": a}`, want: `tags.AWS:team: begins with aws:, which AWS keeps for itself`},
		{
			name:  "a tag that the program sets",
			given: `tags: {service: a}`,
			want:  `tags.service: is a tag that is set already: Service, Stack, Name, AmazonECSManaged`,
		},
		{
			name:  "two tags that are one for IAM",
			given: `tags: {Team: a, team: b}`,
			want:  `tags.team: differs from another key in small and capital letters alone: IAM takes them for one`,
		},
		{
			name:  "a tag without a key",
			given: `tags: {"": a}`,
			want:  `tags: has an empty key`,
		},
		{
			name:  "a key with other characters",
			given: `tags: {"a,b": c}`,
			want:  `tags.a,b: has a key of other characters than letters, digits, spaces and _.:/=+-@`,
		},
		{
			name:  "a value with other characters",
			given: `tags: {a: "b;c"}`,
			want:  `tags.a: "b;c" has other characters than letters, digits, spaces and _.:/=+-@`,
		},
		{
			name:  "a value too long",
			given: `tags: {a: ` + strings.Repeat("v", 257) + `}`,
			want:  `tags.a: "` + strings.Repeat("v", 257) + `" is longer than 256 characters`,
		},
		{
			name:  "more tags than AWS takes",
			given: manyTags(47),
			want:  `tags: 47 are more than 46: AWS takes 50, and Service, Stack, Name, AmazonECSManaged are added`,
		},
		{name: "no image", given: `image: {}`, want: `image: must have id, parameter or fromInstance`},
		{
			name:  "two images",
			given: `image: {id: ami-01234567, parameter: /a}`,
			want:  `image: has both id and parameter: one of them names the image`,
		},
		{
			name:  "an image that is none",
			given: `image: {id: ami-0123}`,
			want:  `image.id: "ami-0123" is not an image: ami- and 8 or 17 of 0–9, a–f`,
		},
		{
			name:  "a parameter without /",
			given: `image: {parameter: aws/service/x}`,
			want:  `image.parameter: "aws/service/x" is not the path of a parameter: it begins with /, such as /aws/service/…`,
		},
		{
			name:  "an instance type without size",
			given: `compute: {instanceType: t3}`,
			want:  `compute.instanceType: "t3" is not an instance type such as t3.micro`,
		},
		{
			name:  "an instance type's odd size",
			given: `compute: {instanceType: t3.tiny}`,
			want:  `compute.instanceType: "t3.tiny" is not an instance type such as t3.micro`,
		},
		{
			name:  "an instance type of 0xlarge",
			given: `compute: {instanceType: m5.0xlarge}`,
			want:  `compute.instanceType: "m5.0xlarge" is not an instance type such as t3.micro`,
		},
		{
			name:  "CPU credits of a type that earns none",
			given: `compute: {instanceType: m7g.large, cpuCredits: unlimited}`,
			want: `compute.cpuCredits: "unlimited" is for the types T2, T3, T3a and T4g, not for m7g.large (compute.instanceType): ` +
				`leave it out`,
		},
		{
			name:  "CPU credits of another kind",
			given: `compute: {cpuCredits: infinite}`,
			want:  `compute.cpuCredits: "infinite" is not unlimited or standard`,
		},
		{
			name:  "a target that standard instances do not reach",
			given: `compute: {cpuCredits: standard}` + "\n" + `scaling: {policies: [{targetTracking: {target: 10}}]}`,
			want: `scaling.policies[0].targetTracking.target: 10 is not below 10, at which compute.cpuCredits: standard holds a t3.micro ` +
				`that has used up its credits: no instance would be added when they are all too busy`,
		},
		{
			name:  "a step that standard instances do not reach",
			given: `compute: {instanceType: t2.small, cpuCredits: standard}` + "\n" + `scaling: {policies: [{step: {above: 25, below: 5}}]}`,
			want: `scaling.policies[0].step.above: 25 is not below 20, at which compute.cpuCredits: standard holds a t2.small ` +
				`that has used up its credits: no instance would be added when they are all too busy`,
		},
		{
			name:  "a key with space around it",
			given: `compute: {keyName: " mine"}`,
			want:  `compute.keyName: " mine" is not the name of a key pair: at most 255 of ASCII, without spaces around it`,
		},
		{
			name:  "a negative volume",
			given: `compute: {rootVolumeGiB: -1}`,
			want:  `compute.rootVolumeGiB: -1 is not from 1 to 16384; leave it out to have the image's own size`,
		},
		{
			name:  "a volume too large",
			given: `compute: {rootVolumeGiB: 16385}`,
			want:  `compute.rootVolumeGiB: 16385 is not from 1 to 16384; leave it out to have the image's own size`,
		},
		{
			name:  "SSH from an address",
			given: `compute: {keyName: k, sshFrom: [203.0.113.7]}`,
			want:  `compute.sshFrom[0]: "203.0.113.7" is not a range of addresses such as 192.168.0.0/23`,
		},
		{
			name:  "SSH with host bits",
			given: `compute: {keyName: k, sshFrom: [203.0.113.7/24]}`,
			want:  `compute.sshFrom[0]: 203.0.113.7/24 has bits set beyond /24: write 203.0.113.0/24`,
		},
		{
			name:  "SSH from twice the same",
			given: `compute: {keyName: k, sshFrom: [10.0.0.0/8, 10.0.0.0/8]}`,
			want:  `compute.sshFrom[1]: 10.0.0.0/8 is listed twice`,
		},
		{
			name:  "SSH from IPv4 in IPv6",
			given: `compute: {keyName: k, sshFrom: ["::ffff:10.0.0.0/104"]}`,
			want:  `compute.sshFrom[0]: ::ffff:10.0.0.0/104 is IPv4 written as IPv6`,
		},
		{
			name:  "SSH from anywhere",
			given: `compute: {keyName: k, sshFrom: [0.0.0.0/0]}`,
			want:  `compute.sshFrom[0]: 0.0.0.0/0 is the whole world: set compute.sshFromAnywhere to true if that is meant`,
		},
		{
			name:  "SSH from anywhere in IPv6",
			given: `compute: {keyName: k, sshFrom: ["::/0"]}`,
			want:  `compute.sshFrom[0]: ::/0 is the whole world: set compute.sshFromAnywhere to true if that is meant`,
		},
		{
			name:  "SSH from anywhere in two halves",
			given: `compute: {keyName: k, sshFrom: [0.0.0.0/1, 128.0.0.0/1]}`,
			want: `compute.sshFrom: has half of all addresses or more (0.0.0.0/1, 128.0.0.0/1): set compute.sshFromAnywhere to true if that ` +
				`is meant`,
		},
		{
			name:  "SSH from half of the world",
			given: `compute: {keyName: k, sshFrom: [64.0.0.0/2, 10.0.0.0/8, 128.0.0.0/2]}`,
			want: `compute.sshFrom: has half of all addresses or more (64.0.0.0/2, 10.0.0.0/8, 128.0.0.0/2): set compute.sshFromAnywhere to ` +
				`true if that is meant`,
		},
		{
			name:  "SSH from all that IPv6 routes",
			given: `compute: {keyName: k, sshFrom: ["2000::/3"]}`,
			want:  `compute.sshFrom: has half of all addresses or more (2000::/3): set compute.sshFromAnywhere to true if that is meant`,
		},
		{
			name:  "SSH from more ranges than a group takes",
			given: `compute: {keyName: k, sshFrom: [` + ranges(59) + `]}`,
			want:  `compute.sshFrom: 59 ranges are too many: a security group takes 58, beside 2 other rules`,
		},
		{
			name:  "IPv6 through an ACL",
			given: `{network: {acl: true}, compute: {keyName: k, sshFrom: ["2001:db8::/48"]}}`,
			want:  `compute.sshFrom[0]: 2001:db8::/48 cannot be let in by network.acl: the VPC has addresses of IPv4 only`,
		},
		{
			name:  "SSH without a key",
			given: `compute: {sshFrom: [10.0.0.0/8]}`,
			want:  `compute.keyName: must be set with sshFrom: without a key pair no login is possible`,
		},
		{name: "a service of nothing", given: `service: ""`, want: `service: must be set`},
		{name: "no app port", given: `app: {services: [{name: a, command: [/bin/a]}]}`, want: `app.port: must be set`},
		{name: "app port 0", given: `app: {port: 0, services: [{name: a, command: [/bin/a]}]}`, want: `app.port: 0 is not from 1 to 65535`},
		{
			name:  "a port above 65535",
			given: `app: {port: 65536, services: [{name: a, command: [/bin/a]}]}`,
			want:  `app.port: 65536 is not from 1 to 65535`,
		},
		{
			name:  "the port of SSH",
			given: `app: {port: 22, services: [{name: a, command: [/bin/a]}]}`,
			want:  `app.port: 22 is taken on every instance, by SSH`,
		},
		{name: "no services", given: `app: {port: 5000}`, want: `app.services: must be set`},
		{name: "an empty list of services", given: `app: {port: 5000, services: []}`, want: `app.services: needs at least one`},
		{name: "a service without a name", given: oneService(`command: [/bin/a]`), want: `app.services[0].name: must be set`},
		{
			name:  "a unit name with a dot",
			given: oneService(`name: a.b, command: [/bin/a]`),
			want:  `app.services[0].name: "a.b" is not the name of a unit: at most 64 of a–z, 0–9, _ and -, beginning with a letter`,
		},
		{
			name:  "the responder's service",
			given: oneService(`name: healthcheck, command: [/bin/a]`),
			want:  `app.services[0].name: "healthcheck" is the name of a service of the health responder`,
		},
		{
			name:  "a former health port that is the present one",
			given: `health: {formerPort: 5001}`,
			want:  `health.formerPort: 5001 is answered already: it is health.port`,
		},
		{
			name:  "a former health port that is the service's",
			given: `health: {formerPort: 5000}`,
			want:  `health.formerPort: 5000 is answered already: it is app.port`,
		},
		{
			name:  "a service with a name for a responder of a target",
			given: oneService(`name: healthcheck-admin, command: [/bin/a]`),
			want:  `app.services[0].name: "healthcheck-admin" is the name of a service of the health responder`,
		},
		{name: "a target without a port", given: app(`targets: [{name: admin, health: {port: 8082}}]`), want: `app.targets[0].port: must be set`},
		{name: "a target without a name", given: app(`targets: [{port: 8081, health: {port: 8082}}]`), want: `app.targets[0].name: must be set`},
		{
			name:  "a target without a health port",
			given: app(`targets: [{name: admin, port: 8081}]`),
			want:  `app.targets[0].health.port: must be set: the health responder needs a port of its own for each service`,
		},
		{
			name:  "a target's name with a dot",
			given: target(`name: a.b, port: 8081`),
			want:  `app.targets[0].name: "a.b" is not a name of a–z, 0–9 and -, beginning with a letter and not ending with -`,
		},
		{
			name:  "a target's name that the stack uses",
			given: target(`name: tg, port: 8081`),
			want:  `app.targets[0].name: "tg" is a name that the stack uses itself: choose another`,
		},
		{
			name:  "a target called like the former responder of another",
			given: target(`name: admin-former, port: 8081`),
			want:  `app.targets[0].name: "admin-former" is a name that the stack uses itself: choose another`,
		},
		{
			name:  "a target's name too long beside the service's",
			given: target(`name: ` + strings.Repeat("a", 23) + `, port: 8081`),
			want: `app.targets[0].name: "` + strings.Repeat("a", 23) + `" has 23 characters: 14 at most beside the 9 of service, ` +
				`because AWS allows a target group 32 and Pulumi adds 8`,
		},
		{
			name:  "two targets of a name",
			given: app(`targets: [{name: admin, port: 8081, health: {port: 8082}}, {name: admin, port: 8083, health: {port: 8084}}]`),
			want:  `app.targets[1].name: "admin" is the name of app.targets[0]`,
		},
		{
			name:  "a target on the port of SSH",
			given: target(`name: admin, port: 22`),
			want:  `app.targets[0].port: 22 is taken on every instance, by SSH`,
		},
		{
			name:  "a target on the service's port",
			given: `{` + target(`name: admin, port: 5000`) + `, balancer: {listeners: [{port: 1}, {port: 2, target: admin}]}}`,
			want:  `app.targets[0].port: 5000 is app.port: each needs a port of its own`,
		},
		{
			name:  "a target on the health port",
			given: target(`name: admin, port: 5001`),
			want:  `app.targets[0].port: 5001 is health.port: each needs a port of its own`,
		},
		{
			name:  "a target checked on its own port over TCP",
			given: app(`targets: [{name: admin, port: 8081, health: {port: 8081}}]`),
			want:  `app.targets[0].health.port: 8081 is app.targets[0].port: each needs a port of its own`,
		},
		{
			name:  "a target checked on the service's health port",
			given: app(`targets: [{name: admin, port: 8081, health: {port: 5001}}]`),
			want:  `app.targets[0].health.port: 5001 is health.port: each needs a port of its own`,
		},
		{
			name:  "a target's health port on that of SSH",
			given: app(`targets: [{name: admin, port: 8081, health: {port: 22}}]`),
			want:  `app.targets[0].health.port: 22 is taken on every instance, by SSH`,
		},
		{
			name:  "a target's former health port on another's port",
			given: `{health: {formerPort: 5005}, ` + app(`targets: [{name: admin, port: 8081, health: {port: 8082, formerPort: 5005}}]`) + `}`,
			want:  `app.targets[0].health.formerPort: 5005 is health.formerPort: each needs a port of its own`,
		},
		{
			name:  "a target's former health port that is the present one",
			given: app(`targets: [{name: admin, port: 8081, health: {port: 8082, formerPort: 8082}}]`),
			want:  `app.targets[0].health.formerPort: 8082 is answered already: it is app.targets[0].health.port`,
		},
		{
			name:  "a target's check too often",
			given: app(`targets: [{name: admin, port: 8081, health: {port: 8082, interval: 301}}]`),
			want:  `app.targets[0].health.interval: 5m1s is outside 5–300 s`,
		},
		{
			name:  "a listener of a target that is not there",
			given: `balancer: {listeners: [{port: 80}, {port: 81, target: admin}]}`,
			want:  `balancer.listeners[1].target: "admin" is not the name of one of app.targets`,
		},
		{
			name:  "a target without a listener",
			given: `{` + target(`name: admin, port: 8081`) + `, balancer: {listeners: [{port: 80}]}}`,
			want:  `app.targets[0].name: "admin" is the target of none of balancer.listeners: nothing would reach it`,
		},
		{
			name:  "listeners of a target alone",
			given: `{` + target(`name: admin, port: 8081`) + `, balancer: {listeners: [{port: 80, target: admin}]}}`,
			want:  `balancer.listeners: forward to targets only: one without target must forward to app.port`,
		},
		{
			name:  "a former health port of SSH",
			given: `health: {formerPort: 22}`,
			want:  `health.formerPort: 22 is taken on every instance, by SSH`,
		},
		{
			name:  "a service of the system",
			given: oneService(`name: sshd, command: [/bin/a]`),
			want:  `app.services[0].name: "sshd" is the name of a unit of the system, which the service would replace: choose another name`,
		},
		{
			name:  "two services of a name",
			given: `app: {port: 5000, services: [{name: a, command: [/bin/a]}, {name: a, command: [/bin/b]}]}`,
			want:  `app.services[1].name: "a" is the name of services[0]`,
		},
		{name: "no command", given: oneService(`name: a`), want: `app.services[0].command: must be set`},
		{
			name:  "a command of nothing",
			given: oneService(`name: a, command: []`),
			want:  `app.services[0].command: must be set: an absolute path and its arguments`,
		},
		{
			name:  "a relative command",
			given: oneService(`name: a, command: [bin/a]`),
			want:  `app.services[0].command[0]: "bin/a" ` + plainPathRule,
		},
		{
			name:  "a command line for a command",
			given: oneService(`name: a, command: [/bin/a serve]`),
			want:  `app.services[0].command[0]: "/bin/a serve" ` + plainPathRule,
		},
		{
			name:  "a line break in a command",
			given: oneService(`name: a, command: [/bin/a, "b\nc"]`),
			want:  `app.services[0].command[1]: "b\nc" has a line break or another control character`,
		},
		{
			name:  "a NUL in the environment",
			given: oneService(`name: a, command: [/bin/a], environment: {A: "b\0"}`),
			want:  `app.services[0].environment.A: "b\x00" has a line break or another control character`,
		},
		{
			name:  "a variable with a dash",
			given: oneService(`name: a, command: [/bin/a], environment: {A-B: c}`),
			want:  `app.services[0].environment: "A-B" is not the name of a variable: letters, digits and _`,
		},
		{
			name:  "a relative directory",
			given: oneService(`name: a, command: [/bin/a], directory: srv`),
			want:  `app.services[0].directory: "srv" ` + plainPathRule,
		},
		{
			name:  "a user with a space",
			given: oneService(`name: a, command: [/bin/a], user: "a b"`),
			want:  `app.services[0].user: "a b" is not a user: at most 31 of a–z, 0–9, _ and -, not beginning with a digit`,
		},
		{
			name:  "root",
			given: oneService(`name: a, command: [/bin/a], user: root`),
			want:  `app.services[0].user: "root" is refused: services run unprivileged`,
		},
		{
			name:  "an artifact of nothing",
			given: app(`artifacts: [{path: /opt/a}]`),
			want:  `app.artifacts[0]: must have build, file, directory or archive`,
		},
		{
			name:  "an artifact of two sources",
			given: app(`artifacts: [{build: ./a, file: a, path: /opt/a}]`),
			want:  `app.artifacts[0]: has build and file: one of them is the source`,
		},
		{name: "an artifact without a path", given: app(`artifacts: [{build: ./a}]`), want: `app.artifacts[0].path: must be set`},
		{
			name:  "an artifact's relative path",
			given: app(`artifacts: [{build: ./a, path: opt/a}]`),
			want:  `app.artifacts[0].path: "opt/a" ` + plainPathRule,
		},
		{
			name:  "an artifact's unclean path",
			given: app(`artifacts: [{build: ./a, path: /opt/../a}]`),
			want:  `app.artifacts[0].path: "/opt/../a" ` + plainPathRule,
		},
		{
			name:  "an artifact among the system",
			given: app(`artifacts: [{build: ./a, path: /usr/bin/a}]`),
			want:  `app.artifacts[0].path: "/usr/bin/a" is not below /usr/local, /opt, /srv`,
		},
		{
			name:  "two artifacts of a name",
			given: app(`artifacts: [{build: ./a, path: /opt/a}, {file: a, path: /srv/a}]`),
			want:  `app.artifacts[1].path: "/srv/a" has the file name of artifacts[0] (/opt/a)`,
		},
		{
			name:  "the responder's file",
			given: app(`artifacts: [{build: ./a, path: /usr/local/bin/healthcheck}]`),
			want:  `app.artifacts[0].path: "/usr/local/bin/healthcheck" has the file name of the health responder, /usr/local/bin/healthcheck`,
		},
		{
			name:  "a file below the responder's",
			given: app(`artifacts: [{build: ./a, path: /usr/local/bin/healthcheck/a}]`),
			want:  `app.artifacts[0].path: "/usr/local/bin/healthcheck/a" is below the file of the health responder, /usr/local/bin/healthcheck`,
		},
		{
			name:  "a flag for a package",
			given: app(`artifacts: [{build: -toolexec=x, path: /opt/a}]`),
			want:  `app.artifacts[0].build: "-toolexec=x" is not one Go package such as ./cmd/musicguru`,
		},
		{
			name:  "many Go packages",
			given: app(`artifacts: [{build: ./..., path: /opt/a}]`),
			want:  `app.artifacts[0].build: "./..." is not one Go package such as ./cmd/musicguru`,
		},
		{
			name:  "a package that is a flag",
			given: app(`packages: [--nogpgcheck]`),
			want:  `app.packages[0]: "--nogpgcheck" is not the name of a package`,
		},
		{name: "a package twice", given: app(`packages: [htop, htop]`), want: `app.packages[1]: "htop" is listed twice`},
		{
			name:  "an artifact of a folder and an archive",
			given: app(`artifacts: [{directory: a, archive: a.zip, path: /opt/a}]`),
			want:  `app.artifacts[0]: has directory and archive: one of them is the source`,
		},
		{
			name:  "an archive of another kind",
			given: app(`artifacts: [{archive: a.tar.xz, path: /opt/a}]`),
			want:  `app.artifacts[0].archive: "a.tar.xz" is not an archive: its name ends in .tar.gz, .tgz, .zip`,
		},
		{
			name:  "a folder in the place of a folder of the image",
			given: app(`artifacts: [{directory: a, path: /usr/local/lib}]`),
			want:  `app.artifacts[0].path: "/usr/local/lib" is a folder of the image: add the name of the file`,
		},
		{
			name:  "a folder below another",
			given: app(`artifacts: [{directory: a, path: /srv/a}, {directory: b, path: /srv/a/b}]`),
			want:  `app.artifacts[1].path: "/srv/a/b" is below the path of artifacts[0] (/srv/a)`,
		},
		{
			name:  "a file of nothing",
			given: app(`files: [{path: /etc/a/a}]`),
			want:  `app.files[0]: must have content or file`,
		},
		{
			name:  "a file of two contents",
			given: app(`files: [{path: /etc/a/a, content: a, file: a}]`),
			want:  `app.files[0]: has content and file: one of them is the content`,
		},
		{
			name:  "a file without a path",
			given: app(`files: [{content: a}]`),
			want:  `app.files[0].path: must be set`,
		},
		{
			name:  "a content that is a number",
			given: app(`files: [{path: /etc/a/a, content: 1}]`),
			want:  `app.files[0].content: 1 is not text: put it in quotes`,
		},
		{
			name:  "a file with a relative path",
			given: app(`files: [{path: etc/a, content: a}]`),
			want:  `app.files[0].path: "etc/a" ` + plainPathRule,
		},
		{
			name:  "a file with a way round",
			given: app(`files: [{path: /etc/a/../passwd, content: a}]`),
			want:  `app.files[0].path: "/etc/a/../passwd" ` + plainPathRule,
		},
		{
			name:  "a file of the programs",
			given: app(`files: [{path: /usr/bin/a, content: a}]`),
			want:  `app.files[0].path: "/usr/bin/a" is not below /etc, /opt, /srv, /usr/local, /var/lib, /var/www`,
		},
		{
			name:  "the users of the system",
			given: app(`files: [{path: /etc/passwd, content: a}]`),
			want:  `app.files[0].path: "/etc/passwd" is a file of the system, which must not be replaced`,
		},
		{
			name:  "what is loaded into each program",
			given: app(`files: [{path: /etc/ld.so.preload, content: a}]`),
			want:  `app.files[0].path: "/etc/ld.so.preload" is a file of the system, which must not be replaced`,
		},
		{
			name:  "a unit as a file",
			given: app(`files: [{path: /etc/systemd/system/b.service, content: a}]`),
			want:  `app.files[0].path: "/etc/systemd/system/b.service" is in /etc/systemd, a folder of the system, which must not be replaced`,
		},
		{
			name:  "rights as a file",
			given: app(`files: [{path: /etc/sudoers.d/a, content: a}]`),
			want:  `app.files[0].path: "/etc/sudoers.d/a" is in /etc/sudoers.d, a folder of the system, which must not be replaced`,
		},
		{
			name:  "a configuration of SSH",
			given: app(`files: [{path: /etc/ssh/sshd_config.d/a.conf, content: a}]`),
			want:  `app.files[0].path: "/etc/ssh/sshd_config.d/a.conf" is in /etc/ssh, a folder of the system, which must not be replaced`,
		},
		{
			name:  "a configuration of cloud-init",
			given: app(`files: [{path: /etc/cloud/cloud.cfg.d/a.cfg, content: a}]`),
			want:  `app.files[0].path: "/etc/cloud/cloud.cfg.d/a.cfg" is in /etc/cloud, a folder of the system, which must not be replaced`,
		},
		{
			name:  "a file in the place of a folder of the system",
			given: app(`files: [{path: /etc/ssh, content: a}]`),
			want:  `app.files[0].path: "/etc/ssh" is a folder of the system, which must not be replaced`,
		},
		{
			name:  "what the program keeps",
			given: app(`files: [{path: /etc/elastic-service/files/0, content: a}]`),
			want: `app.files[0].path: "/etc/elastic-service/files/0" is in /etc/elastic-service, a folder of the system` +
				`, which must not be replaced`,
		},
		{
			name:  "the state of the program",
			given: app(`files: [{path: /var/lib/elastic-service/a, content: a}]`),
			want: `app.files[0].path: "/var/lib/elastic-service/a" is in /var/lib/elastic-service, a folder of the system` +
				`, which must not be replaced`,
		},
		{
			name:  "the state of cloud-init",
			given: app(`files: [{path: /var/lib/cloud/instance/boot-finished, content: a}]`),
			want: `app.files[0].path: "/var/lib/cloud/instance/boot-finished" is in /var/lib/cloud, a folder of the system` +
				`, which must not be replaced`,
		},
		{
			name:  "a file where services have their folders",
			given: app(`files: [{path: /var/lib/a, content: a}]`),
			want:  `app.files[0].path: "/var/lib/a" is a file among the folders of /var/lib: put it into one`,
		},
		{
			name:  "the health responder as a file",
			given: app(`files: [{path: /usr/local/bin/healthcheck, content: a}]`),
			want:  `app.files[0].path: "/usr/local/bin/healthcheck" is the file of the health responder`,
		},
		{
			name:  "a file twice",
			given: app(`files: [{path: /etc/a/a, content: a}, {path: /etc/a/a, content: b}]`),
			want:  `app.files[1].path: "/etc/a/a" is the path of files[0] (/etc/a/a)`,
		},
		{
			name:  "a file below a file",
			given: app(`files: [{path: /etc/a/a, content: a}, {path: /etc/a/a/b, content: b}]`),
			want:  `app.files[1].path: "/etc/a/a/b" is below the path of files[0] (/etc/a/a)`,
		},
		{
			name:  "a file at the place of another before it is complete",
			given: app(`files: [{path: /etc/a/a, content: a}, {path: /etc/a/a.new, content: b}]`),
			want:  `app.files[1].path: "/etc/a/a.new" is where a file is installed first, with the ending .new, by files[0] (/etc/a/a)`,
		},
		{
			name:  "a file that is an artifact",
			given: app(`artifacts: [{file: a, path: /opt/a}], files: [{path: /opt/a, content: a}]`),
			want:  `app.files[0].path: "/opt/a" is the path of artifacts[0] (/opt/a)`,
		},
		{
			name:  "a file below an artifact that is a file",
			given: app(`artifacts: [{file: a, path: /opt/a}], files: [{path: /opt/a/b, content: a}]`),
			want:  `app.files[0].path: "/opt/a/b" is below the path of artifacts[0] (/opt/a)`,
		},
		{
			name:  "a file in place of the folder of an artifact",
			given: app(`artifacts: [{directory: a, path: /opt/a/b}], files: [{path: /opt/a, content: a}]`),
			want:  `app.files[0].path: "/opt/a" is a folder in the path of artifacts[0] (/opt/a/b)`,
		},
		{
			name:  "a mode that YAML takes for a number",
			given: app(`files: [{path: /etc/a/a, content: a, mode: 0644}]`),
			want:  `app.files[0].mode: 420 is not text: put it in quotes`,
		},
		{
			name:  "a mode of a program that runs as its owner",
			given: app(`files: [{path: /opt/a, content: a, mode: "4755"}]`),
			want:  `app.files[0].mode: "4755" is not a mode of four octal digits such as "0644", the first of them 0`,
		},
		{
			name:  "a mode for everybody",
			given: app(`files: [{path: /opt/a, content: a, mode: "0666"}]`),
			want:  `app.files[0].mode: "0666" lets every user of the instance write the file`,
		},
		{
			name:  "an owner with its group",
			given: app(`files: [{path: /opt/a, content: a, owner: "a:b"}]`),
			want:  `app.files[0].owner: "a:b" is not the name of an account: at most 31 of a–z, 0–9, _ and -, not beginning with a digit`,
		},
		{
			name:  "a group by its number",
			given: app(`files: [{path: /opt/a, content: a, group: "33"}]`),
			want:  `app.files[0].group: "33" is not the name of an account: at most 31 of a–z, 0–9, _ and -, not beginning with a digit`,
		},
		{
			name:  "a setup command without a name",
			given: app(`setup: [{command: [/bin/a]}]`),
			want:  `app.setup[0].name: must be set`,
		},
		{
			name:  "a setup command with a name that is none",
			given: app(`setup: [{name: a b, command: [/bin/a]}]`),
			want:  `app.setup[0].name: "a b" is not a name: at most 64 of a–z, 0–9, _ and -, beginning with a letter`,
		},
		{
			name:  "a setup command with the name of what puts files into place",
			given: app(`setup: [{name: files, command: [/bin/a]}]`),
			want:  `app.setup[0].name: "files" is the name of the unit that puts files into place: choose another name`,
		},
		{
			name:  "two setup commands of a name",
			given: app(`setup: [{name: a, command: [/bin/a]}, {name: a, command: [/bin/b]}]`),
			want:  `app.setup[1].name: "a" is the name of setup[0]`,
		},
		{
			name:  "a setup command of a shell",
			given: app(`setup: [{name: a, command: [a && b]}]`),
			want:  `app.setup[0].command[0]: "a && b" ` + plainPathRule,
		},
		{
			name:  "a setup command that is text",
			given: app(`setup: [{name: a, command: /bin/a}]`),
			want:  `app.setup[0].command: "/bin/a" is not a list`,
		},
		{
			name:  "a setup command of nothing",
			given: app(`setup: [{name: a, command: []}]`),
			want:  `app.setup[0].command: must be set: an absolute path and its arguments`,
		},
		{
			name:  "a setup command as an administrator",
			given: app(`setup: [{name: a, command: [/bin/a], user: ubuntu}]`),
			want:  `app.setup[0].user: "ubuntu" is an account of the system, whose rights are not for a service: choose another name`,
		},
		{
			name:  "a setup command without time",
			given: app(`setup: [{name: a, command: [/bin/a], timeout: 0}]`),
			want:  `app.setup[0].timeout: 0 is not from 1 to 3600 whole seconds`,
		},
		{
			name:  "a setup command of two hours",
			given: app(`setup: [{name: a, command: [/bin/a], timeout: 7200}]`),
			want:  `app.setup[0].timeout: 7200 is not from 1 to 3600 whole seconds`,
		},
		{
			name:  "a variable of a setup command that is none",
			given: app(`setup: [{name: a, command: [/bin/a], environment: {A-B: c}}]`),
			want:  `app.setup[0].environment: "A-B" is not the name of a variable: letters, digits and _`,
		},
		{
			name:  "a service with the name of a setup command's unit",
			given: oneService(`name: setup-a, command: [/bin/a]`),
			want:  `app.services[0].name: "setup-a" is the name of a unit of the system, which the service would replace: choose another name`,
		},
		{
			name:  "a command before that is no list",
			given: oneService(`name: a, command: [/bin/a], before: [/bin/b]`),
			want:  `app.services[0].before[0]: "/bin/b" is not a list`,
		},
		{
			name:  "a command before with a relative path",
			given: oneService(`name: a, command: [/bin/a], before: [[b]]`),
			want:  `app.services[0].before[0][0]: "b" ` + plainPathRule,
		},
		{
			name:  "a command before of nothing",
			given: oneService(`name: a, command: [/bin/a], before: [[]]`),
			want:  `app.services[0].before[0]: must be set: an absolute path and its arguments`,
		},
		{
			name:  "a sandbox that is none",
			given: oneService(`name: a, command: [/bin/a], sandbox: none`),
			want:  `app.services[0].sandbox: "none" is not strict, standard or off`,
		},
		{
			name:  "a sandbox that is a truth value for YAML",
			given: oneService(`name: a, command: [/bin/a], sandbox: false`),
			want:  `app.services[0].sandbox: false is not text: put it in quotes`,
		},
		{
			name:  "a directive that no sandbox has",
			given: oneService(`name: a, command: [/bin/a], user: a, relax: [MemoryDenyWriteExecute], sandbox: standard`),
			want: `app.services[0].relax[0]: "MemoryDenyWriteExecute" is not a directive of sandbox standard: there are ProtectSystem, ` +
				`ProtectHome, PrivateDevices, PrivateTmp, ProtectClock, ProtectControlGroups, ProtectHostname, ProtectKernelLogs, ` +
				`ProtectKernelModules, ProtectKernelTunables, LockPersonality, RestrictRealtime, RestrictAddressFamilies, ` +
				`SystemCallArchitectures, SystemCallFilter`,
		},
		{
			name:  "a directive that is eased twice",
			given: oneService(`name: a, command: [/bin/a], relax: [ProtectProc, ProtectProc]`),
			want:  `app.services[0].relax[1]: "ProtectProc" is listed twice`,
		},
		{
			name:  "a directive that all others imply",
			given: oneService(`name: a, command: [/bin/a], user: a, relax: [NoNewPrivileges]`),
			want:  `app.services[0].relax[0]: "NoNewPrivileges" is implied by the other directives: only sandbox off is without`,
		},
		{
			name:  "a directive that a dynamic user implies",
			given: oneService(`name: a, command: [/bin/a], relax: [ProtectSystem]`),
			want:  `app.services[0].relax[0]: "ProtectSystem" is implied by the dynamic user: set user`,
		},
		{
			name:  "a directive of no sandbox",
			given: oneService(`name: a, command: [/bin/a], sandbox: "off", relax: [ProtectHome]`),
			want:  `app.services[0].relax[0]: "ProtectHome" has no effect with sandbox off, which sets no directive`,
		},
		{
			name:  "no open files",
			given: oneService(`name: a, command: [/bin/a], limits: {openFiles: 0}`),
			want:  `app.services[0].limits.openFiles: 0 is not from 64 to 1048576`,
		},
		{
			name:  "more open files than the kernel allows",
			given: oneService(`name: a, command: [/bin/a], limits: {openFiles: 2000000}`),
			want:  `app.services[0].limits.openFiles: 2000000 is not from 64 to 1048576`,
		},
		{
			name:  "less memory than a process needs",
			given: oneService(`name: a, command: [/bin/a], limits: {memory: 8}`),
			want:  `app.services[0].limits.memory: 8 is not from 16 to 33554432`,
		},
		{
			name:  "memory with its unit",
			given: oneService(`name: a, command: [/bin/a], limits: {memory: 256M}`),
			want:  `app.services[0].limits.memory: "256M" is not a whole number`,
		},
		{
			name:  "a single task",
			given: oneService(`name: a, command: [/bin/a], limits: {tasks: 1}`),
			want:  `app.services[0].limits.tasks: 1 is not from 4 to 4194304`,
		},
		{
			name:  "a limit that is none",
			given: oneService(`name: a, command: [/bin/a], limits: {cpu: 1}`),
			want:  `app.services[0].limits.cpu: is not a setting: there are openFiles, memory, tasks`,
		},
		{name: "health of another protocol", given: `health: {protocol: UDP}`, want: `health.protocol: "UDP" is neither TCP nor HTTP`},
		{name: "health port -1", given: `health: {port: -1}`, want: `health.port: -1 is outside 1–65535`},
		{
			name:  "health on the service's port",
			given: `health: {port: 5000}`,
			want:  `health.port: 5000 is app.port: the service listens there, the responder needs a port of its own`,
		},
		{name: "health on the port of SSH", given: `health: {port: 22}`, want: `health.port: 22 is taken on every instance, by SSH`},
		{name: "health interval too long", given: `health: {interval: 301}`, want: `health.interval: 5m1s is outside 5–300 s`},
		{name: "health timeout not below", given: `health: {interval: 5}`, want: `health.timeout: 5s is not below interval (5s)`},
		{name: "health after one answer", given: `health: {healthy: 1}`, want: `health.healthy: 1 is outside 2–10`},
		{name: "unhealthy after eleven", given: `health: {unhealthy: 11}`, want: `health.unhealthy: 11 is outside 2–10`},
		{name: "another balancer", given: `balancer: {type: gateway}`, want: `balancer.type: "gateway" is not network or application`},
		{
			name:  "too many listeners",
			given: `balancer: {listeners: [` + listeners(51) + `]}`,
			want:  `balancer.listeners: 51 are too many: a balancer takes 50`,
		},
		{name: "no listeners", given: `balancer: {listeners: []}`, want: `balancer.listeners: needs at least one`},
		{name: "a listener without a port", given: `balancer: {listeners: [{protocol: TCP}]}`, want: `balancer.listeners[0].port: must be set`},
		{
			name:  "a listener's port too high",
			given: `balancer: {listeners: [{port: 70000}]}`,
			want:  `balancer.listeners[0].port: 70000 is not from 1 to 65535`,
		},
		{
			name:  "a listener for UDP",
			given: `balancer: {listeners: [{port: 53, protocol: UDP}]}`,
			want:  `balancer.listeners[0].protocol: "UDP" is not for a balancer of type network: TCP and TLS are`,
		},
		{
			name:  "an idle time-out too short for TCP",
			given: `balancer: {idleTimeout: 59}`,
			want:  `balancer.idleTimeout: 59s is not from 60 to 6000 s`,
		},
		{name: "draining for longer than an hour", given: `balancer: {drain: 3601}`, want: `balancer.drain: 1h0m1s is not from 0 to 3600 s`},
		{
			name:  "two listeners on a port",
			given: `balancer: {listeners: [{port: 80}, {port: 81}, {port: 80}]}`,
			want:  `balancer.listeners[2].port: 80 is the port of balancer.listeners[0]`,
		},
		{name: "a checkpoint of everything", given: `scaling: {release: {checkpoints: [100]}}`,
			want: `scaling.release.checkpoints[0]: 100 is not from 1 to 99`},
		{name: "checkpoints that fall", given: `scaling: {release: {checkpoints: [50, 20]}}`,
			want: `scaling.release.checkpoints[1]: 20 is not above the checkpoint before it (50)`},
		{name: "no time for a release", given: `scaling: {release: {timeout: 10}}`,
			want: `scaling.release.timeout: 10 is not from 60 to 3600 whole seconds`},
		{
			name:  "max above the addresses",
			given: `scaling: {max: 2147483647}`,
			want: `scaling.max: 2147483647 is more than the 500 addresses that the 2 subnets of the instances have, after 6 of each for AWS and ` +
				`the balancer`,
		},
		{
			name:  "max above the addresses of a tiny network",
			given: `{network: {cidr: 10.0.0.0/27}, scaling: {min: 21, max: 21}}`,
			want: `scaling.min: 21 is more than the 20 addresses that the 2 subnets of the instances have, after 6 of each for AWS and the ` +
				"balancer\n" + `scaling.max: 21 is more than the 20 addresses that the 2 subnets of the instances have, after 6 of each for AWS ` +
				`and the balancer`,
		},
		{
			name:  "max above the addresses of chosen subnets",
			given: `{network: {subnets: [192.168.0.0/24, 192.168.1.0/28]}, scaling: {max: 261}}`,
			want: `scaling.max: 261 is more than the 260 addresses that the 2 subnets of the instances have, after 6 of each for AWS and ` +
				`the balancer`,
		},
		{
			name:  "max above the private addresses",
			given: `{network: {private: true, nat: single}, scaling: {max: 247}}`,
			want: `scaling.max: 247 is more than the 246 addresses that the 2 subnets of the instances have, after 5 of each for AWS and ` +
				`the balancer`,
		},
		{
			name:  "a schedule above the addresses",
			given: `scaling: {schedules: [{name: a, cron: 0 8 * * *, min: 1, desired: 501, max: 502}]}`,
			want: `scaling.schedules[0].max: 502 is more than the 500 addresses that the 2 subnets of the instances have, after 6 of each for AWS ` +
				`and the balancer` + "\n" + `scaling.schedules[0].desired: 501 is more than the 500 addresses that the 2 subnets of the instances ` +
				`have, after 6 of each for AWS and the balancer`,
		},
		{name: "min above max", given: `scaling: {min: 2, max: 1}`, want: `scaling.max: 1 is below scaling.min (2)`},
		{name: "max 0", given: `scaling: {min: 2, max: 0}`, want: `scaling.max: 0 is below 1: the group could never have an instance`},
		{name: "min negative", given: `scaling: {min: -1}`, want: `scaling.min: -1 is below 1: the service would have no instance`},
		{name: "min 0", given: `scaling: {min: 0}`, want: `scaling.min: 0 is below 1: the service would have no instance`},
		{name: "grace too long", given: `scaling: {grace: 7201}`, want: `scaling.grace: 7201 is not from 0 to 7200 whole seconds`},
		{name: "grace negative", given: `scaling: {grace: -1}`, want: `scaling.grace: -1 is not from 0 to 7200 whole seconds`},
		{name: "another health check", given: `scaling: {healthCheck: HTTP}`, want: `scaling.healthCheck: "HTTP" is not ELB or EC2`},
		{
			name:  "too short a life",
			given: `scaling: {maxInstanceLifetime: 3600}`,
			want:  `scaling.maxInstanceLifetime: 3600 is not from 86400 to 31536000 whole seconds`,
		},
		{name: "a policy of no kind", given: `scaling: {policies: [{}]}`, want: `scaling.policies[0]: must have targetTracking or step`},
		{
			name:  "another metric",
			given: tracking(`metric: memory`),
			want:  `scaling.policies[0].targetTracking.metric: "memory" is not supported: cpu is`,
		},
		{
			name:  "a target of 0",
			given: tracking(`target: 0`),
			want:  `scaling.policies[0].targetTracking.target: 0 is not above 0 and at most 100 percent`,
		},
		{
			name:  "a target above 100",
			given: tracking(`target: 100.5`),
			want:  `scaling.policies[0].targetTracking.target: 100.5 is not above 0 and at most 100 percent`,
		},
		{
			name:  "a warmup too long",
			given: tracking(`warmup: 3601`),
			want:  `scaling.policies[0].targetTracking.warmup: 3601 is not from 0 to 3600 whole seconds`,
		},
		{
			name:  "a metric tracked twice",
			given: `scaling: {policies: [{targetTracking: {}}, {targetTracking: {target: 60}}]}`,
			want:  `scaling.policies[1].targetTracking.metric: "cpu" is followed by scaling.policies[0] already`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(config(t, smallest, c.given))
			require.Error(t, err)
			assert.Equal(t, c.want, err.Error())
		})
	}
}

func manyTags(count int) string {
	var tags []string
	for i := range count {
		tags = append(tags, fmt.Sprintf("t%d: x", i))
	}
	return "tags: {" + strings.Join(tags, ", ") + "}"
}

// Stacks that have nothing wrong with them, as documents after smallest, for what only some combinations allow.
const (
	web        = `{health: {protocol: HTTP, path: /}, balancer: {type: application}}`
	private    = `network: {private: true, nat: single}`
	containers = `{app: ~, containers: {image: nginx, port: 80}, health: {protocol: HTTP, path: /}, balancer: {type: application}}`
)

func alias(more string) string {
	return `balancer: {alias: {zone: example.com, name: www.example.com}, ` + more + `}`
}

func step(fields string) string {
	return `scaling: {policies: [{step: {above: 80, below: 40, ` + fields + `}}]}`
}

func sidecars(list string) string {
	return `containers: {image: nginx, port: 80, sidecars: [` + list + `]}`
}

func TestEachCombinationThatCannotWorkIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, given, more, want string
	}{
		{name: "neither app nor containers", given: `app: ~`, want: `app: must be set, or containers`},
		{
			name:  "both app and containers",
			given: containers,
			more:  `app: {port: 81, services: [{name: a, command: [/bin/a]}]}`,
			want:  `containers: is set as well as app: a service is one of them`,
		},
		{
			name:  "TCP behind an ALB",
			given: web,
			more:  `balancer: {type: application, listeners: [{port: 80, protocol: TCP}]}`,
			want:  `balancer.listeners[0].protocol: "TCP" is not for a balancer of type application: HTTP and HTTPS are`,
		},
		{
			name:  "an idle time-out too long for requests",
			given: web,
			more:  `balancer: {type: application, idleTimeout: 4001}`,
			want:  `balancer.idleTimeout: 1h6m41s is not from 1 to 4000 s`,
		},
		{
			name:  "an idle time-out of TLS alone",
			given: alias(`idleTimeout: 60, listeners: [{port: 443, protocol: TLS}]`),
			want:  `balancer.idleTimeout: 1m0s has no effect: TLS listeners always wait 350 s, and none is TCP`,
		},
		{
			name:  "an unknown algorithm",
			given: web,
			more:  `balancer: {type: application, algorithm: fastest}`,
			want:  `balancer.algorithm: "fastest" is not round_robin, least_outstanding_requests or weighted_random`,
		},
		{
			name:  "an algorithm of a network balancer",
			given: `balancer: {algorithm: round_robin}`,
			want: `balancer.algorithm: "round_robin" is for a balancer of type application: a network balancer chooses by a hash of the ` +
				`addresses`,
		},
		{
			name:  "an application balancer within zones",
			given: web,
			more:  `balancer: {type: application, crossZone: false}`,
			want:  `balancer.crossZone: false is for a balancer of type network: an application balancer serves all zones`,
		},
		{
			name:  "HTTP behind an NLB",
			given: `balancer: {listeners: [{port: 80, protocol: HTTP}]}`,
			want:  `balancer.listeners[0].protocol: "HTTP" is not for a balancer of type network: TCP and TLS are`,
		},
		{
			name:  "a TCP check by an ALB",
			given: `balancer: {type: application}`,
			want:  `health.protocol: "TCP" is not for a balancer of type application: HTTP is`,
		},
		{name: "a path on a TCP check", given: `health: {path: /ping}`, want: `health.path: "/ping" is for HTTP: a TCP check only connects`},
		{
			name:  "a matcher on a TCP check",
			given: `health: {matcher: "200"}`,
			want:  `health.matcher: "200" is for HTTP: a TCP check only connects`,
		},
		{name: "an HTTP check without a path", given: `health: {protocol: HTTP}`, want: `health.path: an HTTP check needs one, such as /`},
		{
			name:  "TLS without a name",
			given: `balancer: {listeners: [{port: 443, protocol: TLS}]}`,
			want:  `balancer.listeners[0].protocol: "TLS" needs balancer.alias, for whose name a certificate is made, or balancer.certificate`,
		},
		{name: "an alias without a zone", given: `balancer: {alias: {name: www.example.com}}`, want: `balancer.alias.zone: must be set`},
		{
			name:  "an alias in another zone",
			given: `balancer: {alias: {zone: example.com, name: www.example.org}}`,
			want:  `balancer.alias.name: "www.example.org" is not in balancer.alias.zone (example.com)`,
		},
		{
			name:  "an alias that only ends alike",
			given: `balancer: {alias: {zone: example.com, name: notexample.com}}`,
			want:  `balancer.alias.name: "notexample.com" is not in balancer.alias.zone (example.com)`,
		},
		{
			name:  "an alias that is no name",
			given: `balancer: {alias: {zone: example.com, name: "www example.com"}}`,
			want:  `balancer.alias.name: "www example.com" is not a domain name such as www.example.com, in small letters`,
		},
		{
			name:  "a certificate that nobody shows",
			given: `balancer: {certificate: "arn:aws:acm:us-east-1:123456789012:certificate/a-b"}`,
			want:  `balancer.certificate: has no effect: no listener has the protocol TLS`,
		},
		{
			name:  "a certificate that is none",
			given: `balancer: {certificate: mine.pem, listeners: [{port: 443, protocol: TLS}]}`,
			want:  `balancer.certificate: "mine.pem" is not the ARN of a certificate in ACM: arn:aws:acm:REGION:ACCOUNT:certificate/ID`,
		},
		{
			name:  "a redirect of TCP",
			given: `balancer: {listeners: [{port: 80, redirect: 81}, {port: 81}]}`,
			want:  `balancer.listeners[0].redirect: 81 is for a listener of protocol HTTP, not TCP`,
		},
		{
			name:  "a redirect to nowhere",
			given: web,
			more:  `balancer: {type: application, listeners: [{port: 80, redirect: 443}, {port: 81}]}`,
			want:  `balancer.listeners[0].redirect: 443 is not the port of a listener`,
		},
		{
			name:  "a redirect to plain HTTP",
			given: web,
			more:  `balancer: {type: application, listeners: [{port: 80, redirect: 81}, {port: 81}]}`,
			want:  `balancer.listeners[0].redirect: 81 is the port of balancer.listeners[1], which is not HTTPS`,
		},
		{
			name:  "an ALB in a tiny network",
			given: web,
			more:  `network: {cidr: 10.0.0.0/27}`,
			want:  `network.cidr: 10.0.0.0/27 gives subnets of /28: a balancer of type application needs /27`,
		},
		{
			name:  "an existing network without a VPC",
			given: `network: {existing: {public: {tags: {Tier: public}}}}`,
			want:  `network.existing: needs exactly one of vpc and tags`,
		},
		{
			name:  "a VPC by its ID and by tags",
			given: `network: {existing: {vpc: vpc-01234567, tags: {Name: a}, public: {tags: {Tier: public}}}}`,
			want:  `network.existing: needs exactly one of vpc and tags`,
		},
		{
			name:  "something else as a VPC",
			given: `network: {existing: {vpc: main, public: {tags: {Tier: public}}}}`,
			want:  `network.existing.vpc: "main" is not the ID of a VPC such as vpc-0a1b2c3d`,
		},
		{
			name:  "a tier without subnets",
			given: `network: {existing: {vpc: vpc-01234567, public: {}}}`,
			want:  `network.existing.public: needs exactly one of subnets and tags`,
		},
		{
			name:  "something else as a subnet",
			given: `network: {existing: {vpc: vpc-01234567, public: {subnets: [subnet-0a1b2c3d, subnet-b]}}}`,
			want:  `network.existing.public.subnets[1]: "subnet-b" is not the ID of a subnet such as subnet-0a1b2c3d`,
		},
		{
			name:  "a subnet twice",
			given: `network: {existing: {vpc: vpc-01234567, public: {subnets: [subnet-0a1b2c3d, subnet-0a1b2c3d]}}}`,
			want:  `network.existing.public.subnets[1]: "subnet-0a1b2c3d" is listed twice`,
		},
		{
			name:  "a single subnet",
			given: `network: {existing: {vpc: vpc-01234567, public: {subnets: [subnet-0a1b2c3d]}}}`,
			want:  `network.existing.public.subnets: "subnet-0a1b2c3d" is the only one: at least 2 zones need a subnet each`,
		},
		{
			name:  "a range for an existing network",
			given: `network: {cidr: 10.0.0.0/20, existing: {vpc: vpc-01234567, public: {tags: {Tier: public}}}}`,
			want:  `network.cidr: is for a VPC that the stack creates: leave it out with network.existing`,
		},
		{
			name:  "NAT for an existing network",
			given: `network: {private: true, nat: single, existing: {vpc: vpc-01234567, public: {tags: {Tier: public}}}}`,
			want: `network.private: is for a VPC that the stack creates: leave it out with network.existing
network.nat: is for a VPC that the stack creates: leave it out with network.existing`,
		},
		{
			name:  "an existing network without subnets",
			given: `network: {existing: {vpc: vpc-01234567, isolated: {tags: {Tier: isolated}}}}`,
			want: `network.existing: needs public or private, the subnets of the instances
network.existing.public: must be set: the balancer is in it, unless balancer.internal is true
network.existing.isolated: would be without use: it is for a database`,
		},
		{
			name:  "a public balancer without public subnets",
			given: `network: {existing: {vpc: vpc-01234567, private: {tags: {Tier: private}}}}`,
			want:  `network.existing.public: must be set: the balancer is in it, unless balancer.internal is true`,
		},
		{
			name: "public subnets for nothing",
			given: `{network: {existing: {vpc: vpc-01234567, private: {tags: {Tier: private}}, public: {tags: {Tier: public}}}},
				balancer: {internal: true}}`,
			want: `network.existing.public: would be without use: an internal balancer is in the private subnets`,
		},
		{
			name:  "a database without private subnets",
			given: `{network: {existing: {vpc: vpc-01234567, public: {tags: {Tier: public}}}}, database: {engine: postgres, version: "16"}}`,
			want:  `database: needs network.private: its subnets are next to private subnets`,
		},
		{
			name:  "no client",
			given: `balancer: {from: []}`,
			want:  `balancer.from: needs at least one, or is left out`,
		},
		{
			name:  "a client of no kind",
			given: `balancer: {from: [office]}`,
			want:  `balancer.from[0]: "office" is neither a range such as 203.0.113.0/24 nor the ID of a prefix list or a security group`,
		},
		{
			name:  "a client twice",
			given: `balancer: {from: [203.0.113.0/24, 203.0.113.0/24]}`,
			want:  `balancer.from[1]: "203.0.113.0/24" is listed twice`,
		},
		{
			name:  "clients of IPv6",
			given: `balancer: {from: ["2001:db8::/32"]}`,
			want:  `balancer.from[0]: "2001:db8::/32" is a range of IPv6: the balancer has addresses of IPv4 only`,
		},
		{
			name:  "clients with host bits",
			given: `balancer: {from: [203.0.113.7/24]}`,
			want:  `balancer.from[0]: "203.0.113.7/24" has host bits set, it should be 203.0.113.0/24`,
		},
		{
			name:  "clients of a security group in a new VPC",
			given: `balancer: {from: [sg-01234567]}`,
			want:  `balancer.from[0]: "sg-01234567" needs network.existing: a new VPC has no security groups of others`,
		},
		{
			name:  "clients of a prefix list and ACLs",
			given: `{network: {acl: true}, balancer: {from: [pl-01234567]}}`,
			want:  `balancer.from[0]: "pl-01234567" cannot be let in by network.acl, which knows ranges only: list the ranges`,
		},
		{
			name:  "more clients than rules",
			given: `balancer: {from: [` + ranges(61) + `]}`,
			want:  `balancer.from: 61 with 1 listeners are 61 rules: a security group takes 60`,
		},
		{
			name:  "groups of others in a new VPC",
			given: `compute: {securityGroups: [sg-01234567]}`,
			want:  `compute.securityGroups: needs network.existing: a new VPC has no security groups of others`,
		},
		{
			name:  "no group",
			given: `{network: {existing: {vpc: vpc-01234567, public: {tags: {Tier: public}}}}, compute: {securityGroups: [office]}}`,
			want:  `compute.securityGroups[0]: "office" is not the ID of a security group such as sg-0a1b2c3d`,
		},
		{
			name: "a group twice",
			given: `{network: {existing: {vpc: vpc-01234567, public: {tags: {Tier: public}}}},
				compute: {securityGroups: [sg-01234567, sg-01234567]}}`,
			want: `compute.securityGroups[1]: "sg-01234567" is listed twice`,
		},
		{
			name:  "private without a way out",
			given: `network: {private: true}`,
			want:  `network.private: needs a way out to AWS: network.nat single or perZone, or network.endpoints`,
		},
		{
			name:  "NAT without private subnets",
			given: `network: {nat: single}`,
			want:  `network.nat: "single" needs network.private: public subnets have a way out`,
		},
		{
			name:  "another kind of NAT",
			given: `network: {private: true, nat: double}`,
			want:  `network.nat: "double" is not none, single or perZone`,
		},
		{
			name:  "endpoints without private ones",
			given: `network: {endpoints: true}`,
			want:  `network.endpoints: true needs network.private: public subnets have a way out`,
		},
		{
			name:  "chosen subnets beside private",
			given: `network: {private: true, nat: single, subnets: [192.168.0.0/24, 192.168.1.0/24]}`,
			want:  `network.subnets: cannot be chosen with network.private: all subnets are parts of network.cidr`,
		},
		{
			name:  "private in too small a range",
			given: `network: {private: true, nat: single, cidr: 10.0.0.0/26}`,
			want:  `network.cidr: 10.0.0.0/26 is too small for 2 zones: each needs a subnet of /28 at least`,
		},
		{
			name:  "a public address in private",
			given: private,
			more:  `compute: {publicAddress: true}`,
			want:  `compute.publicAddress: true has no effect with network.private: leave it out`,
		},
		{
			name:  "SSH to private instances",
			given: private,
			more:  `compute: {keyName: k, sshFrom: [10.0.0.0/8]}`,
			want:  `compute.sshFrom: reaches no instance with network.private: compute.bastion and compute.sessionManager do`,
		},
		{
			name:  "a bastion for public instances",
			given: `compute: {bastion: {from: [10.0.0.0/8]}}`,
			want:  `compute.bastion: needs network.private: public instances are reached with compute.sshFrom`,
		},
		{
			name:  "a bastion for nobody",
			given: private,
			more:  `compute: {bastion: {from: []}}`,
			want:  `compute.bastion.from: needs at least one range: otherwise no client reaches the bastion`,
		},
		{
			name:  "a bastion for the world",
			given: private,
			more:  `compute: {bastion: {from: [0.0.0.0/0]}}`,
			want:  `compute.bastion.from[0]: 0.0.0.0/0 is the whole world: a bastion is for known ranges`,
		},
		{
			name:  "a bastion for half of the world",
			given: private,
			more:  `compute: {bastion: {from: [0.0.0.0/2, 128.0.0.0/2]}}`,
			want:  `compute.bastion.from: has half of all addresses or more (0.0.0.0/2, 128.0.0.0/2): a bastion is for known ranges`,
		},
		{
			name:  "a bastion for more ranges than a group takes",
			given: private,
			more:  `compute: {bastion: {from: [` + ranges(61) + `]}}`,
			want:  `compute.bastion.from: 61 ranges are too many: a security group takes 60, beside 0 other rules`,
		},
		{
			name:  "a bastion of no type",
			given: private,
			more:  `compute: {bastion: {instanceType: small, from: [10.0.0.0/8]}}`,
			want:  `compute.bastion.instanceType: "small" is not an instance type such as t3.micro`,
		},
		{
			name:  "a database in public",
			given: `database: {engine: mysql, version: "8.4"}`,
			want:  `database: needs network.private: its subnets are next to private subnets`,
		},
		{
			name:  "a database of another engine",
			given: private,
			more:  `database: {engine: oracle, version: "19"}`,
			want:  `database.engine: "oracle" is not postgres, mysql or mariadb`,
		},
		{
			name:  "a database with a reserved owner",
			given: private,
			more:  `database: {engine: mysql, version: "8.4", username: admin}`,
			want:  `database.username: "admin" is reserved by one of the engines`,
		},
		{
			name:  "a database on a thimble",
			given: private,
			more:  `database: {engine: mysql, version: "8.4", storageGiB: 5}`,
			want:  `database.storageGiB: 5 is not from 20 to 65536`,
		},
		{
			name:  "a database that grows by nothing",
			given: private,
			more:  `database: {engine: mysql, version: "8.4", storageGiB: 40, maxStorageGiB: 41}`,
			want:  `database.maxStorageGiB: 41 is neither database.storageGiB (40) nor from 10 % more to 65536`,
		},
		{
			name:  "backups for two months",
			given: private,
			more:  `database: {engine: mysql, version: "8.4", backupDays: 60}`,
			want:  `database.backupDays: 60 is not from 0 (no backups) to 35`,
		},
		{
			name:  "containers of a reserved name",
			given: containers,
			more:  `service: ecs-web`,
			want:  `service: "ecs-web" begins with ecs, which AWS refuses in the name of a capacity provider of ECS`,
		},
		{
			name:  "containers of Fargate's name",
			given: containers,
			more:  `service: fargate`,
			want:  `service: "fargate" begins with fargate, which AWS refuses in the name of a capacity provider of ECS`,
		},
		{
			name:  "a database of two dashes",
			given: private,
			more:  `{service: a--b, database: {engine: mysql, version: "8.4"}}`,
			want:  `service: "a--b" has two - in a row, which AWS refuses in the name of a database`,
		},
		{
			name:  "containers behind an NLB",
			given: containers,
			more:  `balancer: {type: network}`,
			want:  `containers: needs balancer.type application: ECS gives each container its own port`,
		},
		{
			name:  "containers with a health port",
			given: containers,
			more:  `health: {protocol: HTTP, path: /, port: 80}`,
			want:  `health.port: 80 is not for containers: ECS chooses their ports, leave it out`,
		},
		{
			name:  "containers and a policy",
			given: containers,
			more:  `scaling: {policies: [{targetTracking: {}}]}`,
			want:  `scaling.policies: is not for containers: the group follows them, see containers.targetCPU`,
		},
		{
			name:  "an image out of reach",
			given: containers,
			more:  `network: {private: true, endpoints: true}`,
			want: `containers.image: "nginx" cannot be fetched without network.nat: only images of ECR in the ` +
				`stack's region (ACCOUNT.dkr.ecr.us-east-1.amazonaws.com) can`,
		},
		{
			name:  "more containers than allowed",
			given: containers,
			more:  `containers: {image: nginx, port: 80, desired: 3}`,
			want:  `containers.desired: 3 is not from containers.min (1) to containers.max (2)`,
		},
		{
			name:  "an image with half of a digest",
			given: containers,
			more:  `containers: {image: "nginx@sha256:0123", port: 80}`,
			want:  `containers.image: "nginx@sha256:0123" has a digest that is not sha256: and 64 lower-case hex digits`,
		},
		{
			name:  "an image of ECR in another region without a way out",
			given: containers,
			more: `{network: {private: true, nat: none, endpoints: true}, containers: {image: ` +
				`123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:1, port: 80}}`,
			want: `containers.image: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:1" cannot be fetched without network.nat: ` +
				`only images of ECR in the stack's region (ACCOUNT.dkr.ecr.us-east-1.amazonaws.com) can`,
		},
		{
			name:  "an image with a space",
			given: containers,
			more:  `containers: {image: "my nginx", port: 80}`,
			want:  `containers.image: "my nginx" is not an image such as public.ecr.aws/docker/library/nginx:1.29`,
		},
		{
			name:  "ten sidecars",
			given: containers,
			more: sidecars(`{name: a, image: a}, {name: b, image: a}, {name: c, image: a}, {name: d, image: a}, {name: e, image: a}, ` +
				`{name: f, image: a}, {name: g, image: a}, {name: h, image: a}, {name: i, image: a}, {name: j, image: a}`),
			want: `containers.sidecars: 10 are more than 9: ECS has 10 containers in a task`,
		},
		{
			name:  "a sidecar of the service's name",
			given: containers,
			more:  sidecars(`{name: musicguru, image: nginx}`),
			want:  `containers.sidecars[0].name: "musicguru" is the name of the main container (service)`,
		},
		{
			name:  "two sidecars of a name",
			given: containers,
			more:  sidecars(`{name: agent, image: nginx}, {name: agent, image: nginx}`),
			want:  `containers.sidecars[1].name: "agent" is the name of another sidecar`,
		},
		{
			name:  "a sidecar whose name is none",
			given: containers,
			more:  sidecars(`{name: the_agent, image: nginx}`),
			want: `containers.sidecars[0].name: "the_agent" is not a name of at most 63 lower-case letters, digits and hyphens, ` +
				`a letter first`,
		},
		{
			name:  "a sidecar without CPU",
			given: containers,
			more:  sidecars(`{name: agent, image: nginx, cpu: 1}`),
			want:  `containers.sidecars[0].cpu: 1 is below 2 units`,
		},
		{
			name:  "a sidecar in a thimble",
			given: containers,
			more:  sidecars(`{name: agent, image: nginx, memory: 5}`),
			want:  `containers.sidecars[0].memory: 5 is below 6 MiB`,
		},
		{
			name:  "a sidecar of half a digest",
			given: containers,
			more:  sidecars(`{name: agent, image: "nginx@sha256:0123"}`),
			want:  `containers.sidecars[0].image: "nginx@sha256:0123" has a digest that is not sha256: and 64 lower-case hex digits`,
		},
		{
			name:  "a sidecar's variable with a dash",
			given: containers,
			more:  sidecars(`{name: agent, image: nginx, environment: {A-B: c}}`),
			want:  `containers.sidecars[0].environment: "A-B" is not the name of a variable: letters, digits and _`,
		},
		{
			name:  "a sidecar's secret that is a variable, too",
			given: containers,
			more:  sidecars(`{name: agent, image: nginx, environment: {A: b}, secrets: {A: {parameter: a}}}`),
			want:  `containers.sidecars[0].secrets.A: is set in environment, too: leave out one of them`,
		},
		{
			name:  "a link with no container",
			given: containers,
			more:  `containers: {image: nginx, port: 80, links: [agent]}`,
			want:  `containers.links[0]: "agent" is not a container of the task`,
		},
		{
			name:  "a sidecar that waits for no container",
			given: containers,
			more:  sidecars(`{name: agent, image: nginx, dependsOn: {migrate: START}}`),
			want:  `containers.sidecars[0].dependsOn.migrate: is not a container of the task`,
		},
		{
			name:  "a condition of health",
			given: containers,
			more:  sidecars(`{name: agent, image: nginx, dependsOn: {musicguru: HEALTHY}}`),
			want:  `containers.sidecars[0].dependsOn.musicguru: "HEALTHY" is not START, COMPLETE or SUCCESS`,
		},
		{
			name:  "a wait for the end of an essential container",
			given: containers,
			more:  `containers: {image: nginx, port: 80, dependsOn: {migrate: SUCCESS}, sidecars: [{name: migrate, image: nginx}]}`,
			want: `containers.dependsOn.migrate: "SUCCESS" is for a sidecar with essential: false: the end of another container ` +
				`stops the task`,
		},
		{
			name:  "containers that wait for each other",
			given: containers,
			more:  `containers: {image: nginx, port: 80, links: [agent], sidecars: [{name: agent, image: nginx, dependsOn: {musicguru: START}}]}`,
			want:  `containers: has containers that wait for each other by links or dependsOn: agent, musicguru`,
		},
		{
			name:  "a sidecar from afar without a way out",
			given: containers,
			more: `{network: {private: true, nat: none, endpoints: true}, containers: {image: ` +
				`"123456789012.dkr.ecr.us-east-1.amazonaws.com/a:1", port: 80, sidecars: [{name: agent, image: nginx}]}}`,
			want: `containers.sidecars[0].image: "nginx" cannot be fetched without network.nat: ` +
				`only images of ECR in the stack's region (ACCOUNT.dkr.ecr.us-east-1.amazonaws.com) can`,
		},
		{
			name:  "an agent for containers",
			given: containers,
			more:  `compute: {memoryMetric: true}`,
			want:  `compute.memoryMetric: true is not for containers: ECS reports their memory`,
		},
		{
			name:  "a reboot of nothing",
			given: `image: {id: ami-01234567, reboot: true}`,
			want:  `image.reboot: true needs image.fromInstance: the stack does not create another image`,
		},
		{
			name:  "a newer image than the image that is named",
			given: `image: {id: ami-01234567, update: May}`,
			want:  `image.update: "May" needs image.parameter: another image is taken by naming it`,
		},
		{
			name:  "the latency of a network balancer",
			given: `monitoring: {alarms: true, latency: 0.5}`,
			want: `monitoring.latency: 0.5 needs monitoring.alarms and balancer.type application: a network balancer sees no ` +
				`answers`,
		},
		{
			name:  "an image from two sources",
			given: `image: {id: ami-01234567, fromInstance: i-01234567}`,
			want:  `image: has both id and fromInstance: one of them names the image`,
		},
		{
			name:  "an image of no instance",
			given: `image: {fromInstance: web-1}`,
			want:  `image.fromInstance: "web-1" is not an instance: i- and 8 or 17 of 0–9, a–f`,
		},
		{
			name:  "thresholds that cross",
			given: `scaling: {policies: [{step: {above: 40, below: 80}}]}`,
			want:  `scaling.policies[0].step.below: 80 is not under scaling.policies[0].step.above (40): the group would grow and shrink at once`,
		},
		{
			name:  "a step without a threshold",
			given: `scaling: {policies: [{step: {above: 40}}]}`,
			want:  `scaling.policies[0].step.below: must be set`,
		},
		{
			name:  "a period of half a minute",
			given: step(`period: 30`),
			want:  `scaling.policies[0].step.period: 30 is not a multiple of 60 s, up to 3600`,
		},
		{
			name:  "a time that is no whole periods",
			given: step(`period: 120, aboveFor: 300, belowFor: 240`),
			want:  `scaling.policies[0].step.aboveFor: 300 is not a multiple of scaling.policies[0].step.period (120 s), up to a day`,
		},
		{name: "a step of nothing", given: step(`add: 0`), want: `scaling.policies[0].step.add: 0 is below 1`},
		{
			name:  "two policies on a metric",
			given: `scaling: {policies: [{targetTracking: {}}, {step: {above: 80, below: 40}}]}`,
			want:  `scaling.policies[1].step.metric: "cpu" is followed by scaling.policies[0] already`,
		},
		{
			name:  "a policy of two kinds",
			given: `scaling: {policies: [{targetTracking: {}, step: {above: 80, below: 40}}]}`,
			want:  `scaling.policies[0]: has both targetTracking and step: a policy is one of them`,
		},
		{
			name:  "a schedule for nothing",
			given: `scaling: {schedules: [{name: a, cron: 0 8 * * 1-5}]}`,
			want:  `scaling.schedules[0]: must have min, max or desired`,
		},
		{
			name:  "a schedule with seconds",
			given: `scaling: {schedules: [{name: a, cron: 0 0 8 * * 1-5, min: 1}]}`,
			want: `scaling.schedules[0].cron: "0 0 8 * * 1-5" is not a recurrence such as 0 8 * * 1-5: it does not have five fields: minute, ` +
				`hour, day of the month, month, day of the week`,
		},
		{
			name:  "a schedule on the 61st minute",
			given: `scaling: {schedules: [{name: a, cron: 60 * * * *, min: 1}]}`,
			want:  `scaling.schedules[0].cron: "60 * * * *" is not a recurrence such as 0 8 * * 1-5: it has a faulty minute (60)`,
		},
		{
			name:  "a schedule on Mars",
			given: `scaling: {schedules: [{name: a, cron: 0 8 * * *, timeZone: Mars/Base, min: 1}]}`,
			want:  `scaling.schedules[0].timeZone: "Mars/Base" is not a time zone such as Europe/Berlin`,
		},
		{
			name:  "a schedule's max below min",
			given: `scaling: {schedules: [{name: a, cron: 0 8 * * *, min: 3, max: 2}]}`,
			want:  `scaling.schedules[0].max: 2 is below scaling.schedules[0].min (3)`,
		},
		{
			name:  "two schedules of a name",
			given: `scaling: {schedules: [{name: a, cron: 0 8 * * *, min: 3}, {name: a, cron: 0 9 * * *, min: 2}]}`,
			want:  `scaling.schedules[1].name: "a" is the name of scaling.schedules[0]`,
		},
		{
			name:  "a hook on nothing",
			given: `scaling: {hooks: [{name: a, transition: stopping}]}`,
			want:  `scaling.hooks[0].transition: "stopping" is not launching or terminating`,
		},
		{
			name:  "a hook too short",
			given: `scaling: {hooks: [{name: a, transition: launching, timeout: 5}]}`,
			want:  `scaling.hooks[0].timeout: 5 is not from 30 to 7200 whole seconds`,
		},
		{
			name:  "a hook that doesn't know",
			given: `scaling: {hooks: [{name: a, transition: launching, result: maybe}]}`,
			want:  `scaling.hooks[0].result: "maybe" is not continue or abandon`,
		},
		{
			name:  "mail to no address",
			given: `scaling: {notify: [{protocol: email, endpoint: me}]}`,
			want:  `scaling.notify[0].endpoint: "me" is not an email address`,
		},
		{
			name:  "a pigeon",
			given: `scaling: {notify: [{protocol: pigeon, endpoint: a@b.c}]}`,
			want:  `scaling.notify[0].protocol: "pigeon" is not email, sms, https, sqs or lambda`,
		},
		{
			name:  "mail twice",
			given: `scaling: {notify: [{protocol: email, endpoint: a@b.cc}, {protocol: email, endpoint: a@b.cc}]}`,
			want:  `scaling.notify[1].endpoint: "a@b.cc" is that of scaling.notify[0]`,
		},
		{name: "protect in quotes", given: `protect: "yes"`, want: `protect: "yes" is not true or false`},
	} {
		t.Run(c.name, func(t *testing.T) {
			documents := []string{smallest, c.given}
			if c.more != "" {
				documents = append(documents, c.more)
			}
			_, err := Parse(config(t, documents...))
			require.Error(t, err)
			assert.Equal(t, c.want, err.Error())
		})
	}
}

func TestCombinationsThatWorkAreAccepted(t *testing.T) {
	for _, c := range []struct{ name, given string }{
		{name: "a web site", given: web},
		{name: "containers", given: containers},
		{name: "private instances", given: private},
		{name: "endpoints in place of NAT", given: `network: {private: true, endpoints: true}`},
		{name: "TLS with an alias", given: alias(`listeners: [{port: 443, protocol: TLS}]`)},
		{name: "an alias for the zone itself", given: `balancer: {alias: {zone: example.com, name: example.com}}`},
		{
			name: "TLS with a certificate",
			given: `balancer: {certificate: "arn:aws:acm:us-east-1:123456789012:certificate/a-b", listeners: [{port: 443, protocol: ` +
				`TLS}]}`,
		},
		{
			name: "HTTP redirected to HTTPS",
			given: `{health: {protocol: HTTP, path: /}, balancer: {type: application, alias: {zone: a.io, name: a.io}, listeners: ` +
				`[{port: 80, redirect: 443}, {port: 443, protocol: HTTPS}]}}`,
		},
		{name: "an HTTP check by an NLB", given: `health: {protocol: HTTP, path: /health, port: 9000}`},
		{name: "an image of an instance", given: `image: {fromInstance: i-0123456789abcdef0, reboot: true}`},
		{name: "steps", given: step(`period: 300, aboveFor: 600, belowFor: 900`)},
		{
			name:  "a schedule that ends capacity",
			given: `scaling: {schedules: [{name: night, cron: 0 22 * * *, timeZone: Europe/Berlin, min: 0, max: 0, desired: 0}]}`,
		},
		{
			name: "every kind of notification",
			given: `scaling: {notify: [{protocol: email, endpoint: a@b.cc}, {protocol: sms, endpoint: "+14155550100"}, {protocol: ` +
				`https, endpoint: "https://a.b/c"}, {protocol: sqs, endpoint: "arn:aws:sqs:us-east-1:123456789012:q"}, {protocol: ` +
				`lambda, endpoint: "arn:aws:lambda:us-east-1:123456789012:function:f"}]}`,
		},
		{
			name: "a private image without a NAT",
			given: `{app: ~, network: {private: true, endpoints: true}, containers: {image: ` +
				`123456789012.dkr.ecr.us-east-1.amazonaws.com/a@sha256:` + strings.Repeat("0f", 32) + `, port: 80}, ` +
				`health: {protocol: HTTP, path: /}, balancer: {type: ` +
				`application}}`,
		},
		{
			name:  "a database for private instance",
			given: `{network: {private: true, nat: single}, database: {engine: mariadb, version: "11.4"}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(config(t, smallest, c.given))
			assert.NoError(t, err)
		})
	}
}

func TestAnUnreadableValueHasNoFurtherFaults(t *testing.T) {
	for name, given := range map[string]string{
		"section":                       `scaling: none`,
		"both ports":                    `{app: {port: a, services: [{name: a, command: [/bin/a]}]}, health: {port: b}}`,
		"subnets":                       `network: {zones: two, subnets: [192.168.0.0/24]}`,
		"the required ones":             `{image: ~, app: ~}`,
		"listeners follow the app port": `app: {port: "80", services: [{name: a, command: [/bin/a]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(config(t, smallest, given))
			require.Error(t, err)
			for line := range strings.SplitSeq(err.Error(), "\n") {
				assert.Regexp(t, `is not (an object|a whole number|text)|: must be set(, or containers)?$`, line)
			}
		})
	}
}

func TestInstanceTypesOfEveryKindAreKnown(t *testing.T) {
	for _, name := range []string{
		"t2.nano", "t3.micro", "t4g.small", "m6g.large", "c7gn.16xlarge", "u-6tb1.metal", "u7in-16tb.224xlarge", "m7i-flex.xlarge",
		"r8gd.metal-24xl", "x2iedn.32xlarge", "im4gn.4xlarge", "is4gen.medium", "p4de.24xlarge", "p6e-gb200.36xlarge", "trn1n.32xlarge",
		"mac2-m2pro.metal", "hpc7a.96xlarge", "a1.medium", "z1d.12xlarge", "i3en.metal",
	} {
		_, err := Parse(config(t, smallest, `compute: {instanceType: `+name+`}`))
		assert.NoError(t, err)
	}
}

func TestKeysOfTheProviderAreThoseOfItsSDK(t *testing.T) {
	module := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/config")
	folder, err := module.Output()
	require.NoError(t, err)
	source := readFile(t, filepath.Join(strings.TrimSpace(string(folder)), "config.go"))
	var keys []string
	for _, found := range regexp.MustCompile(`"aws:([A-Za-z0-9]+)"`).FindAllStringSubmatch(source, -1) {
		if !slices.Contains(keys, found[1]) {
			keys = append(keys, found[1])
		}
	}
	assert.ElementsMatch(t, keys, awsKeys)
}
