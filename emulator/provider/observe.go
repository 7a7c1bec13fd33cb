package provider

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type topicInputs struct {
	Name           string            `pulumi:"name"`
	DisplayName    string            `pulumi:"displayName"`
	KmsMasterKeyID string            `pulumi:"kmsMasterKeyId"`
	Policy         string            `pulumi:"policy"`
	Tags           map[string]string `pulumi:"tags"`
}

type subscriptionInputs struct {
	Topic              string `pulumi:"topic"`
	Protocol           string `pulumi:"protocol"`
	Endpoint           string `pulumi:"endpoint"`
	RawMessageDelivery bool   `pulumi:"rawMessageDelivery"`
	FilterPolicy       string `pulumi:"filterPolicy"`
}

type logGroupInputs struct {
	Name            string            `pulumi:"name"`
	RetentionInDays int               `pulumi:"retentionInDays"`
	KmsKeyID        string            `pulumi:"kmsKeyId"`
	LogGroupClass   string            `pulumi:"logGroupClass"`
	SkipDestroy     bool              `pulumi:"skipDestroy"`
	Tags            map[string]string `pulumi:"tags"`
}

type dashboardInputs struct {
	DashboardName string `pulumi:"dashboardName"`
	DashboardBody string `pulumi:"dashboardBody"`
}

type flowLogInputs struct {
	VpcID                  string            `pulumi:"vpcId"`
	SubnetID               string            `pulumi:"subnetId"`
	TrafficType            string            `pulumi:"trafficType"`
	LogDestination         string            `pulumi:"logDestination"`
	LogDestinationType     string            `pulumi:"logDestinationType"`
	LogFormat              string            `pulumi:"logFormat"`
	IamRoleArn             string            `pulumi:"iamRoleArn"`
	MaxAggregationInterval int               `pulumi:"maxAggregationInterval"`
	Tags                   map[string]string `pulumi:"tags"`
}

func init() {
	defineTopics()
	define(resourceType{
		token: "aws:cloudwatch/logGroup:LogGroup", kind: Recorded, name: "name", nameMax: 512, replaceOn: []string{"name", "logGroupClass"},
	}, handlers[logGroupInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in logGroupInputs) (string, map[string]any, error) {
			err := c.CreateLogGroup(cloud.LogGroup{Name: in.Name, RetentionDays: in.RetentionInDays})
			return idUnless(err, in.Name), map[string]any{"arn": c.ARN("logs", "log-group:"+in.Name)}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now logGroupInputs) (map[string]any, error) {
			return nil, c.UpdateLogGroup(cloud.LogGroup{Name: id, RetentionDays: now.RetentionInDays})
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, in logGroupInputs) error {
			if in.SkipDestroy {
				return nil
			}
			return c.DeleteLogGroup(id)
		},
	})
	define(resourceType{
		token: "aws:cloudwatch/dashboard:Dashboard", kind: Recorded, name: "dashboardName", nameMax: 255, replaceOn: []string{"dashboardName"},
	}, handlers[dashboardInputs]{
		create: func(_ context.Context, _ *cloud.Cloud, in dashboardInputs) (string, map[string]any, error) {
			err := in.check()
			return idUnless(err, in.DashboardName), map[string]any{
				"dashboardArn": "arn:aws:cloudwatch::" + cloud.Account + ":dashboard/" + in.DashboardName,
			}, err
		},
		update: func(_ context.Context, _ *cloud.Cloud, _ string, _, now dashboardInputs) (map[string]any, error) {
			return nil, now.check()
		},
		remove: func(context.Context, *cloud.Cloud, string, dashboardInputs) error { return nil },
	})
	define(resourceType{
		token: "aws:ec2/flowLog:FlowLog", kind: Recorded, replaceOn: []string{
			"vpcId", "subnetId", "trafficType", "logDestination", "logDestinationType", "logFormat", "iamRoleArn", "maxAggregationInterval",
		},
	}, handlers[flowLogInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in flowLogInputs) (string, map[string]any, error) {
			if err := in.check(); err != nil {
				return "", nil, err
			}
			id, err := c.CreateFlowLog(in.VpcID, in.SubnetID, in.group(), strings.TrimPrefix(in.IamRoleArn, globalARN("role", "")))
			return idUnless(err, id), map[string]any{"arn": c.ARN("ec2", "vpc-flow-log/"+id)}, err
		},
		remove: func(context.Context, *cloud.Cloud, string, flowLogInputs) error { return nil },
	})
}

func defineTopics() {
	define(resourceType{
		token: "aws:sns/topic:Topic", kind: Recorded, name: "name", nameMax: 256, replaceOn: []string{"name"},
	}, handlers[topicInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in topicInputs) (string, map[string]any, error) {
			topic, err := c.CreateTopic(in.Name)
			return idUnless(err, topic.ARN), map[string]any{"arn": topic.ARN, "owner": cloud.Account}, err
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ topicInputs) error { return c.DeleteTopic(id) },
	})
	define(resourceType{
		token: "aws:sns/topicSubscription:TopicSubscription", kind: Recorded, replaceOn: []string{"topic", "protocol", "endpoint"},
	}, handlers[subscriptionInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in subscriptionInputs) (string, map[string]any, error) {
			subscription := cloud.Subscription{Protocol: in.Protocol, Endpoint: in.Endpoint}
			arn, err := c.Subscribe(in.Topic, subscription)
			return idUnless(err, arn), map[string]any{
				"arn": arn, "ownerId": cloud.Account, "pendingConfirmation": subscription.NeedsConfirmation(),
				"confirmationWasAuthenticated": !subscription.NeedsConfirmation(),
			}, err
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, in subscriptionInputs) error {
			return c.Unsubscribe(in.Topic, id)
		},
	})
}

// dashboardName is the rule of the API (PutDashboard).
var dashboardName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

func (in dashboardInputs) check() error {
	if !dashboardName.MatchString(in.DashboardName) {
		return fmt.Errorf("InvalidParameterValue: The value %s for field DashboardName contains invalid characters. It can only "+
			"contain alphanumerics, dash (-) and underscore (_)", in.DashboardName)
	}
	return cloud.CheckDashboard(in.DashboardBody)
}

// check holds what the provider and EC2 want of a flow log to CloudWatch Logs.
func (in flowLogInputs) check() error {
	switch {
	case (in.VpcID == "") == (in.SubnetID == ""):
		return fmt.Errorf("\"vpcId\": one of `subnetId,vpcId` must be specified")
	case in.TrafficType != "ALL" && in.TrafficType != "ACCEPT" && in.TrafficType != "REJECT":
		return notOneOf("trafficType", in.TrafficType, "ALL", "ACCEPT", "REJECT")
	case orDefault(in.LogDestinationType, "cloud-watch-logs") != "cloud-watch-logs":
		return unsupported("logDestinationType", in.LogDestinationType, "cloud-watch-logs")
	case in.MaxAggregationInterval != 0 && in.MaxAggregationInterval != 60 && in.MaxAggregationInterval != 600:
		return notOneOf("maxAggregationInterval", fmt.Sprint(in.MaxAggregationInterval), "60", "600")
	}
	return nil
}

// group is the name of the log group.
func (in flowLogInputs) group() string {
	_, name, _ := strings.Cut(in.LogDestination, ":log-group:")
	return strings.TrimSuffix(name, ":*")
}
