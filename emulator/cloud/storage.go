package cloud

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Bucket holds objects. Their bytes are kept by the caller, below a key of its own.
type Bucket struct {
	Name    string
	Policy  string // document; "" for none
	Objects map[string]Object
}

// Object is a stored file.
type Object struct {
	Key    string
	Source string // local file that holds the bytes
	SHA256 string
}

// Role is an IAM role with its inline policies.
type Role struct {
	Name     string
	Trust    string            // policy document
	Policies map[string]string // policy name → document
	Attached []string          // ARNs of policies of AWS
}

// Profile hands a role to instances.
type Profile struct {
	Name string
	Role string
}

// bucketName is S3's rule for general purpose buckets (User Guide: "Bucket naming rules").
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// CreateBucket makes an empty bucket.
func (c *Cloud) CreateBucket(name string) error {
	return c.change(func(s *state) error {
		if !bucketName.MatchString(name) {
			return refuse("InvalidBucketName", "The specified bucket is not valid: %s.", name)
		}
		if s.Buckets[name] != nil {
			return refuse("BucketAlreadyOwnedByYou", "Your previous request to create the named bucket %s succeeded.", name)
		}
		s.Buckets[name] = &Bucket{Name: name, Objects: map[string]Object{}}
		return nil
	})
}

// DeleteBucket removes a bucket: an empty one, or any with force.
func (c *Cloud) DeleteBucket(name string, force bool) error {
	return c.change(func(s *state) error {
		if bucket := s.Buckets[name]; bucket != nil && len(bucket.Objects) > 0 && !force {
			return refuse("BucketNotEmpty", "The bucket you tried to delete (%s) is not empty.", name)
		}
		delete(s.Buckets, name)
		return nil
	})
}

// PutBucketPolicy replaces the policy of a bucket (API: PutBucketPolicy).
func (c *Cloud) PutBucketPolicy(bucket, document string) error {
	return c.change(func(s *state) error {
		found := s.Buckets[bucket]
		if found == nil {
			return refuse("NoSuchBucket", "The specified bucket does not exist: %s.", bucket)
		}
		if _, err := parsePolicy(document); err != nil {
			return refuse("MalformedPolicy", "Policies must be valid JSON and have statements that allow or deny.")
		}
		found.Policy = document
		return nil
	})
}

// DeleteBucketPolicy removes the policy of a bucket. A bucket without a policy stays as it is (API: DeleteBucketPolicy).
func (c *Cloud) DeleteBucketPolicy(bucket string) error {
	return c.change(func(s *state) error {
		if found := s.Buckets[bucket]; found != nil {
			found.Policy = ""
		}
		return nil
	})
}

// PutObject stores an object whose bytes are in a local file.
func (c *Cloud) PutObject(bucket string, object Object) error {
	return c.change(func(s *state) error {
		found := s.Buckets[bucket]
		if found == nil {
			return refuse("NoSuchBucket", "The specified bucket does not exist: %s.", bucket)
		}
		found.Objects[object.Key] = object
		return nil
	})
}

// DeleteObject removes an object.
func (c *Cloud) DeleteObject(bucket, key string) error {
	return c.change(func(s *state) error {
		if found := s.Buckets[bucket]; found != nil {
			delete(found.Objects, key)
		}
		return nil
	})
}

// Object returns an object as an instance may read it: with its role, and over a path to S3.
func (c *Cloud) Object(instance, bucket, key string) (Object, error) {
	var object Object
	var err error
	c.view(func(s *state) {
		if err = s.mayRead(s.Instances[instance], bucket, key); err != nil {
			return
		}
		var ok bool
		if object, ok = s.Buckets[bucket].Objects[key]; !ok {
			err = refuse("NoSuchKey", "The specified key does not exist: %s.", key)
		}
	})
	return object, err
}

func (s *state) mayRead(i *Instance, bucket, key string) error {
	const action = "s3:GetObject"
	arn := "arn:aws:s3:::" + bucket + "/" + key
	if i == nil {
		return refuse("AccessDenied", "there is no instance with a role that is allowed to perform %s on %s", action, arn)
	}
	if blocked := s.reachService(s.instancePeer(i), "s3"); blocked != nil {
		return fmt.Errorf("connect timeout on endpoint URL https://%s.s3.amazonaws.com/%s: %w", bucket, key, blocked)
	}
	endpoint := s.Endpoints[s.routeOut(i.Subnet, publicService("s3").Address).target]
	switch {
	case !evaluate(s.policies(i.Profile), action, arn):
		return refuse("AccessDenied", "the instance's role is not allowed to perform %s on %s", action, arn)
	case endpoint != nil && endpoint.Policy != "" && !evaluate([]string{endpoint.Policy}, action, arn):
		return refuse("AccessDenied", "no VPC endpoint policy of %s allows the %s action on %s", endpoint.ID, action, arn)
	case s.Buckets[bucket] == nil:
		return refuse("NoSuchBucket", "The specified bucket does not exist: %s.", bucket)
	}
	return nil
}

// Names of IAM ("IAM and AWS STS quotas").
const maxRoleName, maxIAMName = 64, 128

var iamName = regexp.MustCompile(`^[\w+=,.@-]+$`)

func checkIAMName(parameter, name string, longest int) error {
	if len(name) > longest || !iamName.MatchString(name) {
		return refuse("ValidationError", "The specified value for %s is invalid. It must contain only alphanumeric characters and/or "+
			"the following: +=,.@_-, at most %d: %q", parameter, longest, name)
	}
	return nil
}

// CreateRole makes a role without policies.
func (c *Cloud) CreateRole(name, trust string) error {
	return c.change(func(s *state) error {
		if err := checkIAMName("roleName", name, maxRoleName); err != nil {
			return err
		}
		if s.Roles[name] != nil {
			return refuse("EntityAlreadyExists", "Role with name %s already exists.", name)
		}
		if _, err := parsePolicy(trust); err != nil {
			return err
		}
		s.Roles[name] = &Role{Name: name, Trust: trust, Policies: map[string]string{}}
		return nil
	})
}

// UpdateTrust changes who may take a role.
func (c *Cloud) UpdateTrust(role, trust string) error {
	return c.change(func(s *state) error {
		found := s.Roles[role]
		if found == nil {
			return refuse("NoSuchEntity", "The role with name %s cannot be found.", role)
		}
		if _, err := parsePolicy(trust); err != nil {
			return err
		}
		found.Trust = trust
		return nil
	})
}

// DeleteRole removes a role that has no policy and is in no profile.
func (c *Cloud) DeleteRole(name string) error {
	return c.change(func(s *state) error {
		role := s.Roles[name]
		if role == nil {
			return nil
		}
		if len(role.Attached) > 0 {
			return refuse("DeleteConflict", "Cannot delete entity, must detach all policies first.")
		}
		if len(role.Policies) > 0 {
			return refuse("DeleteConflict", "Cannot delete entity, must delete policies first.")
		}
		for _, profile := range s.Profiles {
			if profile.Role == name {
				return refuse("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
			}
		}
		delete(s.Roles, name)
		return nil
	})
}

// PutRolePolicy sets an inline policy of a role.
func (c *Cloud) PutRolePolicy(role, name, document string) error {
	return c.change(func(s *state) error {
		found := s.Roles[role]
		if found == nil {
			return refuse("NoSuchEntity", "The role with name %s cannot be found.", role)
		}
		if _, err := parsePolicy(document); err != nil {
			return err
		}
		found.Policies[name] = document
		return nil
	})
}

// DeleteRolePolicy removes an inline policy of a role.
func (c *Cloud) DeleteRolePolicy(role, name string) error {
	return c.change(func(s *state) error {
		if found := s.Roles[role]; found != nil {
			delete(found.Policies, name)
		}
		return nil
	})
}

// CreateProfile makes an instance profile of a role.
func (c *Cloud) CreateProfile(name, role string) error {
	return c.change(func(s *state) error {
		if err := checkIAMName("instanceProfileName", name, maxIAMName); err != nil {
			return err
		}
		if s.Roles[role] == nil {
			return refuse("NoSuchEntity", "The role with name %s cannot be found.", role)
		}
		if s.Profiles[name] != nil {
			return refuse("EntityAlreadyExists", "Instance Profile %s already exists.", name)
		}
		s.Profiles[name] = &Profile{Name: name, Role: role}
		return nil
	})
}

// UpdateProfile gives an instance profile another role.
func (c *Cloud) UpdateProfile(name, role string) error {
	return c.change(func(s *state) error {
		found := s.Profiles[name]
		if found == nil {
			return refuse("NoSuchEntity", "Instance Profile %s cannot be found.", name)
		}
		if s.Roles[role] == nil {
			return refuse("NoSuchEntity", "The role with name %s cannot be found.", role)
		}
		found.Role = role
		return nil
	})
}

// DeleteProfile removes an instance profile.
func (c *Cloud) DeleteProfile(name string) error {
	return c.change(func(s *state) error {
		delete(s.Profiles, name)
		return nil
	})
}

// allowed tells whether an instance profile's role may do something.
func (s *state) allowed(profile, action, resource string) bool {
	return evaluate(s.policies(profile), action, resource)
}

// evaluate decides by policies: an explicit deny wins, and what nothing allows is denied (IAM User Guide: "Policy
// evaluation logic").
func evaluate(documents []string, action, resource string) bool {
	allowed := false
	for _, document := range documents {
		statements, err := parsePolicy(document)
		if err != nil {
			continue // only valid ones were taken
		}
		for _, st := range statements {
			if !st.Action.match(action) || !st.Resource.match(resource) {
				continue
			}
			if st.Effect == "Deny" {
				return false
			}
			allowed = true
		}
	}
	return allowed
}

type statement struct {
	Effect   string
	Action   patterns
	Resource patterns
}

// patterns is one or several strings with the wildcards * and ?.
type patterns []string

func (p *patterns) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		*p = patterns{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(p))
}

func (p patterns) match(text string) bool {
	for _, pattern := range p {
		expression := regexp.QuoteMeta(pattern)
		expression = strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(expression)
		if ok, err := regexp.MatchString("^"+expression+"$", text); err == nil && ok {
			return true
		}
	}
	return false
}

func parsePolicy(document string) ([]statement, error) {
	var policy struct{ Statement []statement }
	if err := json.Unmarshal([]byte(document), &policy); err != nil || len(policy.Statement) == 0 {
		return nil, refuse("MalformedPolicyDocument", "the policy is no JSON document with statements")
	}
	for _, st := range policy.Statement {
		if st.Effect != "Allow" && st.Effect != "Deny" {
			return nil, refuse("MalformedPolicyDocument", "an effect is Allow or Deny, not %q", st.Effect)
		}
	}
	return policy.Statement, nil
}
