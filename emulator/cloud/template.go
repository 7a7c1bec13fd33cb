package cloud

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Image is a machine image of the catalogue.
type Image struct {
	ID           string
	Name         string
	Architecture string // x86_64 or arm64
	RootDevice   string
	Parameter    string // public SSM parameter that resolves to it
	Source       string // instance that it was made from; empty for a stock image
}

// images is the catalogue: the stock images of AWS, as their public SSM parameters name them. IDs are invented.
var images = []Image{
	{ID: "ami-0e1a5c20f3d400001", Name: "al2023-ami-kernel-default-x86_64", Architecture: "x86_64", RootDevice: "/dev/xvda",
		Parameter: "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"},
	{ID: "ami-0e1a5c20f3d400002", Name: "al2023-ami-kernel-default-arm64", Architecture: "arm64", RootDevice: "/dev/xvda",
		Parameter: "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"},
	{ID: "ami-0e1a5c20f3d400003", Name: "debian-12-amd64", Architecture: "x86_64", RootDevice: "/dev/xvda",
		Parameter: "/aws/service/debian/release/12/latest/amd64"},
	{ID: "ami-0e1a5c20f3d400004", Name: "debian-12-arm64", Architecture: "arm64", RootDevice: "/dev/xvda",
		Parameter: "/aws/service/debian/release/12/latest/arm64"},
	{ID: "ami-0e1a5c20f3d400005", Name: "al2023-ami-ecs-hvm-x86_64", Architecture: "x86_64", RootDevice: "/dev/xvda",
		Parameter: "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"},
	{ID: "ami-0e1a5c20f3d400006", Name: "al2023-ami-ecs-hvm-arm64", Architecture: "arm64", RootDevice: "/dev/xvda",
		Parameter: "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id"},
}

// ImageByParameter resolves a public SSM parameter.
func (c *Cloud) ImageByParameter(name string) (Image, error) {
	for _, image := range images {
		if image.Parameter == name {
			return image, nil
		}
	}
	return Image{}, refuse("ParameterNotFound", "no image in the emulator's catalogue has the parameter %s", name)
}

// LaunchTemplate is a versioned description of instances.
type LaunchTemplate struct {
	ID       string
	Name     string
	Default  int
	Versions []TemplateData // version n is at n-1
}

// TemplateData is one version of a launch template.
type TemplateData struct {
	ImageID        string
	InstanceType   string
	UserData       string // base64
	SecurityGroups []string
	Public         bool // associate a public address
	Profile        string
	Detailed       bool              // metrics every minute
	Tags           map[string]string // of the instances
}

// Latest is the highest version.
func (t *LaunchTemplate) Latest() int { return len(t.Versions) }

// version resolves what a group names: a number, $Latest or $Default.
func (t *LaunchTemplate) version(name string) (int, error) {
	switch name {
	case "$Latest":
		return t.Latest(), nil
	case "$Default", "":
		return t.Default, nil
	}
	n, err := strconv.Atoi(name)
	if err != nil || n < 1 || n > t.Latest() {
		return 0, refuse("InvalidLaunchTemplateId.VersionNotFound",
			"Could not find launch template version '%s' for %s", name, t.ID)
	}
	return n, nil
}

// maxUserData is EC2's limit before base64 (User Guide: "Run commands on your Linux instance at launch").
const maxUserData = 16384

// templateName is the rule of the API (CreateLaunchTemplate).
var templateName = regexp.MustCompile(`^[a-zA-Z0-9().\-/_]{3,128}$`)

// instanceType is the pattern of EC2's instance types: a family and a size.
var instanceType = regexp.MustCompile(`^[a-z]+[0-9][a-z0-9-]*\.([a-z0-9]+)(-[0-9]+xl)?$`)

func (s *state) checkTemplate(data TemplateData) error {
	if _, err := s.image(data.ImageID); err != nil {
		return err
	}
	if !instanceType.MatchString(data.InstanceType) {
		return refuse("InvalidParameterValue", "The following supplied instance types do not exist: [%s]", data.InstanceType)
	}
	text, err := base64.StdEncoding.DecodeString(data.UserData)
	if err != nil {
		return refuse("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
	}
	if len(text) > maxUserData {
		return refuse("InvalidParameterValue", "User data is limited to %d bytes, this is %d", maxUserData, len(text))
	}
	if len(data.SecurityGroups) > maxInterfaced {
		return refuse("SecurityGroupsPerInterfaceLimitExceeded", "You have exceeded the maximum number of security groups allowed per "+
			"network interface: %d", maxInterfaced)
	}
	for _, group := range data.SecurityGroups {
		if s.Groups[group] == nil {
			return notFound("InvalidGroup.NotFound", "security group", group)
		}
	}
	return nil
}

// CreateTemplate makes a template with its first version.
func (c *Cloud) CreateTemplate(name string, data TemplateData) (LaunchTemplate, error) {
	template := &LaunchTemplate{ID: newID("lt"), Name: name, Default: 1, Versions: []TemplateData{data}}
	err := c.change(func(s *state) error {
		if !templateName.MatchString(name) {
			return refuse("InvalidLaunchTemplateName.MalformedException", "Launch template name must be between 3 and 128 characters "+
				"long, and may contain letters, numbers, and the following characters: ( ) . / _ -: %q", name)
		}
		for _, other := range s.Templates {
			if other.Name == name {
				return refuse("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use: %s", name)
			}
		}
		if err := s.checkTemplate(data); err != nil {
			return err
		}
		s.Templates[template.ID] = template
		return nil
	})
	return *template, err
}

// UpdateTemplate adds a version and, if asked, makes it the default.
func (c *Cloud) UpdateTemplate(id string, data TemplateData, makeDefault bool) (LaunchTemplate, error) {
	var updated LaunchTemplate
	err := c.change(func(s *state) error {
		template := s.Templates[id]
		if template == nil {
			return notFound("InvalidLaunchTemplateId.NotFound", "launch template", id)
		}
		if err := s.checkTemplate(data); err != nil {
			return err
		}
		template.Versions = append(template.Versions, data)
		if makeDefault {
			template.Default = template.Latest()
		}
		updated = *template
		return nil
	})
	return updated, err
}

// DeleteTemplate removes a template. AWS lets it go even while a group names it; the group can then launch nothing.
func (c *Cloud) DeleteTemplate(id string) error {
	return c.change(func(s *state) error {
		delete(s.Templates, id)
		return nil
	})
}

// launchData resolves a group's template and version.
func (s *state) launchData(template, version string) (TemplateData, int, error) {
	found := s.Templates[template]
	if found == nil {
		return TemplateData{}, 0, fmt.Errorf("template: %w", notFound("InvalidLaunchTemplateId.NotFound", "launch template", template))
	}
	n, err := found.version(version)
	if err != nil {
		return TemplateData{}, 0, err
	}
	return found.Versions[n-1], n, nil
}

// VirtualCPUs is how many virtual CPUs an instance type has: what its CPU utilization is a share of (EC2: "Instance
// types"; sizes mean the same in nearly all families).
func VirtualCPUs(instanceType string) int {
	family, size, _ := strings.Cut(instanceType, ".")
	if times, ok := strings.CutSuffix(size, "xlarge"); ok {
		n, err := strconv.Atoi(times)
		if err != nil {
			n = 1
		}
		return 4 * n
	}
	burstable := strings.HasPrefix(family, "t") && family != "t2"
	if size == "large" || burstable || family == "t2" && size == "medium" {
		return 2
	}
	return 1
}
