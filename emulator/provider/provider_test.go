package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/asset"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/provider/ledger"
)

func newProvider(t *testing.T) *awsProvider {
	t.Helper()
	c, err := cloud.New("us-east-1", clockwork.NewRealClock(), func(netip.Addr) bool { return true })
	require.NoError(t, err)
	return newAWS(c, ledger.New(nil), filepath.Join(t.TempDir(), "objects"), func() error { return nil })
}

// left lists everything that exists.
func (p *awsProvider) left() []string { return slices.Concat(p.cloud.Left(), p.recorded()) }

func properties(values map[string]any) resource.PropertyMap {
	return resource.NewPropertyMapFromMap(values)
}

func name(token, logical string) urn.URN {
	return urn.New("dev", "elastic-service", "", tokens.Type(token), logical)
}

func (p *awsProvider) checked(t *testing.T, token, logical string, olds, news map[string]any) plugin.CheckResponse {
	t.Helper()
	response, err := p.Check(t.Context(), plugin.CheckRequest{
		URN: name(token, logical), Name: logical, Type: tokens.Type(token),
		Olds: properties(olds), News: properties(news), RandomSeed: []byte("seed"),
	})
	require.NoError(t, err)
	return response
}

func (p *awsProvider) created(t *testing.T, token, logical string, inputs map[string]any) plugin.CreateResponse {
	t.Helper()
	checked := p.checked(t, token, logical, nil, inputs)
	require.Empty(t, checked.Failures)
	response, err := p.Create(t.Context(), plugin.CreateRequest{
		URN: name(token, logical), Name: logical, Type: tokens.Type(token), Properties: checked.Properties,
	})
	require.NoError(t, err)
	return response
}

func TestAnUnknownTypeIsRefusedByName(t *testing.T) {
	_, err := newProvider(t).Check(t.Context(), plugin.CheckRequest{
		URN: name("aws:rds/cluster:Cluster", "db"), Type: "aws:rds/cluster:Cluster",
	})
	require.ErrorContains(t, err, "aws:rds/cluster:Cluster")
}

func TestAnUnknownPropertyIsRefusedByNameAtAnyDepth(t *testing.T) {
	failures := newProvider(t).checked(t, "aws:lb/targetGroup:TargetGroup", "tg", nil, map[string]any{
		"port": 80, "protocol": "TCP", "slowStart": 30,
		"healthCheck": map[string]any{"protocol": "TCP", "retries": 2},
	}).Failures
	require.Len(t, failures, 2)
	assert.EqualValues(t, "healthCheck.retries", failures[0].Property)
	assert.EqualValues(t, "slowStart", failures[1].Property)
	assert.Contains(t, failures[1].Reason, "slowStart of aws:lb/targetGroup:TargetGroup")
}

func TestAnUnknownFunctionIsRefusedByName(t *testing.T) {
	_, err := newProvider(t).Invoke(t.Context(), plugin.InvokeRequest{Tok: "aws:rds/getCluster:getCluster"})
	require.ErrorContains(t, err, "aws:rds/getCluster:getCluster")
}

func TestAnotherRegionThanTheEmulatorsIsRefused(t *testing.T) {
	response, err := newProvider(t).CheckConfig(t.Context(), plugin.CheckConfigRequest{
		News: properties(map[string]any{"region": "eu-west-1"}),
	})
	require.NoError(t, err)
	require.Len(t, response.Failures, 1)
	assert.Contains(t, response.Failures[0].Reason, "eu-west-1")
}

func TestNamesAreChosenAsTheRealProviderDoes(t *testing.T) {
	p := newProvider(t)
	const token = "aws:lb/targetGroup:TargetGroup"
	chosen := p.checked(t, token, "musicguru-tg", nil, map[string]any{}).Properties["name"].StringValue()
	assert.Regexp(t, `^musicguru-tg-[0-9a-f]{7}$`, chosen)

	kept := p.checked(t, token, "musicguru-tg", map[string]any{"name": "musicguru-tg-0123456"}, map[string]any{})
	assert.Equal(t, "musicguru-tg-0123456", kept.Properties["name"].StringValue())

	_, err := p.Check(t.Context(), plugin.CheckRequest{
		URN: name(token, strings.Repeat("a", 25)), Type: token, RandomSeed: []byte("seed"),
	})
	require.Error(t, err, "24 characters and 8 of Pulumi's are AWS's 32")
}

func TestPropertiesOnWhichAWSReplacesReplace(t *testing.T) {
	p := newProvider(t)
	for property, replaces := range map[string]bool{
		"port": true, "protocol": true, "vpcId": true, "name": true, "deregistrationDelay": false, "healthCheck": false,
	} {
		diff, err := p.Diff(t.Context(), plugin.DiffRequest{
			Type:      "aws:lb/targetGroup:TargetGroup",
			OldInputs: properties(map[string]any{property: "a", "same": 1}),
			NewInputs: properties(map[string]any{property: "b", "same": 1}),
		})
		require.NoError(t, err)
		assert.Equal(t, plugin.DiffSome, diff.Changes, property)
		assert.Equal(t, replaces, len(diff.ReplaceKeys) == 1, property)
	}
}

func TestEqualInputsAreNoChange(t *testing.T) {
	inputs := properties(map[string]any{"tags": map[string]any{"a": "b"}, "cidrBlock": "10.0.0.0/16"})
	diff, err := newProvider(t).Diff(t.Context(), plugin.DiffRequest{
		Type: "aws:ec2/vpc:Vpc", OldInputs: inputs, NewInputs: inputs.Copy(),
	})
	require.NoError(t, err)
	assert.Equal(t, plugin.DiffNone, diff.Changes)
}

func TestIgnoredChangesAreNone(t *testing.T) {
	diff, err := newProvider(t).Diff(t.Context(), plugin.DiffRequest{
		Type: "aws:ec2/vpc:Vpc", IgnoreChanges: []string{"tags"},
		OldInputs: properties(map[string]any{"tags": "a"}), NewInputs: properties(map[string]any{"tags": "b"}),
	})
	require.NoError(t, err)
	assert.Equal(t, plugin.DiffNone, diff.Changes)
}

func TestAnObjectIsCopiedAndOutlivesItsSource(t *testing.T) {
	p := newProvider(t)
	bucket := p.created(t, "aws:s3/bucketV2:BucketV2", "artifacts", map[string]any{"forceDestroy": true})
	file := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(file, []byte("content"), 0o600))
	source, err := asset.FromPath(file)
	require.NoError(t, err)

	p.created(t, "aws:s3/bucketObjectv2:BucketObjectv2", "program", map[string]any{
		"bucket": string(bucket.ID), "key": "k", "source": source,
	})
	require.NoError(t, os.Remove(file))
	stored, err := filepath.Glob(filepath.Join(p.objects, "*"))
	require.NoError(t, err)
	require.Len(t, stored, 1)
	content, err := os.ReadFile(stored[0])
	require.NoError(t, err)
	assert.Equal(t, "content", string(content))
}

func TestARecordedResourceIsKeptAndForgotten(t *testing.T) {
	p := newProvider(t)
	const token = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
	kind, known := KindOf(token)
	assert.True(t, known)
	assert.Equal(t, Recorded, kind)
	inputs := map[string]any{"bucket": "b", "blockPublicAcls": true}
	made := p.created(t, token, "private", inputs)
	assert.Len(t, p.left(), 1)
	_, err := p.Delete(t.Context(), plugin.DeleteRequest{Type: token, ID: made.ID, Inputs: properties(inputs)})
	require.NoError(t, err)
	assert.Empty(t, p.left())
}

// newGroup prepares what a group needs; no data plane runs, so that its instances never boot.
func newGroup(t *testing.T, p *awsProvider) map[string]any {
	t.Helper()
	vpc := p.created(t, "aws:ec2/vpc:Vpc", "v", map[string]any{"cidrBlock": "10.0.0.0/16"})
	subnet := p.created(t, "aws:ec2/subnet:Subnet", "s", map[string]any{
		"vpcId": string(vpc.ID), "cidrBlock": "10.0.0.0/24", "availabilityZone": "us-east-1a",
	})
	image, err := p.called(t, "aws:ssm/getParameter:getParameter", map[string]any{
		"name": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
	})
	require.NoError(t, err)
	template := p.created(t, "aws:ec2/launchTemplate:LaunchTemplate", "t", map[string]any{
		"imageId": image["insecureValue"], "instanceType": "t3.micro",
	})
	return map[string]any{
		"vpcZoneIdentifiers": []any{string(subnet.ID)}, "minSize": 1, "maxSize": 1,
		"launchTemplate":         map[string]any{"id": string(template.ID), "version": "1"},
		"waitForCapacityTimeout": "200ms",
	}
}

// The provider makes a version of what instances are launched from: not of the tags of the template itself, among which are the default
// tags (ec2_launch_template.go).
func TestATemplatesOwnTagsAreNoVersion(t *testing.T) {
	p := newProvider(t)
	const template = "aws:ec2/launchTemplate:LaunchTemplate"
	newGroup(t, p)
	inputs := map[string]any{"name": "other", "imageId": "ami-0e1a5c20f3d400001", "instanceType": "t3.micro", "tags": map[string]any{"a": "1"}}
	made := p.created(t, template, "other", inputs)
	versions := func() int {
		return cloud.Get(p.cloud, func(m *cloud.Model) int { return len(m.EC2.LaunchTemplates[string(made.ID)].Versions) })
	}
	tagged := map[string]any{"name": "other", "imageId": "ami-0e1a5c20f3d400001", "instanceType": "t3.micro", "tags": map[string]any{"a": "2"}}
	require.NoError(t, p.updated(t, template, made, inputs, tagged))
	assert.Equal(t, 1, versions())
	tagged["instanceType"] = "t3.small"
	require.NoError(t, p.updated(t, template, made, inputs, tagged))
	assert.Equal(t, 2, versions())
}

// The engine leaves a provider as it is unless its settings differ.
func TestOtherDefaultTagsAreADifference(t *testing.T) {
	for name, c := range map[string]struct {
		before, now any
		want        plugin.DiffChanges
	}{
		"the same":  {`{"tags":{"a":"1"}}`, `{"tags":{"a":"1"}}`, plugin.DiffNone},
		"another":   {`{"tags":{"a":"1"}}`, `{"tags":{"a":"2"}}`, plugin.DiffSome},
		"the first": {`{}`, `{"tags":{"a":"2"}}`, plugin.DiffSome},
	} {
		diff, err := newProvider(t).DiffConfig(t.Context(), plugin.DiffConfigRequest{
			OldInputs: properties(map[string]any{"region": "us-east-1", "defaultTags": c.before}),
			NewInputs: properties(map[string]any{"region": "us-east-1", "defaultTags": c.now}),
		})
		require.NoError(t, err, name)
		assert.Equal(t, c.want, diff.Changes, name)
	}
}

func TestAPreviewChangesNothing(t *testing.T) {
	p := newProvider(t)
	const vpc, template = "aws:ec2/vpc:Vpc", "aws:ec2/launchTemplate:LaunchTemplate"
	inputs := properties(map[string]any{"cidrBlock": "10.0.0.0/16"})
	previewed, err := p.Create(t.Context(), plugin.CreateRequest{
		URN: name(vpc, "v"), Name: "v", Type: vpc, Properties: inputs, Preview: true,
	})
	require.NoError(t, err)
	assert.Empty(t, previewed.ID)
	assert.Equal(t, inputs, previewed.Properties)
	assert.Empty(t, p.left())

	newGroup(t, p)
	group := p.created(t, template, "other", map[string]any{
		"imageId": "ami-0e1a5c20f3d400001", "instanceType": "t3.micro",
	})
	before := p.cloud.Version()
	news := group.Properties.Copy()
	for _, key := range []resource.PropertyKey{"arn", "latestVersion", "defaultVersion"} {
		delete(news, key)
	}
	olds := news.Copy()
	news["instanceType"] = resource.NewStringProperty("t3.small")
	updated, err := p.Update(t.Context(), plugin.UpdateRequest{
		URN: name(template, "other"), Name: "other", Type: template, ID: group.ID,
		OldInputs: olds, OldOutputs: group.Properties, NewInputs: news, Preview: true,
	})
	require.NoError(t, err)
	assert.Equal(t, before, p.cloud.Version())
	assert.Equal(t, "t3.small", updated.Properties["instanceType"].StringValue())
	assert.Equal(t, group.Properties["arn"], updated.Properties["arn"])
	assert.NotContains(t, updated.Properties, resource.PropertyKey("latestVersion"), "the group's diff must show")
}

func TestAGroupThatNeverBecomesHealthyFailsAndIsKeptToBeRepaired(t *testing.T) {
	p := newProvider(t)
	inputs := newGroup(t, p)
	const token = "aws:autoscaling/group:Group"
	checked := p.checked(t, token, "g", nil, inputs)
	require.Empty(t, checked.Failures)
	_, err := p.Create(t.Context(), plugin.CreateRequest{
		URN: name(token, "g"), Name: "g", Type: token, Properties: checked.Properties,
	})
	require.ErrorContains(t, err, "timeout while waiting for 1 healthy instances")
	details := rpcerror.Convert(err)
	require.NotNil(t, details)
	require.Len(t, details.Details(), 1)
	failed, ok := details.Details()[0].(*pulumirpc.ErrorResourceInitFailed)
	require.True(t, ok)
	assert.Equal(t, []string{failed.GetId()}, groupNames(p.cloud), "the engine keeps it in its state")
}

func TestACancelledWaitEndsAtOnce(t *testing.T) {
	p := newProvider(t)
	inputs := newGroup(t, p)
	inputs["waitForCapacityTimeout"] = "10m"
	const token = "aws:autoscaling/group:Group"
	checked := p.checked(t, token, "g", nil, inputs)
	go func() {
		for len(groupNames(p.cloud)) == 0 {
			time.Sleep(time.Millisecond)
		}
		_ = p.SignalCancellation(context.Background())
	}()
	_, err := p.Create(t.Context(), plugin.CreateRequest{
		URN: name(token, "g"), Name: "g", Type: token, Properties: checked.Properties,
	})
	require.ErrorContains(t, err, "cancelled")
}

func TestEveryTypeIsDocumentedByItsKind(t *testing.T) {
	for token, typ := range registry {
		assert.Contains(t, []Kind{Run, Recorded}, typ.kind, token)
		assert.Equal(t, typ.name != "", typ.nameMax > 0, token)
	}
	_, known := KindOf("aws:nothing/like:This")
	assert.False(t, known)
}

func configured(t *testing.T, config map[string]any) *awsProvider {
	t.Helper()
	p := newProvider(t)
	checked, err := p.CheckConfig(t.Context(), plugin.CheckConfigRequest{News: properties(config)})
	require.NoError(t, err)
	require.Empty(t, checked.Failures)
	_, err = p.Configure(t.Context(), plugin.ConfigureRequest{Inputs: checked.Properties})
	require.NoError(t, err)
	return p
}

// As in the real provider: aws:defaultTags are among the inputs of what has a map of tags, and of nothing else.
func TestDefaultTagsReachWhatHasAMapOfTags(t *testing.T) {
	p := configured(t, map[string]any{"defaultTags": `{"tags":{"team":"a","stage":"b"}}`})
	tagged := p.checked(t, "aws:ec2/vpc:Vpc", "v", nil, map[string]any{"cidrBlock": "10.0.0.0/16", "tags": map[string]any{"team": "own"}})
	assert.Equal(t, map[string]any{"team": "own", "stage": "b"}, tagged.Properties["tags"].Mappable())
	bare := p.checked(t, "aws:ec2/vpc:Vpc", "v", nil, map[string]any{"cidrBlock": "10.0.0.0/16"})
	assert.Equal(t, map[string]any{"team": "a", "stage": "b"}, bare.Properties["tags"].Mappable())
	group := p.checked(t, "aws:autoscaling/group:Group", "g", nil, map[string]any{"minSize": 1, "maxSize": 1})
	assert.NotContains(t, group.Properties, resource.PropertyKey("tags"))
}

func TestDefaultTagsCountAmongTheTenOfAnObject(t *testing.T) {
	tags := map[string]string{}
	for i := range 10 {
		tags[fmt.Sprint(i)] = "x"
	}
	text, err := json.Marshal(map[string]any{"tags": tags})
	require.NoError(t, err)
	p := configured(t, map[string]any{"defaultTags": string(text)})
	bucket := p.created(t, "aws:s3/bucketV2:BucketV2", "b", nil)
	file := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	err = p.attempt(t, "aws:s3/bucketObjectv2:BucketObjectv2", "o", map[string]any{
		"bucket": string(bucket.ID), "key": "k", "tags": map[string]any{"Service": "s"}, "source": file,
	})
	require.ErrorContains(t, err, "Object tags cannot be greater than 10: 11")
}

func TestDefaultTagsThatAreNoneAreRefused(t *testing.T) {
	for _, given := range []any{"[]", "text", 1} {
		checked, err := newProvider(t).CheckConfig(t.Context(), plugin.CheckConfigRequest{News: properties(map[string]any{"defaultTags": given})})
		require.NoError(t, err)
		require.Len(t, checked.Failures, 1, "%v", given)
		assert.Contains(t, checked.Failures[0].Reason, "aws:defaultTags is not ", "%v", given)
	}
}

// messages is an engine that keeps what a provider says.
type messages struct {
	pulumirpc.UnimplementedEngineServer

	said chan *pulumirpc.LogRequest
}

func (m *messages) Log(_ context.Context, said *pulumirpc.LogRequest) (*emptypb.Empty, error) {
	m.said <- said
	return &emptypb.Empty{}, nil
}

func TestSettingsWithoutEffectAreNamed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server, engine := grpc.NewServer(), &messages{said: make(chan *pulumirpc.LogRequest, 1)}
	pulumirpc.RegisterEngineServer(server, engine)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	p := newProvider(t)
	_, err = p.Handshake(t.Context(), plugin.ProviderHandshakeRequest{EngineAddress: listener.Addr().String()})
	require.NoError(t, err)
	_, err = p.CheckConfig(t.Context(), plugin.CheckConfigRequest{News: properties(map[string]any{
		"region": "us-east-1", "profile": "mine", "assumeRoles": "[]", "defaultTags": "{}", "version": "6.83.4",
	})})
	require.NoError(t, err)
	said := <-engine.said
	assert.Equal(t, pulumirpc.LogSeverity_WARNING, said.GetSeverity())
	assert.Equal(t, "aws:assumeRoles, aws:profile: no effect on the emulator, which has one account and is reached without credentials",
		said.GetMessage())
}

func TestKeysWithoutEffectAreThoseOfTheProviderThatAreNotHonoured(t *testing.T) {
	assert.Equal(t, []string{"aws:endpoints", "aws:profile"}, NoEffect(map[string]string{
		"aws:region": "us-east-1", "aws:defaultTags": "{}", "aws:profile": "mine", "aws:endpoints": "[]", "elastic-service:service": "web",
	}))
}
