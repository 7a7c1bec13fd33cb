package stack

import (
	"maps"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/containers"
	"github.com/elastic-service/elastic-service/database"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/loadbalancing"
	"github.com/elastic-service/elastic-service/monitoring"
	"github.com/elastic-service/elastic-service/network"
	"github.com/elastic-service/elastic-service/scaling"
	"github.com/elastic-service/elastic-service/vault"
)

// component is a part of the composition. To add a component, add a file that defines it, its line in order, and a field of
// components for what it registers.
type component struct {
	// section is the section of the settings that validate reports about.
	section string

	// reads lists the sections that validate takes beside its own. It is not asked while one of them has a problem.
	reads []string

	// look completes the plan with what the settings only name, such as zones or images, and adds the problems that it finds.
	// Nil: nothing is looked up.
	look func(*plan, *pulumi.Context, *invalid.List)

	// wanted reports whether the settings ask for the component. Nil: every stack has it.
	wanted func(*plan) bool

	// validate returns what the component has against its settings, as paths below section. Nil: nothing.
	validate func(*plan) error

	// add registers the component with what those before it in order have put out.
	add func(*plan, *pulumi.Context, *components) error

	// outputs returns the stack's outputs that come from the component. Nil: none.
	outputs func(*plan, *components) pulumi.Map
}

// order lists the components, each after those whose outputs it takes.
var order = []component{
	networkComponent,
	databaseComponent,
	vaultComponent,
	clusterComponent,
	imageComponent,
	templateComponent,
	balancerComponent,
	pathsComponent,
	bastionComponent,
	groupComponent,
	containersComponent,
	monitoringComponent,
	releaseComponent,
}

// components holds what has been registered. A component that the settings do not ask for is nil.
type components struct {
	network    *network.Network
	database   *database.Database
	vault      *vault.Vault
	cluster    *containers.Cluster
	image      launchable
	template   *compute.Template
	balancer   *loadbalancing.Balancer
	paths      []pulumi.Resource // rules of security groups
	bastion    *compute.Bastion
	group      *scaling.Group
	containers *containers.Service
	monitoring *monitoring.Monitoring
}

// wire registers the components and returns the stack's outputs.
func (p *plan) wire(ctx *pulumi.Context) (pulumi.Map, error) {
	protection, err := protect(ctx, p.settings.Protect)
	if err != nil {
		return nil, err
	}
	registered, outputs := &components{}, pulumi.Map{}
	for _, c := range p.components() {
		if err := c.add(p, ctx, registered); err != nil {
			return nil, err
		}
		if c.outputs != nil {
			maps.Copy(outputs, c.outputs(p, registered))
		}
	}
	return outputs, protection.close(ctx, p.settings.Service)
}
