package aws

import (
	"context"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	model "github.com/elastic-service/elastic-service/emulator/cloud/ssm"
)

func (a *API) ssm() *service {
	return &service{name: "ssm", title: "Systems Manager", operations: map[string]operation{
		"GetParameter":        answering(a.getParameter),
		"GetParameters":       answering(a.getParameters),
		"GetParametersByPath": answering(a.getParametersByPath),
		"DescribeParameters":  answering(a.describeParameters),
		"PutParameter":        answering(a.putParameter),
		"DeleteParameter":     answering(a.deleteParameter),
	}}
}

type ssmParameter struct {
	ARN              string
	Name             string
	Type             string
	Value            string
	Version          int
	DataType         string
	LastModifiedDate epoch `json:",omitzero"`
}

// parameterInput is the input of the operations on a parameter. All values are readable: decryption asks for nothing.
type parameterInput struct {
	Name           string
	Value          string
	Type           string
	Description    string
	Overwrite      bool
	WithDecryption bool
}

// readParameter returns a parameter, or a public parameter with the ID of an image.
func readParameter(m *cloud.Model, name string) (ssmParameter, error) {
	if strings.HasPrefix(name, "/aws/service/") {
		image, err := m.EC2.ImageByParameter(name)
		return ssmParameter{
			ARN: m.SSM.ARN(name), Name: name, Type: "String", Value: image.ID, Version: 1, DataType: "aws:ec2:image",
		}, err
	}
	if strings.HasPrefix(name, "arn:") {
		if found := m.SSM.NameOf(name); found != "" {
			name = found
		}
	}
	p, err := m.SSM.Parameter(name)
	return describeParameter(m, p), err
}

func describeParameter(m *cloud.Model, p model.Parameter) ssmParameter {
	return ssmParameter{
		ARN: m.SSM.ARN(p.Name), Name: p.Name, Type: p.Type, Value: p.Value, Version: p.Version, DataType: "text",
		LastModifiedDate: epoch(p.Modified),
	}
}

type getParameterOutput struct{ Parameter ssmParameter }

func (a *API) getParameter(_ context.Context, in *parameterInput) (*getParameterOutput, error) {
	found, err := cloud.Find(a.cloud, func(m *cloud.Model) (ssmParameter, error) { return readParameter(m, in.Name) })
	return &getParameterOutput{found}, err
}

type getParametersInput struct {
	Names          []string
	WithDecryption bool
}

type getParametersOutput struct {
	Parameters        []ssmParameter
	InvalidParameters []string
}

func (a *API) getParameters(_ context.Context, in *getParametersInput) (*getParametersOutput, error) {
	out := &getParametersOutput{Parameters: []ssmParameter{}, InvalidParameters: []string{}}
	a.cloud.View(func(m *cloud.Model) {
		for _, name := range in.Names {
			if found, err := readParameter(m, name); err == nil {
				out.Parameters = append(out.Parameters, found)
			} else {
				out.InvalidParameters = append(out.InvalidParameters, name)
			}
		}
	})
	return out, nil
}

type parametersByPathInput struct {
	Path           string
	Recursive      bool
	WithDecryption bool
	MaxResults     *int32
	NextToken      *string
}

type parametersOutput struct {
	Parameters []ssmParameter
	NextToken  *string `json:",omitempty"`
}

// getParametersByPath returns the parameters right below a path, or all below it.
func (a *API) getParametersByPath(_ context.Context, in *parametersByPathInput) (*parametersOutput, error) {
	if !strings.HasPrefix(in.Path, "/") {
		return nil, aws.Refuse("ValidationException", "The parameter doesn't meet the parameter name requirements. The parameter path must "+
			"begin with a forward slash \"/\".")
	}
	found := []ssmParameter{}
	a.cloud.View(func(m *cloud.Model) {
		for _, name := range aws.Keys(m.SSM.Parameters) {
			rest, below := strings.CutPrefix(name, strings.TrimSuffix(in.Path, "/")+"/")
			if below && (in.Recursive || !strings.Contains(rest, "/")) {
				found = append(found, describeParameter(m, *m.SSM.Parameters[name]))
			}
		}
	})
	found, next, err := page(found, in.MaxResults, in.NextToken, 10)
	return &parametersOutput{found, next}, err
}

type describeParametersInput struct {
	MaxResults *int32
	NextToken  *string
}

type parameterMetadata struct {
	ARN              string
	Name             string
	Type             string
	Description      string `json:",omitempty"`
	Version          int
	Tier             string
	DataType         string
	LastModifiedDate epoch
}

type describeParametersOutput struct {
	Parameters []parameterMetadata
	NextToken  *string `json:",omitempty"`
}

func (a *API) describeParameters(_ context.Context, in *describeParametersInput) (*describeParametersOutput, error) {
	found := []parameterMetadata{}
	a.cloud.View(func(m *cloud.Model) {
		for _, p := range sorted(m.SSM.Parameters) {
			found = append(found, parameterMetadata{
				ARN: m.SSM.ARN(p.Name), Name: p.Name, Type: p.Type, Description: p.Description, Version: p.Version, Tier: "Standard",
				DataType: "text", LastModifiedDate: epoch(p.Modified),
			})
		}
	})
	found, next, err := page(found, in.MaxResults, in.NextToken, 50)
	return &describeParametersOutput{found, next}, err
}

type putParameterOutput struct {
	Version int
	Tier    string
}

// putParameter creates or changes a parameter, which keeps its type unless another is given.
func (a *API) putParameter(_ context.Context, in *parameterInput) (*putParameterOutput, error) {
	version, err := cloud.Make(a.cloud, func(m *cloud.Model) (int, error) {
		p := model.Parameter{Name: in.Name, Type: in.Type, Value: in.Value, Description: in.Description}
		if former, err := m.SSM.Parameter(in.Name); err == nil && p.Type == "" {
			p.Type = former.Type
		}
		return m.SSM.PutParameter(p, in.Overwrite, m.Clock.Now())
	})
	return &putParameterOutput{version, "Standard"}, err
}

func (a *API) deleteParameter(_ context.Context, in *parameterInput) (*struct{}, error) {
	return &struct{}{}, a.cloud.Change(func(m *cloud.Model) error {
		if _, err := m.SSM.Parameter(in.Name); err != nil {
			return err
		}
		return m.SSM.DeleteParameter(in.Name)
	})
}
