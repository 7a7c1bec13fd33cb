package provider

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/internals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/internal/project"
	"github.com/elastic-service/elastic-service/stack"
)

// deployment runs the program of a stack file with this provider behind it, in the order of its dependencies, and without
// an engine: what the program registers is checked and created at once, and the children of awsx's VPC with it.
type deployment struct {
	*driven

	stack string

	mu   sync.Mutex
	made []registered // in the order of creation
}

// registered is a resource that was created.
type registered struct {
	token, name, id string
	outputs         resource.PropertyMap
}

const root = "../.."

func deploy(t *testing.T, name string) *deployment {
	t.Helper()
	folder, err := filepath.Abs(root)
	require.NoError(t, err)
	config, err := project.Config(folder, name)
	require.NoError(t, err)
	text, err := json.Marshal(config)
	require.NoError(t, err)
	t.Setenv(pulumi.EnvConfig, string(text))
	d := &deployment{driven: drive(t, time.Millisecond), stack: name}
	require.NoError(t, pulumi.RunErr(stack.Deploy, func(info *pulumi.RunInfo) {
		info.Project, info.Stack, info.Mocks = "elastic-service", name, d
		info.RootDirectory, info.Config = folder, config
	}))
	d.awaitInstances()
	return d
}

// awaitInstances waits until the groups have their instances: a deployment by mocks runs no hooks, such as that of a release.
func (d *deployment) awaitInstances() {
	d.t.Helper()
	require.Eventually(d.t, func() bool {
		return cloud.Get(d.cloud, func(m *cloud.Model) bool {
			wanted := 0
			for _, g := range m.AutoScaling.Groups {
				wanted += g.Desired
			}
			return len(m.EC2.Instances) >= wanted
		})
	}, 10*time.Second, time.Millisecond)
}

// NewResource implements [pulumi.MockResourceMonitor].
func (d *deployment) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	switch {
	case args.RegisterRPC.GetRemote():
		outputs, err := d.construct(args)
		return "", outputs, err
	case !args.Custom:
		return "", args.Inputs, nil
	case args.TypeToken == "pulumi:index:Stash": // the engine's own
		return args.Name, resource.PropertyMap{"input": args.Inputs["input"], "output": args.Inputs["input"]}, nil
	case strings.HasPrefix(args.TypeToken, "pulumi:"):
		return args.Name, args.Inputs, nil // a provider
	}
	id, outputs, err := d.create(args)
	if err != nil {
		return "", nil, fmt.Errorf("%s %s: %w", args.TypeToken, args.Name, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.made = append(d.made, registered{args.TypeToken, args.Name, id, outputs})
	return id, outputs, nil
}

func (d *deployment) create(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	typ, at := tokens.Type(args.TypeToken), urn.New(tokens.QName(d.stack), "elastic-service", "", tokens.Type(args.TypeToken), args.Name)
	checked, err := d.Check(d.t.Context(), plugin.CheckRequest{
		URN: at, Name: args.Name, Type: typ, News: args.Inputs, RandomSeed: []byte(args.Name),
	})
	if err != nil {
		return "", nil, err
	}
	if len(checked.Failures) > 0 {
		return "", nil, fmt.Errorf("%v", checked.Failures)
	}
	created, err := d.Create(d.t.Context(), plugin.CreateRequest{URN: at, Name: args.Name, Type: typ, Properties: checked.Properties})
	return string(created.ID), created.Properties, err
}

// Call implements [pulumi.MockResourceMonitor].
func (d *deployment) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	result, err := d.Invoke(d.t.Context(), plugin.InvokeRequest{Tok: tokens.ModuleMember(args.Token), Args: args.Args})
	return result.Properties, err
}

// construct makes awsx's VPC with the code that makes it for an engine.
func (d *deployment) construct(args pulumi.MockResourceArgs) (resource.PropertyMap, error) {
	given := args.Inputs.Mappable()
	delete(given, "tags") // which name nothing here
	vpcArgs := &vpcArgs{}
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{Result: vpcArgs, TagName: "pulumi", ErrorUnused: true})
	if err != nil {
		return nil, err
	}
	if err := decoder.Decode(given); err != nil {
		return nil, err
	}
	if err := vpcArgs.check(); err != nil {
		return nil, err
	}
	outputs := resource.PropertyMap{}
	err = pulumi.RunErr(func(ctx *pulumi.Context) error {
		component, err := newVPC(ctx, args.Name, vpcArgs, pulumi.Aliases(nil))
		if err != nil {
			return err
		}
		for name, output := range map[string]pulumi.Output{
			"vpcId": component.VpcID, "publicSubnetIds": component.PublicSubnetIDs, "privateSubnetIds": component.PrivateSubnetIDs,
			"isolatedSubnetIds": component.IsolatedSubnetIDs,
		} {
			result, err := internals.UnsafeAwaitOutput(ctx.Context(), output)
			if err != nil {
				return err
			}
			outputs[resource.PropertyKey(name)] = resource.NewPropertyValue(result.Value)
		}
		return nil
	}, pulumi.WithMocks("elastic-service", d.stack, d))
	return outputs, err
}

// code is what stops a connection; nothing if it can be opened.
func (d *deployment) code(from, to string, port int) string {
	d.t.Helper()
	path, err := trace(d.cloud, from, to, port)
	require.NoError(d.t, err)
	if path.Blocked != nil {
		return path.Blocked.Code
	}
	return ""
}

// members are the running instances of groups.
func (d *deployment) members() []string {
	var ids []string
	for _, i := range instances(d.cloud) {
		if i.Group != "" && i.State == ec2.Running {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

const (
	inRange = "203.0.113.7"  // in the range that stack files name
	nowhere = "198.51.100.7" // in none
	ssh     = 22
)

// reachability is who can reach whom in a stack; ports are those of the processes.
type reachability struct {
	listeners []int // that the internet reaches
	service   []int // from the balancer
	health    []int // from the balancer
	closed    []int // from the balancer: beside its ports
	private   bool  // instances have no public address, and reach S3 all the same
	bastion   bool
	database  int // port; 0 without one
}

var stacks = map[string]reachability{
	"dev":     {listeners: []int{5000}, service: []int{5000}, health: []int{5001}, closed: []int{80, 4999, 5002}},
	"prod":    {listeners: []int{5000}, service: []int{5000}, health: []int{5001}, closed: []int{80, 5002}, private: true},
	"cardweb": {listeners: []int{80}, service: []int{80}, health: []int{80}, closed: []int{443, 8080}},
	"swiftcode": {
		listeners: []int{80, 443}, service: []int{8080}, health: []int{8080}, closed: []int{80, 8081}, private: true, bastion: true,
		database: 5432,
	},
	"lamp": {listeners: []int{80}, service: []int{8080}, health: []int{5001}, closed: []int{80, 3306}, private: true, database: 3306},
	"flask": {
		listeners: []int{80}, service: []int{32768, 49153, 65535}, health: []int{32768}, closed: []int{80, 5000, 32767}, private: true,
		database: 5432,
	},
}

func TestWhoReachesWhomInEveryStack(t *testing.T) {
	require.Equal(t, project.Shipped, aws.Keys(stacks), "every stack of the project says who reaches whom")
	for _, name := range project.Shipped {
		t.Run(name, func(t *testing.T) {
			d, want := deploy(t, name), stacks[name]
			// Not every group is waited for by its deployment.
			require.Eventually(t, func() bool { return len(d.members()) > 0 }, 10*time.Second, time.Millisecond)
			d.clients(want)
			for _, instance := range d.members() {
				d.balancer(instance, want)
				d.outwards(instance, want)
				d.inwards(instance, want)
				if want.database != 0 {
					assert.Empty(t, d.code(instance, "database", want.database))
					assert.Equal(t, "ENI_SG_RULES_MISMATCH", d.code(instance, "database", ssh))
				}
			}
			if want.database != 0 {
				d.databaseIsClosed(want)
			}
		})
	}
}

// clients reach the listeners and nothing else of the balancer.
func (d *deployment) clients(want reachability) {
	for _, port := range want.listeners {
		assert.Empty(d.t, d.code("internet", "balancer", port), "listener %d", port)
		assert.Empty(d.t, d.code(nowhere, "balancer", port), "listener %d", port)
	}
	for _, port := range []int{ssh, 5001, 8080, 32768} {
		assert.NotEmpty(d.t, d.code("internet", "balancer", port), "port %d of the balancer", port)
	}
}

func (d *deployment) balancer(instance string, want reachability) {
	for _, port := range slices.Concat(want.service, want.health) {
		assert.Empty(d.t, d.code("balancer", instance, port), "balancer to instance, port %d", port)
	}
	for _, port := range append([]int{ssh}, want.closed...) {
		assert.Equal(d.t, "ENI_SG_RULES_MISMATCH", d.code("balancer", instance, port), "balancer to instance, port %d", port)
	}
	for _, target := range probeTargets(d.cloud) {
		assert.Nil(d.t, target.Blocked, "what the model probes is what this test says")
	}
	for _, forward := range forwards(d.cloud) {
		for _, target := range forward.Targets {
			assert.Nil(d.t, target.Blocked)
		}
	}
}

// outwards: an instance fetches its artifacts and packages; nobody else's ports.
func (d *deployment) outwards(instance string, want reachability) {
	assert.Empty(d.t, d.code(instance, "s3", 443), "artifacts")
	assert.Empty(d.t, d.code(instance, "internet", 443), "HTTPS")
	assert.NotEmpty(d.t, d.code(instance, "internet", 25), "mail")
	i, err := cloud.Find(d.cloud, func(m *cloud.Model) (ec2.Instance, error) { return m.EC2.Instance(instance) })
	require.NoError(d.t, err)
	assert.Equal(d.t, want.private, !i.Public)
}

// inwards: nobody on the internet reaches an instance; SSH comes by a bastion alone, and to that from the named range.
func (d *deployment) inwards(instance string, want reachability) {
	for _, from := range []string{"internet", nowhere} {
		for _, port := range slices.Concat(want.service, want.health, want.closed, []int{ssh}) {
			blocked := d.code(from, instance, port)
			if want.private {
				assert.Equal(d.t, "NO_ROUTE_TO_DESTINATION", blocked, "%s to an instance, port %d", from, port)
			} else {
				assert.Equal(d.t, "ENI_SG_RULES_MISMATCH", blocked, "%s to an instance, port %d", from, port)
			}
		}
	}
	if !want.bastion {
		_, err := trace(d.cloud, "bastion", instance, ssh)
		require.ErrorContains(d.t, err, "bastion")
		return
	}
	assert.Empty(d.t, d.code("bastion", instance, ssh))
	assert.NotEmpty(d.t, d.code("bastion", instance, want.service[0]))
	assert.NotEmpty(d.t, d.code(instance, "bastion", ssh))
	assert.Empty(d.t, d.code(inRange, "bastion", ssh))
	assert.NotEmpty(d.t, d.code(nowhere, "bastion", ssh))
	assert.NotEmpty(d.t, d.code(inRange, "bastion", want.service[0]))
}

func (d *deployment) databaseIsClosed(want reachability) {
	assert.NotEmpty(d.t, d.code("internet", "database", want.database))
	assert.Equal(d.t, "ENI_SG_RULES_MISMATCH", d.code("balancer", "database", want.database))
	assert.NotEmpty(d.t, d.code("database", "internet", 443), "and it reaches nobody")
	if want.bastion {
		assert.Equal(d.t, "ENI_SG_RULES_MISMATCH", d.code("bastion", "database", want.database))
	}
}

// questions are what has to be possible in stack dev.
func (d *deployment) questions() map[string]string {
	answers := map[string]string{"clients": d.code("internet", "balancer", 5000)}
	for _, i := range instances(d.cloud) {
		zone := " " + i.Zone[len(i.Zone)-1:]
		answers["flows"+zone] = d.code("balancer", i.ID, 5000)
		answers["probes"+zone] = d.code("balancer", i.ID, 5001)
		answers["artifacts"+zone] = d.code(i.ID, "s3", 443)
	}
	for what, code := range answers {
		if code == "" {
			delete(answers, what)
		}
	}
	return answers
}

// Each rule, route and association of stack dev is there for something: without it, that breaks and nothing else, and the
// reason names it.
func TestWithoutEachRuleAndRouteTheRightThingBreaks(t *testing.T) {
	const rules, route = "ENI_SG_RULES_MISMATCH", "NO_ROUTE_TO_DESTINATION"
	lost := func(zone string) map[string]string {
		return map[string]string{"clients": route, "artifacts " + zone: route}
	}
	cases := map[string]struct {
		breaks map[string]string // question → code
		reason string            // of the target's health or of the listener
	}{
		"ingress musicguru-5000-from-0.0.0.0/0": {map[string]string{"clients": rules}, "no ingress rule of load balancer"},
		"egress musicguru-service-out":          {map[string]string{"flows a": rules, "flows b": rules}, "no egress rule of load balancer"},
		"ingress musicguru-service-in":          {map[string]string{"flows a": rules, "flows b": rules}, "lets TCP 5000 in from load balancer"},
		"egress musicguru-health-5001-out":      {map[string]string{"probes a": rules, "probes b": rules}, "lets TCP 5001 out to instance"},
		"ingress musicguru-health-5001-in":      {map[string]string{"probes a": rules, "probes b": rules}, "lets TCP 5001 in from load balancer"},
		"egress musicguru-https-out":            {map[string]string{"artifacts a": rules, "artifacts b": rules}, ""},
		"route musicguru-vpc-public-1":          {lost("a"), "has no route to internet through an internet gateway"},
		"route musicguru-vpc-public-2":          {lost("b"), "has no route to internet through an internet gateway"},
		"association musicguru-vpc-public-1":    {lost("a"), "has no route to internet through an internet gateway"},
		"association musicguru-vpc-public-2":    {lost("b"), "has no route to internet through an internet gateway"},
	}
	kinds := map[string]string{
		"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "ingress ", "aws:ec2/route:Route": "route ",
		"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "egress ",
		"aws:ec2/routeTableAssociation:RouteTableAssociation":     "association ",
	}
	var all []string
	for _, m := range deploy(t, "dev").made {
		if kinds[m.token] != "" {
			all = append(all, kinds[m.token]+m.name)
		}
	}
	require.ElementsMatch(t, all, aws.Keys(cases), "each rule and route of the stack is in the table")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := deploy(t, "dev")
			require.Empty(t, d.questions())
			at := slices.IndexFunc(d.made, func(m registered) bool { return kinds[m.token]+m.name == name })
			_, err := d.Delete(t.Context(), plugin.DeleteRequest{
				Type: tokens.Type(d.made[at].token), ID: resource.ID(d.made[at].id), Inputs: d.made[at].outputs, Outputs: d.made[at].outputs,
			})
			require.NoError(t, err)
			assert.Equal(t, c.breaks, d.questions())
			d.shows(c.breaks, c.reason)
		})
	}
}

// shows that a target whose probes are stopped becomes unhealthy for this reason, and that the listener and its targets
// carry it where clients or flows are stopped.
func (d *deployment) shows(breaks map[string]string, reason string) {
	d.t.Helper()
	if code := breaks["probes a"]; code != "" {
		require.Eventually(d.t, func() bool {
			return !slices.ContainsFunc(targetHealth(d.cloud), func(h elb.TargetHealth) bool {
				return h.State != elb.TargetUnhealthy || h.Reason != "Target.FailedHealthChecks" ||
					!strings.Contains(h.Description, code) || !strings.Contains(h.Description, reason)
			})
		}, 10*time.Second, time.Millisecond, "every target is unhealthy, for that reason: %+v", targetHealth(d.cloud))
	}
	for _, forward := range forwards(d.cloud) {
		if code := breaks["clients"]; code != "" && assert.NotNil(d.t, forward.Blocked) {
			assert.Equal(d.t, code, forward.Blocked.Code)
			assert.Contains(d.t, forward.Blocked.Reason, reason)
		}
		for _, target := range forward.Targets {
			if code := breaks["flows a"]; code != "" && assert.NotNil(d.t, target.Blocked) {
				assert.Equal(d.t, code, target.Blocked.Code)
				assert.Contains(d.t, target.Blocked.Reason, reason)
			}
		}
	}
}
