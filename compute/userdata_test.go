package compute

import (
	"fmt"
	"sort"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
	"github.com/elastic-service/elastic-service/internal/userdatatest"
	"github.com/elastic-service/elastic-service/userdata"
)

func TestEveryServiceGetsTheEnvironmentAndKeepsItsOwn(t *testing.T) {
	a := args()
	a.Software.Services = append(a.Software.Services, userdata.Service{
		Name: "worker", Command: []string{"/usr/bin/true"}, Environment: map[string]string{"DATABASE_PORT": "6432", "QUEUE": "q"},
	})
	own := a.Software.Services[1].Environment
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		elsewhere, err := iam.NewRole(ctx, "elsewhere", &iam.RoleArgs{AssumeRolePolicy: pulumi.String("{}")})
		if err != nil {
			return err
		}
		a.Environment = pulumi.StringMap{"DATABASE_ADDRESS": elsewhere.Arn, "DATABASE_PORT": pulumi.String("5432")}
		_, err = New(ctx, "musicguru", a)
		return err
	})
	require.NoError(t, err)
	template, elsewhere := g.OfType("LaunchTemplate")[0], g.Find("Role", "elsewhere")
	address := elsewhere.Outputs["arn"].StringValue()
	assert.Equal(t, map[string][]string{
		"musicguru.service": {"DATABASE_ADDRESS=" + address, "DATABASE_PORT=5432", "HOME=/var/lib/musicguru"},
		"worker.service":    {"DATABASE_ADDRESS=" + address, "DATABASE_PORT=6432", "HOME=/var/lib/worker", "QUEUE=q"},
	}, variables(graphtest.UserData(template)))
	assert.Contains(t, g.InputFrom(template, "userData"), elsewhere)
	assert.Contains(t, g.InputFrom(template, "userData"), g.OfType("BucketV2")[0])
	assert.Len(t, own, 2, "the settings' own map stays as it was")
}

func TestAnEnvironmentWhoseNamesAreUnknownIsTakenToo(t *testing.T) {
	a := bare()
	a.Environment = pulumi.StringMap{"RELEASE": pulumi.String("7")}.ToStringMapOutput()
	assert.Equal(t, map[string][]string{"musicguru.service": {"HOME=/var/lib/musicguru", "RELEASE=7"}},
		variables(graphtest.UserData(mustDeploy(t, a).OfType("LaunchTemplate")[0])))
}

func TestAnEnvironmentThatIsWrongRegistersNothing(t *testing.T) {
	for name, test := range map[string]struct {
		environment pulumi.StringMap
		want        string
	}{
		"a name that is none": {
			pulumi.StringMap{"DATABASE ADDRESS": pulumi.String("x")},
			`software.services[0].environment: "DATABASE ADDRESS" is not the name of a variable`,
		},
		"a value of two lines": {
			pulumi.StringMap{"A": pulumi.String("x\nUser=root")}, `software.services[0].environment.A: "x\nUser=root" has a line break`,
		},
		"no value": {pulumi.StringMap{"A": nil}, "environment.A: a value is needed"},
		"more than fits": {
			pulumi.StringMap{"A": pulumi.String(userdatatest.Incompressible(2 * userdata.MaxBytes))}, "EC2 takes 16384 at most",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := args()
			a.Environment = test.environment
			g, err := deploy(t, a)
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, g.Resources)
		})
	}
}

// What is accepted fits with every value as long as it can get.
func TestUserDataThatFitsOnlyWithShortValuesIsRefused(t *testing.T) {
	short := func(a *Args) error {
		_, err := a.userData(late{bucket: "abc", cluster: "c", environment: map[string]string{"A": "1"}})
		return err
	}
	value := pulumi.String("1").ToStringOutput()
	for name, add := range map[string]func(*Args){
		"a cluster's name": func(a *Args) { a.Cluster = value },
		"many variables": func(a *Args) {
			unknown := pulumi.StringMap{}
			for i := range 50 {
				unknown[fmt.Sprintf("VARIABLE_%d", i)] = value
			}
			a.Environment = unknown
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := args()
			padding := sort.Search(2*userdata.MaxBytes, func(length int) bool {
				a.Software.Services[0].Environment = map[string]string{"PADDING": userdatatest.Incompressible(length)}
				return a.Validate() != nil
			})
			a.Software.Services[0].Environment["PADDING"] = userdatatest.Incompressible(padding - 1)
			require.NoError(t, a.Validate())
			add(a)
			require.NoError(t, short(a))
			require.ErrorContains(t, a.Validate(), "software: user data has ")
		})
	}
}

func TestTheLongestValuesAreAsLongAsTheyGetAndQuoted(t *testing.T) {
	a := args()
	a.Cluster = pulumi.String("c")
	a.Environment = pulumi.StringMap{"LATER": pulumi.String("x").ToStringOutput(), "NOW": pulumi.String("now")}
	worst := a.longest()
	assert.Len(t, worst.bucket, 63)
	assert.Len(t, worst.cluster, 255)
	assert.Len(t, worst.environment["LATER"], 255)
	assert.Equal(t, "now", worst.environment["NOW"])
	document, err := a.bootstrap(worst).Render()
	require.NoError(t, err)
	assert.Contains(t, string(document), `Environment="LATER=!`)
}
