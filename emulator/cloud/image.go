package cloud

import "regexp"

// imageName is the rule for names of images (API: CreateImage).
var imageName = regexp.MustCompile(`^[A-Za-z0-9()\[\] ./\-'@_]{3,128}$`)

// CreateImage makes an image of an instance. The image remembers its source, of whose files it is made, and outlives it.
func (c *Cloud) CreateImage(name, instance string) (Image, error) {
	image := &Image{ID: newID("ami"), Name: name, Source: instance}
	err := c.change(func(s *state) error {
		source := s.Instances[instance]
		switch {
		case source == nil:
			return refuse("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", instance)
		case source.State != Running:
			return refuse("IncorrectState", "Instance '%s' is not 'running' or 'stopped': it is %s", instance, source.State)
		case !imageName.MatchString(name):
			return refuse("InvalidAMIName.Malformed", "AMI names must be between 3 and 128 characters long, and may contain letters, "+
				"numbers, and ( ) [ ] . / - ' @ _: %q", name)
		}
		for _, other := range s.Images {
			if other.Name == name {
				return refuse("InvalidAMIName.Duplicate", "AMI name %s is already in use by AMI %s", name, other.ID)
			}
		}
		origin, err := s.image(source.ImageID)
		if err != nil {
			return err
		}
		image.Architecture, image.RootDevice = origin.Architecture, origin.RootDevice
		s.Images[image.ID] = image
		return nil
	})
	return *image, err
}

// DeleteImage deregisters an image. Instances that run from it go on; new ones fail.
func (c *Cloud) DeleteImage(id string) error {
	return c.change(func(s *state) error {
		delete(s.Images, id)
		return nil
	})
}

// Images lists the images that were made from instances, by ID.
func (c *Cloud) Images() []Image {
	var all []Image
	c.view(func(s *state) {
		for _, id := range keys(s.Images) {
			all = append(all, *s.Images[id])
		}
	})
	return all
}

// ImageByID finds an image of the catalogue or of an instance.
func (c *Cloud) ImageByID(id string) (Image, error) {
	var image Image
	var err error
	c.view(func(s *state) { image, err = s.image(id) })
	return image, err
}

func (s *state) image(id string) (Image, error) {
	if made := s.Images[id]; made != nil {
		return *made, nil
	}
	for _, image := range images {
		if image.ID == id {
			return image, nil
		}
	}
	return Image{}, refuse("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id)
}
