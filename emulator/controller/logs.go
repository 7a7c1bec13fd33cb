package controller

import (
	"context"
	"fmt"
	"path"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/identity"
)

// logsOf returns the stream of a container with the log driver awslogs, nil for others. As on AWS, the driver creates the stream,
// with the role of the instance, and the container does not start without it (ECS Developer Guide, "Send Amazon ECS logs to CloudWatch").
func (c *Controller) logsOf(ctx context.Context, t ecs.Task, container ecs.Container) (*guest.ContainerLogs, error) {
	if container.Logs.LogDriver != "awslogs" {
		return nil, nil
	}
	stream := t.ID
	if prefix := container.Logs.Options["awslogs-stream-prefix"]; prefix != "" {
		stream = path.Join(prefix, container.Name, t.ID)
	}
	client := cloudwatchlogs.NewFromConfig(identity.Config(container.Logs.Options["awslogs-region"], c.API(t.Instance)))
	to := &guest.ContainerLogs{Group: container.Logs.Options["awslogs-group"], Stream: stream, Client: client}
	in := &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String(to.Group), LogStreamName: aws.String(stream)}
	if _, err := client.CreateLogStream(ctx, in); err != nil {
		return nil, fmt.Errorf("CannotStartContainerError: failed to initialize logging driver: failed to create CloudWatch log stream: %w", err)
	}
	return to, nil
}
