package cloudwatch

import (
	"regexp"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// LogGroup is a log group of CloudWatch Logs.
type LogGroup struct {
	Name          string
	RetentionDays int // 0: unlimited
	Created       time.Time
	Streams       map[string]*LogStream // by name
}

var (
	logGroupName  = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]{1,512}$`)
	logRetentions = []int{
		0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
	}
)

// copied returns a copy that shares nothing with the group.
func (g *LogGroup) copied() LogGroup {
	c := *g
	c.Streams = map[string]*LogStream{}
	for name, stream := range g.Streams {
		c.Streams[name] = new(*stream)
	}
	return c
}

// LogGroup returns a log group with its streams (API: DescribeLogGroups).
func (s *Store) LogGroup(name string) (LogGroup, error) {
	group, err := s.logGroup(name)
	if err != nil {
		return LogGroup{}, err
	}
	return group.copied(), nil
}

func (s *Store) logGroup(name string) (*LogGroup, error) {
	if group := s.LogGroups[name]; group != nil {
		return group, nil
	}
	return nil, aws.Refuse("ResourceNotFoundException", "The specified log group does not exist.")
}

// CreateLogGroup creates a log group.
func (s *Store) CreateLogGroup(group LogGroup) error {
	if s.LogGroups[group.Name] != nil {
		return aws.Refuse("ResourceAlreadyExistsException", "The specified log group already exists: %s", group.Name)
	}
	if err := group.check(); err != nil {
		return err
	}
	group.Streams = map[string]*LogStream{}
	s.LogGroups[group.Name] = &group
	return nil
}

// PutRetention changes the retention of a log group, 0 for ever (API: PutRetentionPolicy, DeleteRetentionPolicy).
func (s *Store) PutRetention(name string, days int) error {
	group, err := s.logGroup(name)
	if err != nil {
		return err
	}
	if err := (LogGroup{Name: name, RetentionDays: days}).check(); err != nil {
		return err
	}
	group.RetentionDays = days
	return nil
}

func (g LogGroup) check() error {
	switch {
	case !logGroupName.MatchString(g.Name):
		return aws.Refuse("InvalidParameterException", "1 validation error detected: Value '%s' at 'logGroupName' failed to satisfy "+
			"constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+", g.Name)
	case !slices.Contains(logRetentions, g.RetentionDays):
		return aws.Refuse("InvalidParameterException", "1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy "+
			"constraint: Member must satisfy enum value set: %v", g.RetentionDays, logRetentions[1:])
	}
	return nil
}

// DeleteLogGroup deletes a log group with its streams.
func (s *Store) DeleteLogGroup(name string) error {
	delete(s.LogGroups, name)
	return nil
}

// CreateFlowLog checks a flow log of a VPC or a subnet, which writes to a log group with a role, and returns an ID for
// it. Flow logs are not kept.
func (s *Store) CreateFlowLog(vpc, subnet, group, role string) (string, error) {
	id := aws.NewID("fl")
	switch {
	case vpc != "" && s.vpc.VPCs[vpc] == nil:
		return "", aws.NotFound("InvalidVpcId.NotFound", "vpc", vpc)
	case subnet != "" && s.vpc.Subnets[subnet] == nil:
		return "", aws.NotFound("InvalidSubnetId.NotFound", "subnet", subnet)
	case s.LogGroups[group] == nil:
		return "", aws.Refuse("InvalidParameter", "the log group '%s' does not exist", group)
	case s.iam.Roles[role] == nil:
		return "", aws.Refuse("InvalidParameter", "DeliverLogsPermissionArn is required for log destination type cloud-watch-logs, and "+
			"must be a role's: '%s'", role)
	}
	return id, nil
}
