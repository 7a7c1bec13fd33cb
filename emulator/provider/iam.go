package provider

import "github.com/elastic-service/elastic-service/emulator/cloud"

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
		create: func(m *cloud.Cloud, in roleInputs) (string, arnOutput, error) {
			return in.Name, arnOutput{iamARN("role", in.Name)}, m.CreateRole(in.Name, in.AssumeRolePolicy)
		},
		update: func(m *cloud.Cloud, id string, _, now roleInputs) (*arnOutput, error) {
			return nil, m.UpdateTrust(id, now.AssumeRolePolicy)
		},
		remove: func(m *cloud.Cloud, id string, _ roleInputs) error { return m.DeleteRole(id) },
	})
}

func rolePolicy() resourceType {
	return define(resourceType{
		token: "aws:iam/rolePolicy:RolePolicy", kind: Run, name: "name", nameMax: 128, replaceOn: []string{"name", "role"},
	}, handlers[rolePolicyInputs, none]{
		create: func(m *cloud.Cloud, in rolePolicyInputs) (string, none, error) {
			return in.Role + ":" + in.Name, none{}, m.PutRolePolicy(in.Role, in.Name, in.Policy)
		},
		update: func(m *cloud.Cloud, _ string, _, now rolePolicyInputs) (*none, error) {
			return nil, m.PutRolePolicy(now.Role, now.Name, now.Policy)
		},
		remove: func(m *cloud.Cloud, _ string, in rolePolicyInputs) error { return m.DeleteRolePolicy(in.Role, in.Name) },
	})
}

func rolePolicyAttachment() resourceType {
	return define(resourceType{
		token: "aws:iam/rolePolicyAttachment:RolePolicyAttachment", kind: Run, replaceOn: []string{"role", "policyArn"},
	}, handlers[attachmentInputs, none]{
		create: func(m *cloud.Cloud, in attachmentInputs) (string, none, error) {
			return in.Role + "/" + in.PolicyArn, none{}, m.AttachRolePolicy(in.Role, in.PolicyArn)
		},
		remove: func(m *cloud.Cloud, _ string, in attachmentInputs) error {
			return m.DetachRolePolicy(in.Role, in.PolicyArn)
		},
	})
}

func instanceProfile() resourceType {
	return define(resourceType{
		token: "aws:iam/instanceProfile:InstanceProfile", kind: Run, name: "name", nameMax: 128, replaceOn: []string{"name"},
	}, handlers[profileInputs, arnOutput]{
		create: func(m *cloud.Cloud, in profileInputs) (string, arnOutput, error) {
			return in.Name, arnOutput{iamARN("instance-profile", in.Name)}, m.CreateProfile(in.Name, in.Role)
		},
		update: func(m *cloud.Cloud, id string, _, now profileInputs) (*arnOutput, error) {
			return nil, m.UpdateProfile(id, now.Role)
		},
		remove: func(m *cloud.Cloud, id string, _ profileInputs) error { return m.DeleteProfile(id) },
	})
}

// iamARN returns the ARN of something of IAM, which is in no region.
func iamARN(kind, name string) string {
	return "arn:aws:iam::" + cloud.Account + ":" + kind + "/" + name
}
