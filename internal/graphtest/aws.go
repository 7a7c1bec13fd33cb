package graphtest

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

	"pulumi:index:Stash": {id: prefixed("stash-"), outputs: stash},

	"aws:ec2/securityGroup:SecurityGroup": {
		named: "name", limit: 255, id: prefixed("sg-"), outputs: securityGroup,
	},
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup":         {id: prefixed("sg-"), outputs: securityGroup},
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {id: prefixed("sgr-"), outputs: arn("ec2", "security-group-rule/")},
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":   {id: prefixed("sgr-"), outputs: arn("ec2", "security-group-rule/")},
	"aws:ec2/launchTemplate:LaunchTemplate":                     {named: "name", limit: 128, id: prefixed("lt-"), outputs: launchTemplate},

	"aws:ec2/vpcEndpoint:VpcEndpoint":         {id: prefixed("vpce-"), outputs: arn("ec2", "vpc-endpoint/")},
	"aws:ec2/networkAcl:NetworkAcl":           {id: prefixed("acl-"), outputs: arn("ec2", "network-acl/")},
	"aws:ec2/flowLog:FlowLog":                 {id: prefixed("fl-"), outputs: arn("ec2", "vpc-flow-log/")},
	"aws:ec2/amiFromInstance:AmiFromInstance": {named: "name", limit: 128, id: prefixed("ami-"), outputs: arn("ec2", "image/")},
	"aws:ec2/instance:Instance":               {id: prefixed("i-"), outputs: instance},

	"aws:iam/role:Role":                                 {named: "name", limit: 64, id: byName, outputs: arn("iam", "role/")},
	"aws:iam/rolePolicy:RolePolicy":                     {named: "name", limit: 128, id: byName},
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment": {id: prefixed("attachment-")},
	"aws:iam/instanceProfile:InstanceProfile":           {named: "name", limit: 128, id: byName, outputs: arn("iam", "instance-profile/")},

	"aws:cloudwatch/logGroup:LogGroup": {named: "name", limit: 512, id: byName, outputs: arn("logs", "log-group:")},

	"aws:s3/bucketV2:BucketV2": {
		named: "bucket", limit: 63, id: byName, outputs: bucket,
	},
	"aws:s3/bucketObjectv2:BucketObjectv2":                                                       {id: prefixed("object-")},
	"aws:s3/bucketPolicy:BucketPolicy":                                                           {id: prefixed("bucket-policy-")},
	"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock":                                     {id: prefixed("access-block-")},
	"aws:s3/bucketOwnershipControls:BucketOwnershipControls":                                     {id: prefixed("ownership-")},
	"aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2": {id: prefixed("encryption-")},
	"aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2":                       {id: prefixed("lifecycle-")},

	"aws:lb/loadBalancer:LoadBalancer": {named: "name", limit: 32, id: elbARN("loadbalancer/net/"), outputs: loadBalancer},
	"aws:lb/targetGroup:TargetGroup":   {named: "name", limit: 32, id: elbARN("targetgroup/"), outputs: targetGroup},
	"aws:lb/listener:Listener":         {id: elbARN("listener/net/"), outputs: idAsARN},

	"aws:route53/zone:Zone":     {named: "name", limit: 253, id: prefixed("Z"), outputs: dnsZone},
	"aws:route53/record:Record": {named: "name", limit: 253, id: prefixed("record-"), outputs: dnsRecord},

	"aws:acm/certificate:Certificate": {
		id: prefixed("arn:aws:acm:us-east-1:" + account + ":certificate/"), outputs: certificate,
	},
	"aws:acm/certificateValidation:CertificateValidation": {id: prefixed("validation-")},

	"aws:cloudwatch/dashboard:Dashboard":     {named: "dashboardName", limit: 255, id: byName, outputs: dashboard},
	"aws:cloudwatch/metricAlarm:MetricAlarm": {named: "name", limit: 255, id: byName, outputs: arn("cloudwatch", "alarm:")},

	"aws:autoscaling/group:Group":   {named: "name", limit: 255, id: byName, outputs: arn("autoscaling", "autoScalingGroup:")},
	"aws:autoscaling/policy:Policy": {named: "name", limit: 255, id: byName, outputs: arn("autoscaling", "scalingPolicy:")},

	"aws:autoscaling/schedule:Schedule":           {id: prefixed("schedule-")},
	"aws:autoscaling/lifecycleHook:LifecycleHook": {named: "name", limit: 255, id: byName},
	"aws:ssm/parameter:Parameter":                 {named: "name", limit: 1011, id: byName, outputs: arn("ssm", "parameter")},
	"aws:secretsmanager/secret:Secret": {
		named: "name", limit: 512, id: func(_, name string) string { return secretARN(name) }, outputs: idAsARN,
	},
	"aws:secretsmanager/secretVersion:SecretVersion": {id: prefixed("secret-version-"), outputs: secretVersion},
	"aws:sns/topic:Topic":                            {named: "name", limit: 256, id: arnByName("sns", ""), outputs: idAsARN},
	"aws:sns/topicPolicy:TopicPolicy":                {id: prefixed("topic-policy-")},
	"aws:sns/topicSubscription:TopicSubscription":    {id: prefixed("subscription-")},
	"aws:cloudwatch/eventRule:EventRule":             {named: "name", limit: 64, id: byName, outputs: arn("events", "rule/")},
	"aws:cloudwatch/eventTarget:EventTarget":         {id: prefixed("event-target-")},

	"aws:ecs/cluster:Cluster": {
		named: "name", limit: 255, id: arnByName("ecs", "cluster/"), outputs: idAsARN,
	},
	"aws:ecs/capacityProvider:CapacityProvider": {
		named: "name", limit: 255, id: arnByName("ecs", "capacity-provider/"), outputs: idAsARN,
	},
	"aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": {id: prefixed("providers-")},
	"aws:ecs/taskDefinition:TaskDefinition":                     {named: "family", limit: 255, id: byName, outputs: taskDefinition},
	"aws:ecs/service:Service": {
		named: "name", limit: 255, id: arnByName("ecs", "service/"), outputs: idAsARN,
	},
	"aws:appautoscaling/target:Target": {id: prefixed("target-")},
	"aws:appautoscaling/policy:Policy": {
		named: "name", limit: 255, id: byName, outputs: arn("autoscaling", "scalingPolicy:"),
	},

	"aws:rds/instance:Instance":             {named: "identifier", limit: 63, id: prefixed("db-"), outputs: database},
	"aws:rds/subnetGroup:SubnetGroup":       {named: "name", limit: 255, id: byName, outputs: arn("rds", "subgrp:")},
	"aws:rds/parameterGroup:ParameterGroup": {named: "name", limit: 255, id: byName, outputs: arn("rds", "pg:")},
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
	if known, ok := r.Outputs["id"]; ok && k.id != nil {
		id = known.StringValue()
	}
	return id, nil
}

// name returns the physical name: the name that was asked for, or an automatic name.
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

func securityGroup(_ *World, _ *Resource, id string, out resource.PropertyMap) {
	out["arn"] = resource.NewProperty("arn:aws:ec2:us-east-1:" + account + ":security-group/" + id)
	out["ownerId"] = resource.NewProperty(account)
}

func arnByName(service, path string) func(hash, name string) string {
	return func(_, name string) string {
		return "arn:aws:" + service + ":us-east-1:" + account + ":" + path + name
	}
}

func idAsARN(_ *World, _ *Resource, id string, out resource.PropertyMap) {
	out["arn"] = resource.NewProperty(id)
}

// stash answers for Pulumi's own type, which keeps its first input.
func stash(w *World, r *Resource, _ string, out resource.PropertyMap) {
	out["output"] = out["input"]
	if kept, ok := w.Kept[r.Name]; ok {
		out["output"] = resource.NewPropertyValue(kept)
	}
}

func bucket(_ *World, _ *Resource, id string, out resource.PropertyMap) {
	out["arn"] = resource.NewProperty("arn:aws:s3:::" + id)
}

func launchTemplate(_ *World, _ *Resource, id string, out resource.PropertyMap) {
	out["arn"] = resource.NewProperty("arn:aws:ec2:us-east-1:" + account + ":launch-template/" + id)
	out["latestVersion"] = resource.NewProperty(7.0)
}

func loadBalancer(w *World, r *Resource, id string, out resource.PropertyMap) {
	if typ, ok := r.Inputs["loadBalancerType"]; ok && typ.StringValue() == "application" {
		id = strings.Replace(id, "loadbalancer/net/", "loadbalancer/app/", 1)
		out["id"] = resource.NewProperty(id)
	}
	idAsARN(w, r, id, out)
	out["arnSuffix"] = resource.NewProperty(id[strings.Index(id, "loadbalancer/")+len("loadbalancer/"):])
	out["dnsName"] = resource.NewProperty(out["name"].StringValue() + "-" + hash(r.Name)[:16] + ".elb.us-east-1.amazonaws.com")
	out["zoneId"] = resource.NewProperty("ZELB" + hash("zone of " + r.Name)[:12])
}

func targetGroup(w *World, r *Resource, id string, out resource.PropertyMap) {
	idAsARN(w, r, id, out)
	out["arnSuffix"] = resource.NewProperty(id[strings.Index(id, "targetgroup/"):])
}

func dnsZone(_ *World, r *Resource, id string, out resource.PropertyMap) {
	out["zoneId"] = resource.NewProperty(id)
	out["arn"] = resource.NewProperty("arn:aws:route53:::hostedzone/" + id)
	var servers []resource.PropertyValue
	for i := range 4 {
		servers = append(servers, resource.NewProperty(fmt.Sprintf("ns-%s-%d.awsdns.example", hash(r.Name)[:8], i)))
	}
	out["nameServers"] = resource.NewProperty(servers)
}

func dnsRecord(_ *World, _ *Resource, _ string, out resource.PropertyMap) {
	out["fqdn"] = resource.NewProperty(strings.TrimSuffix(out["name"].StringValue(), "."))
}

// certificate asks for the proof of its name as ACM does, the record's name with a final dot.
func certificate(w *World, r *Resource, id string, out resource.PropertyMap) {
	idAsARN(w, r, id, out)
	name := r.Inputs["domainName"].StringValue()
	out["domainValidationOptions"] = resource.NewProperty([]resource.PropertyValue{resource.NewProperty(resource.PropertyMap{
		"domainName":          resource.NewProperty(name),
		"resourceRecordName":  resource.NewProperty("_" + hash(name) + "." + name + "."),
		"resourceRecordType":  resource.NewProperty("CNAME"),
		"resourceRecordValue": resource.NewProperty("_" + hash("proof of "+name) + ".acm-validations.aws."),
	})})
}

func dashboard(_ *World, _ *Resource, id string, out resource.PropertyMap) {
	out["dashboardArn"] = resource.NewProperty("arn:aws:cloudwatch::" + account + ":dashboard/" + id)
}

func instance(_ *World, _ *Resource, id string, out resource.PropertyMap) {
	out["arn"] = resource.NewProperty("arn:aws:ec2:us-east-1:" + account + ":instance/" + id)
	out["privateIp"] = resource.NewProperty("192.168.0.10")
	out["publicIp"] = resource.NewProperty("203.0.113.10")
}

func taskDefinition(_ *World, _ *Resource, id string, out resource.PropertyMap) {
	out["arn"] = resource.NewProperty("arn:aws:ecs:us-east-1:" + account + ":task-definition/" + id + ":1")
}

func secretARN(name string) string {
	return "arn:aws:secretsmanager:us-east-1:" + account + ":secret:" + name + "-AbCdEf"
}

func secretVersion(_ *World, _ *Resource, id string, out resource.PropertyMap) {
	out["versionId"] = resource.NewProperty(id)
}

// database keeps a secret of its own where it is asked to manage the password.
func database(_ *World, r *Resource, _ string, out resource.PropertyMap) {
	name := out["identifier"].StringValue()
	out["arn"] = resource.NewProperty("arn:aws:rds:us-east-1:" + account + ":db:" + name)
	out["address"] = resource.NewProperty(name + ".c" + hash(r.Name)[:11] + ".us-east-1.rds.amazonaws.com")
	out["engineVersionActual"] = out["engineVersion"]
	if managed, ok := r.Inputs["manageMasterUserPassword"]; ok && managed.BoolValue() {
		secret := secretARN("rds!db-" + hash(name))
		out["masterUserSecrets"] = resource.NewProperty([]resource.PropertyValue{
			resource.NewProperty(resource.PropertyMap{"secretArn": resource.NewProperty(secret)}),
		})
	}
}

// vpc answers for the remote component, whose children the provider registers.
func vpc(_ *World, r *Resource, _ string, out resource.PropertyMap) {
	out["vpcId"] = resource.NewProperty("vpc-" + hash(r.Name))
	ids := map[string][]resource.PropertyValue{"Public": {}, "Private": {}, "Isolated": {}}
	for _, spec := range r.Inputs["subnetSpecs"].ArrayValue() {
		kind := spec.ObjectValue()["type"].StringValue()
		of := r.Name
		if kind != "Public" {
			of += kind
		}
		for _, zone := range r.Inputs["availabilityZoneNames"].ArrayValue() {
			ids[kind] = append(ids[kind], resource.NewProperty("subnet-"+hash(of+zone.StringValue())))
		}
	}
	out["publicSubnetIds"] = resource.NewProperty(ids["Public"])
	out["privateSubnetIds"] = resource.NewProperty(ids["Private"])
	out["isolatedSubnetIds"] = resource.NewProperty(ids["Isolated"])
}

// answer returns AWS's answer to an invoke.
func (w *World) answer(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	switch args.Token {
	case "aws:index/getAvailabilityZones:getAvailabilityZones":
		return resource.NewPropertyMapFromMap(map[string]any{"id": "us-east-1", "names": slices.Clone(w.Zones)}), nil
	case "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings":
		return w.offerings(args.Args)
	case "aws:ssm/getParameter:getParameter":
		ami := "ami-" + hash(args.Args["name"].StringValue())
		return resource.NewPropertyMapFromMap(map[string]any{"id": ami, "type": "String", "insecureValue": ami}), nil
	case "aws:ec2/getAmi:getAmi":
		return w.image(args.Args)
	case "aws:ec2/getInstance:getInstance":
		id := args.Args["instanceId"].StringValue()
		return resource.NewPropertyMapFromMap(map[string]any{
			"id": id, "instanceId": id, "ami": "ami-" + hash(id), "instanceType": "t3.micro", "instanceState": "running",
			"rootBlockDevices": []any{map[string]any{"deviceName": w.Image.RootDevice, "volumeSize": w.Image.RootGiB}},
		}), nil
	case "aws:ec2/getRouteTable:getRouteTable":
		return w.routeTable(args.Args), nil
	default:
		if found, err := w.network(args.Token, args.Args); found != nil || err != nil {
			return resource.NewPropertyMapFromMap(found), err
		}
		return nil, fmt.Errorf("%s: the recorder does not know this function", args.Token)
	}
}

// offerings lists each zone for each of the types that are asked for.
func (w *World) offerings(args resource.PropertyMap) (resource.PropertyMap, error) {
	var types, zones []string
	for _, filter := range args["filters"].ArrayValue() {
		if name := filter.ObjectValue()["name"].StringValue(); name != "instance-type" {
			return nil, fmt.Errorf("getInstanceTypeOfferings: the recorder does not know the filter %s", name)
		}
		for _, typ := range filter.ObjectValue()["values"].ArrayValue() {
			for _, zone := range w.Zones {
				if !slices.Contains(w.Lacks, zone) {
					types, zones = append(types, typ.StringValue()), append(zones, zone)
				}
			}
		}
	}
	return resource.NewPropertyMapFromMap(map[string]any{"id": "us-east-1", "instanceTypes": types, "locations": zones}), nil
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
