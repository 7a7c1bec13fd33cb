package provider

import (
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

type roleInputs struct {
	Name             string            `pulumi:"name"`
	Description      string            `pulumi:"description"`
	AssumeRolePolicy string            `pulumi:"assumeRolePolicy"`
	Tags             map[string]string `pulumi:"tags"`
}

type rolePolicyInputs struct {
	Name   string `pulumi:"name"`
	Role   string `pulumi:"role"`
	Policy string `pulumi:"policy"`
}

type profileInputs struct {
	Name string            `pulumi:"name"`
	Role string            `pulumi:"role"`
	Tags map[string]string `pulumi:"tags"`
}

type attachmentInputs struct {
	Role      string `pulumi:"role"`
	PolicyArn string `pulumi:"policyArn"`
}

func role() resourceType {
	return define(resourceType{
		token: "aws:iam/role:Role", kind: Run, name: "name", nameMax: 64, replaceOn: []string{"name"},
	}, handlers[roleInputs, arnOutput]{
		create: func(m *cloud.Model, in roleInputs) (string, arnOutput, error) {
			return in.Name, arnOutput{iamARN("role", in.Name)}, m.IAM.CreateRole(in.Name, in.AssumeRolePolicy)
		},
		update: func(m *cloud.Model, id string, _, now roleInputs) (*arnOutput, error) {
			return nil, m.IAM.UpdateTrust(id, now.AssumeRolePolicy)
		},
		remove: func(m *cloud.Model, id string, _ roleInputs) error { return m.IAM.DeleteRole(id) },
	})
}

func rolePolicy() resourceType {
	return define(resourceType{
		token: "aws:iam/rolePolicy:RolePolicy", kind: Run, name: "name", nameMax: 128, replaceOn: []string{"name", "role"},
	}, handlers[rolePolicyInputs, none]{
		create: func(m *cloud.Model, in rolePolicyInputs) (string, none, error) {
			return in.Role + ":" + in.Name, none{}, m.IAM.PutRolePolicy(in.Role, in.Name, in.Policy)
		},
		update: func(m *cloud.Model, _ string, _, now rolePolicyInputs) (*none, error) {
			return nil, m.IAM.PutRolePolicy(now.Role, now.Name, now.Policy)
		},
		remove: func(m *cloud.Model, _ string, in rolePolicyInputs) error {
			return m.IAM.DeleteRolePolicy(in.Role, in.Name)
		},
	})
}

func rolePolicyAttachment() resourceType {
	return define(resourceType{
		token: "aws:iam/rolePolicyAttachment:RolePolicyAttachment", kind: Run, replaceOn: []string{"role", "policyArn"},
	}, handlers[attachmentInputs, none]{
		create: func(m *cloud.Model, in attachmentInputs) (string, none, error) {
			return in.Role + "/" + in.PolicyArn, none{}, m.IAM.AttachRolePolicy(in.Role, in.PolicyArn)
		},
		remove: func(m *cloud.Model, _ string, in attachmentInputs) error {
			return m.IAM.DetachRolePolicy(in.Role, in.PolicyArn)
		},
	})
}

func instanceProfile() resourceType {
	return define(resourceType{
		token: "aws:iam/instanceProfile:InstanceProfile", kind: Run, name: "name", nameMax: 128, replaceOn: []string{"name"},
	}, handlers[profileInputs, arnOutput]{
		create: func(m *cloud.Model, in profileInputs) (string, arnOutput, error) {
			return in.Name, arnOutput{iamARN("instance-profile", in.Name)}, m.IAM.CreateProfile(in.Name, in.Role)
		},
		update: func(m *cloud.Model, id string, _, now profileInputs) (*arnOutput, error) {
			return nil, m.IAM.UpdateProfile(id, now.Role)
		},
		remove: func(m *cloud.Model, id string, _ profileInputs) error { return m.IAM.DeleteProfile(id) },
	})
}

// iamARN returns the ARN of something of IAM, which is in no region.
func iamARN(kind, name string) string {
	return "arn:aws:iam::" + aws.Account + ":" + kind + "/" + name
}
