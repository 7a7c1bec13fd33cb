package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const account = "123456789012"

// suffix is how many characters Pulumi's auto-naming adds to a logical name: a dash and seven hexadecimal digits.
const suffix = 8

// kind is what is known of a resource type.
type kind struct {
	// named is the property that holds the physical name, limit AWS's limit of its length. Types without a name of their
	// own have neither.
	named string
	limit int

	// id makes the resource's ID from a stable hash of it and its physical name.
	id func(hash, name string) string

	// outputs adds what AWS computes.
	outputs func(w *World, r *Resource, id string, out resource.PropertyMap)
}

var kinds = map[string]kind{
	"awsx:ec2:Vpc": {outputs: vpc},

	"aws:ec2/securityGroup:SecurityGroup":                       {named: "name", limit: 255, id: prefixed("sg-"), outputs: arn("ec2", "security-group/")},
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {id: prefixed("sgr-"), outputs: arn("ec2", "security-group-rule/")},
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":   {id: prefixed("sgr-"), outputs: arn("ec2", "security-group-rule/")},
	"aws:ec2/launchTemplate:LaunchTemplate":                     {named: "name", limit: 128, id: prefixed("lt-"), outputs: launchTemplate},

	"aws:iam/role:Role":                       {named: "name", limit: 64, id: byName, outputs: arn("iam", "role/")},
	"aws:iam/rolePolicy:RolePolicy":           {named: "name", limit: 128, id: byName},
	"aws:iam/instanceProfile:InstanceProfile": {named: "name", limit: 128, id: byName, outputs: arn("iam", "instance-profile/")},

	"aws:s3/bucketV2:BucketV2":                                                                   {named: "bucket", limit: 63, id: byName, outputs: bucket},
	"aws:s3/bucketObjectv2:BucketObjectv2":                                                       {id: prefixed("object-")},
	"aws:s3/bucketPolicy:BucketPolicy":                                                           {id: prefixed("bucket-policy-")},
	"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock":                                     {id: prefixed("access-block-")},
	"aws:s3/bucketOwnershipControls:BucketOwnershipControls":                                     {id: prefixed("ownership-")},
	"aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2": {id: prefixed("encryption-")},

	"aws:lb/loadBalancer:LoadBalancer": {named: "name", limit: 32, id: elbARN("loadbalancer/net/"), outputs: loadBalancer},
	"aws:lb/targetGroup:TargetGroup":   {named: "name", limit: 32, id: elbARN("targetgroup/"), outputs: idAsARN},
	"aws:lb/listener:Listener":         {id: elbARN("listener/net/"), outputs: idAsARN},

	"aws:autoscaling/group:Group":   {named: "name", limit: 255, id: byName, outputs: arn("autoscaling", "autoScalingGroup:")},
	"aws:autoscaling/policy:Policy": {named: "name", limit: 255, id: byName, outputs: arn("autoscaling", "scalingPolicy:")},
}

// create fills in a resource's outputs as AWS would, or refuses it.
func (w *World) create(r *Resource) (id string, err error) {
	r.Outputs = r.Inputs.Copy()
	if !r.Custom && !r.Remote && strings.HasPrefix(r.Type, project+":") {
		return "", nil
	}
	k, ok := kinds[r.Type]
	if !ok {
		return "", fmt.Errorf("%s %s: the recorder does not know this type", r.Type, r.Name)
	}
	name := r.Name
	if k.named != "" {
		if name, err = k.name(r); err != nil {
			return "", err
		}
		r.Outputs[resource.PropertyKey(k.named)] = resource.NewProperty(name)
	}
	if k.id != nil {
		id = k.id(hash(r.Type+" "+r.Name), name)
		r.Outputs["id"] = resource.NewProperty(id)
	}
	if k.outputs != nil {
		k.outputs(w, r, id, r.Outputs)
	}
	return id, nil
}

// name is the physical name: the one asked for, or an automatic one.
func (k kind) name(r *Resource) (string, error) {
	name := r.Name + "-" + hash(r.Name)[:suffix-1]
	if chosen, ok := r.Inputs[resource.PropertyKey(k.named)]; ok {
		name = chosen.StringValue()
	}
	if len(name) > k.limit {
		return "", fmt.Errorf("%s %s: its name %q is longer than %d characters", r.Type, r.Name, name, k.limit)
	}
	return name, nil
}

func hash(of string) string {
	sum := sha256.Sum256([]byte(of))
	return hex.EncodeToString(sum[:])[:17]
}

func prefixed(prefix string) func(hash, name string) string {
	return func(hash, _ string) string { return prefix + hash }
}

func byName(_, name string) string { return name }

func elbARN(kind string) func(hash, name string) string {
	return func(hash, name string) string {
		return "arn:aws:elasticloadbalancing:us-east-1:" + account + ":" + kind + name + "/" + hash[:16]
	}
}

func arn(service, path string) func(*World, *Resource, string, resource.PropertyMap) {
	region := "us-east-1"
	if service == "iam" {
		region = ""
	}
	return func(_ *World, _ *Resource, id string, out resource.PropertyMap) {
		out["arn"] = resource.NewProperty("arn:aws:" + service + ":" + region + ":" + account + ":" + path + id)
	}
}

func idAsARN(_ *World, _ *Resource, id string, out resource.PropertyMap) {
	out["arn"] = resource.NewProperty(id)
}

func bucket(_ *World, _ *Resource, id string, out resource.PropertyMap) {
	out["arn"] = resource.NewProperty("arn:aws:s3:::" + id)
}

func launchTemplate(_ *World, _ *Resource, id string, out resource.PropertyMap) {
	out["arn"] = resource.NewProperty("arn:aws:ec2:us-east-1:" + account + ":launch-template/" + id)
	out["latestVersion"] = resource.NewProperty(7.0)
}

func loadBalancer(w *World, r *Resource, id string, out resource.PropertyMap) {
	idAsARN(w, r, id, out)
	out["dnsName"] = resource.NewProperty(out["name"].StringValue() + "-" + hash(r.Name)[:16] + ".elb.us-east-1.amazonaws.com")
}

// vpc answers for the remote component: its children are the provider's business and not seen here.
func vpc(_ *World, r *Resource, _ string, out resource.PropertyMap) {
	out["vpcId"] = resource.NewProperty("vpc-" + hash(r.Name))
	var public []resource.PropertyValue
	for _, zone := range r.Inputs["availabilityZoneNames"].ArrayValue() {
		public = append(public, resource.NewProperty("subnet-"+hash(r.Name+zone.StringValue())))
	}
	out["publicSubnetIds"] = resource.NewProperty(public)
	out["privateSubnetIds"] = resource.NewProperty([]resource.PropertyValue{})
}

// answer is what AWS says to an invoke.
func (w *World) answer(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	switch args.Token {
	case "aws:index/getAvailabilityZones:getAvailabilityZones":
		return resource.NewPropertyMapFromMap(map[string]any{"id": "us-east-1", "names": slices.Clone(w.Zones)}), nil
	case "aws:ssm/getParameter:getParameter":
		ami := "ami-" + hash(args.Args["name"].StringValue())
		return resource.NewPropertyMapFromMap(map[string]any{"id": ami, "type": "String", "insecureValue": ami}), nil
	case "aws:ec2/getAmi:getAmi":
		return w.image(args.Args)
	default:
		return nil, fmt.Errorf("%s: the recorder does not know this function", args.Token)
	}
}

func (w *World) image(args resource.PropertyMap) (resource.PropertyMap, error) {
	for _, filter := range args["filters"].ArrayValue() {
		if filter.ObjectValue()["name"].StringValue() != "image-id" {
			continue
		}
		id := filter.ObjectValue()["values"].ArrayValue()[0].StringValue()
		return resource.NewPropertyMapFromMap(map[string]any{
			"id": id, "imageId": id,
			"architecture":   w.Image.Architecture,
			"rootDeviceName": w.Image.RootDevice,
			"rootDeviceType": w.Image.RootType,
			"blockDeviceMappings": []any{map[string]any{
				"deviceName": w.Image.RootDevice,
				"ebs":        map[string]any{"volume_size": strconv.Itoa(w.Image.RootGiB)},
			}},
		}), nil
	}
	return nil, fmt.Errorf("getAmi: no filter for an image-id")
}
