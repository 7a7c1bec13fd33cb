package controller

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/iam"
)

// API answers AWS's API with the permissions of an instance's role, whichever role that is at the time, and through its network.
func (c *Controller) API(instance string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.options.API(c.roleOf(instance), instance, instance).ServeHTTP(w, r)
	})
}

// roleOf returns the name of the role of an instance, "" if it has none.
func (c *Controller) roleOf(instance string) string {
	return cloud.Get(c.cloud, func(m *cloud.Model) string {
		i := m.EC2.Instances[instance]
		if i == nil || i.Profile == "" {
			return ""
		}
		if profile := m.IAM.Profile(i.Profile); profile != nil {
			return profile.Role
		}
		return ""
	})
}

// secretsOf fetches the secrets of a container as ECS does before it starts the container: with the task's execution role, through the
// network of the instance.
func (c *Controller) secretsOf(t ecs.Task, container ecs.Container) (map[string]string, error) {
	return cloud.Find(c.cloud, func(m *cloud.Model) (map[string]string, error) {
		values := map[string]string{}
		for name, from := range container.Secrets {
			value, err := fetchSecret(m, t, from)
			if err != nil {
				return nil, fmt.Errorf("ResourceInitializationError: unable to pull secrets or registry auth: %s from %s: %w", name, from, err)
			}
			values[name] = value
		}
		return values, nil
	})
}

// fetchSecret returns the value at a place: the ARN of a parameter, or ARN:KEY:STAGE:VERSION of a secret (ECS Developer Guide, "Pass
// Secrets Manager secrets through Amazon ECS environment variables").
func fetchSecret(m *cloud.Model, t ecs.Task, from string) (string, error) {
	service, action := "secretsmanager", "secretsmanager:GetSecretValue"
	if !strings.HasPrefix(from, "arn:aws:secretsmanager:") {
		service, action = "ssm", "ssm:GetParameters"
	}
	host := m.EC2.Instances[t.Instance]
	if host == nil {
		return "", fmt.Errorf("the instance is gone")
	}
	if blocked := m.VPC.ReachService(m.EC2.PeerOf(host), service); blocked != nil {
		return "", fmt.Errorf("dial %s.%s.amazonaws.com:443: i/o timeout: %w", service, m.Region, blocked)
	}
	role := aws.LastPart(t.ExecutionRole)
	may := func(resource string) error {
		if iam.Evaluate(m.IAM.PoliciesOfRole(role), action, resource) {
			return nil
		}
		return aws.Refuse("AccessDeniedException", "User: arn:aws:sts::%s:assumed-role/%s/%s is not authorized to perform: %s on resource: %s "+
			"because no identity-based policy allows the %s action", aws.Account, role, t.ID, action, resource, action)
	}
	if service == "ssm" {
		return fetchParameter(m, from, may)
	}
	parts := strings.SplitN(from, ":", 10)
	arn, rest := strings.Join(parts[:min(7, len(parts))], ":"), append(parts[min(7, len(parts)):], "", "", "")
	if err := may(arn); err != nil {
		return "", err
	}
	_, version, err := m.Secrets.Value(arn, rest[2], rest[1])
	if err != nil || rest[0] == "" {
		return version.Text, err
	}
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(version.Text), &object) != nil {
		return "", fmt.Errorf("retrieved secret is not a JSON object")
	}
	value, ok := object[rest[0]]
	if !ok {
		return "", fmt.Errorf("retrieved secret from Secrets Manager did not contain json key %s", rest[0])
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		text = string(value)
	}
	return text, nil
}

func fetchParameter(m *cloud.Model, id string, may func(arn string) error) (string, error) {
	arn, name := m.SSM.ARN(id), id
	if strings.HasPrefix(id, "arn:") {
		arn, name = id, m.SSM.NameOf(id)
	}
	if err := may(arn); err != nil {
		return "", err
	}
	parameter, err := m.SSM.Parameter(name)
	return parameter.Value, err
}
