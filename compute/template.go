// Package compute describes the instances of a service: image, software, permissions and network access, as a launch
// template from which an Auto Scaling group launches as many as it needs; an image made from an instance that was set up by
// hand; and a bastion, through which instances without public addresses are reached.
//
//	local files ──▶ bucket (private) ──┐ fetched at first boot,
//	role, may read just those objects ─┤ with the instance's own role
//	                                   ▼
//	launch template ──▶ instance: user data installs artifacts, systemd runs the services
//	security group: out to TCP 443; in only what its owner allows, and SSH from named ranges
package compute

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/burstable"
	iampolicy "github.com/elastic-service/elastic-service/internal/iam"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/internal/tags"
)

// Args describes a template.
type Args struct {
	// VPCID is the VPC of the instances' security group.
	VPCID pulumi.StringInput

	// ImageID is the machine image: Linux with cloud-init and systemd, and the AWS CLI where there are artifacts.
	ImageID pulumi.StringInput

	// RootDevice is the name of the image's root device. Under any other name the instance would get a second volume
	// beside an unencrypted root.
	RootDevice pulumi.StringInput

	// RootVolumeGiB is the size of the root volume, 1–16384 and at least the image's; 0: the image's.
	RootVolumeGiB int

	// InstanceType is such as t3.micro, of the image's architecture.
	InstanceType string

	// CPUCredits is how instances of a burstable type use more CPU than they earn credits for: [burstable.Unlimited] or
	// [burstable.Standard]. Empty: the default of the account for the type, and for types that earn no credits.
	CPUCredits string

	// KeyName is an EC2 key pair for SSH; none if empty.
	KeyName string

	// SSHFrom lists the ranges that may reach port 22; none if empty.
	SSHFrom []netip.Prefix

	// SecurityGroupIDs lists further security groups of the VPC that the instances join.
	SecurityGroupIDs []string

	// Egress lists ways out beside HTTPS.
	Egress []Egress

	// PublicAddress gives each instance a public address. In a public subnet, S3 and the package repositories are reached
	// only with it.
	PublicAddress bool

	// SessionManager lets administrators log in with Systems Manager, without a key or an open port. The image must have the
	// SSM agent, as Amazon Linux does.
	SessionManager bool

	// MemoryMetric makes the instances report their memory use once a minute: mem_used_percent in CloudWatch's namespace
	// CWAgent, by AutoScalingGroupName. The image must be Amazon Linux.
	MemoryMetric bool

	// DetailedMonitoring makes EC2 report its own metrics every minute instead of every five. AWS charges for it.
	DetailedMonitoring bool

	// Cluster is the name of the ECS cluster whose containers the instances run; nil: none. The image must have the ECS
	// agent. Software then needs no services.
	Cluster pulumi.StringInput

	// Environment is added to the environment of every service; variables that the service sets itself take precedence. Nil:
	// nothing is added. It must not contain secrets: everyone who may describe the template can read them.
	Environment pulumi.StringMapInput

	// ReadSecret is the ARN of a secret in Secrets Manager that the instances may read; nil: none.
	ReadSecret pulumi.StringInput

	// CreatedSecrets are the secrets of services that the stack creates, by name, see [Created].
	CreatedSecrets map[string]CreatedSecret

	// Permissions are what the instances may do in AWS beside what they need.
	Permissions []iampolicy.Statement

	// Software is what the instances run.
	Software Software

	// Tags are put on everything that takes tags, including instances, volumes and network interfaces.
	Tags map[string]string
}

// Validate reports every problem of the arguments.
func (a *Args) Validate() error {
	var problems invalid.List
	problems.Need("vpcId", a.VPCID != nil)
	problems.Need("imageId", a.ImageID != nil)
	problems.Need("rootDevice", a.RootDevice != nil)
	problems.Need("instanceType", a.InstanceType != "")
	_, earns := burstable.Baseline(a.InstanceType)
	switch {
	case a.CPUCredits == "":
	case a.CPUCredits != burstable.Unlimited && a.CPUCredits != burstable.Standard:
		problems.Add("cpuCredits", a.CPUCredits, "is not %s or %s", burstable.Unlimited, burstable.Standard)
	case !earns:
		problems.Add("cpuCredits", a.CPUCredits, "is not for %s, which earns no credits", a.InstanceType)
	}
	if a.RootVolumeGiB < 0 || a.RootVolumeGiB > 16384 {
		problems.Add("rootVolumeGiB", a.RootVolumeGiB, "is not between 1 and 16384, or 0 for the image's own size")
	}
	for i, from := range a.SSHFrom {
		if !from.IsValid() {
			problems.Add(fmt.Sprintf("sshFrom[%d]", i), from, "is not a range")
		}
	}
	if known, ok := a.Environment.(pulumi.StringMap); ok {
		for _, name := range slices.Sorted(maps.Keys(known)) {
			problems.Need("environment."+name, known[name] != nil)
		}
	}
	problems.Include("", a.validSecrets())
	problems.Include("software", a.validSoftware())
	return problems.Err()
}

// Egress is a way out of the instances.
type Egress struct {
	To       string // an IPv4 range, or the ID of a prefix list (pl-) or a security group (sg-)
	Port     int    // the first port
	LastPort int
	Protocol string // tcp or udp
}

// Template is a launch template with what its instances need.
type Template struct {
	pulumi.ResourceState

	// ID is the launch template's.
	ID pulumi.StringOutput

	// LatestVersion is the template's version, a number as text: it changes with every change of the instances.
	LatestVersion pulumi.StringOutput

	// SecurityGroupID is the instances' security group.
	SecurityGroupID pulumi.StringOutput

	// Bucket is the name of the bucket of the artifacts, and Objects are their keys, none where there are no artifacts.
	Bucket  pulumi.StringOutput
	Objects []string

	// Ready lists the resources that anything launching instances must depend on: the route out, the artifacts and the
	// permission to read them. Without them the first boot fails. Depending on the Template would not be enough: the Go SDK
	// learns of a component's children concurrently.
	Ready []pulumi.Resource

	account pulumi.StringOutput // the number of the account
}

// New registers a template.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Template, error) {
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	t := &Template{}
	if err := ctx.RegisterComponentResource("elastic-service:compute:Template", name, t, opts...); err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	if err := t.children(ctx, name, args); err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	return t, ctx.RegisterResourceOutputs(t, pulumi.Map{
		"id":              t.ID,
		"latestVersion":   t.LatestVersion,
		"securityGroupId": t.SecurityGroupID,
	})
}

func (t *Template) children(ctx *pulumi.Context, name string, args *Args) error {
	group, err := t.securityGroup(ctx, name, args)
	if err != nil {
		return err
	}
	software, err := t.software(ctx, name, args)
	if err != nil {
		return err
	}
	template, err := t.launchTemplate(ctx, name, args, group, software)
	if err != nil {
		return err
	}
	t.ID = template.ID().ToStringOutput()
	t.LatestVersion = template.LatestVersion.ApplyT(func(version int) string {
		return fmt.Sprint(version)
	}).(pulumi.StringOutput)
	t.SecurityGroupID = group.ID().ToStringOutput()
	return nil
}

// securityGroup creates the instances' security group. Its rules are resources of their own: groups whose inline rules name
// each other cannot be deleted.
func (t *Template) securityGroup(ctx *pulumi.Context, name string, args *Args) (*ec2.SecurityGroup, error) {
	group, err := ec2.NewSecurityGroup(ctx, name+"-instances", &ec2.SecurityGroupArgs{
		VpcId:       args.VPCID,
		Description: pulumi.String("Instances of " + name), // cannot be changed without a replacement
		Tags:        tags.Named(args.Tags, name),
	}, pulumi.Parent(t))
	if err != nil {
		return nil, err
	}
	t.account = group.OwnerId
	if err := t.wayOut(ctx, name, args, group); err != nil {
		return nil, err
	}
	_, err = sshFrom(ctx, t, name, args.SSHFrom, group, args.Tags)
	return group, err
}

// wayOut allows what an instance must reach: HTTPS, for S3, Systems Manager and the package repositories, whose addresses
// are not fixed; HTTP only with packages, for mirrors of distributions that sign packages instead of encrypting connections.
// Name resolution, time and metadata come from the VPC itself and need no rule.
func (t *Template) wayOut(ctx *pulumi.Context, name string, args *Args, group *ec2.SecurityGroup) error {
	ports := map[string]int{"https": 443}
	if len(args.Software.Packages) > 0 {
		ports["http"] = 80
	}
	for _, protocol := range slices.Sorted(maps.Keys(ports)) {
		rule, err := vpc.NewSecurityGroupEgressRule(ctx, name+"-"+protocol+"-out", &vpc.SecurityGroupEgressRuleArgs{
			SecurityGroupId: group.ID(),
			CidrIpv4:        pulumi.String("0.0.0.0/0"),
			IpProtocol:      pulumi.String("tcp"),
			FromPort:        pulumi.Int(ports[protocol]),
			ToPort:          pulumi.Int(ports[protocol]),
			Description:     pulumi.String("Artifacts, packages and AWS over " + protocol),
			Tags:            pulumi.ToStringMap(args.Tags),
		}, pulumi.Parent(t))
		if err != nil {
			return err
		}
		t.Ready = append(t.Ready, rule)
	}
	return t.furtherOut(ctx, name, args, group)
}

// sshFrom lets ranges reach port 22 of a group's members.
func sshFrom(
	ctx *pulumi.Context, parent pulumi.Resource, name string, ranges []netip.Prefix, group *ec2.SecurityGroup,
	tags map[string]string,
) ([]pulumi.Resource, error) {
	var rules []pulumi.Resource
	for _, from := range ranges {
		in := &vpc.SecurityGroupIngressRuleArgs{
			SecurityGroupId: group.ID(),
			IpProtocol:      pulumi.String("tcp"),
			FromPort:        pulumi.Int(22),
			ToPort:          pulumi.Int(22),
			Description:     pulumi.String("SSH"),
			Tags:            pulumi.ToStringMap(tags),
		}
		if from.Addr().Is4() {
			in.CidrIpv4 = pulumi.String(from.String())
		} else {
			in.CidrIpv6 = pulumi.String(from.String())
		}
		rule, err := vpc.NewSecurityGroupIngressRule(ctx, name+"-ssh-from-"+from.String(), in, pulumi.Parent(parent))
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// furtherOut allows the ways out that were asked for. They are named by their destination: a rule stays when another one goes.
func (t *Template) furtherOut(ctx *pulumi.Context, name string, args *Args, group *ec2.SecurityGroup) error {
	for _, e := range args.Egress {
		in := &vpc.SecurityGroupEgressRuleArgs{
			SecurityGroupId: group.ID(),
			IpProtocol:      pulumi.String(e.Protocol),
			FromPort:        pulumi.Int(e.Port),
			ToPort:          pulumi.Int(e.LastPort),
			Description:     pulumi.String(fmt.Sprintf("To %s over %s", e.To, e.Protocol)),
			Tags:            pulumi.ToStringMap(args.Tags),
		}
		switch {
		case strings.HasPrefix(e.To, "pl-"):
			in.PrefixListId = pulumi.String(e.To)
		case strings.HasPrefix(e.To, "sg-"):
			in.ReferencedSecurityGroupId = pulumi.String(e.To)
		default:
			in.CidrIpv4 = pulumi.String(e.To)
		}
		rule := fmt.Sprintf("%s-to-%s-%s-%d-%d", name, e.To, e.Protocol, e.Port, e.LastPort)
		made, err := vpc.NewSecurityGroupEgressRule(ctx, rule, in, pulumi.Parent(t))
		if err != nil {
			return err
		}
		t.Ready = append(t.Ready, made)
	}
	return nil
}

// installed is the software as an instance gets it.
type installed struct {
	userData pulumi.StringInput
	profile  *iam.InstanceProfile // nil where the instances need to ask AWS for nothing
}

// software uploads the artifacts and grants the instances their permissions. Without artifacts there is no bucket, and
// without permissions no role.
func (t *Template) software(ctx *pulumi.Context, name string, args *Args) (installed, error) {
	var bucket *s3.BucketV2
	var err error
	if args.Software.HasObjects() {
		if bucket, err = t.bucket(ctx, name+"-artifacts", args); err != nil {
			return installed{}, err
		}
	}
	group, err := t.logGroup(ctx, name, args)
	if err != nil {
		return installed{}, err
	}
	profile, err := t.profile(ctx, name, args, bucket, group)
	if err != nil {
		return installed{}, err
	}
	document, err := args.userDataInput(bucket)
	return installed{userData: document, profile: profile}, err
}

func (t *Template) launchTemplate(
	ctx *pulumi.Context, name string, args *Args, group *ec2.SecurityGroup, software installed,
) (*ec2.LaunchTemplate, error) {
	in := &ec2.LaunchTemplateArgs{
		Description:          pulumi.String("Instances of " + name),
		UpdateDefaultVersion: pulumi.Bool(true),
		ImageId:              args.ImageID.ToStringOutput().ToStringPtrOutput(),
		InstanceType:         pulumi.String(args.InstanceType),
		UserData:             software.userData.ToStringOutput().ToStringPtrOutput(),
		MetadataOptions: &ec2.LaunchTemplateMetadataOptionsArgs{
			HttpEndpoint: pulumi.String("enabled"),
			// Only IMDSv2, and answers do not survive a hop: traffic that is routed through the instance cannot reach its
			// credentials.
			HttpTokens:              pulumi.String("required"),
			HttpPutResponseHopLimit: pulumi.Int(1),
		},
		BlockDeviceMappings: rootVolume(args),
		NetworkInterfaces: ec2.LaunchTemplateNetworkInterfaceArray{
			&ec2.LaunchTemplateNetworkInterfaceArgs{
				AssociatePublicIpAddress: pulumi.String(fmt.Sprint(args.PublicAddress)),
				DeleteOnTermination:      pulumi.String("true"),
				SecurityGroups:           append(pulumi.StringArray{group.ID()}, pulumi.ToStringArray(args.SecurityGroupIDs)...),
			},
		},
		TagSpecifications: tagSpecifications(args.Tags, name),
		Tags:              pulumi.ToStringMap(args.Tags),
	}
	if args.CPUCredits != "" {
		in.CreditSpecification = &ec2.LaunchTemplateCreditSpecificationArgs{CpuCredits: pulumi.String(args.CPUCredits)}
	}
	if args.KeyName != "" {
		in.KeyName = pulumi.String(args.KeyName)
	}
	if args.DetailedMonitoring {
		in.Monitoring = &ec2.LaunchTemplateMonitoringArgs{Enabled: pulumi.Bool(true)}
	}
	if software.profile != nil {
		in.IamInstanceProfile = &ec2.LaunchTemplateIamInstanceProfileArgs{Arn: software.profile.Arn}
	}
	return ec2.NewLaunchTemplate(ctx, name+"-template", in, pulumi.Parent(t))
}

func rootVolume(args *Args) ec2.LaunchTemplateBlockDeviceMappingArray {
	volume := &ec2.LaunchTemplateBlockDeviceMappingEbsArgs{
		VolumeType:          pulumi.String("gp3"),
		Encrypted:           pulumi.String("true"),
		DeleteOnTermination: pulumi.String("true"),
	}
	if args.RootVolumeGiB > 0 {
		volume.VolumeSize = pulumi.Int(args.RootVolumeGiB)
	}
	return ec2.LaunchTemplateBlockDeviceMappingArray{
		&ec2.LaunchTemplateBlockDeviceMappingArgs{
			DeviceName: args.RootDevice.ToStringOutput().ToStringPtrOutput(),
			Ebs:        volume,
		},
	}
}

// tagSpecifications puts the tags on what an instance consists of, which a provider's default tags do not reach.
func tagSpecifications(given map[string]string, name string) ec2.LaunchTemplateTagSpecificationArray {
	var list ec2.LaunchTemplateTagSpecificationArray
	for _, kind := range []string{"instance", "volume", "network-interface"} {
		list = append(list, &ec2.LaunchTemplateTagSpecificationArgs{
			ResourceType: pulumi.String(kind),
			Tags:         tags.Named(given, name),
		})
	}
	return list
}
