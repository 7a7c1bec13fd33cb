package stack

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/scaling"
)

// templateComponent is the launch template of the instances, with the software that they run.
var templateComponent = component{
	section: "app",
	reads:   []string{"compute", "health"},
	look:    (*plan).prepareSoftware,
	validate: func(p *plan) error {
		if p.settings.App == nil {
			return nil
		}
		return p.software.Validate()
	},
	add: func(p *plan, ctx *pulumi.Context, c *components) (err error) {
		c.template, err = compute.New(ctx, p.settings.Service, p.templateArgs(c))
		return err
	},
}

func (p *plan) templateArgs(c *components) *compute.Args {
	given := p.settings.Compute
	args := &compute.Args{
		VPCID:              c.network.VPCID,
		ImageID:            c.image.id,
		RootDevice:         c.image.rootDevice,
		RootVolumeGiB:      given.RootVolumeGiB,
		InstanceType:       given.InstanceType,
		CPUCredits:         given.CPUCredits,
		KeyName:            given.KeyName,
		SSHFrom:            given.SSHFrom,
		SecurityGroupIDs:   given.SecurityGroups,
		PublicAddress:      *given.PublicAddress,
		SessionManager:     given.SessionManager,
		MemoryMetric:       given.MemoryMetric,
		DetailedMonitoring: scaling.NeedsDetailedMonitoring(p.policies()),
		Software:           p.software,
		Tags:               p.tags,
	}
	for _, e := range p.settings.Network.Egress {
		args.Egress = append(args.Egress, compute.Egress{To: e.To, Port: e.Port, LastPort: e.Last(), Protocol: e.Protocol})
	}
	if p.settings.App != nil {
		args.Permissions = statements(p.settings.App.Permissions)
	}
	if c.cluster != nil {
		args.Cluster = c.cluster.Name
	}
	args.CreatedSecrets = p.createdSecrets(c)
	if c.database != nil {
		args.Environment = p.databaseEnvironment(c.database)
		args.ReadSecret = c.database.SecretARN
	}
	return args
}
