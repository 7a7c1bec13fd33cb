package containers

import (
	"fmt"
	"maps"
	"slices"

	awsiam "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/iam"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// executionPolicy is the policy that AWS maintains for what ECS does with a task's execution role beside reading secrets: pulling images.
const executionPolicy = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"

// Secret says where the value of an environment variable is: a secret of Secrets Manager, or a parameter of Systems Manager.
type Secret struct {
	ARN       pulumi.StringInput // of the secret
	Key       string             // in the secret's JSON object; the whole secret if empty
	Version   pulumi.StringInput // the ID of a version of the secret; nil: the current version
	Parameter string             // the parameter's name or ARN, instead of ARN
}

func (c Sidecar) validSecrets() error {
	var problems invalid.List
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		_, twice := c.Environment[name]
		switch secret := c.Secrets[name]; {
		case !variableName.MatchString(name):
			problems.Add("secrets", name, "is not the name of a variable")
		case twice:
			problems.Missing("secrets."+name, "is set in environment, too")
		case (secret.ARN == nil) == (secret.Parameter == ""):
			problems.Missing("secrets."+name, "needs the ARN of a secret or a parameter")
		}
	}
	return problems.Err()
}

// located has what of a task only AWS knows.
type located struct {
	logGroup    string
	account     string
	arns        map[string]string // of secrets, by secretKey
	versions    map[string]string // of secrets, by secretKey
	environment map[string]string
}

// locate returns what is known of a task when everything that it names has been created.
func (a *Args) locate(name string, logGroup pulumi.StringOutput) pulumi.AnyOutput {
	if !a.hasSecrets() && len(a.Permissions) == 0 && a.StackEnvironment == nil {
		return logGroup.ApplyT(func(name string) any { return located{logGroup: name} }).(pulumi.AnyOutput)
	}
	arns, versions := pulumi.StringMap{}, pulumi.StringMap{}
	for _, c := range a.all(name) {
		for variable, secret := range c.Secrets {
			if secret.ARN != nil {
				arns[secretKey(c.Name, variable)] = secret.ARN
			}
			if secret.Version != nil {
				versions[secretKey(c.Name, variable)] = secret.Version
			}
		}
	}
	environment := pulumi.StringMapInput(pulumi.StringMap{})
	if a.StackEnvironment != nil {
		environment = a.StackEnvironment
	}
	return pulumi.All(logGroup, a.ClusterARN, arns, versions, environment).ApplyT(func(known []any) (any, error) {
		cluster, err := iam.ParseRegional(known[1].(string))
		return located{
			logGroup: known[0].(string), account: cluster.Account, arns: known[2].(map[string]string), versions: known[3].(map[string]string),
			environment: known[4].(map[string]string),
		}, err
	}).(pulumi.AnyOutput)
}

// valueFrom returns the places of a container's secrets as ECS has them: ARN:KEY:STAGE:VERSION (ECS Developer Guide, "Pass Secrets Manager
// secrets through Amazon ECS environment variables").
func (a *Args) valueFrom(c Sidecar, l located) []secretVariable {
	var list []secretVariable
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		secret, key := c.Secrets[name], secretKey(c.Name, name)
		from := l.arns[key]
		switch version := l.versions[key]; {
		case secret.Parameter != "":
			from = iam.Parameter(a.Region, l.account, secret.Parameter)
		case secret.Key != "" || version != "":
			from = fmt.Sprintf("%s:%s::%s", from, secret.Key, version)
		}
		list = append(list, secretVariable{name, from})
	}
	return list
}

// readSecrets returns the policy that allows reading the secrets of a service's containers and nothing else.
func (a *Args) readSecrets(service string, l located) (string, error) {
	var managed, parameters []string
	add := func(list *[]string, arn string) {
		if !slices.Contains(*list, arn) {
			*list = append(*list, arn)
		}
	}
	for _, c := range a.all(service) {
		for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
			if parameter := c.Secrets[name].Parameter; parameter != "" {
				add(&parameters, iam.Parameter(a.Region, l.account, parameter))
			} else {
				add(&managed, l.arns[secretKey(c.Name, name)])
			}
		}
	}
	return iam.ReadSecrets(managed, parameters, "ssm:GetParameters")
}

// trustTasks lets the tasks of an account's region assume a role (ECS Developer Guide, "Amazon ECS task IAM role").
func trustTasks(region, account string) (string, error) {
	return iam.Trust("ecs-tasks.amazonaws.com", iam.Condition{
		"ArnLike":      {"aws:SourceArn": iam.ARN{Partition: "aws", Service: "ecs", Region: region, Account: account, Resource: "*"}.String()},
		"StringEquals": {"aws:SourceAccount": account},
	})
}

// roles are those of a task; nil where it needs none.
type roles struct{ execution, task *awsiam.Role }

// roles creates the role with which ECS fetches the secrets, and the role of the containers' own calls of AWS.
func (s *Service) roles(ctx *pulumi.Context, name string, args *Args, known pulumi.AnyOutput) (roles, error) {
	var r roles
	if args.hasSecrets() {
		document := known.ApplyT(func(l any) (string, error) { return args.readSecrets(name, l.(located)) }).(pulumi.StringOutput)
		role, err := s.role(ctx, name+"-execution", "Starts of the containers of "+name, args, known)
		if err != nil {
			return r, err
		}
		r.execution = role
		if err := s.allow(ctx, name+"-read-secrets", role, document); err != nil {
			return r, err
		}
		images, err := awsiam.NewRolePolicyAttachment(ctx, name+"-execution-base", &awsiam.RolePolicyAttachmentArgs{
			Role: role.Name, PolicyArn: pulumi.String(executionPolicy),
		}, pulumi.Parent(s))
		if err != nil {
			return r, err
		}
		s.granted = append(s.granted, images)
	}
	if len(args.Permissions) > 0 {
		document, err := iam.Policy(args.Permissions...)
		if err != nil {
			return r, err
		}
		if r.task, err = s.role(ctx, name+"-task-role", "Containers of "+name, args, known); err != nil {
			return r, err
		}
		return r, s.allow(ctx, name+"-permissions", r.task, pulumi.String(document))
	}
	return r, nil
}

func (s *Service) role(ctx *pulumi.Context, name, description string, args *Args, known pulumi.AnyOutput) (*awsiam.Role, error) {
	return awsiam.NewRole(ctx, name, &awsiam.RoleArgs{
		Description: pulumi.String(description),
		AssumeRolePolicy: known.ApplyT(func(l any) (string, error) {
			return trustTasks(args.Region, l.(located).account)
		}).(pulumi.StringOutput),
		Tags: pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(s))
}

func (s *Service) allow(ctx *pulumi.Context, name string, role *awsiam.Role, document pulumi.StringInput) error {
	policy, err := awsiam.NewRolePolicy(ctx, name, &awsiam.RolePolicyArgs{Role: role.Name, Policy: document}, pulumi.Parent(s))
	s.granted = append(s.granted, policy)
	return err
}
