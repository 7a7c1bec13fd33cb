package containers

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ClusterArgs describes a cluster.
type ClusterArgs struct {
	// Tags are put on the cluster.
	Tags map[string]string
}

// Cluster is where instances and services meet.
type Cluster struct {
	pulumi.ResourceState

	// Name is the name by which an instance joins the cluster. Anything that launches instances takes it from this output and
	// is therefore created after the cluster, and deleted before it.
	Name pulumi.StringOutput

	// ARN is the ARN of the cluster.
	ARN pulumi.StringOutput
}

// NewCluster registers an empty cluster.
func NewCluster(ctx *pulumi.Context, name string, args *ClusterArgs, opts ...pulumi.ResourceOption) (*Cluster, error) {
	if err := validName(name); err != nil {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	c := &Cluster{}
	if err := ctx.RegisterComponentResource("elastic-service:containers:Cluster", name, c, opts...); err != nil {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	cluster, err := ecs.NewCluster(ctx, name+"-cluster", &ecs.ClusterArgs{
		// The account's default may differ, and AWS charges for each metric of Container Insights.
		Settings: ecs.ClusterSettingArray{
			&ecs.ClusterSettingArgs{Name: pulumi.String("containerInsights"), Value: pulumi.String("disabled")},
		},
		Tags: pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(c))
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	c.Name, c.ARN = cluster.Name, cluster.Arn
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"name": c.Name, "arn": c.ARN})
}
