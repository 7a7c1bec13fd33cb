package compute

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	iampolicy "github.com/elastic-service/elastic-service/internal/iam"
)

// containersPolicy is the policy that AWS maintains for the ECS agent, whose permissions change with its releases.
const containersPolicy = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"

// grant is a permission of the instances. Either document or arn is set.
type grant struct {
	name     string
	document pulumi.StringInput // a policy of the role's own
	arn      string             // a policy of AWS
}

// grants returns the permissions that the instances need. The bucket is nil without artifacts, the log group without logs.
func (t *Template) grants(args *Args, bucket *s3.BucketV2, logs *cloudwatch.LogGroup) ([]grant, error) {
	var list []grant
	if bucket != nil {
		document := bucket.Arn.ApplyT(readArtifacts).(pulumi.StringOutput)
		list = append(list, grant{name: "read-artifacts", document: document})
	}
	if logs != nil {
		document := logs.Arn.ApplyT(writeLogs).(pulumi.StringOutput)
		list = append(list, grant{name: "write-logs", document: document})
	}
	if args.ReadSecret != nil {
		document := args.ReadSecret.ToStringOutput().ApplyT(readSecret).(pulumi.StringOutput)
		list = append(list, grant{name: "read-secret", document: document})
	}
	if document := args.readSecrets(t.account); document != nil {
		list = append(list, grant{name: "read-secrets", document: document})
	}
	if len(args.Permissions) > 0 {
		document, err := iampolicy.Policy(args.Permissions...)
		if err != nil {
			return nil, err
		}
		list = append(list, grant{name: "permissions", document: pulumi.String(document)})
	}
	if args.MemoryMetric {
		document, err := putMetrics()
		if err != nil {
			return nil, err
		}
		list = append(list, grant{name: "memory-metric", document: pulumi.String(document)})
	}
	if args.SessionManager {
		document, err := openSessions()
		if err != nil {
			return nil, err
		}
		list = append(list, grant{name: "session-manager", document: pulumi.String(document)})
	}
	if args.Cluster != nil {
		list = append(list, grant{name: "containers", arn: containersPolicy})
	}
	return list, nil
}

// profile creates a role with the grants, and the instance profile that carries it. It returns nil if there are no grants.
func (t *Template) profile(
	ctx *pulumi.Context, name string, args *Args, bucket *s3.BucketV2, logs *cloudwatch.LogGroup,
) (*iam.InstanceProfile, error) {
	grants, err := t.grants(args, bucket, logs)
	if err != nil || len(grants) == 0 {
		return nil, err
	}
	trust, err := trustEC2()
	if err != nil {
		return nil, err
	}
	role, err := iam.NewRole(ctx, name+"-role", &iam.RoleArgs{
		Description:      pulumi.String("Instances of " + name),
		AssumeRolePolicy: pulumi.String(trust),
		Tags:             pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(t))
	if err != nil {
		return nil, err
	}
	for _, g := range grants {
		policy, err := t.grant(ctx, name, role, g)
		if err != nil {
			return nil, err
		}
		t.Ready = append(t.Ready, policy)
	}
	return iam.NewInstanceProfile(ctx, name+"-profile", &iam.InstanceProfileArgs{
		Role: role.Name,
		Tags: pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(t))
}

func (t *Template) grant(ctx *pulumi.Context, name string, role *iam.Role, g grant) (pulumi.Resource, error) {
	if g.arn != "" {
		return iam.NewRolePolicyAttachment(ctx, name+"-"+g.name, &iam.RolePolicyAttachmentArgs{
			Role:      role.Name,
			PolicyArn: pulumi.String(g.arn),
		}, pulumi.Parent(t))
	}
	return iam.NewRolePolicy(ctx, name+"-"+g.name, &iam.RolePolicyArgs{
		Role:   role.Name,
		Policy: g.document,
	}, pulumi.Parent(t))
}
