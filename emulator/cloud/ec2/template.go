package ec2

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// LaunchTemplate is a versioned description of instances.
type LaunchTemplate struct {
	ID       string
	Name     string
	Default  int
	Versions []TemplateData // version n is at n-1
}

// TemplateData is a version of a launch template.
type TemplateData struct {
	ImageID        string
	InstanceType   string
	UserData       string // base64
	SecurityGroups []string
	Public         bool // give the instance a public address
	Profile        string
	Detailed       bool              // detailed monitoring
	CPUCredits     string            // burstable.Unlimited or burstable.Standard; "": the default of the type
	Tags           map[string]string // tags of the instances
}

// Latest returns the highest version.
func (t *LaunchTemplate) Latest() int { return len(t.Versions) }

// version resolves the version that an Auto Scaling group names: a number, $Latest or $Default.
func (t *LaunchTemplate) version(name string) (int, error) {
	switch name {
	case "$Latest":
		return t.Latest(), nil
	case "$Default", "":
		return t.Default, nil
	}
	n, err := strconv.Atoi(name)
	if err != nil || n < 1 || n > t.Latest() {
		return 0, aws.Refuse("InvalidLaunchTemplateId.VersionNotFound",
			"Could not find launch template version '%s' for %s", name, t.ID)
	}
	return n, nil
}

// maxUserData is the limit of user data in bytes, before base64 (User Guide: "Run commands on your Linux instance at
// launch").
const maxUserData = 16384

// templateName matches names of launch templates (API: CreateLaunchTemplate).
var templateName = regexp.MustCompile(`^[a-zA-Z0-9().\-/_]{3,128}$`)

// checkTemplate refuses a version that EC2 refuses.
func (s *Store) checkTemplate(data TemplateData) error {
	if _, err := s.ImageByID(data.ImageID); err != nil {
		return err
	}
	if !instanceType.MatchString(data.InstanceType) {
		return aws.Refuse("InvalidParameterValue", "The following supplied instance types do not exist: [%s]", data.InstanceType)
	}
	text, err := base64.StdEncoding.DecodeString(data.UserData)
	if err != nil {
		return aws.Refuse("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
	}
	if len(text) > maxUserData {
		return aws.Refuse("InvalidParameterValue", "User data is limited to %d bytes, this is %d", maxUserData, len(text))
	}
	if len(data.SecurityGroups) > vpc.MaxGroupsOfInterface {
		return aws.Refuse("SecurityGroupsPerInterfaceLimitExceeded", "You have exceeded the maximum number of security groups allowed per "+
			"network interface: %d", vpc.MaxGroupsOfInterface)
	}
	for _, group := range data.SecurityGroups {
		if s.vpc.SecurityGroups[group] == nil {
			return aws.NotFound("InvalidGroup.NotFound", "security group", group)
		}
	}
	return nil
}

// CreateLaunchTemplate creates a template with its first version.
func (s *Store) CreateLaunchTemplate(name string, data TemplateData) (LaunchTemplate, error) {
	template := &LaunchTemplate{ID: aws.NewID("lt"), Name: name, Default: 1, Versions: []TemplateData{data}}
	if !templateName.MatchString(name) {
		return LaunchTemplate{}, aws.Refuse("InvalidLaunchTemplateName.MalformedException", "Launch template name must be between 3 and 128 "+
			"characters long, and may contain letters, numbers, and the following characters: ( ) . / _ -: %q", name)
	}
	for _, other := range s.LaunchTemplates {
		if other.Name == name {
			return LaunchTemplate{}, aws.Refuse("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use: %s", name)
		}
	}
	if err := s.checkTemplate(data); err != nil {
		return LaunchTemplate{}, err
	}
	s.LaunchTemplates[template.ID] = template
	return *template, nil
}

// UpdateLaunchTemplate adds a version and makes it the default version if asked to.
func (s *Store) UpdateLaunchTemplate(id string, data TemplateData, makeDefault bool) (LaunchTemplate, error) {
	var updated LaunchTemplate
	template := s.LaunchTemplates[id]
	if template == nil {
		return LaunchTemplate{}, aws.NotFound("InvalidLaunchTemplateId.NotFound", "launch template", id)
	}
	if err := s.checkTemplate(data); err != nil {
		return LaunchTemplate{}, err
	}
	template.Versions = append(template.Versions, data)
	if makeDefault {
		template.Default = template.Latest()
	}
	updated = *template
	return updated, nil
}

// DeleteLaunchTemplate deletes a template. AWS deletes it even while an Auto Scaling group names it; the group then
// fails to launch.
func (s *Store) DeleteLaunchTemplate(id string) error {
	delete(s.LaunchTemplates, id)
	return nil
}

// FindLaunchTemplate returns a template by its ID or its name (API: DescribeLaunchTemplateVersions).
func (s *Store) FindLaunchTemplate(id, name string) (LaunchTemplate, error) {
	for _, t := range s.LaunchTemplates {
		if t.ID == id || id == "" && t.Name == name {
			return *t, nil
		}
	}
	if id == "" {
		return LaunchTemplate{}, aws.Refuse("InvalidLaunchTemplateName.NotFoundException", "The specified launch template, with template "+
			"name %s, does not exist.", name)
	}
	return LaunchTemplate{}, aws.NotFound("InvalidLaunchTemplateId.NotFound", "launch template", id)
}

// IsNamed reports whether one of the names, numbers, $Latest or $Default, stands for a version.
func (t *LaunchTemplate) IsNamed(names []string, version int) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		n, err := t.version(name)
		return err == nil && n == version
	})
}

// LaunchData returns the data of a version of a template, and the number of the version.
func (s *Store) LaunchData(template, version string) (TemplateData, int, error) {
	found := s.LaunchTemplates[template]
	if found == nil {
		return TemplateData{}, 0, fmt.Errorf("template: %w", aws.NotFound("InvalidLaunchTemplateId.NotFound", "launch template", template))
	}
	n, err := found.version(version)
	if err != nil {
		return TemplateData{}, 0, err
	}
	return found.Versions[n-1], n, nil
}
