package aws

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/iam"
)

// Principal is who calls the API: a role, in a session of an instance or a task. Callers from outside of the cloud are none, and may do
// everything.
type Principal struct {
	Role     string // its name; "" for an instance or a task without a role
	Session  string // the ID of the instance or the task
	Instance string // the ID of the instance from whose network interface the requests come
}

// As returns the API as a principal sees it: with the permissions of its role, through the network of its instance.
func (a *API) As(p Principal) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, &p) })
}

// authorize refuses an operation that the principal may not do or whose service it cannot reach (IAM User Guide: "Policy evaluation
// logic"). Resources are checked for Secrets Manager, Systems Manager, CloudWatch Logs and S3. Conditions are not evaluated.
func (c call) authorize(a *API, r *http.Request) error {
	p := c.principal
	if p == nil {
		return nil
	}
	action := c.service.prefix() + ":" + c.operation
	return a.read(func(m *cloud.Model) error {
		if err := p.reach(m, c.service.name); err != nil {
			return err
		}
		policies := m.IAM.PoliciesOfRole(p.Role)
		resources := c.resources(m, r)
		for _, resource := range resources {
			if !iam.Evaluate(policies, action, resource) {
				return c.deny(p, action, "on resource: "+resource+" ")
			}
		}
		if len(resources) == 0 && !iam.EvaluateAction(policies, action) {
			return c.deny(p, action, "")
		}
		return nil
	})
}

// reach refuses what the network interface of the principal's instance cannot reach: on AWS, the connection times out.
func (p *Principal) reach(m *cloud.Model, service string) error {
	found := m.EC2.Instances[p.Instance]
	if found == nil {
		return nil
	}
	if blocked := m.VPC.ReachService(m.EC2.PeerOf(found), service); blocked != nil {
		return aws.Refuse("ConnectTimeout", "dial %s.%s.amazonaws.com:443: i/o timeout: %v", service, m.Region, blocked)
	}
	return nil
}

// deny returns the refusal in the words and with the code of the service.
func (c call) deny(p *Principal, action, on string) error {
	code := "AccessDeniedException"
	switch c.service.name {
	case "ec2":
		code = "UnauthorizedOperation"
	case "s3", "autoscaling", "elasticloadbalancing", "rds", "sts":
		code = "AccessDenied"
	}
	if p.Role == "" {
		return aws.Refuse(code, "%s has no role, which could be allowed to perform: %s", p.Session, action)
	}
	return aws.Refuse(code, "User: arn:aws:sts::%s:assumed-role/%s/%s is not authorized to perform: %s %sbecause no identity-based policy "+
		"allows the %s action", aws.Account, p.Role, p.Session, action, on, action)
}

// prefix returns the first part of the actions of a service (Service Authorization Reference).
func (s *service) prefix() string {
	if s.name == "monitoring" {
		return "cloudwatch"
	}
	return s.name
}

// resources returns the ARNs of what an operation is about, none for operations whose resources are not known.
func (c call) resources(m *cloud.Model, r *http.Request) []string {
	var in struct {
		SecretID  string `json:"SecretId"`
		Name      string
		Names     []string
		LogGroup  string `json:"logGroupName"`
		LogStream string `json:"logStreamName"`
	}
	switch c.service.name {
	case "s3":
		if bucket, key := place(r); bucket != "" {
			return []string{strings.TrimSuffix(fmt.Sprintf("arn:aws:s3:::%s/%s", bucket, key), "/")}
		}
		return nil
	case "secretsmanager", "ssm", "logs":
		if json.Unmarshal(c.body, &in) != nil {
			return nil // refused when it is read
		}
	}
	switch {
	case in.SecretID != "":
		return []string{secretARN(m, in.SecretID)}
	case c.service.name == "ssm":
		var all []string
		for _, name := range slices.DeleteFunc(append(in.Names, in.Name), func(n string) bool { return n == "" }) {
			all = append(all, parameterARN(m, name))
		}
		return all
	case in.LogGroup != "" && in.LogStream != "":
		return []string{m.Region.ARN("logs", "log-group:"+in.LogGroup+":log-stream:"+in.LogStream)}
	case in.LogGroup != "":
		return []string{m.Region.ARN("logs", "log-group:"+in.LogGroup+":*")}
	}
	return nil
}

// secretARN returns the ARN of a secret. One that does not exist has an ARN as if it did, so that who may read it learns that it is
// missing.
func secretARN(m *cloud.Model, id string) string {
	if secret, err := m.Secrets.Secret(id); err == nil {
		return secret.ARN
	}
	if strings.HasPrefix(id, "arn:") {
		return id
	}
	return m.Region.ARN("secretsmanager", "secret:"+id+"-000000")
}

func parameterARN(m *cloud.Model, id string) string {
	if strings.HasPrefix(id, "arn:") {
		return id
	}
	return m.SSM.ARN(id)
}
