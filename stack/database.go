package stack

import (
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/database"
)

// databaseComponent is the database in the network's isolated subnets.
var databaseComponent = component{
	section:  "database",
	wanted:   func(p *plan) bool { return p.settings.Database != nil },
	validate: func(p *plan) error { return p.databaseArgs().ValidatePlain() },
	add: func(p *plan, ctx *pulumi.Context, c *components) (err error) {
		args := p.databaseArgs()
		args.VPCID, args.SubnetIDs = c.network.VPCID, c.network.IsolatedSubnetIDs
		if p.existing != nil && len(p.existing.Isolated) == 0 {
			args.SubnetIDs = c.network.PrivateSubnetIDs
		}
		c.database, err = database.New(ctx, p.settings.Service, args)
		return err
	},
	outputs: func(_ *plan, c *components) pulumi.Map {
		return pulumi.Map{"database": c.database.Address, "secret": c.database.SecretARN}
	},
}

func (p *plan) databaseArgs() *database.Args {
	d := p.settings.Database
	return &database.Args{
		Engine:            d.Engine,
		Version:           d.Version,
		AllowMajorUpgrade: d.AllowMajorUpgrade,
		InstanceClass:     d.InstanceClass,
		StorageGiB:        d.StorageGiB,
		MaxStorageGiB:     d.GrowsTo(),
		MultiAZ:           d.MultiAZ,
		Name:              d.Name,
		Username:          d.Username,
		BackupDays:        d.BackupDays,
		FinalSnapshot:     d.FinalSnapshot,
		ApplyImmediately:  d.ApplyImmediately,
		Protect:           p.settings.Protect,
		Tags:              p.tags,
	}
}

// databaseEnvironment returns the variables that tell a service of its database. The user name and the password are not among them: they
// are secrets of the service. RDS rotates the password, so that a service must read the secret again when it is refused.
func (p *plan) databaseEnvironment(d *database.Database) pulumi.StringMap {
	return pulumi.StringMap{
		"DATABASE_ENGINE":  pulumi.String(p.settings.Database.Engine),
		"DATABASE_ADDRESS": d.Address,
		"DATABASE_PORT":    pulumi.String(strconv.Itoa(d.Port)),
		"DATABASE_NAME":    pulumi.String(p.settings.Database.Name),
		"DATABASE_SECRET":  d.SecretARN,
	}
}
