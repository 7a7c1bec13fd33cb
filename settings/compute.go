package settings

import "net/netip"

// Image is the machine image of the instances.
type Image struct {
	// An image of the stack's region.
	// Limits: `ami-` and 8 or 17 of 0–9, a–f.
	ID string `oneof:"source"`

	// A public SSM parameter that holds the ID of the image. It is read at each `pulumi up`, so a newer image is a new release.
	// Limits: path of a parameter, such as `/aws/service/…`.
	Parameter string `oneof:"source"`

	// An instance from which an image is made, once. The image stays when the stack is destroyed, because other instances may
	// still be launched from it.
	// Limits: `i-` and 8 or 17 of 0–9, a–f; its root device is an EBS volume.
	FromInstance string `oneof:"source"`

	// Reboots that instance before the image is made, so that the image's files are consistent (EC2 User Guide, create an AMI).
	// Limits: needs `fromInstance`.
	Reboot bool
}

// Compute describes an instance. [Parse] never leaves PublicAddress nil.
type Compute struct {
	// The type of the instances.
	// Limits: has the architecture of the image.
	InstanceType string `default:"\"t3.micro\""`

	// The EC2 key pair for SSH. It must exist in the region.
	// Limits: at most 255 ASCII characters (EC2 API Reference, CreateKeyPair), without spaces at either end.
	KeyName string

	// The address ranges that may reach port 22.
	// Default: no address.
	// Limits: IPv4 or IPv6, without host bits, each once; needs `keyName`.
	SSHFrom []netip.Prefix `unit:"ranges"`

	// Allows `0.0.0.0/0` and `::/0` in `sshFrom`.
	SSHFromAnywhere bool

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

	// The address ranges that may reach its port 22.
	// Limits: at least one; IPv4 or IPv6, without host bits, each once; not `0.0.0.0/0`.
	From []netip.Prefix `required:"true" unit:"ranges"`
}
