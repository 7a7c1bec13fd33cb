package cloudwatch

import (
	"regexp"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// LogGroup is a log group of CloudWatch Logs.
type LogGroup struct {
	Name          string
	RetentionDays int // 0: unlimited
}

var (
	logGroupName  = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]{1,512}$`)
	logRetentions = []int{
		0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
	}
)

// CreateLogGroup creates a log group.
func (s *Store) CreateLogGroup(group LogGroup) error {
	if s.LogGroups[group.Name] != nil {
		return aws.Refuse("ResourceAlreadyExistsException", "The specified log group already exists: %s", group.Name)
	}
	return s.putLogGroup(group)
}

// UpdateLogGroup changes the retention of a log group.
func (s *Store) UpdateLogGroup(group LogGroup) error {
	return s.putLogGroup(group)
}

// putLogGroup stores a log group, unless CloudWatch Logs refuses it.
func (s *Store) putLogGroup(group LogGroup) error {
	switch {
	case !logGroupName.MatchString(group.Name):
		return aws.Refuse("InvalidParameterException", "1 validation error detected: Value '%s' at 'logGroupName' failed to satisfy "+
			"constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+", group.Name)
	case !slices.Contains(logRetentions, group.RetentionDays):
		return aws.Refuse("InvalidParameterException", "1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy "+
			"constraint: Member must satisfy enum value set: %v", group.RetentionDays, logRetentions[1:])
	}
	s.LogGroups[group.Name] = &group
	return nil
}

// DeleteLogGroup deletes a log group.
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
