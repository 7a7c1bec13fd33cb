package provider

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

// invokes are the functions that the provider knows, by token.
var invokes = map[string]func(*cloud.Cloud, resource.PropertyMap) (map[string]any, error){
	"aws:index/getAvailabilityZones:getAvailabilityZones": getAvailabilityZones,
	"aws:ssm/getParameter:getParameter":                   getParameter,
	"aws:ec2/getAmi:getAmi":                               getAmi,
}

type filter struct {
	Name   string   `pulumi:"name"`
	Values []string `pulumi:"values"`
}

// getAvailabilityZones lists zones that are available and need no opt-in: the emulator has no others.
func getAvailabilityZones(c *cloud.Cloud, args resource.PropertyMap) (map[string]any, error) {
	in, err := arguments[struct {
		State   string   `pulumi:"state"`
		Filters []filter `pulumi:"filters"`
	}](args)
	if err != nil {
		return nil, err
	}
	for _, f := range in.Filters {
		if f.Name != "opt-in-status" {
			return nil, fmt.Errorf("the emulator doesn't know the filter %q", f.Name)
		}
	}
	var names, ids []any
	for i, zone := range c.Zones() {
		names = append(names, zone)
		ids = append(ids, fmt.Sprintf("%s-az%d", c.Region(), i+1))
	}
	return map[string]any{"id": c.Region(), "names": names, "zoneIds": ids, "groupNames": []any{c.Region()}}, nil
}

func getParameter(c *cloud.Cloud, args resource.PropertyMap) (map[string]any, error) {
	in, err := arguments[struct {
		Name           string `pulumi:"name"`
		WithDecryption bool   `pulumi:"withDecryption"`
	}](args)
	if err != nil {
		return nil, err
	}
	image, err := c.ImageByParameter(in.Name)
	return map[string]any{
		"id": in.Name, "name": in.Name, "arn": "arn:aws:ssm:" + c.Region() + "::parameter" + in.Name, "type": "String",
		"value": image.ID, "insecureValue": image.ID, "version": 1, "withDecryption": in.WithDecryption,
	}, err
}

func getAmi(c *cloud.Cloud, args resource.PropertyMap) (map[string]any, error) {
	in, err := arguments[struct {
		Filters           []filter `pulumi:"filters"`
		IncludeDeprecated bool     `pulumi:"includeDeprecated"`
	}](args)
	if err != nil {
		return nil, err
	}
	if len(in.Filters) != 1 || in.Filters[0].Name != "image-id" || len(in.Filters[0].Values) != 1 {
		return nil, fmt.Errorf("the emulator finds images by the filter image-id with one value")
	}
	image, err := c.ImageByID(in.Filters[0].Values[0])
	if err != nil {
		return nil, err
	}
	result := imageOutputs(image)
	result["id"], result["imageId"] = image.ID, image.ID
	result["blockDeviceMappings"] = []any{map[string]any{
		"deviceName": image.RootDevice, "virtualName": "", "noDevice": "",
		"ebs": map[string]any{"volume_size": "8", "volume_type": "gp3", "encrypted": "false", "delete_on_termination": "true"},
	}}
	return result, nil
}

// arguments decodes the arguments of a function and refuses those that are not known.
func arguments[A any](args resource.PropertyMap) (A, error) {
	in, unknown, err := decode[A](args)
	if err == nil && len(unknown) > 0 {
		err = fmt.Errorf("the emulator doesn't know the argument %s", unknown[0])
	}
	return in, err
}
