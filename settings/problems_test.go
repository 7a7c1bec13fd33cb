package settings

import (
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

func tracking(fields string) string {
	return `scaling: {policies: [{targetTracking: {` + fields + `}}]}`
}

func TestEachRuleNamesPathValueAndWhatToDo(t *testing.T) {
	for name, c := range map[string]struct{ given, want string }{
		"an unknown key":                {`networks: {}`, `networks: is not a setting: there are service, network, image, compute, app, containers, health, balancer, scaling, database, monitoring, protect`},
		"an unknown field":              {`compute: {size: 3}`, `compute.size: is not a setting: there are instanceType, keyName, sshFrom, sshFromAnywhere, rootVolumeGiB, publicAddress, sessionManager, memoryMetric, bastion`},
		"an unknown field in a list":    {`balancer: {listeners: [{port: 1, tls: true}]}`, `balancer.listeners[0].tls: is not a setting: there are port, protocol, redirect`},
		"an unknown field of health":    {`health: {intervall: 10}`, `health.intervall: is not a setting: there are protocol, port, path, matcher, interval, timeout, healthy, unhealthy`},
		"another case":                  {`network: {Zones: 2}`, `network.Zones: is not a setting: there are cidr, zones, subnets, private, nat, endpoints, acl, flowLogs`},
		"a path without --path":         {`scaling.min: 2`, `scaling.min: is a field of scaling, not a key of its own: pulumi config set --path 'elastic-service:scaling.min'`},
		"an unknown key with a dot":     {`scale.min: 2`, `scale.min: is not a setting: there are service, network, image, compute, app, containers, health, balancer, scaling, database, monitoring, protect`},
		"text for an object":            {`network: 192.168.0.0/23`, `network: "192.168.0.0/23" is not an object: there are cidr, zones, subnets, private, nat, endpoints, acl, flowLogs`},
		"a list for an object":          {`network: [2]`, `network: a list is not an object: there are cidr, zones, subnets, private, nat, endpoints, acl, flowLogs`},
		"an object for a list":          {`balancer: {listeners: {port: 5000}}`, `balancer.listeners: an object is not a list`},
		"nothing in a list":             {app(`packages: [~]`), `app.packages[0]: nothing is not text: put it in quotes`},
		"a number for text":             {oneService(`name: a, command: [/bin/a, 5000]`), `app.services[0].command[1]: 5000 is not text: put it in quotes`},
		"a truth value for text":        {oneService(`name: a, command: [/bin/a], environment: {DEBUG: true}`), `app.services[0].environment.DEBUG: true is not text: put it in quotes`},
		"a list for an environment":     {oneService(`name: a, command: [/bin/a], environment: [A=b]`), `app.services[0].environment: a list is not an object of names and texts`},
		"text for a number":             {`scaling: {min: two}`, `scaling.min: "two" is not a whole number`},
		"a number in quotes":            {`scaling: {min: "2"}`, `scaling.min: "2" is not a whole number: leave out the quotes`},
		"a fraction":                    {`scaling: {min: 2.5}`, `scaling.min: 2.5 is not a whole number`},
		"a number too large":            {`scaling: {max: 99999999999999999999}`, `scaling.max: 100000000000000000000 is too large a number`},
		"a duration with a unit":        {`scaling: {grace: 2m}`, `scaling.grace: "2m" is not a whole number of seconds`},
		"a fraction of a second":        {`health: {timeout: 2.5}`, `health.timeout: 2.5 is not a whole number of seconds`},
		"a duration too large":          {`scaling: {grace: 9223372037}`, `scaling.grace: 9223372037 is too large a number`},
		"a truth value in quotes":       {`compute: {publicAddress: "true"}`, `compute.publicAddress: "true" is not true or false: leave out the quotes`},
		"a number for a truth value":    {`compute: {publicAddress: 1}`, `compute.publicAddress: 1 is not true or false`},
		"a percentage in quotes":        {tracking(`target: "50"`), `scaling.policies[0].targetTracking.target: "50" is not a number: leave out the quotes`},
		"no region":                     {`aws:region: ""`, `aws:region: must be set, for example: pulumi config set aws:region us-east-1`},
		"a zone for a region":           {`aws:region: us-east-1a`, `aws:region: "us-east-1a" is not a region such as us-east-1`},
		"a service with capitals":       {`service: MusicGuru`, `service: "MusicGuru" is not a name of a–z, 0–9 and -, beginning with a letter and not ending with -`},
		"a service ending with -":       {`service: music-`, `service: "music-" is not a name of a–z, 0–9 and -, beginning with a letter and not ending with -`},
		"a service too long":            {`service: a123456789b123456789c1`, `service: "a123456789b123456789c1" has 22 characters: 21 at most, because AWS allows a load balancer 32 and Pulumi adds 8`},
		"a balancer's reserved name":    {`service: internal-music`, `service: "internal-music" begins with internal-, which AWS refuses in the name of a load balancer`},
		"a group's reserved name":       {`service: sg-music`, `service: "sg-music" begins with sg-, which AWS refuses in the name of a security group`},
		"a bucket's reserved name":      {`service: sthree-music`, `service: "sthree-music" begins with sthree-, which AWS refuses in the name of a bucket`},
		"a service called aws":          {`service: aws`, `service: "aws" is reserved by AWS`},
		"a range that is none":          {`network: {cidr: 192.168.0.0}`, `network.cidr: "192.168.0.0" is not a range of addresses such as 192.168.0.0/23`},
		"a range with an octet of 256":  {`network: {cidr: 192.168.256.0/24}`, `network.cidr: "192.168.256.0/24" is not a range of addresses such as 192.168.0.0/23`},
		"a range with host bits":        {`network: {cidr: 10.1.2.3/16}`, `network.cidr: 10.1.2.3/16 has bits set beyond /16: write 10.1.0.0/16`},
		"a range too large":             {`network: {cidr: 10.0.0.0/15}`, `network.cidr: 10.0.0.0/15 is not from /16 to /28, which AWS demands`},
		"a range too small":             {`network: {cidr: 10.0.0.0/29}`, `network.cidr: 10.0.0.0/29 is not from /16 to /28, which AWS demands`},
		"a range too small for 2 zones": {`network: {cidr: 10.0.0.0/28}`, `network.cidr: 10.0.0.0/28 is too small for 2 zones: each needs a subnet of /28 at least`},
		"a range too small for 3 zones": {`network: {cidr: 10.0.0.0/27, zones: 3}`, `network.cidr: 10.0.0.0/27 is too small for 3 zones: each needs a subnet of /28 at least`},
		"a public range":                {`network: {cidr: 8.8.0.0/16}`, `network.cidr: 8.8.0.0/16 is not in a private range: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10`},
		"a range half private":          {`network: {cidr: 100.128.0.0/16}`, `network.cidr: 100.128.0.0/16 is not in a private range: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10`},
		"a range of IPv6":               {`network: {cidr: "fd00::/56"}`, `network.cidr: fd00::/56 is IPv6: it must be IPv4`},
		"one zone":                      {`network: {zones: 1}`, `network.zones: 1 is below 2: a zone can fail as a whole`},
		"negative zones":                {`network: {zones: -2}`, `network.zones: -2 is below 2: a zone can fail as a whole`},
		"seven zones":                   {`network: {zones: 7}`, `network.zones: 7 is above 6, which no region has`},
		"fewer subnets than zones":      {`network: {subnets: [192.168.0.0/24]}`, `network.subnets: 1 are given for 2 zones: there must be one a zone, or none`},
		"a subnet outside":              {`network: {subnets: [192.168.0.0/24, 192.168.2.0/24]}`, `network.subnets[1]: 192.168.2.0/24 is not within network.cidr (192.168.0.0/23)`},
		"a subnet larger than the VPC":  {`network: {cidr: 10.0.0.0/24, zones: 2, subnets: [10.0.0.0/25, 10.0.0.0/23]}`, "network.subnets[1]: 10.0.0.0/23 is not within network.cidr (10.0.0.0/24)\nnetwork.subnets[1]: 10.0.0.0/23 overlaps network.subnets[0] (10.0.0.0/25)"},
		"subnets that overlap":          {`network: {subnets: [192.168.0.0/24, 192.168.0.128/25]}`, `network.subnets[1]: 192.168.0.128/25 overlaps network.subnets[0] (192.168.0.0/24)`},
		"a subnet with host bits":       {`network: {subnets: [192.168.0.0/24, 192.168.1.1/24]}`, `network.subnets[1]: 192.168.1.1/24 has bits set beyond /24: write 192.168.1.0/24`},
		"a subnet too small":            {`network: {subnets: [192.168.0.0/24, 192.168.1.0/29]}`, `network.subnets[1]: 192.168.1.0/29 is not from /16 to /28, which AWS demands`},
		"no image":                      {`image: {}`, `image: must have id, parameter or fromInstance`},
		"two images":                    {`image: {id: ami-01234567, parameter: /a}`, `image: has both id and parameter: one of them names the image`},
		"an image that is none":         {`image: {id: ami-0123}`, `image.id: "ami-0123" is not an image: ami- and 8 or 17 of 0–9, a–f`},
		"a parameter without /":         {`image: {parameter: aws/service/x}`, `image.parameter: "aws/service/x" is not the path of a parameter: it begins with /, such as /aws/service/…`},
		"an instance type without size": {`compute: {instanceType: t3}`, `compute.instanceType: "t3" is not an instance type such as t3.micro`},
		"an instance type's odd size":   {`compute: {instanceType: t3.tiny}`, `compute.instanceType: "t3.tiny" is not an instance type such as t3.micro`},
		"an instance type of 0xlarge":   {`compute: {instanceType: m5.0xlarge}`, `compute.instanceType: "m5.0xlarge" is not an instance type such as t3.micro`},
		"a key with space around it":    {`compute: {keyName: " mine"}`, `compute.keyName: " mine" is not the name of a key pair: at most 255 of ASCII, without spaces around it`},
		"a negative volume":             {`compute: {rootVolumeGiB: -1}`, `compute.rootVolumeGiB: -1 is not from 1 to 16384; leave it out to have the image's own size`},
		"a volume too large":            {`compute: {rootVolumeGiB: 16385}`, `compute.rootVolumeGiB: 16385 is not from 1 to 16384; leave it out to have the image's own size`},
		"SSH from an address":           {`compute: {keyName: k, sshFrom: [203.0.113.7]}`, `compute.sshFrom[0]: "203.0.113.7" is not a range of addresses such as 192.168.0.0/23`},
		"SSH with host bits":            {`compute: {keyName: k, sshFrom: [203.0.113.7/24]}`, `compute.sshFrom[0]: 203.0.113.7/24 has bits set beyond /24: write 203.0.113.0/24`},
		"SSH from twice the same":       {`compute: {keyName: k, sshFrom: [10.0.0.0/8, 10.0.0.0/8]}`, `compute.sshFrom[1]: 10.0.0.0/8 is listed twice`},
		"SSH from IPv4 in IPv6":         {`compute: {keyName: k, sshFrom: ["::ffff:10.0.0.0/104"]}`, `compute.sshFrom[0]: ::ffff:10.0.0.0/104 is IPv4 written as IPv6`},
		"SSH from anywhere":             {`compute: {keyName: k, sshFrom: [0.0.0.0/0]}`, `compute.sshFrom[0]: 0.0.0.0/0 is the whole world: set compute.sshFromAnywhere to true if that is meant`},
		"SSH from anywhere in IPv6":     {`compute: {keyName: k, sshFrom: ["::/0"]}`, `compute.sshFrom[0]: ::/0 is the whole world: set compute.sshFromAnywhere to true if that is meant`},
		"SSH without a key":             {`compute: {sshFrom: [10.0.0.0/8]}`, `compute.keyName: must be set where sshFrom is: without a key pair nobody can log in`},
		"no app port":                   {`app: {services: [{name: a, command: [/bin/a]}]}`, `app.port: must be set`},
		"app port 0":                    {`app: {port: 0, services: [{name: a, command: [/bin/a]}]}`, `app.port: 0 is not from 1 to 65535`},
		"a port above 65535":            {`app: {port: 65536, services: [{name: a, command: [/bin/a]}]}`, `app.port: 65536 is not from 1 to 65535`},
		"the port of SSH":               {`app: {port: 22, services: [{name: a, command: [/bin/a]}]}`, `app.port: 22 is taken on every instance, by SSH`},
		"no services":                   {`app: {port: 5000}`, `app.services: must be set`},
		"an empty list of services":     {`app: {port: 5000, services: []}`, `app.services: needs at least one`},
		"a service without a name":      {oneService(`command: [/bin/a]`), `app.services[0].name: must be set`},
		"a unit name with a dot":        {oneService(`name: a.b, command: [/bin/a]`), `app.services[0].name: "a.b" is not the name of a unit: at most 64 of a–z, 0–9, _ and -, beginning with a letter`},
		"the responder's service":       {oneService(`name: healthcheck, command: [/bin/a]`), `app.services[0].name: "healthcheck" is the name of the health responder's service`},
		"a service of the system":       {oneService(`name: sshd, command: [/bin/a]`), `app.services[0].name: "sshd" belongs to the system`},
		"two services of a name":        {`app: {port: 5000, services: [{name: a, command: [/bin/a]}, {name: a, command: [/bin/b]}]}`, `app.services[1].name: "a" is the name of services[0]`},
		"no command":                    {oneService(`name: a`), `app.services[0].command: must be set`},
		"a command of nothing":          {oneService(`name: a, command: []`), `app.services[0].command: must be set: an absolute path and its arguments`},
		"a relative command":            {oneService(`name: a, command: [bin/a]`), `app.services[0].command[0]: "bin/a" ` + plainPathRule},
		"a command line for a command":  {oneService(`name: a, command: [/bin/a serve]`), `app.services[0].command[0]: "/bin/a serve" ` + plainPathRule},
		"a line break in a command":     {oneService(`name: a, command: [/bin/a, "b\nc"]`), `app.services[0].command[1]: "b\nc" has a line break or another control character`},
		"a NUL in the environment":      {oneService(`name: a, command: [/bin/a], environment: {A: "b\0"}`), `app.services[0].environment.A: "b\x00" has a line break or another control character`},
		"a variable with a dash":        {oneService(`name: a, command: [/bin/a], environment: {A-B: c}`), `app.services[0].environment: "A-B" is not the name of a variable: letters, digits and _`},
		"a relative directory":          {oneService(`name: a, command: [/bin/a], directory: srv`), `app.services[0].directory: "srv" ` + plainPathRule},
		"a user with a space":           {oneService(`name: a, command: [/bin/a], user: "a b"`), `app.services[0].user: "a b" is not a user: at most 31 of a–z, 0–9, _ and -, not beginning with a digit`},
		"root":                          {oneService(`name: a, command: [/bin/a], user: root`), `app.services[0].user: "root" is refused: services run unprivileged`},
		"an artifact of nothing":        {app(`artifacts: [{path: /opt/a}]`), `app.artifacts[0]: must have build or file`},
		"an artifact of two sources":    {app(`artifacts: [{build: ./a, file: a, path: /opt/a}]`), `app.artifacts[0]: has both build and file: one of them is the source`},
		"an artifact without a path":    {app(`artifacts: [{build: ./a}]`), `app.artifacts[0].path: must be set`},
		"an artifact's relative path":   {app(`artifacts: [{build: ./a, path: opt/a}]`), `app.artifacts[0].path: "opt/a" ` + plainPathRule},
		"an artifact's unclean path":    {app(`artifacts: [{build: ./a, path: /opt/../a}]`), `app.artifacts[0].path: "/opt/../a" ` + plainPathRule},
		"an artifact among the system":  {app(`artifacts: [{build: ./a, path: /usr/bin/a}]`), `app.artifacts[0].path: "/usr/bin/a" is not below /usr/local, /opt, /srv`},
		"two artifacts of a name":       {app(`artifacts: [{build: ./a, path: /opt/a}, {file: a, path: /srv/a}]`), `app.artifacts[1].path: "/srv/a" has the file name of artifacts[0]`},
		"the responder's file":          {app(`artifacts: [{build: ./a, path: /usr/local/bin/healthcheck}]`), `app.artifacts[0].path: "/usr/local/bin/healthcheck" has the file name of the health responder, /usr/local/bin/healthcheck`},
		"a flag for a package":          {app(`artifacts: [{build: -toolexec=x, path: /opt/a}]`), `app.artifacts[0].build: "-toolexec=x" is not one Go package such as ./cmd/musicguru`},
		"many Go packages":              {app(`artifacts: [{build: ./..., path: /opt/a}]`), `app.artifacts[0].build: "./..." is not one Go package such as ./cmd/musicguru`},
		"a package that is a flag":      {app(`packages: [--nogpgcheck]`), `app.packages[0]: "--nogpgcheck" is not the name of a package`},
		"a package twice":               {app(`packages: [htop, htop]`), `app.packages[1]: "htop" is listed twice`},
		"health of another protocol":    {`health: {protocol: UDP}`, `health.protocol: "UDP" is neither TCP nor HTTP`},
		"health port -1":                {`health: {port: -1}`, `health.port: -1 is outside 1–65535`},
		"health on the service's port":  {`health: {port: 5000}`, `health.port: 5000 is app.port: the service listens there, the responder needs a port of its own`},
		"health on the port of SSH":     {`health: {port: 22}`, `health.port: 22 is taken on every instance, by SSH`},
		"health interval too long":      {`health: {interval: 301}`, `health.interval: 5m1s is outside 5–300 s`},
		"health timeout not below":      {`health: {interval: 5}`, `health.timeout: 5s is not below interval (5s)`},
		"health after one answer":       {`health: {healthy: 1}`, `health.healthy: 1 is outside 2–10`},
		"unhealthy after eleven":        {`health: {unhealthy: 11}`, `health.unhealthy: 11 is outside 2–10`},
		"another balancer":              {`balancer: {type: gateway}`, `balancer.type: "gateway" is not network or application`},
		"no listeners":                  {`balancer: {listeners: []}`, `balancer.listeners: needs at least one`},
		"a listener without a port":     {`balancer: {listeners: [{protocol: TCP}]}`, `balancer.listeners[0].port: must be set`},
		"a listener's port too high":    {`balancer: {listeners: [{port: 70000}]}`, `balancer.listeners[0].port: 70000 is not from 1 to 65535`},
		"a listener for UDP":            {`balancer: {listeners: [{port: 53, protocol: UDP}]}`, `balancer.listeners[0].protocol: "UDP" is not for a balancer of type network: TCP and TLS are`},
		"two listeners on a port":       {`balancer: {listeners: [{port: 80}, {port: 81}, {port: 80}]}`, `balancer.listeners[2].port: 80 is the port of balancer.listeners[0]`},
		"min above max":                 {`scaling: {min: 2, max: 1}`, `scaling.max: 1 is below scaling.min (2)`},
		"max 0":                         {`scaling: {min: 2, max: 0}`, `scaling.max: 0 is below 1: the group could never have an instance`},
		"min negative":                  {`scaling: {min: -1}`, `scaling.min: -1 is below 1: the service would have no instance`},
		"min 0":                         {`scaling: {min: 0}`, `scaling.min: 0 is below 1: the service would have no instance`},
		"grace too long":                {`scaling: {grace: 7201}`, `scaling.grace: 7201 is not from 0 to 7200 whole seconds`},
		"grace negative":                {`scaling: {grace: -1}`, `scaling.grace: -1 is not from 0 to 7200 whole seconds`},
		"a policy of no kind":           {`scaling: {policies: [{}]}`, `scaling.policies[0]: must have targetTracking or step`},
		"another metric":                {tracking(`metric: memory`), `scaling.policies[0].targetTracking.metric: "memory" is not supported: cpu is`},
		"a target of 0":                 {tracking(`target: 0`), `scaling.policies[0].targetTracking.target: 0 is not above 0 and at most 100 percent`},
		"a target above 100":            {tracking(`target: 100.5`), `scaling.policies[0].targetTracking.target: 100.5 is not above 0 and at most 100 percent`},
		"a warmup too long":             {tracking(`warmup: 3601`), `scaling.policies[0].targetTracking.warmup: 3601 is not from 0 to 3600 whole seconds`},
		"a metric tracked twice":        {`scaling: {policies: [{targetTracking: {}}, {targetTracking: {target: 60}}]}`, `scaling.policies[1].targetTracking.metric: "cpu" is followed by scaling.policies[0] already`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(config(t, smallest, c.given))
			require.Error(t, err)
			assert.Equal(t, c.want, err.Error())
		})
	}
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

func TestEachCombinationThatCannotWorkIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ given, more, want string }{
		"neither app nor containers":       {`app: ~`, ``, `app: must be set, or containers`},
		"both app and containers":          {containers, `app: {port: 81, services: [{name: a, command: [/bin/a]}]}`, `containers: is set beside app: a service is one of them`},
		"TCP behind an ALB":                {web, `balancer: {type: application, listeners: [{port: 80, protocol: TCP}]}`, `balancer.listeners[0].protocol: "TCP" is not for a balancer of type application: HTTP and HTTPS are`},
		"HTTP behind an NLB":               {`balancer: {listeners: [{port: 80, protocol: HTTP}]}`, ``, `balancer.listeners[0].protocol: "HTTP" is not for a balancer of type network: TCP and TLS are`},
		"a TCP check by an ALB":            {`balancer: {type: application}`, ``, `health.protocol: "TCP" is not for a balancer of type application: HTTP is`},
		"a path on a TCP check":            {`health: {path: /ping}`, ``, `health.path: "/ping" is for HTTP: a TCP check only connects`},
		"a matcher on a TCP check":         {`health: {matcher: "200"}`, ``, `health.matcher: "200" is for HTTP: a TCP check only connects`},
		"an HTTP check without a path":     {`health: {protocol: HTTP}`, ``, `health.path: an HTTP check needs one, such as /`},
		"TLS without a name":               {`balancer: {listeners: [{port: 443, protocol: TLS}]}`, ``, `balancer.listeners[0].protocol: "TLS" needs balancer.alias, for whose name a certificate is made, or balancer.certificate`},
		"an alias without a zone":          {`balancer: {alias: {name: www.example.com}}`, ``, `balancer.alias.zone: must be set`},
		"an alias in another zone":         {`balancer: {alias: {zone: example.com, name: www.example.org}}`, ``, `balancer.alias.name: "www.example.org" is not in balancer.alias.zone (example.com)`},
		"an alias that only ends alike":    {`balancer: {alias: {zone: example.com, name: notexample.com}}`, ``, `balancer.alias.name: "notexample.com" is not in balancer.alias.zone (example.com)`},
		"an alias that is no name":         {`balancer: {alias: {zone: example.com, name: "www example.com"}}`, ``, `balancer.alias.name: "www example.com" is not a domain name such as www.example.com, in small letters`},
		"a certificate that nobody shows":  {`balancer: {certificate: "arn:aws:acm:us-east-1:123456789012:certificate/a-b"}`, ``, `balancer.certificate: is of no use: no listener has the protocol TLS`},
		"a certificate that is none":       {`balancer: {certificate: mine.pem, listeners: [{port: 443, protocol: TLS}]}`, ``, `balancer.certificate: "mine.pem" is not the ARN of a certificate in ACM: arn:aws:acm:REGION:ACCOUNT:certificate/ID`},
		"a redirect of TCP":                {`balancer: {listeners: [{port: 80, redirect: 81}, {port: 81}]}`, ``, `balancer.listeners[0].redirect: 81 is for a listener of protocol HTTP, not TCP`},
		"a redirect to nowhere":            {web, `balancer: {type: application, listeners: [{port: 80, redirect: 443}, {port: 81}]}`, `balancer.listeners[0].redirect: 443 is not the port of a listener`},
		"a redirect to plain HTTP":         {web, `balancer: {type: application, listeners: [{port: 80, redirect: 81}, {port: 81}]}`, `balancer.listeners[0].redirect: 81 is the port of balancer.listeners[1], which is not HTTPS`},
		"an ALB in a tiny network":         {web, `network: {cidr: 10.0.0.0/27}`, `network.cidr: 10.0.0.0/27 gives subnets of /28: a balancer of type application needs /27`},
		"private without a way out":        {`network: {private: true}`, ``, `network.private: needs a way out to AWS: network.nat single or perZone, or network.endpoints`},
		"NAT without private subnets":      {`network: {nat: single}`, ``, `network.nat: "single" needs network.private: public subnets have a way out`},
		"another kind of NAT":              {`network: {private: true, nat: double}`, ``, `network.nat: "double" is not none, single or perZone`},
		"endpoints without private ones":   {`network: {endpoints: true}`, ``, `network.endpoints: true needs network.private: public subnets have a way out`},
		"chosen subnets beside private":    {`network: {private: true, nat: single, subnets: [192.168.0.0/24, 192.168.1.0/24]}`, ``, `network.subnets: can't be chosen with network.private: all subnets are carved from network.cidr`},
		"private in too small a range":     {`network: {private: true, nat: single, cidr: 10.0.0.0/26}`, ``, `network.cidr: 10.0.0.0/26 is too small for 2 zones: each needs a subnet of /28 at least`},
		"a public address in private":      {private, `compute: {publicAddress: true}`, `compute.publicAddress: true is of no use with network.private: leave it out`},
		"SSH to private instances":         {private, `compute: {keyName: k, sshFrom: [10.0.0.0/8]}`, `compute.sshFrom: reaches no instance with network.private: compute.bastion and compute.sessionManager do`},
		"a bastion for public instances":   {`compute: {bastion: {from: [10.0.0.0/8]}}`, ``, `compute.bastion: needs network.private: public instances are reached with compute.sshFrom`},
		"a bastion for nobody":             {private, `compute: {bastion: {from: []}}`, `compute.bastion.from: needs at least one range: a bastion that nobody reaches is of no use`},
		"a bastion for the world":          {private, `compute: {bastion: {from: [0.0.0.0/0]}}`, `compute.bastion.from[0]: 0.0.0.0/0 is the whole world: a bastion is for known ranges`},
		"a bastion of no type":             {private, `compute: {bastion: {instanceType: small, from: [10.0.0.0/8]}}`, `compute.bastion.instanceType: "small" is not an instance type such as t3.micro`},
		"a database in public":             {`database: {engine: mysql, version: "8.4"}`, ``, `database: needs network.private: its subnets lie beside private ones`},
		"a database of another engine":     {private, `database: {engine: oracle, version: "19"}`, `database.engine: "oracle" is not postgres, mysql or mariadb`},
		"a database with a reserved owner": {private, `database: {engine: mysql, version: "8.4", username: admin}`, `database.username: "admin" is reserved by one of the engines`},
		"a database on a thimble":          {private, `database: {engine: mysql, version: "8.4", storageGiB: 5}`, `database.storageGiB: 5 is not from 20 to 65536`},
		"backups for two months":           {private, `database: {engine: mysql, version: "8.4", backupDays: 60}`, `database.backupDays: 60 is not from 0 (no backups) to 35`},
		"a database for containers":        {containers, `{network: {private: true, nat: single}, database: {engine: mysql, version: "8.4"}}`, `database: is for app: containers have no way to its password here`},
		"containers behind an NLB":         {containers, `balancer: {type: network}`, `containers: needs balancer.type application: ECS gives each container a port of its own there`},
		"containers with a health port":    {containers, `health: {protocol: HTTP, path: /, port: 80}`, `health.port: 80 is not for containers: their ports are ECS's choice, leave it out`},
		"containers and a policy":          {containers, `scaling: {policies: [{targetTracking: {}}]}`, `scaling.policies: is not for containers: the group follows them, see containers.targetCPU`},
		"an image out of reach":            {containers, `network: {private: true, endpoints: true}`, `containers.image: "nginx" can't be fetched without network.nat: only images of ECR (ACCOUNT.dkr.ecr.REGION.amazonaws.com) can`},
		"more containers than allowed":     {containers, `containers: {image: nginx, port: 80, desired: 3}`, `containers.desired: 3 is not from containers.min (1) to containers.max (2)`},
		"an image with a space":            {containers, `containers: {image: "my nginx", port: 80}`, `containers.image: "my nginx" is not an image such as public.ecr.aws/docker/library/nginx:1.29`},
		"an agent for containers":          {containers, `compute: {memoryMetric: true}`, `compute.memoryMetric: true is not for containers: ECS reports their memory`},
		"a reboot of nothing":              {`image: {id: ami-01234567, reboot: true}`, ``, `image.reboot: true is for image.fromInstance: another image is not made here`},
		"an image from two sources":        {`image: {id: ami-01234567, fromInstance: i-01234567}`, ``, `image: has both id and fromInstance: one of them names the image`},
		"an image of no instance":          {`image: {fromInstance: web-1}`, ``, `image.fromInstance: "web-1" is not an instance: i- and 8 or 17 of 0–9, a–f`},
		"thresholds that cross":            {`scaling: {policies: [{step: {above: 40, below: 80}}]}`, ``, `scaling.policies[0].step.below: 80 is not under scaling.policies[0].step.above (40): the group would grow and shrink at once`},
		"a step without a threshold":       {`scaling: {policies: [{step: {above: 40}}]}`, ``, `scaling.policies[0].step.below: must be set`},
		"a period of half a minute":        {step(`period: 30`), ``, `scaling.policies[0].step.period: 30 is not a multiple of 60 s, up to 3600`},
		"a time that is no whole periods":  {step(`period: 120, aboveFor: 300, belowFor: 240`), ``, `scaling.policies[0].step.aboveFor: 300 is not a multiple of scaling.policies[0].step.period (120 s), up to a day`},
		"a step of nothing":                {step(`add: 0`), ``, `scaling.policies[0].step.add: 0 is below 1`},
		"two policies on a metric":         {`scaling: {policies: [{targetTracking: {}}, {step: {above: 80, below: 40}}]}`, ``, `scaling.policies[1].step.metric: "cpu" is followed by scaling.policies[0] already`},
		"a policy of two kinds":            {`scaling: {policies: [{targetTracking: {}, step: {above: 80, below: 40}}]}`, ``, `scaling.policies[0]: has both targetTracking and step: a policy is one of them`},
		"a schedule for nothing":           {`scaling: {schedules: [{name: a, cron: 0 8 * * 1-5}]}`, ``, `scaling.schedules[0]: must have min, max or desired`},
		"a schedule with seconds":          {`scaling: {schedules: [{name: a, cron: 0 0 8 * * 1-5, min: 1}]}`, ``, `scaling.schedules[0].cron: "0 0 8 * * 1-5" is not a recurrence such as 0 8 * * 1-5: it does not have five fields: minute, hour, day of the month, month, day of the week`},
		"a schedule on the 61st minute":    {`scaling: {schedules: [{name: a, cron: 60 * * * *, min: 1}]}`, ``, `scaling.schedules[0].cron: "60 * * * *" is not a recurrence such as 0 8 * * 1-5: it has a faulty minute (60)`},
		"a schedule on Mars":               {`scaling: {schedules: [{name: a, cron: 0 8 * * *, timeZone: Mars/Base, min: 1}]}`, ``, `scaling.schedules[0].timeZone: "Mars/Base" is not a time zone such as Europe/Berlin`},
		"a schedule's max below min":       {`scaling: {schedules: [{name: a, cron: 0 8 * * *, min: 3, max: 2}]}`, ``, `scaling.schedules[0].max: 2 is below scaling.schedules[0].min (3)`},
		"two schedules of a name":          {`scaling: {schedules: [{name: a, cron: 0 8 * * *, min: 3}, {name: a, cron: 0 9 * * *, min: 2}]}`, ``, `scaling.schedules[1].name: "a" is the name of scaling.schedules[0]`},
		"a hook on nothing":                {`scaling: {hooks: [{name: a, transition: stopping}]}`, ``, `scaling.hooks[0].transition: "stopping" is not launching or terminating`},
		"a hook too short":                 {`scaling: {hooks: [{name: a, transition: launching, timeout: 5}]}`, ``, `scaling.hooks[0].timeout: 5 is not from 30 to 7200 whole seconds`},
		"a hook that doesn't know":         {`scaling: {hooks: [{name: a, transition: launching, result: maybe}]}`, ``, `scaling.hooks[0].result: "maybe" is not continue or abandon`},
		"mail to no address":               {`scaling: {notify: [{protocol: email, endpoint: me}]}`, ``, `scaling.notify[0].endpoint: "me" is not an email address`},
		"a pigeon":                         {`scaling: {notify: [{protocol: pigeon, endpoint: a@b.c}]}`, ``, `scaling.notify[0].protocol: "pigeon" is not email, sms, https, sqs or lambda`},
		"mail twice":                       {`scaling: {notify: [{protocol: email, endpoint: a@b.cc}, {protocol: email, endpoint: a@b.cc}]}`, ``, `scaling.notify[1].endpoint: "a@b.cc" is that of scaling.notify[0]`},
		"protect in quotes":                {`protect: "yes"`, ``, `protect: "yes" is not true or false`},
	} {
		t.Run(name, func(t *testing.T) {
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
	for name, given := range map[string]string{
		"a web site":                      web,
		"containers":                      containers,
		"private instances":               private,
		"endpoints in place of NAT":       `network: {private: true, endpoints: true}`,
		"TLS with an alias":               alias(`listeners: [{port: 443, protocol: TLS}]`),
		"an alias for the zone itself":    `balancer: {alias: {zone: example.com, name: example.com}}`,
		"TLS with a certificate":          `balancer: {certificate: "arn:aws:acm:us-east-1:123456789012:certificate/a-b", listeners: [{port: 443, protocol: TLS}]}`,
		"HTTP redirected to HTTPS":        `{health: {protocol: HTTP, path: /}, balancer: {type: application, alias: {zone: a.io, name: a.io}, listeners: [{port: 80, redirect: 443}, {port: 443, protocol: HTTPS}]}}`,
		"an HTTP check by an NLB":         `health: {protocol: HTTP, path: /health, port: 9000}`,
		"an image of an instance":         `image: {fromInstance: i-0123456789abcdef0, reboot: true}`,
		"steps":                           step(`period: 300, aboveFor: 600, belowFor: 900`),
		"a schedule that ends capacity":   `scaling: {schedules: [{name: night, cron: 0 22 * * *, timeZone: Europe/Berlin, min: 0, max: 0, desired: 0}]}`,
		"every kind of notification":      `scaling: {notify: [{protocol: email, endpoint: a@b.cc}, {protocol: sms, endpoint: "+14155550100"}, {protocol: https, endpoint: "https://a.b/c"}, {protocol: sqs, endpoint: "arn:aws:sqs:us-east-1:123456789012:q"}, {protocol: lambda, endpoint: "arn:aws:lambda:us-east-1:123456789012:function:f"}]}`,
		"a private image without a NAT":   `{app: ~, network: {private: true, endpoints: true}, containers: {image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/a:1, port: 80}, health: {protocol: HTTP, path: /}, balancer: {type: application}}`,
		"a database for private instance": `{network: {private: true, nat: single}, database: {engine: mariadb, version: "11.4"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(config(t, smallest, given))
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
