// Command components is a Pulumi program that uses the components without stack files: a web server on two instances behind an
// application load balancer. The settings are Go values, so another program can embed the components in the same way.
//
//	network ──▶ compute ──▶ scaling
//	   │           ▲           │ registers instances
//	   └─▶ loadbalancing ◀─────┘
//	        └─ network.Allow: TCP 8080 to the instances
//
// In this folder, with credentials of AWS in the environment:
//
//	pulumi stack init example
//	pulumi config set aws:region us-east-1
//	pulumi up
package main

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ssm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/loadbalancing"
	"github.com/elastic-service/elastic-service/network"
	"github.com/elastic-service/elastic-service/pin"
	"github.com/elastic-service/elastic-service/release"
	"github.com/elastic-service/elastic-service/scaling"
	"github.com/elastic-service/elastic-service/userdata"
)

const (
	name = "hello" // of every component, and the first part of every resource's name
	port = 8080    // on which the web server listens

	// amazonLinux is the parameter that holds the ID of the newest Amazon Linux 2023. It has Python, which serves the page.
	amazonLinux = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"

	// imageUpdate is any text. The instances keep the image of the first deployment; with another text they get the newest one.
	imageUpdate = ""
)

var tags = map[string]string{"Service": name}

func main() { pulumi.Run(deploy) }

func deploy(ctx *pulumi.Context) error {
	region, given := ctx.GetConfig("aws:region")
	if !given {
		return errors.New("aws:region must be set, for example: pulumi config set aws:region us-east-1")
	}
	vpc, err := network.New(ctx, name, &network.Args{
		CIDR:  netip.MustParsePrefix("10.0.0.0/24"),
		Zones: []string{region + "a", region + "b"},
		Tags:  tags,
	})
	if err != nil {
		return err
	}
	instances, err := newInstances(ctx, vpc, region)
	if err != nil {
		return err
	}
	balancer, err := newBalancer(ctx, vpc)
	if err != nil {
		return err
	}
	// The balancer and the instances have a security group each. Nothing passes between them until a path is opened.
	paths, err := network.Allow(ctx, name+"-service", &network.AllowArgs{
		From: balancer.SecurityGroupID, To: instances.SecurityGroupID, Port: port, Description: "Requests and health checks", Tags: tags,
	}, pulumi.Parent(balancer))
	if err != nil {
		return err
	}
	if err := newGroup(ctx, vpc, instances, balancer, paths); err != nil {
		return err
	}
	ctx.Export("url", pulumi.Sprintf("http://%s", balancer.URLHost))
	return nil
}

// newInstances registers the launch template of an instance that serves its own folder over HTTP.
func newInstances(ctx *pulumi.Context, vpc *network.Network, region string) (*compute.Template, error) {
	newest, err := ssm.LookupParameter(ctx, &ssm.LookupParameterArgs{Name: amazonLinux})
	if err != nil {
		return nil, err
	}
	image, err := pin.New(ctx, name+"-image", &pin.Args{
		Found:   pulumi.String(newest.InsecureValue),
		Trigger: pulumi.ToStringArray([]string{amazonLinux, imageUpdate}),
	})
	if err != nil {
		return nil, err
	}
	return compute.New(ctx, name, &compute.Args{
		VPCID:         vpc.VPCID,
		ImageID:       image.Kept.ApplyT(func(id any) string { return id.(string) }).(pulumi.StringOutput),
		RootDevice:    pulumi.String("/dev/xvda"),
		InstanceType:  "t3.micro",
		PublicAddress: true,
		Software: compute.Software{
			Region: region,
			Services: []userdata.Service{{
				Name:      "web",
				Command:   []string{"/usr/bin/python3", "-m", "http.server", "8080"},
				Directory: "/var/lib/web",
				Port:      port,
			}},
		},
		Tags: tags,
	})
}

// check requests / from an instance.
var check = healthcheck.Check{
	Protocol: healthcheck.HTTP, Path: "/", Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 2, Unhealthy: 2,
}

// newBalancer registers an application load balancer that requests / from each instance to see whether it is healthy.
func newBalancer(ctx *pulumi.Context, vpc *network.Network) (*loadbalancing.Balancer, error) {
	return loadbalancing.New(ctx, name, &loadbalancing.Args{
		Kind:      loadbalancing.Application,
		VPCID:     vpc.VPCID,
		SubnetIDs: vpc.PublicSubnetIDs,
		Listeners: []loadbalancing.Listener{{Port: 80, Protocol: "HTTP"}},
		Targets:   []loadbalancing.Target{{Port: port, Check: check}},
		From:      []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")},
		Tags:      tags,
	}, pulumi.DependsOn(vpc.Gateway))
}

// newGroup registers the Auto Scaling group, after everything that the first instances need to become healthy, and the release,
// which waits until they are.
func newGroup(
	ctx *pulumi.Context, vpc *network.Network, instances *compute.Template, balancer *loadbalancing.Balancer, paths []pulumi.Resource,
) error {
	group, err := scaling.New(ctx, name, &scaling.Args{
		SubnetIDs:       vpc.PublicSubnetIDs,
		TemplateID:      instances.ID,
		TemplateVersion: instances.LatestVersion,
		TargetGroupARNs: pulumi.StringArray{balancer.TargetGroups[0].ARN},
		Min:             2,
		Max:             4,
		Grace:           2 * time.Minute,
		Policies: []scaling.Policy{{
			TargetTracking: &scaling.TargetTracking{Metric: "cpu", Target: 50, Warmup: 5 * time.Minute},
		}},
		Tags: tags,
	}, pulumi.DependsOn(slices.Concat(vpc.Ready, instances.Ready, paths)))
	if err != nil {
		return err
	}
	_, err = release.New(ctx, name, &release.Args{
		Service:         name,
		GroupName:       group.Name,
		TemplateID:      instances.ID,
		TemplateVersion: instances.LatestVersion,
		TargetGroups:    []release.TargetGroup{{ARN: balancer.TargetGroups[0].ARN, Check: check}},
		Ports:           []int{port},
		Strategy:        release.Strategy{MinHealthy: scaling.MinHealthy, MaxHealthy: scaling.MaxHealthy, Timeout: 10 * time.Minute},
		Tags:            tags,
	}, pulumi.DependsOn(slices.Concat(group.Ready, balancer.Ready, paths)))
	return err
}
