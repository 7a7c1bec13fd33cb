package database

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

func args() *Args {
	return &Args{
		VPCID:         pulumi.String("vpc-0a1b"),
		SubnetIDs:     pulumi.ToStringArray([]string{"subnet-a", "subnet-b"}),
		Engine:        "postgres",
		Version:       "17",
		InstanceClass: "db.t4g.micro",
		StorageGiB:    20,
		MultiAZ:       true,
		Name:          "app",
		Username:      "owner",
		BackupDays:    7,
		MaxStorageGiB: 100,
		FinalSnapshot: true,
		Protect:       true,
		Tags:          map[string]string{"Service": "swiftcode"},
	}
}

func deploy(t *testing.T, name string, args *Args) (*graphtest.Graph, error) {
	return graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		_, err := New(ctx, name, args)
		return err
	})
}

func TestBadArgumentsRegisterNothing(t *testing.T) {
	register := func(t *testing.T, a *Args) (*graphtest.Graph, error) { return deploy(t, "swiftcode", a) }
	graphtest.Refuses(t, args, register, []graphtest.Refusal[Args]{
		{Name: "no VPC", Change: func(a *Args) { a.VPCID = nil }, Want: "vpcId: a VPC is needed"},
		{Name: "no subnets", Change: func(a *Args) { a.SubnetIDs = nil }, Want: "subnetIds: subnets are needed"},
		{Name: "one subnet", Change: func(a *Args) { a.SubnetIDs = pulumi.ToStringArray([]string{"a"}) }, Want: "subnetIds: 1 is not enough"},
		{Name: "another engine", Change: func(a *Args) { a.Engine = "oracle" }, Want: `engine: "oracle" is not one of [mariadb mysql postgres]`},
		{Name: "no version", Change: func(a *Args) { a.Version = "" }, Want: `version: "" is not a major version such as 15`},
		{Name: "an old version", Change: func(a *Args) { a.Version = "14" }, Want: `version: "14" is below 15`},
		{Name: "no class", Change: func(a *Args) { a.InstanceClass = "" }, Want: `instanceClass: "" is not an instance class`},
		{
			Name:   "an instance type",
			Change: func(a *Args) { a.InstanceClass = "t4g.micro" },
			Want:   `instanceClass: "t4g.micro" is not an instance class`,
		},
		{
			Name:   "a serverless class",
			Change: func(a *Args) { a.InstanceClass = "db.serverless" },
			Want:   `instanceClass: "db.serverless" is not an instance class`,
		},
		{
			Name:   "a class that shows all",
			Change: func(a *Args) { a.InstanceClass = "db.t2.micro" },
			Want:   `instanceClass: "db.t2.micro" can't encrypt`,
		},
		{Name: "an ancient class", Change: func(a *Args) { a.InstanceClass = "db.m1.small" }, Want: `instanceClass: "db.m1.small" can't encrypt`},
		{Name: "too little storage", Change: func(a *Args) { a.StorageGiB = 19 }, Want: "storageGiB: 19 is not between 20 and 65536"},
		{Name: "too much storage", Change: func(a *Args) { a.StorageGiB = 65537 }, Want: "storageGiB: 65537 is not between 20 and 65536"},
		{
			Name: "growth by less than a tenth", Change: func(a *Args) { a.MaxStorageGiB = 21 },
			Want: "maxStorageGiB: 21 is neither storageGiB (20) nor between 10 % more and 65536",
		},
		{
			Name: "growth beyond RDS", Change: func(a *Args) { a.MaxStorageGiB = 65537 },
			Want: "maxStorageGiB: 65537 is neither storageGiB (20) nor between 10 % more and 65536",
		},
		{Name: "negative backups", Change: func(a *Args) { a.BackupDays = -1 }, Want: "backupDays: -1 is not between 0 and 35"},
		{Name: "backups for too long", Change: func(a *Args) { a.BackupDays = 36 }, Want: "backupDays: 36 is not between 0 and 35"},
		{Name: "no name", Change: func(a *Args) { a.Name = "" }, Want: `name: "" is not made of letters`},
		{Name: "a name with a hyphen", Change: func(a *Args) { a.Name = "my-app" }, Want: `name: "my-app" is not made of letters`},
		{Name: "a reserved name", Change: func(a *Args) { a.Name = "Template1" }, Want: `name: "Template1" is reserved by the engine`},
		{Name: "no username", Change: func(a *Args) { a.Username = "" }, Want: `username: "" is not made of letters`},
		{Name: "a username of 17", Change: func(a *Args) { a.Username = strings.Repeat("u", 17) }, Want: "a letter first, at most 16"},
		{Name: "admin of PostgreSQL", Change: func(a *Args) { a.Username = "admin" }, Want: `username: "admin" is reserved by the engine`},
		{Name: "RDS's own user", Change: func(a *Args) { a.Username = "RDSadmin" }, Want: `username: "RDSadmin" is reserved by the engine`},
		{
			Name:   "a role of PostgreSQL",
			Change: func(a *Args) { a.Username = "pg_monitor" },
			Want:   `username: "pg_monitor" is reserved by the engine`,
		},
	})
}

func TestEveryFaultIsReportedAtOnce(t *testing.T) {
	var problems invalid.List
	problems.Include("", (&Args{BackupDays: -1}).Validate())
	var paths []string
	for _, f := range problems.Problems() {
		paths = append(paths, f.Path)
	}
	assert.Equal(t, []string{
		"vpcId", "subnetIds", "engine", "name", "username", "instanceClass", "storageGiB", "backupDays",
	}, paths)
}

func TestVersionsByEngine(t *testing.T) {
	for _, test := range []struct {
		engine, version string
		ok, minor       bool
		family          string
	}{
		{"postgres", "15", true, false, "postgres15"},
		{"postgres", "17.4", true, true, "postgres17"},
		{"postgres", "17.4.1", false, false, ""},
		{"postgres", "9.6", false, false, ""},
		{"postgres", "latest", false, false, ""},
		{"postgres", "017", false, false, ""},
		{"mysql", "8.4", true, false, "mysql8.4"},
		{"mysql", "8.0", false, false, ""},
		{"mysql", "8.4.5", true, true, "mysql8.4"},
		{"mysql", "8", false, false, ""},
		{"mysql", "5.7", false, false, ""},
		{"mysql", "8.4.5.1", false, false, ""},
		{"mariadb", "10.11", true, false, "mariadb10.11"},
		{"mariadb", "10.6", false, false, ""},
		{"mariadb", "11.4", true, false, "mariadb11.4"},
		{"mariadb", "10.11.9", true, true, "mariadb10.11"},
		{"mariadb", "10.5", false, false, ""},
		{"mariadb", "11.", false, false, ""},
	} {
		a := args()
		a.Engine, a.Version = test.engine, test.version
		if !test.ok {
			require.ErrorContains(t, a.Validate(), "version: ", test)
			continue
		}
		require.NoError(t, a.Validate(), test)
		assert.Equal(t, test.minor, engines[test.engine].minor(test.version), test)
		assert.Equal(t, test.family, a.family(), test)
	}
}

func TestWordsThatOnlyOtherEnginesReserveAreFree(t *testing.T) {
	a := args()
	a.Engine, a.Version, a.Username, a.Name = "mysql", "8.4", "admin", "template1"
	require.NoError(t, a.Validate())
	a.Username, a.Name = "root", "mysql"
	require.ErrorContains(t, a.Validate(), `username: "root" is reserved by the engine`)
	require.ErrorContains(t, a.Validate(), `name: "mysql" is reserved by the engine`)
	a = args()
	a.Username, a.Name = "postgres", "mysql"
	require.NoError(t, a.Validate())
}

func TestNamesThatRDSRefusesRegisterNothing(t *testing.T) {
	for name, want := range map[string]string{
		"a--b": "single hyphens", "a-": "single hyphens", "1a": "a letter first", "A": "is not made of", "": "is not made of",
		strings.Repeat("d", maxName+1): "is longer than 46 characters",
	} {
		g, err := deploy(t, name, args())
		require.ErrorContains(t, err, want, name)
		assert.Empty(t, g.Resources, name)
	}
}

func TestTheLongestNameFits(t *testing.T) {
	g, err := deploy(t, strings.Repeat("d", maxName), args()) // the recorder refuses longer physical names than AWS allows
	require.NoError(t, err)
	assert.Len(t, g.OfType("aws:rds/instance:Instance")[0].Outputs["identifier"].StringValue(), 63)
}

func TestDatabaseIsEncryptedPrivateAndKeepsItsPasswordToItself(t *testing.T) {
	g, err := deploy(t, "swiftcode", args())
	require.NoError(t, err)
	group := g.Find("SecurityGroup", "swiftcode-database")
	subnets := g.Find("SubnetGroup", "swiftcode-database")
	assert.Equal(t, map[string]any{
		"engine":                       "postgres",
		"engineVersion":                "17",
		"engineLifecycleSupport":       "open-source-rds-extended-support-disabled",
		"allowMajorVersionUpgrade":     false,
		"maxAllocatedStorage":          100.0,
		"deleteAutomatedBackups":       false,
		"enabledCloudwatchLogsExports": []any{"postgresql", "upgrade"},
		"autoMinorVersionUpgrade":      true,
		"instanceClass":                "db.t4g.micro",
		"allocatedStorage":             20.0,
		"storageType":                  "gp3",
		"storageEncrypted":             true,
		"multiAz":                      true,
		"dbName":                       "app",
		"username":                     "owner",
		"manageMasterUserPassword":     true,
		"port":                         5432.0,
		"dbSubnetGroupName":            subnets.Outputs["name"].StringValue(),
		"vpcSecurityGroupIds":          []any{group.Outputs["id"].StringValue()},
		"publiclyAccessible":           false,
		"backupRetentionPeriod":        7.0,
		"copyTagsToSnapshot":           true,
		"deletionProtection":           true,
		"skipFinalSnapshot":            false,
		"finalSnapshotIdentifier":      subnets.Outputs["name"].StringValue() + "-final",
		"applyImmediately":             true,
		"tags":                         map[string]any{"Service": "swiftcode"},
	}, g.Find("aws:rds/instance:Instance", "swiftcode-database").Inputs.Mappable())
	assert.Equal(t, []any{"subnet-a", "subnet-b"}, subnets.Inputs.Mappable()["subnetIds"])
}

func TestNobodyIsLetInUnasked(t *testing.T) {
	g, err := deploy(t, "swiftcode", args())
	require.NoError(t, err)
	group := g.Find("SecurityGroup", "swiftcode-database")
	assert.NotContains(t, group.Inputs, "ingress")
	assert.NotContains(t, group.Inputs, "egress")
	assert.Empty(t, g.OfType("SecurityGroupIngressRule"))
}

func TestADatabaseForAThrowawayLeavesNothing(t *testing.T) {
	a := args()
	a.Protect, a.FinalSnapshot = false, false
	g, err := deploy(t, "swiftcode", a)
	require.NoError(t, err)
	in := g.Find("aws:rds/instance:Instance", "swiftcode-database").Inputs.Mappable()
	assert.Equal(t, false, in["deletionProtection"])
	assert.Equal(t, true, in["skipFinalSnapshot"])
	assert.Equal(t, true, in["deleteAutomatedBackups"])
	assert.NotContains(t, in, "finalSnapshotIdentifier")
}

func TestAVolumeThatShallNotGrowHasNoLimit(t *testing.T) {
	for _, limit := range []int{0, 20} {
		a := args()
		a.MaxStorageGiB = limit
		g, err := deploy(t, "swiftcode", a)
		require.NoError(t, err)
		assert.NotContains(t, g.OfType("aws:rds/instance:Instance")[0].Inputs, resource.PropertyKey("maxAllocatedStorage"))
	}
}

func TestAMinorVersionThatIsAskedForStays(t *testing.T) {
	a := args()
	a.Version = "17.4"
	g, err := deploy(t, "swiftcode", a)
	require.NoError(t, err)
	in := g.Find("aws:rds/instance:Instance", "swiftcode-database").Inputs.Mappable()
	assert.Equal(t, "17.4", in["engineVersion"])
	assert.Equal(t, false, in["autoMinorVersionUpgrade"])
}

func TestTLSIsRequiredWhereItIsNotTheDefault(t *testing.T) {
	g, err := deploy(t, "swiftcode", args())
	require.NoError(t, err)
	assert.Empty(t, g.OfType("ParameterGroup"), "PostgreSQL requires TLS by itself")
	for engine, version := range map[string]string{"mysql": "8.4", "mariadb": "11.4"} {
		a := args()
		a.Engine, a.Version = engine, version
		g, err := deploy(t, "lamp", a)
		require.NoError(t, err)
		parameters := g.Find("ParameterGroup", "lamp-database")
		assert.Equal(t, map[string]any{
			"family":      engine + version,
			"description": "Database of lamp",
			"parameters": []any{
				map[string]any{"name": "log_output", "value": "FILE"},
				map[string]any{"name": "require_secure_transport", "value": "1"},
				map[string]any{"name": "slow_query_log", "value": "1"},
			},
			"tags": map[string]any{"Service": "swiftcode"},
		}, parameters.Inputs.Mappable())
		instance := g.Find("aws:rds/instance:Instance", "lamp-database")
		assert.Equal(t, parameters.Outputs["name"], instance.Inputs["parameterGroupName"])
		assert.Equal(t, resource.NewProperty(3306.0), instance.Inputs["port"])
	}
}

func TestOutputsAreWhatAClientNeeds(t *testing.T) {
	values := make(chan string, 3)
	var port int
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		d, err := New(ctx, "swiftcode", args())
		if err != nil {
			return err
		}
		port = d.Port
		pulumi.Sprintf("%s %s %s", d.Address, d.SecretARN, d.SecurityGroupID).ApplyT(func(text string) string {
			values <- text
			return text
		})
		return nil
	})
	require.NoError(t, err)
	instance := g.Find("aws:rds/instance:Instance", "swiftcode-database")
	secret := instance.Outputs["masterUserSecrets"].ArrayValue()[0].ObjectValue()["secretArn"].StringValue()
	require.NotEmpty(t, secret)
	assert.Equal(t, strings.Join([]string{
		instance.Outputs["address"].StringValue(), secret,
		g.Find("SecurityGroup", "swiftcode-database").Outputs["id"].StringValue(),
	}, " "), <-values)
	assert.Equal(t, 5432, port)
}
