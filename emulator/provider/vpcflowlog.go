package provider

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

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

func flowLog() resourceType {
	return define(resourceType{
		token: "aws:ec2/flowLog:FlowLog", kind: Recorded, replaceOn: []string{
			"vpcId", "subnetId", "trafficType", "logDestination", "logDestinationType", "logFormat", "iamRoleArn", "maxAggregationInterval",
		},
	}, handlers[flowLogInputs, arnOutput]{
		create: func(m *cloud.Model, in flowLogInputs) (string, arnOutput, error) {
			if err := in.check(); err != nil {
				return "", arnOutput{}, err
			}
			id, err := m.CloudWatch.CreateFlowLog(in.VpcID, in.SubnetID, in.group(), strings.TrimPrefix(in.IamRoleArn, iamARN("role", "")))
			return id, arnOutput{m.Region.ARN("ec2", "vpc-flow-log/"+id)}, err
		},
	})
}

// check applies the rules of the provider and of EC2 for a flow log that goes to CloudWatch Logs.
func (in flowLogInputs) check() error {
	switch {
	case (in.VpcID == "") == (in.SubnetID == ""):
		return fmt.Errorf("\"vpcId\": one of `subnetId,vpcId` must be specified")
	case in.TrafficType != "ALL" && in.TrafficType != "ACCEPT" && in.TrafficType != "REJECT":
		return notOneOf("trafficType", in.TrafficType, "ALL", "ACCEPT", "REJECT")
	case cmp.Or(in.LogDestinationType, "cloud-watch-logs") != "cloud-watch-logs":
		return unsupported("logDestinationType", in.LogDestinationType, "cloud-watch-logs")
	case in.MaxAggregationInterval != 0 && in.MaxAggregationInterval != 60 && in.MaxAggregationInterval != 600:
		return notOneOf("maxAggregationInterval", fmt.Sprint(in.MaxAggregationInterval), "60", "600")
	}
	return nil
}

// group returns the name of the log group.
func (in flowLogInputs) group() string {
	_, name, _ := strings.Cut(in.LogDestination, ":log-group:")
	return strings.TrimSuffix(name, ":*")
}
