package compute

import (
	"fmt"
	"regexp"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/internal/tags"
)

// instanceID matches the ID of an instance, in the short form of old instances or in the long form.
var instanceID = regexp.MustCompile(`^i-([0-9a-f]{8}|[0-9a-f]{17})$`)

// ImageArgs describes a machine image that is made from an instance.
type ImageArgs struct {
	// SourceInstanceID is the instance, running or stopped. Another instance makes another image.
	SourceInstanceID string

	// Reboot stops the instance while its volume is copied, so that files are complete. Without it files may be half-written,
	// as after a loss of power.
	Reboot bool

	// Tags are put on the image and its snapshots.
	Tags map[string]string
}

// Validate reports every problem of the arguments, as paths below an image.
func (a *ImageArgs) Validate() error {
	var problems invalid.List
	if !instanceID.MatchString(a.SourceInstanceID) {
		problems.Add("sourceInstanceId", a.SourceInstanceID, "is not the ID of an instance, such as i-0123456789abcdef0")
	}
	return problems.Err()
}

// Image is a machine image. It stays when the stack is destroyed, because instances and templates elsewhere may use it.
type Image struct {
	pulumi.ResourceState

	// ID is the ID of the image. It is known once the image can be launched, minutes after the request.
	ID pulumi.StringOutput
}

// NewImage registers an image.
func NewImage(ctx *pulumi.Context, name string, args *ImageArgs, opts ...pulumi.ResourceOption) (*Image, error) {
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("image %s: %w", name, err)
	}
	i := &Image{}
	if err := ctx.RegisterComponentResource("elastic-service:compute:Image", name, i, opts...); err != nil {
		return nil, fmt.Errorf("image %s: %w", name, err)
	}
	image, err := ec2.NewAmiFromInstance(ctx, name+"-image", &ec2.AmiFromInstanceArgs{
		SourceInstanceId:      pulumi.String(args.SourceInstanceID),
		SnapshotWithoutReboot: pulumi.Bool(!args.Reboot),
		Description:           pulumi.String(fmt.Sprintf("%s, made of %s", name, args.SourceInstanceID)),
		Tags:                  tags.Named(args.Tags, name),
	}, pulumi.Parent(i), pulumi.RetainOnDelete(true))
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", name, err)
	}
	i.ID = image.ID().ToStringOutput()
	return i, ctx.RegisterResourceOutputs(i, pulumi.Map{"id": i.ID})
}
