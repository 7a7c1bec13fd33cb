package provider

import (
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
)

type logGroupInputs struct {
	Name            string            `pulumi:"name"`
	RetentionInDays int               `pulumi:"retentionInDays"`
	KmsKeyID        string            `pulumi:"kmsKeyId"`
	LogGroupClass   string            `pulumi:"logGroupClass"`
	SkipDestroy     bool              `pulumi:"skipDestroy"`
	Tags            map[string]string `pulumi:"tags"`
}

func logGroup() resourceType {
	return define(resourceType{
		token: "aws:cloudwatch/logGroup:LogGroup", kind: Run, name: "name", nameMax: 512, replaceOn: []string{"name", "logGroupClass"},
	}, handlers[logGroupInputs, arnOutput]{
		create: func(m *cloud.Model, in logGroupInputs) (string, arnOutput, error) {
			err := m.CloudWatch.CreateLogGroup(cloudwatch.LogGroup{
				Name: in.Name, RetentionDays: in.RetentionInDays, Created: m.Clock.Now(),
			})
			return in.Name, arnOutput{m.Region.ARN("logs", "log-group:"+in.Name)}, err
		},
		update: func(m *cloud.Model, id string, _, now logGroupInputs) (*arnOutput, error) {
			return nil, m.CloudWatch.PutRetention(id, now.RetentionInDays)
		},
		remove: func(m *cloud.Model, id string, in logGroupInputs) error {
			if in.SkipDestroy {
				return nil
			}
			return m.CloudWatch.DeleteLogGroup(id)
		},
	})
}
