package ec2

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// stock is a line of stock images of AWS. AWS publishes a newer image of it from time to time, and the line's public parameter
// then names that image. The IDs are invented.
type stock struct {
	parameter    string
	name         string
	architecture string
}

const amazonLinux = "/aws/service/ami-amazon-linux-latest/"

// catalogue lists the lines. The position of a line is part of its images' IDs: new lines come last.
var catalogue = []stock{
	{amazonLinux + "al2023-ami-kernel-default-x86_64", "al2023-ami-kernel-default-x86_64", "x86_64"},
	{amazonLinux + "al2023-ami-kernel-default-arm64", "al2023-ami-kernel-default-arm64", "arm64"},
	{"/aws/service/debian/release/12/latest/amd64", "debian-12-amd64", "x86_64"},
	{"/aws/service/debian/release/12/latest/arm64", "debian-12-arm64", "arm64"},
	{"/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id", "al2023-ami-ecs-hvm-x86_64", "x86_64"},
	{"/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id", "al2023-ami-ecs-hvm-arm64", "arm64"},
	{amazonLinux + "al2023-ami-kernel-6.1-x86_64", "al2023-ami-kernel-6.1-x86_64", "x86_64"},
	{amazonLinux + "al2023-ami-kernel-6.1-arm64", "al2023-ami-kernel-6.1-arm64", "arm64"},
	{amazonLinux + "al2023-ami-kernel-6.12-x86_64", "al2023-ami-kernel-6.12-x86_64", "x86_64"},
	{amazonLinux + "al2023-ami-kernel-6.12-arm64", "al2023-ami-kernel-6.12-arm64", "arm64"},
}

// image returns the image of a line that the line's parameter names in a version of the parameter, from 1.
func (l stock) image(position, version int) Image {
	image := Image{
		ID:   fmt.Sprintf("ami-0e1a5c20f3d4%02x%03x", version-1, position+1),
		Name: l.name, Architecture: l.architecture, RootDevice: "/dev/xvda", Parameter: l.parameter,
	}
	if version > 1 {
		image.Name += "-" + strconv.Itoa(version)
	}
	return image
}

// stockImage returns an image of the catalogue. A newer image leaves the older ones as they are.
func (s *Store) stockImage(id string) (Image, bool) {
	for position, line := range catalogue {
		for version := range s.version(line.parameter) {
			if image := line.image(position, version+1); image.ID == id {
				return image, true
			}
		}
	}
	return Image{}, false
}

// version returns the version of a public parameter, which counts the images that it has named.
func (s *Store) version(parameter string) int { return s.Published[parameter] + 1 }

// mostPublished is how many newer images of a line can be told apart.
const mostPublished = 0xff

// PublishImage puts a newer image of a line into the catalogue, as AWS does about every two weeks. The line's parameter names it.
func (s *Store) PublishImage(parameter string) (Image, error) {
	if _, err := s.ImageByParameter(parameter); err != nil {
		return Image{}, err
	}
	if s.Published[parameter] == mostPublished {
		return Image{}, fmt.Errorf("%s: the emulator publishes %d newer images of a line, and no more", parameter, mostPublished)
	}
	s.Published[parameter]++
	return s.ImageByParameter(parameter)
}

// ImageByParameter resolves a public SSM parameter: a name, or NAME:VERSION (Systems Manager User Guide: "Working with parameter
// versions").
func (s *Store) ImageByParameter(name string) (Image, error) {
	line, selector, selected := strings.Cut(name, ":")
	position := slices.IndexFunc(catalogue, func(l stock) bool { return l.parameter == line })
	if position < 0 {
		return Image{}, aws.Refuse("ParameterNotFound", "no image in the emulator's catalogue has the parameter %s", line)
	}
	newest := s.version(line)
	if !selected {
		return catalogue[position].image(position, newest), nil
	}
	version, err := strconv.Atoi(selector)
	if err != nil || version < 1 || version > newest {
		return Image{}, aws.Refuse("ParameterVersionNotFound",
			"Systems Manager could not find version %s of %s. Verify the version and try again.", selector, line)
	}
	return catalogue[position].image(position, version), nil
}

// ParameterVersion returns the version of the public parameter that names an image, by the parameter's name or NAME:VERSION.
func (s *Store) ParameterVersion(name string) int {
	line, selector, selected := strings.Cut(name, ":")
	if version, err := strconv.Atoi(selector); selected && err == nil {
		return version
	}
	return s.version(line)
}
