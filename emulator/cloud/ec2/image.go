package ec2

import (
	"regexp"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// imageName matches names of images (API: CreateImage).
var imageName = regexp.MustCompile(`^[A-Za-z0-9()\[\] ./\-'@_]{3,128}$`)

// CreateImage creates an image of an instance. The image keeps the ID of the instance, whose files it consists of, and
// outlives it.
func (s *Store) CreateImage(name, instance string) (Image, error) {
	image := &Image{ID: aws.NewID("ami"), Name: name, Source: instance}
	source := s.Instances[instance]
	switch {
	case source == nil:
		return Image{}, aws.Refuse("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", instance)
	case source.State != Running:
		return Image{}, aws.Refuse("IncorrectState", "Instance '%s' is not 'running' or 'stopped': it is %s", instance, source.State)
	case !imageName.MatchString(name):
		return Image{}, aws.Refuse("InvalidAMIName.Malformed", "AMI names must be between 3 and 128 characters long, and may contain letters, "+
			"numbers, and ( ) [ ] . / - ' @ _: %q", name)
	}
	for _, other := range s.Images {
		if other.Name == name {
			return Image{}, aws.Refuse("InvalidAMIName.Duplicate", "AMI name %s is already in use by AMI %s", name, other.ID)
		}
	}
	origin, err := s.ImageByID(source.ImageID)
	if err != nil {
		return Image{}, err
	}
	image.Architecture, image.RootDevice = origin.Architecture, origin.RootDevice
	s.Images[image.ID] = image
	return *image, nil
}

// DeleteImage deregisters an image. Instances that were launched from it keep running; new launches fail.
func (s *Store) DeleteImage(id string) error {
	delete(s.Images, id)
	return nil
}

// DescribeImages returns the images that were created from instances, sorted by ID.
func (s *Store) DescribeImages() []Image {
	var all []Image
	for _, id := range aws.Keys(s.Images) {
		all = append(all, *s.Images[id])
	}
	return all
}

// ImageByID returns an image of the catalogue or an image that was created from an instance.
func (s *Store) ImageByID(id string) (Image, error) {
	if made := s.Images[id]; made != nil {
		return *made, nil
	}
	if image, ok := s.stockImage(id); ok {
		return image, nil
	}
	return Image{}, aws.Refuse("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id)
}

// Image is a machine image.
type Image struct {
	ID           string
	Name         string
	Architecture string // x86_64 or arm64
	RootDevice   string
	Parameter    string // public SSM parameter that resolves to it
	Source       string // ID of the instance that it was created from; "" for a stock image
}
