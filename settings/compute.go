package settings

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/internal/burstable"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// maxVolume is the size of the largest gp3 volume, in GiB (EC2 API: EbsBlockDevice).
const maxVolume = 16384

var (
	imagePattern     = regexp.MustCompile(`^ami-([0-9a-f]{8}|[0-9a-f]{17})$`)
	parameterPattern = regexp.MustCompile(`^(/[A-Za-z0-9._-]+)+(:[A-Za-z0-9._-]+)?$`)
	sourcePattern    = regexp.MustCompile(`^i-([0-9a-f]{8}|[0-9a-f]{17})$`)
	instancePattern  = regexp.MustCompile(`^[a-z]+[0-9]*[a-z]*(-[a-z0-9]+)*` +
		`\.(nano|micro|small|medium|large|([1-9][0-9]*)?xlarge|metal(-[1-9][0-9]*xl)?)$`)
	keyPattern = regexp.MustCompile(`^[!-~]([ -~]{0,253}[!-~])?$`)
)

// Image is the machine image of the instances.
type Image struct {
	// An image of the stack's region.
	// Limits: `ami-` and 8 or 17 of 0–9, a–f.
	ID string `oneof:"source"`

	// A public SSM parameter that holds the ID of the image. The stack keeps the image that the parameter names at the first
	// deployment; `update` takes a newer image. `…/al2023-ami-kernel-default-x86_64` moves to the next kernel line every year,
	// `…/al2023-ami-kernel-6.12-x86_64` stays with its line. `NAME:VERSION` names a version of the parameter.
	// Limits: path of a parameter, such as `/aws/service/…`, with a version or without.
	Parameter string `oneof:"source"`

	// An instance from which an image is made, once. The image stays when the stack is destroyed, because other instances may
	// still be launched from it.
	// Limits: `i-` and 8 or 17 of 0–9, a–f; its root device is an EBS volume.
	FromInstance string `oneof:"source"`

	// Reboots that instance before the image is made, so that the image's files are consistent (EC2 User Guide, create an AMI).
	// Limits: needs `fromInstance`.
	Reboot bool

	// A text of your choice, such as a date. Another text takes the image that `parameter` names now, as a release that the
	// preview shows.
	// Limits: needs `parameter`.
	Update string
}

// Compute describes an instance. [Parse] never leaves PublicAddress nil.
type Compute struct {
	// The type of the instances.
	// Limits: has the architecture of the image.
	InstanceType string `default:"\"t3.micro\""`

	// How instances of the types T2, T3, T3a and T4g use more CPU than they earn credits for. `unlimited`: AWS charges 0.05 $ for each
	// hour of a virtual CPU (0.04 $ for T4g) beyond the baseline of the type, which is 10 % for a micro. `standard`: without credits an
	// instance is held at its baseline, whatever its clients want.
	// Default: `unlimited` for these types.
	// Limits: `unlimited`, `standard`; only for these types. With `standard`, policies have to add instances below the baseline.
	CPUCredits string `enum:"unlimited,standard"`

	// The EC2 key pair for SSH. It must exist in the region.
	// Limits: at most 255 ASCII characters (EC2 API Reference, CreateKeyPair), without spaces at either end.
	KeyName string

	// The address ranges that may reach port 22.
	// Default: no address.
	// Limits: IPv4 or IPv6, without host bits, each once; at most 58 of either (VPC User Guide, Amazon VPC quotas); needs `keyName`.
	SSHFrom []netip.Prefix `unit:"ranges"`

	// Allows `0.0.0.0/0` and `::/0` in `sshFrom`, and ranges that together have half of all addresses or more.
	SSHFromAnywhere bool

	// Security groups of others that the instances join as well, for example the group that a database of others lets in. What the groups
	// allow, the instances may.
	// Limits: at most 4 IDs such as `sg-0a1b2c3d`, each once (VPC User Guide, Amazon VPC quotas); needs `network.existing`, and groups of its
	// VPC.
	SecurityGroups []string

	// The size of the root volume. The volume is gp3 and encrypted, and is deleted with its instance.
	// Default: the image's own size.
	// Limits: 1 to 16384 (EC2 API Reference, EbsBlockDevice), not below the image's.
	RootVolumeGiB int `minimum:"1" maximum:"16384" unit:"GiB"`

	// Gives each instance a public IPv4 address.
	// Default: true; false with `network.private`.
	// Limits: not true with `network.private`.
	PublicAddress *bool

	// A shell through AWS Systems Manager, without an open port or a key: `aws ssm start-session --target i-…`.
	SessionManager bool

	// Installs the CloudWatch agent (a package of Amazon Linux), which reports `mem_used_percent`.
	// Limits: not with `containers`.
	MemoryMetric bool

	// An instance in a public subnet from which the others are reached by SSH. Without `keyName`, EC2 Instance Connect installs a
	// key there for a minute.
	// Limits: needs `network.private`.
	Bastion *Bastion
}

// Bastion is an instance in a public subnet from which the private ones are reached by SSH.
type Bastion struct {
	// Its type.
	InstanceType string `default:"\"t3.nano\""`

	// A text of your choice, such as a date. Another text replaces the bastion by an instance of the newest Amazon Linux, which
	// has a new address and a new host key. Otherwise the bastion keeps its image.
	Update string

	// The address ranges that may reach its port 22.
	// Limits: at least one; IPv4 or IPv6, without host bits, each once; at most 60 of either; together less than half of all addresses.
	From []netip.Prefix `required:"true" unit:"ranges"`
}

func (i Image) validate(l *invalid.List) {
	var given []string
	for _, source := range [][2]string{{"id", i.ID}, {"parameter", i.Parameter}, {"fromInstance", i.FromInstance}} {
		if source[1] != "" {
			given = append(given, source[0])
		}
	}
	switch {
	case len(given) == 0:
		l.Missing("image", "must have id, parameter or fromInstance")
	case len(given) > 1:
		l.Missing("image", "has both %s: one of them names the image", strings.Join(given, " and "))
	}
	if i.ID != "" && !imagePattern.MatchString(i.ID) {
		l.Add("image.id", i.ID, "is not an image: ami- and 8 or 17 of 0–9, a–f")
	}
	if i.Parameter != "" && !parameterPattern.MatchString(i.Parameter) {
		l.Add("image.parameter", i.Parameter, "is not the path of a parameter: it begins with /, such as /aws/service/…")
	}
	if i.FromInstance != "" && !sourcePattern.MatchString(i.FromInstance) {
		l.Add("image.fromInstance", i.FromInstance, "is not an instance: i- and 8 or 17 of 0–9, a–f")
	}
	if i.Update != "" && i.Parameter == "" {
		l.Add("image.update", i.Update, "needs image.parameter: another image is taken by naming it")
	}
	if i.Reboot && i.FromInstance == "" {
		l.Add("image.reboot", i.Reboot, "needs image.fromInstance: the stack does not create another image")
	}
}

func (c Compute) validate(l *invalid.List) {
	validateInstanceType(l, "compute.instanceType", c.InstanceType)
	c.validateCredits(l)
	if c.KeyName != "" && !keyPattern.MatchString(c.KeyName) {
		l.Add("compute.keyName", c.KeyName, "is not the name of a key pair: at most 255 of ASCII, without spaces around it")
	}
	if c.RootVolumeGiB < 0 || c.RootVolumeGiB > maxVolume {
		l.Add("compute.rootVolumeGiB", c.RootVolumeGiB, "is not from 1 to %d; leave it out to have the image's own size", maxVolume)
	}
	validateClients(l, "compute.sshFrom", c.SSHFrom, otherRules)
	if !c.SSHFromAnywhere {
		refuseWorld(l, "compute.sshFrom", c.SSHFrom, "set compute.sshFromAnywhere to true if that is meant")
	}
	if len(c.SSHFrom) > 0 && c.KeyName == "" {
		l.Missing("compute.keyName", "must be set with sshFrom: without a key pair no login is possible")
	}
	if c.Bastion != nil {
		c.Bastion.validate(l)
	}
}

func (c Compute) validateCredits(l *invalid.List) {
	_, earns := burstable.Baseline(c.InstanceType)
	switch c.CPUCredits {
	case "":
	case burstable.Unlimited, burstable.Standard:
		if !earns && instancePattern.MatchString(c.InstanceType) {
			l.Add("compute.cpuCredits", c.CPUCredits, "is for the types T2, T3, T3a and T4g, not for %s (compute.instanceType): leave it out",
				c.InstanceType)
		}
	default:
		l.Add("compute.cpuCredits", c.CPUCredits, "is not unlimited or standard")
	}
}

func (b Bastion) validate(l *invalid.List) {
	validateInstanceType(l, "compute.bastion.instanceType", b.InstanceType)
	if len(b.From) == 0 {
		l.Missing("compute.bastion.from", "needs at least one range: otherwise no client reaches the bastion")
	}
	validateClients(l, "compute.bastion.from", b.From, 0)
	refuseWorld(l, "compute.bastion.from", b.From, "a bastion is for known ranges")
}

func validateInstanceType(l *invalid.List, at, name string) {
	if !instancePattern.MatchString(name) {
		l.Add(at, name, "is not an instance type such as t3.micro")
	}
}

// otherRules is how many rules the instances' security group has beside those for SSH: for the service and for the health check.
const otherRules = 2

// validateClients checks ranges of clients, for which a security group has rules beside others.
func validateClients(l *invalid.List, at string, ranges []netip.Prefix, others int) {
	for i := range ranges {
		validateClient(l, fmt.Sprintf("%s[%d]", at, i), ranges, i)
	}
	validateNumber(l, at, ranges, others)
}

func validateClient(l *invalid.List, at string, ranges []netip.Prefix, i int) {
	switch from := ranges[i]; {
	case !from.IsValid():
		l.Missing(at, "must be set")
	case from.Addr().Is4In6():
		l.Add(at, from, "is IPv4 written as IPv6")
	case from != from.Masked():
		l.Add(at, from, "has bits set beyond /%d: write %s", from.Bits(), from.Masked())
	case slices.Contains(ranges[:i], from):
		l.Add(at, from, "is listed twice")
	}
}
