package release

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Clients are the parts of AWS that a release talks to.
type Clients struct {
	AutoScaling   *autoscaling.Client
	LoadBalancing *elasticloadbalancingv2.Client
	CloudWatch    *cloudwatch.Client
	Logs          *cloudwatchlogs.Client
	S3            *s3.Client
}

// providerSettings are those of the aws provider that say whom it talks to, and as whom (Pulumi: "AWS provider",
// configuration). The program has to use the same account in the same way.
type providerSettings struct {
	region, profile, accessKey, secretKey, token string
	assumeRoles                                  []assumedRole
	endpoints                                    map[string]string // by the provider's name of a service
}

type assumedRole struct {
	RoleARN     string `json:"roleArn"`
	SessionName string `json:"sessionName"`
	ExternalID  string `json:"externalId"`
}

// readProviderSettings reads the stack's aws:… configuration.
func readProviderSettings(ctx *pulumi.Context) (providerSettings, error) {
	value := func(key string) string {
		text, _ := ctx.GetConfig("aws:" + key)
		return text
	}
	s := providerSettings{
		region: value("region"), profile: value("profile"), accessKey: value("accessKey"), secretKey: value("secretKey"),
		token: value("token"), endpoints: map[string]string{},
	}
	if text := value("assumeRoles"); text != "" {
		if err := json.Unmarshal([]byte(text), &s.assumeRoles); err != nil {
			return s, fmt.Errorf("aws:assumeRoles: is not a list of {roleArn, sessionName, externalId}: %w", err)
		}
	}
	if text := value("endpoints"); text != "" {
		var endpoints []map[string]string
		if err := json.Unmarshal([]byte(text), &endpoints); err != nil {
			return s, fmt.Errorf("aws:endpoints: is not a list of addresses by service: %w", err)
		}
		for _, some := range endpoints {
			maps.Copy(s.endpoints, some)
		}
	}
	return s, nil
}

// connect returns clients that use the provider's region, credentials and endpoints.
func (s providerSettings) connect(ctx context.Context) (Clients, error) {
	var options []func(*config.LoadOptions) error
	if s.region != "" {
		options = append(options, config.WithRegion(s.region))
	}
	if s.profile != "" {
		options = append(options, config.WithSharedConfigProfile(s.profile))
	}
	if s.accessKey != "" {
		options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(s.accessKey, s.secretKey, s.token)))
	}
	loaded, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return Clients{}, fmt.Errorf("reading the AWS configuration: %w", err)
	}
	for _, role := range s.assumeRoles {
		assumer := sts.NewFromConfig(loaded, func(o *sts.Options) { o.BaseEndpoint = s.endpoint("sts", o.BaseEndpoint) })
		loaded.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(assumer, role.RoleARN, func(o *stscreds.AssumeRoleOptions) {
			if role.SessionName != "" {
				o.RoleSessionName = role.SessionName
			}
			if role.ExternalID != "" {
				o.ExternalID = &role.ExternalID
			}
		}))
	}
	return Clients{
		AutoScaling: autoscaling.NewFromConfig(loaded, func(o *autoscaling.Options) {
			o.BaseEndpoint = s.endpoint("autoscaling", o.BaseEndpoint)
		}),
		CloudWatch: cloudwatch.NewFromConfig(loaded, func(o *cloudwatch.Options) {
			o.BaseEndpoint = s.endpoint("cloudwatch", o.BaseEndpoint)
		}),
		Logs: cloudwatchlogs.NewFromConfig(loaded, func(o *cloudwatchlogs.Options) {
			o.BaseEndpoint = s.endpoint("logs", s.endpoint("cloudwatchlogs", o.BaseEndpoint))
		}),
		S3: s3.NewFromConfig(loaded, func(o *s3.Options) {
			o.BaseEndpoint = s.endpoint("s3", o.BaseEndpoint)
			o.UsePathStyle = o.BaseEndpoint != nil // a server for tests has no host for each bucket
		}),
		LoadBalancing: elasticloadbalancingv2.NewFromConfig(loaded, func(o *elasticloadbalancingv2.Options) {
			o.BaseEndpoint = s.endpoint("elbv2", s.endpoint("elasticloadbalancingv2", o.BaseEndpoint))
		}),
	}, nil
}

// endpoint returns the provider's endpoint of a service, or what is given.
func (s providerSettings) endpoint(service string, otherwise *string) *string {
	if address := s.endpoints[service]; address != "" {
		return &address
	}
	return otherwise
}
