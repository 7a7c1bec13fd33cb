package provider

import (
	"cmp"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	model "github.com/elastic-service/elastic-service/emulator/cloud/ssm"
)

type parameterInputs struct {
	Name        string            `pulumi:"name"`
	Description string            `pulumi:"description"`
	Type        string            `pulumi:"type"`
	Value       string            `pulumi:"value"`
	Insecure    string            `pulumi:"insecureValue"` // the same, shown in previews
	Tags        map[string]string `pulumi:"tags"`
}

func (in parameterInputs) parameter() model.Parameter {
	return model.Parameter{Name: in.Name, Type: in.Type, Value: cmp.Or(in.Value, in.Insecure), Description: in.Description}
}

type parameterOutputs struct {
	ARN     string `pulumi:"arn"`
	Version int    `pulumi:"version"`
}

func parameter() resourceType {
	return define(resourceType{
		token: "aws:ssm/parameter:Parameter", kind: Run, name: "name", nameMax: 1011, replaceOn: []string{"name"}, volatile: []string{"version"},
	}, handlers[parameterInputs, parameterOutputs]{
		create: func(m *cloud.Model, in parameterInputs) (string, parameterOutputs, error) {
			out, err := putParameter(m, in, false)
			return in.Name, out, err
		},
		update: func(m *cloud.Model, _ string, _, now parameterInputs) (*parameterOutputs, error) {
			out, err := putParameter(m, now, true)
			return &out, err
		},
		remove: func(m *cloud.Model, id string, _ parameterInputs) error { return m.SSM.DeleteParameter(id) },
	})
}

func putParameter(m *cloud.Model, in parameterInputs, overwrite bool) (parameterOutputs, error) {
	version, err := m.SSM.PutParameter(in.parameter(), overwrite, m.Clock.Now())
	return parameterOutputs{m.SSM.ARN(in.Name), version}, err
}
