package stack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ssm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/internal/fault"
	"github.com/elastic-service/elastic-service/settings"
	"github.com/elastic-service/elastic-service/userdata"
)

// The responder proves the service's life to the balancer. It is built from this project and put on every instance.
const (
	responderName    = "healthcheck"
	responderPackage = "./cmd/healthcheck"
	responderPath    = "/usr/local/bin/healthcheck"
)

// plan is everything that has to be known before anything is registered.
type plan struct {
	settings *settings.Settings
	tags     map[string]string
	zones    []string // availability zones, one a subnet
	image    image
	software compute.Software
}

// image is the machine image of the instances.
type image struct {
	id         string
	rootDevice string
}

// newPlan looks at what the settings can only name: the region's zones, the image, and local files. The plan is of use
// only if no fault was added.
func newPlan(ctx *pulumi.Context, s *settings.Settings, faults *fault.List) *plan {
	p := &plan{settings: s, tags: map[string]string{"Service": s.Service, "Stack": ctx.Stack()}}
	p.planZones(ctx, faults)
	p.planImage(ctx, faults)
	p.planSoftware(ctx, faults)
	if faults.Err() == nil {
		faults.Include("app", p.software.Validate())
	}
	return p
}

// planZones takes the first zones by name, so that the same ones are taken every time.
func (p *plan) planZones(ctx *pulumi.Context, faults *fault.List) {
	found, err := aws.GetAvailabilityZones(ctx, &aws.GetAvailabilityZonesArgs{
		State: pulumi.StringRef("available"),
		// Local zones and zones that an account has opted in to have neither balancers nor every instance type.
		Filters: []aws.GetAvailabilityZonesFilter{{Name: "opt-in-status", Values: []string{"opt-in-not-required"}}},
	})
	if err != nil {
		faults.Include("network.zones", fmt.Errorf("listing the zones of %s: %w", p.settings.Region, err))
		return
	}
	names := slices.Sorted(slices.Values(found.Names))
	if wanted := p.settings.Network.Zones; wanted > len(names) {
		faults.Add("network.zones", wanted, "is more than %s has (%d: %s)",
			p.settings.Region, len(names), strings.Join(names, ", "))
		return
	}
	p.zones = names[:max(p.settings.Network.Zones, 0)]
}

// planImage finds the image and holds it against the instance that it is to run on.
func (p *plan) planImage(ctx *pulumi.Context, faults *fault.List) {
	path, id := "image.id", p.settings.Image.ID
	if name := p.settings.Image.Parameter; name != "" {
		path = "image.parameter"
		parameter, err := ssm.LookupParameter(ctx, &ssm.LookupParameterArgs{
			Name: name, WithDecryption: pulumi.BoolRef(false),
		})
		if err != nil {
			faults.Include(path, fmt.Errorf("reading %s: %w", name, err))
			return
		}
		id = parameter.InsecureValue // an image's ID is no secret
	}
	if id == "" {
		return // a fault of the settings
	}
	ami, err := ec2.LookupAmi(ctx, &ec2.LookupAmiArgs{
		Filters:           []ec2.GetAmiFilter{{Name: "image-id", Values: []string{id}}},
		IncludeDeprecated: pulumi.BoolRef(true), // a deprecated image still launches
	})
	if err != nil {
		faults.Include(path, fmt.Errorf("finding %s in %s: %w", id, p.settings.Region, err))
		return
	}
	faults.Include("", p.fits(path, ami))
	p.image = image{id: id, rootDevice: ami.RootDeviceName}
}

// fits reports what the instances' settings and an image have against each other.
func (p *plan) fits(path string, ami *ec2.LookupAmiResult) error {
	var faults fault.List
	c := p.settings.Compute
	if arch := compute.Architecture(c.InstanceType); c.InstanceType != "" && arch != goArchitecture(ami.Architecture) {
		faults.Add("compute.instanceType", c.InstanceType, "has the architecture %s, the image (%s) is for %s",
			arch, ami.ImageId, ami.Architecture)
	}
	if ami.RootDeviceType == "instance-store" {
		faults.Add(path, ami.ImageId, "has its root device in an instance store, it must be an EBS volume")
	}
	if least := rootGiB(ami); c.RootVolumeGiB > 0 && c.RootVolumeGiB < least {
		faults.Add("compute.rootVolumeGiB", c.RootVolumeGiB, "is less than the image (%s) has: %d", ami.ImageId, least)
	}
	return faults.Err()
}

// goArchitecture is Go's name for an architecture that EC2 names.
func goArchitecture(ec2 string) string {
	if ec2 == "x86_64" {
		return "amd64"
	}
	return ec2
}

// rootGiB is the size of an image's root volume; 0 where the image does not say.
func rootGiB(ami *ec2.LookupAmiResult) int {
	for _, device := range ami.BlockDeviceMappings {
		if device.DeviceName == ami.RootDeviceName {
			size, err := strconv.Atoi(device.Ebs["volume_size"])
			if err != nil {
				return 0
			}
			return size
		}
	}
	return 0
}

// planSoftware builds the artifacts and lists the services, the responder last: of an instance that shuts down it stops
// first, so that no check finds a service healthy that is about to go.
func (p *plan) planSoftware(ctx *pulumi.Context, faults *fault.List) {
	app := p.settings.App
	p.software = compute.Software{Region: p.settings.Region, Packages: app.Packages}
	for i, artifact := range app.Artifacts {
		field := "file"
		if artifact.Build != "" {
			field = "build"
		}
		p.addArtifact(ctx, fmt.Sprintf("app.artifacts[%d].%s", i, field), artifact, faults)
	}
	responder := settings.Artifact{Build: responderPackage, Path: responderPath}
	p.addArtifact(ctx, "health", responder, faults)
	var names []string
	for _, service := range app.Services {
		names = append(names, service.Name)
		p.software.Services = append(p.software.Services, userdata.Service{
			Name:        service.Name,
			Description: "Service " + service.Name,
			Command:     service.Command,
			User:        service.User,
			Directory:   service.Directory,
			Environment: service.Environment,
			Port:        app.Port,
		})
	}
	p.software.Services = append(p.software.Services, p.responder(names))
}

// responder is the service that listens on the health port while the application listens on its own.
func (p *plan) responder(after []string) userdata.Service {
	return userdata.Service{
		Name:        responderName,
		Description: "Health of " + p.settings.Service,
		Command: []string{
			responderPath,
			"-port", strconv.Itoa(p.settings.Health.Port),
			"-service-port", strconv.Itoa(p.settings.App.Port),
		},
		Port:  p.settings.Health.Port,
		After: after,
	}
}

// addArtifact makes an artifact's file. What keeps it from that is a fault of the setting at path.
func (p *plan) addArtifact(ctx *pulumi.Context, path string, artifact settings.Artifact, faults *fault.List) {
	root, err := projectRoot(ctx)
	if err != nil {
		faults.Include(path, err)
		return
	}
	file := compute.File{Path: artifact.Path}
	switch {
	case artifact.Build != "":
		arch := compute.Architecture(p.settings.Compute.InstanceType)
		file.Source, err = compute.Build(ctx.Context(), root, artifact.Build, arch)
	case artifact.File != "":
		file.Source, err = regularFile(root, artifact.File)
	default:
		return // a fault of the settings
	}
	if err == nil {
		file.SHA256, err = compute.Hash(file.Source)
	}
	if err != nil {
		faults.Include(path, err)
		return
	}
	p.software.Artifacts = append(p.software.Artifacts, file)
}

// regularFile is the full name of a file that is given relative to the project.
func regularFile(root, name string) (string, error) {
	file := filepath.Join(root, name)
	switch info, err := os.Stat(file); {
	case errors.Is(err, fs.ErrNotExist):
		return "", fault.Fault{Value: strconv.Quote(name), Rule: "does not exist in " + root}
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fault.Fault{Value: strconv.Quote(name), Rule: "is not a regular file"}
	}
	return file, nil
}

// projectRoot is the folder of the Go module: the project's, unless Pulumi runs a copy of the project's files, as its
// Automation API can; then the working directory.
func projectRoot(ctx *pulumi.Context) (string, error) {
	if root := ctx.RootDirectory(); root != "" {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return root, nil
		}
	}
	return os.Getwd()
}
