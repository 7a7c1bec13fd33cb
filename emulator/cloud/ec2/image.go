package ec2

import (
	"regexp"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// imageName matches names of images (API: CreateImage).
var imageName = regexp.MustCompile(`^[A-Za-z0-9()\[\] ./\-'@_]{3,128}$`)

// CreateImage creates an image of an instance, with a snapshot of its volume. The image keeps the ID of the instance, whose files it
// consists of, and outlives it (API: CreateImage).
func (s *Store) CreateImage(name, instance string, tags map[string]string) (Image, error) {
	image := &Image{ID: aws.NewID("ami"), Name: name, Source: instance, Snapshot: aws.NewID("snap"), Tags: tags}
	source := s.Instances[instance]
	switch {
	case source == nil:
		return Image{}, noInstance(instance)
	case source.State != Running && source.State != Stopped:
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
	s.Images[image.ID], s.Snapshots[image.Snapshot] = image, image.ID
	return *image, nil
}

// DeregisterImage removes an image. Instances that were launched from it keep running; new launches fail. The snapshot stays
// (API: DeregisterImage).
func (s *Store) DeregisterImage(id string) error {
	if s.Images[id] == nil {
		return noImage(id)
	}
	delete(s.Images, id)
	return nil
}

// DeleteSnapshot deletes the snapshot of an image that no longer exists (API: DeleteSnapshot).
func (s *Store) DeleteSnapshot(id string) error {
	if s.Snapshots[id] == "" {
		return aws.Refuse("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", id)
	}
	for _, image := range s.Images {
		if image.Snapshot == id {
			return aws.Refuse("InvalidSnapshot.InUse", "The snapshot %s is currently in use by %s", id, image.ID)
		}
	}
	delete(s.Snapshots, id)
	return nil
}

func noImage(id string) error {
	return aws.Refuse("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id)
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
	return Image{}, noImage(id)
}

// Image is a machine image.
type Image struct {
	ID           string
	Name         string
	Architecture string // x86_64 or arm64
	RootDevice   string
	Parameter    string // public SSM parameter that resolves to it
	Source       string // ID of the instance that it was created from; "" for a stock image
	Snapshot     string // ID of the snapshot of the instance's volume; "" for a stock image
	Tags         map[string]string
}
