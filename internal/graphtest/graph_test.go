package graphtest

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type component struct{ pulumi.ResourceState }

// chain registers a component with a security group, a balancer that uses it and a target group that waits for it.
func chain(ctx *pulumi.Context) error {
	c := &component{}
	if err := ctx.RegisterComponentResource("elastic-service:test:Chain", "chain", c); err != nil {
		return err
	}
	group, err := ec2.NewSecurityGroup(ctx, "group", &ec2.SecurityGroupArgs{Description: pulumi.String("x")}, pulumi.Parent(c))
	if err != nil {
		return err
	}
	_, err = lb.NewLoadBalancer(ctx, "balancer", &lb.LoadBalancerArgs{
		SecurityGroups: pulumi.StringArray{group.ID()},
	}, pulumi.Parent(c))
	if err != nil {
		return err
	}
	_, err = lb.NewTargetGroup(ctx, "targets", &lb.TargetGroupArgs{
		Port: pulumi.Int(80),
	}, pulumi.Parent(c), pulumi.DependsOn([]pulumi.Resource{group}), pulumi.DeleteBeforeReplace(true))
	return err
}

func mustRun(t *testing.T, program pulumi.RunFunc) *Graph {
	t.Helper()
	g, err := Run(t, World{}, program)
	require.NoError(t, err)
	return g
}

func TestParentsEdgesAndOptionsAreRecorded(t *testing.T) {
	g := mustRun(t, chain)
	top := g.Find("elastic-service:test:Chain", "chain")
	group, balancer, targets := g.Find("SecurityGroup", "group"), g.Find("LoadBalancer", "balancer"), g.Find("TargetGroup", "targets")
	assert.Equal(t, []*Resource{group, balancer, targets}, g.Descendants(top))
	assert.Equal(t, []*Resource{group, balancer, targets}, g.Custom())
	assert.Same(t, top, g.Top(balancer))
	assert.Equal(t, []*Resource{group}, g.InputFrom(balancer, "securityGroups"))
	assert.Equal(t, []*Resource{group}, g.Dependencies(targets))
	assert.Empty(t, g.InputsFrom(targets))
	assert.True(t, g.Reaches(targets, group))
	assert.False(t, g.Reaches(group, targets))
	assert.False(t, g.Reaches(targets, balancer))
	assert.True(t, targets.DeleteBeforeReplace)
	assert.False(t, balancer.DeleteBeforeReplace)
}

func TestCriticalPathIsTheLongestChain(t *testing.T) {
	g := mustRun(t, chain)
	cost := func(r *Resource) time.Duration {
		return map[string]time.Duration{"group": 3, "balancer": 160, "targets": 1}[r.Name]
	}
	path, total := g.CriticalPath(cost, g.InputsFrom)
	assert.EqualValues(t, 163, total)
	require.Len(t, path, 2)
	assert.Equal(t, []string{"group", "balancer"}, []string{path[0].Name, path[1].Name})
}

func TestTextShowsSourcesByNameAndHidesIdentifiers(t *testing.T) {
	assert.Equal(t, `aws:ec2/securityGroup:SecurityGroup group
  in elastic-service:test:Chain chain
  description: "x"

aws:lb/loadBalancer:LoadBalancer balancer
  in elastic-service:test:Chain chain
  securityGroups: ["${group.id}"]  <- group

aws:lb/targetGroup:TargetGroup targets
  in elastic-service:test:Chain chain
  after group
  port: 80

elastic-service:test:Chain chain

`, mustRun(t, chain).Text())
}

func TestTextDecodesUserDataAndNumbersHashes(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	document := base64.StdEncoding.EncodeToString([]byte("#cloud-config\n\nsum: " + hash + "\n"))
	g := mustRun(t, func(ctx *pulumi.Context) error {
		_, err := ec2.NewLaunchTemplate(ctx, "template", &ec2.LaunchTemplateArgs{
			Description: pulumi.String(hash), UserData: pulumi.String(document),
		})
		return err
	})
	assert.Equal(t, `aws:ec2/launchTemplate:LaunchTemplate template
  description: "<sha256 1>"
  userData:
    | #cloud-config
    |
    | sum: <sha256 1>

`, g.Text())
}

func TestTheUnknownIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		program pulumi.RunFunc
		want    string
	}{
		"a type": {func(ctx *pulumi.Context) error {
			_, err := ec2.NewPlacementGroup(ctx, "group", &ec2.PlacementGroupArgs{Strategy: pulumi.String("spread")})
			return err
		}, "aws:ec2/placementGroup:PlacementGroup group: the recorder does not know this type"},
		"a function": {func(ctx *pulumi.Context) error {
			_, err := aws.GetRegion(ctx, nil)
			return err
		}, "aws:index/getRegion:getRegion: the recorder does not know this function"},
		"a name longer than AWS allows": {func(ctx *pulumi.Context) error {
			_, err := lb.NewLoadBalancer(ctx, strings.Repeat("n", 25), &lb.LoadBalancerArgs{})
			return err
		}, "is longer than 32 characters"},
		"a resource twice": {func(ctx *pulumi.Context) error {
			return errors.Join(chain(ctx), chain(ctx))
		}, "is registered twice"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Run(t, World{}, test.program)
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestAnErrorLeavesWhatWasRegisteredBefore(t *testing.T) {
	g, err := Run(t, World{}, func(ctx *pulumi.Context) error {
		return errors.Join(chain(ctx), errors.New("later"))
	})
	require.ErrorContains(t, err, "later")
	assert.Len(t, g.Resources, 4)
}

func TestFirstDifferenceNamesTheLine(t *testing.T) {
	for name, test := range map[string]struct {
		got, want string
		line      int
		is, was   string
	}{
		"equal":          {"a\nb", "a\nb", 0, "", ""},
		"a changed line": {"a\nc", "a\nb", 2, "c", "b"},
		"a new line":     {"a\nb", "a", 2, "b", "(nothing)"},
		"a lost line":    {"a", "a\nb", 2, "(nothing)", "b"},
	} {
		t.Run(name, func(t *testing.T) {
			line, is, was := firstDifference(test.got, test.want)
			assert.Equal(t, []any{test.line, test.is, test.was}, []any{line, is, was})
		})
	}
}
