package compute

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"sort"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
	"github.com/elastic-service/elastic-service/internal/userdatatest"
	"github.com/elastic-service/elastic-service/userdata"
)

var (
	hashA = strings.Repeat("a", 64)
	hashB = strings.Repeat("b", 64)
)

func args() *Args {
	return &Args{
		VPCID:         pulumi.String("vpc-1"),
		ImageID:       pulumi.String("ami-1"),
		RootDevice:    pulumi.String("/dev/sda1"),
		RootVolumeGiB: 8,
		InstanceType:  "t3.micro",
		PublicAddress: true,
		Software: Software{
			Region: "us-east-1",
			Artifacts: []File{
				{Path: "/usr/local/bin/musicguru", Source: "/dev/null", SHA256: hashA},
				{Path: "/opt/songs", Source: "/dev/null", SHA256: hashB},
			},
			Services: []userdata.Service{{Name: "musicguru", Command: []string{"/usr/local/bin/musicguru", "serve"}, Port: 5000}},
		},
		Tags: map[string]string{"Service": "musicguru"},
	}
}

func deploy(t *testing.T, args *Args) (*graphtest.Graph, error) {
	return graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		_, err := New(ctx, "musicguru", args)
		return err
	})
}

func mustDeploy(t *testing.T, args *Args) *graphtest.Graph {
	g, err := deploy(t, args)
	require.NoError(t, err)
	return g
}

func TestBadArgumentsRegisterNothing(t *testing.T) {
	graphtest.Refuses(t, args, deploy, []graphtest.Refusal[Args]{
		{
			Name:   "a retention that CloudWatch Logs does not have",
			Change: func(a *Args) { a.Software.Logs = &Logs{Group: "/a", Retention: 2} },
			Want:   "software.logs.retention: 2 is not one of [1 3 5",
		},
		{
			Name:   "logs without a group",
			Change: func(a *Args) { a.Software.Logs = &Logs{Retention: 1} },
			Want:   "software.logs.group: a value is needed",
		},
		{Name: "no VPC", Change: func(a *Args) { a.VPCID = nil }, Want: "vpcId: a value is needed"},
		{Name: "no image", Change: func(a *Args) { a.ImageID = nil }, Want: "imageId: a value is needed"},
		{Name: "no root device", Change: func(a *Args) { a.RootDevice = nil }, Want: "rootDevice: a value is needed"},
		{Name: "no instance type", Change: func(a *Args) { a.InstanceType = "" }, Want: "instanceType: a value is needed"},
		{
			Name: "another option for CPU credits", Change: func(a *Args) { a.CPUCredits = "some" },
			Want: `cpuCredits: "some" is not unlimited or standard`,
		},
		{
			Name: "CPU credits of a type without", Change: func(a *Args) { a.InstanceType, a.CPUCredits = "m5.large", "standard" },
			Want: `cpuCredits: "standard" is not for m5.large, which earns no credits`,
		},
		{Name: "a negative root volume", Change: func(a *Args) { a.RootVolumeGiB = -1 }, Want: "rootVolumeGiB: -1 is not between 1 and 16384"},
		{Name: "SSH from nowhere", Change: func(a *Args) { a.SSHFrom = []netip.Prefix{{}} }, Want: "sshFrom[0]: invalid Prefix is not a range"},
		{
			Name:   "an artifact without file",
			Change: func(a *Args) { a.Software.Artifacts[1].Source = "" },
			Want:   "software.artifacts[1].source: a local file is needed",
		},
		{Name: "an artifact without hash", Change: func(a *Args) { a.Software.Artifacts[0].SHA256 = "" }, Want: "software.artifacts[0].sha256: "},
		{Name: "a bad service", Change: func(a *Args) { a.Software.Services[0].Command = nil }, Want: "software.services[0].command: "},
	})
}

// The user data must fit whatever name the bucket gets, so the longest one counts.
func TestUserDataThatOnlyAShortBucketNameKeepsWithinTheLimitIsRefused(t *testing.T) {
	a := args()
	service := &a.Software.Services[0]
	tooLarge := func(padding int) bool {
		service.Environment = map[string]string{"PADDING": userdatatest.Incompressible(padding)}
		return a.Validate() != nil
	}
	tooLarge(sort.Search(2*userdata.MaxBytes, tooLarge))
	_, err := a.userData(late{bucket: "abc"})
	require.NoError(t, err)
	g, err := deploy(t, a)
	require.ErrorContains(t, err, "software: ")
	require.ErrorContains(t, err, "16384")
	assert.Empty(t, g.Resources)
}

func TestBucketIsPrivateEncryptedAndGoneWithTheStack(t *testing.T) {
	g := mustDeploy(t, args())
	bucket := g.Find("BucketV2", "musicguru-artifacts")
	name, arn := bucket.Outputs["bucket"].StringValue(), bucket.Outputs["arn"].StringValue()
	assert.True(t, bucket.Inputs["forceDestroy"].BoolValue())
	assert.Equal(t, map[string]any{
		"bucket": name, "blockPublicAcls": true, "blockPublicPolicy": true, "ignorePublicAcls": true, "restrictPublicBuckets": true,
	}, g.Find("BucketPublicAccessBlock", "musicguru-artifacts-private").Inputs.Mappable())
	assert.Equal(t, map[string]any{
		"bucket": name, "rule": map[string]any{"objectOwnership": "BucketOwnerEnforced"},
	}, g.Find("BucketOwnershipControls", "musicguru-artifacts-ownership").Inputs.Mappable())
	assert.Equal(t, map[string]any{
		"bucket": name,
		"rules":  []any{map[string]any{"applyServerSideEncryptionByDefault": map[string]any{"sseAlgorithm": "AES256"}}},
	}, g.OfType("BucketServerSideEncryptionConfigurationV2")[0].Inputs.Mappable())
	assert.JSONEq(t, fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{
		"Sid": "TLSOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["%s", "%s/*"],
		"Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}`, arn, arn),
		g.Find("BucketPolicy", "musicguru-artifacts-tls").Inputs["policy"].StringValue())
}

// S3 answers OperationAborted to concurrent changes of a bucket's access.
func TestChangesOfTheBucketsAccessFollowEachOther(t *testing.T) {
	g := mustDeploy(t, args())
	private, owned, tls := g.OfType("BucketPublicAccessBlock")[0], g.OfType("BucketOwnershipControls")[0], g.OfType("BucketPolicy")[0]
	assert.True(t, g.Reaches(owned, private))
	assert.True(t, g.Reaches(tls, owned))
	for _, object := range g.OfType("BucketObjectv2") {
		assert.True(t, g.Reaches(tls, object), object.Name)
	}
}

func TestARoleReadsTheArtifactsOfThisAndFormerReleases(t *testing.T) {
	g := mustDeploy(t, args())
	arn := g.Find("BucketV2", "musicguru-artifacts").Outputs["arn"].StringValue()
	role := g.Find("Role", "musicguru-role")
	policy := g.Find("RolePolicy", "musicguru-read-artifacts")
	assert.Equal(t, role.Outputs["name"], policy.Inputs["role"])
	assert.JSONEq(t, fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{
		"Sid": "ReadArtifacts", "Effect": "Allow", "Action": ["s3:GetObject"],
		"Resource": "%s/artifacts/*"}]}`, arn),
		policy.Inputs["policy"].StringValue())
	assert.JSONEq(t, `{"Version": "2012-10-17", "Statement": [{
		"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}`,
		role.Inputs["assumeRolePolicy"].StringValue())
	assert.Len(t, g.OfType("RolePolicy"), 1)
}

func TestUserDataNamesTheObjectsThatThePolicyAllows(t *testing.T) {
	g := mustDeploy(t, args())
	objects := g.OfType("BucketObjectv2")
	require.Len(t, objects, 2)
	document := graphtest.UserData(g.OfType("LaunchTemplate")[0])
	policy := g.OfType("RolePolicy")[0].Inputs["policy"].StringValue()
	for _, object := range objects {
		key := object.Inputs["key"].StringValue()
		assert.Contains(t, document, key)
		assert.Contains(t, policy, "/artifacts/*")
		assert.True(t, strings.HasPrefix(key, "artifacts/"), key)
		assert.True(t, object.RetainOnDelete, "an instance of the former version may be launched")
		assert.True(t, object.Inputs["source"].IsAsset())
	}
	assert.Contains(t, document, g.OfType("BucketV2")[0].Outputs["bucket"].StringValue())
}

func TestWithoutArtifactsThereIsNeitherBucketNorRole(t *testing.T) {
	a := args()
	a.Software.Artifacts = nil
	a.Software.Services[0].Command = []string{"/usr/bin/true"}
	g := mustDeploy(t, a)
	var types []string
	for _, r := range g.Custom() {
		types = append(types, r.Type[strings.LastIndex(r.Type, ":")+1:])
	}
	assert.Equal(t, []string{"LaunchTemplate", "SecurityGroup", "SecurityGroupEgressRule"}, types)
	template := g.OfType("LaunchTemplate")[0]
	assert.NotContains(t, template.Inputs, resource.PropertyKey("iamInstanceProfile"))
	assert.Contains(t, graphtest.UserData(template), "#cloud-config")
}

func TestInstancesAreLaunchedSafely(t *testing.T) {
	g := mustDeploy(t, args())
	template := g.Find("LaunchTemplate", "musicguru-template")
	in := template.Inputs.Copy()
	encoded := in["userData"].StringValue()
	delete(in, "userData")
	tags := map[string]any{"Service": "musicguru"}
	named := map[string]any{"Service": "musicguru", "Name": "musicguru"}
	assert.Equal(t, map[string]any{
		"description":          "Instances of musicguru",
		"updateDefaultVersion": true,
		"imageId":              "ami-1",
		"instanceType":         "t3.micro",
		"iamInstanceProfile":   map[string]any{"arn": g.OfType("InstanceProfile")[0].Outputs["arn"].StringValue()},
		"metadataOptions":      map[string]any{"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1.0},
		"blockDeviceMappings": []any{map[string]any{
			"deviceName": "/dev/sda1",
			"ebs":        map[string]any{"volumeType": "gp3", "volumeSize": 8.0, "encrypted": "true", "deleteOnTermination": "true"},
		}},
		"networkInterfaces": []any{map[string]any{
			"associatePublicIpAddress": "true", "deleteOnTermination": "true",
			"securityGroups": []any{g.Find("SecurityGroup", "musicguru-instances").Outputs["id"].StringValue()},
		}},
		"tagSpecifications": []any{
			map[string]any{"resourceType": "instance", "tags": named},
			map[string]any{"resourceType": "volume", "tags": named},
			map[string]any{"resourceType": "network-interface", "tags": named},
		},
		"tags": tags,
	}, in.Mappable())
	document, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(document), "#cloud-config\n"))
}

func TestKeyPairCreditsAndPrivateAddressesAreAsAskedFor(t *testing.T) {
	a := args()
	a.KeyName, a.PublicAddress, a.CPUCredits = "mine", false, "standard"
	in := mustDeploy(t, a).OfType("LaunchTemplate")[0].Inputs
	assert.Equal(t, map[string]any{"cpuCredits": "standard"}, in["creditSpecification"].Mappable())
	assert.Equal(t, "mine", in["keyName"].StringValue())
	assert.Equal(t, "false", in["networkInterfaces"].ArrayValue()[0].ObjectValue()["associatePublicIpAddress"].StringValue())
}

func TestVersionIsANumberAsText(t *testing.T) {
	var version string
	_, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		template, err := New(ctx, "musicguru", args())
		if err == nil {
			template.LatestVersion.ApplyT(func(v string) string { version = v; return v })
		}
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, "7", version)
}

func TestInstancesReachHTTPSAndHTTPOnlyForPackages(t *testing.T) {
	for name, test := range map[string]struct {
		packages []string
		want     []string
	}{
		"artifacts need S3":              {nil, []string{"443 0.0.0.0/0"}},
		"packages may come from mirrors": {[]string{"htop"}, []string{"80 0.0.0.0/0", "443 0.0.0.0/0"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := args()
			a.Software.Packages = test.packages
			var got []string
			for _, rule := range mustDeploy(t, a).OfType("SecurityGroupEgressRule") {
				assert.Equal(t, rule.Inputs["fromPort"], rule.Inputs["toPort"])
				got = append(got, fmt.Sprintf("%v %s", rule.Inputs["toPort"].NumberValue(), rule.Inputs["cidrIpv4"].StringValue()))
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestSSHIsOpenToNamedRangesOnly(t *testing.T) {
	assert.Empty(t, mustDeploy(t, args()).OfType("SecurityGroupIngressRule"))
	a := args()
	a.SSHFrom = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/48")}
	g := mustDeploy(t, a)
	rules := g.OfType("SecurityGroupIngressRule")
	require.Len(t, rules, 2)
	assert.Equal(t, "2001:db8::/48", rules[0].Inputs["cidrIpv6"].StringValue())
	assert.Equal(t, "203.0.113.0/24", rules[1].Inputs["cidrIpv4"].StringValue())
	for _, rule := range rules {
		assert.Equal(t, 22, int(rule.Inputs["fromPort"].NumberValue()))
		assert.Equal(t, 22, int(rule.Inputs["toPort"].NumberValue()))
	}
}

func TestRulesAreResourcesOfTheirOwn(t *testing.T) {
	group := mustDeploy(t, args()).OfType("SecurityGroup")[0]
	assert.NotContains(t, group.Inputs, resource.PropertyKey("ingress"))
	assert.NotContains(t, group.Inputs, resource.PropertyKey("egress"))
}

func TestReadyIsAllThatAFirstBootNeeds(t *testing.T) {
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		template, err := New(ctx, "musicguru", args())
		if err != nil {
			return err
		}
		return ctx.RegisterComponentResource("elastic-service:test:Launcher", "launcher", &pulumi.ResourceState{},
			pulumi.DependsOn(template.Ready))
	})
	require.NoError(t, err)
	launcher := g.Find("Launcher", "launcher")
	for _, typ := range []string{"BucketObjectv2", "RolePolicy", "SecurityGroupEgressRule"} {
		for _, needed := range g.OfType(typ) {
			assert.True(t, g.Reaches(launcher, needed), needed.Name)
		}
	}
}

func TestPolicyDocumentsAreDeterministicJSON(t *testing.T) {
	first, err := readArtifacts("arn:aws:s3:::b")
	require.NoError(t, err)
	second, err := readArtifacts("arn:aws:s3:::b")
	require.NoError(t, err)
	assert.Equal(t, first, second)
	assert.True(t, json.Valid([]byte(first)))
}
