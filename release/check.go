package release

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/elastic-service/elastic-service/healthcheck"
)

// Check is a health check of a target group, as the record keeps it.
type Check struct {
	Protocol  string `json:"protocol"`
	Port      int    `json:"port,omitempty"` // 0: the port on which the target serves
	Path      string `json:"path,omitempty"`
	Matcher   string `json:"matcher,omitempty"`
	Interval  int    `json:"interval"` // seconds, as is Timeout
	Timeout   int    `json:"timeout"`
	Healthy   int    `json:"healthy"`
	Unhealthy int    `json:"unhealthy"`
}

// recorded returns a check as the record keeps it.
func recorded(c healthcheck.Check) Check {
	check := Check{
		Protocol: string(c.Protocol), Port: c.Port, Interval: int(c.Interval.Seconds()), Timeout: int(c.Timeout.Seconds()),
		Healthy: c.Healthy, Unhealthy: c.Unhealthy,
	}
	if c.Protocol == healthcheck.HTTP {
		check.Path, check.Matcher = c.Path, cmp.Or(c.Matcher, healthcheck.DefaultMatcher)
	}
	return check
}

// detection is that of the check that was recorded.
func (c Check) detection() time.Duration {
	return healthcheck.Check{
		Interval: time.Duration(c.Interval) * time.Second, Timeout: time.Duration(c.Timeout) * time.Second, Unhealthy: c.Unhealthy,
	}.Detection()
}

// String returns what the check asks for.
func (c Check) String() string {
	port := "the service's port"
	if c.Port != 0 {
		port = "port " + strconv.Itoa(c.Port)
	}
	if c.Path != "" {
		return fmt.Sprintf("%s %s at %s", c.Protocol, c.Path, port)
	}
	return fmt.Sprintf("%s at %s", c.Protocol, port)
}

// checkedGroup is a target group whose health check is not the record's.
type checkedGroup struct {
	arn            string
	former, wanted Check
	setting        string // with the check's former port
	serves         bool   // it has a healthy target
}

// checkOf returns the check that the record has for a target group.
func (record Record) checkOf(arn string) Check {
	if i := slices.Index(record.TargetGroups, arn); i > 0 {
		return record.Checks[i-1]
	}
	return record.Check
}

// formerPortOf returns the setting for the former port of a target group's check.
func (record Record) formerPortOf(arn string) string {
	if i := slices.Index(record.TargetGroups, arn); i > 0 {
		return fmt.Sprintf("app.targets[%d].health.formerPort", i-1)
	}
	return "health.formerPort"
}

// otherChecks returns the target groups of a record whose health check has to change.
func (r *rollout) otherChecks(ctx context.Context, record Record) ([]checkedGroup, error) {
	if len(record.TargetGroups) == 0 {
		return nil, nil
	}
	in := &elasticloadbalancingv2.DescribeTargetGroupsInput{TargetGroupArns: record.TargetGroups}
	found, err := r.clients.LoadBalancing.DescribeTargetGroups(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("looking at the health checks of %s: %w", record.Group, err)
	}
	var others []checkedGroup
	for _, g := range found.TargetGroups {
		arn := aws.ToString(g.TargetGroupArn)
		group := checkedGroup{arn: arn, former: checkOf(g), wanted: record.checkOf(arn), setting: record.formerPortOf(arn)}
		if group.former == group.wanted {
			continue
		}
		states, err := r.states(ctx, group.arn)
		if err != nil {
			return nil, err
		}
		group.serves = states[elb.TargetHealthStateEnumHealthy] > 0
		others = append(others, group)
	}
	return others, nil
}

// checkOf returns the health check of a target group.
func checkOf(g elb.TargetGroup) Check {
	check := Check{
		Protocol:  string(g.HealthCheckProtocol),
		Interval:  int(aws.ToInt32(g.HealthCheckIntervalSeconds)),
		Timeout:   int(aws.ToInt32(g.HealthCheckTimeoutSeconds)),
		Healthy:   int(aws.ToInt32(g.HealthyThresholdCount)),
		Unhealthy: int(aws.ToInt32(g.UnhealthyThresholdCount)),
	}
	if port := aws.ToString(g.HealthCheckPort); port != healthcheck.TrafficPort {
		check.Port, _ = strconv.Atoi(port)
	}
	if g.HealthCheckProtocol == elb.ProtocolEnumHttp {
		check.Path, check.Matcher = aws.ToString(g.HealthCheckPath), healthcheck.DefaultMatcher
		if g.Matcher != nil {
			check.Matcher = aws.ToString(g.Matcher.HttpCode)
		}
	}
	return check
}

// answers reports whether the instances that a record releases answer a health check. Whether an HTTP check's path is
// answered is seen when they are asked.
func (record Record) answers(check Check) bool {
	return check.Port == 0 || slices.Contains(record.Ports, check.Port)
}

// changeChecks gives target groups the record's health checks, watches until the slowest failure would have shown, and puts the
// former checks back if the service is not up with the new one.
func (r *rollout) changeChecks(ctx context.Context, record Record, groups []checkedGroup) error {
	var longest time.Duration
	for i, g := range groups {
		if err := r.changeCheck(ctx, g.arn, g.wanted); err != nil {
			return r.formerChecks(groups[:i], err)
		}
		longest = max(longest, g.wanted.detection())
	}
	if err := r.watch(ctx, record, longest); err != nil {
		return r.formerChecks(groups, err)
	}
	return nil
}

// watch returns an error if targets get unhealthy within a time.
func (r *rollout) watch(ctx context.Context, record Record, limit time.Duration) error {
	var since time.Time
	for {
		failing, err := r.failing(ctx, record)
		if err != nil {
			return err
		}
		if since.IsZero() {
			since = r.now
		}
		if failing != "" {
			r.observe(ctx, record, since)
			return fmt.Errorf("%s%s", failing, r.reasons(ctx))
		}
		left := limit - r.now.Sub(since)
		if left < 0 {
			return nil
		}
		r.tell(fmt.Sprintf("watching the targets with the changed health check: %v left", left))
		if err := r.pause(ctx); err != nil {
			return err
		}
	}
}

// formerChecks puts the former health checks back, also after an interruption, and returns why.
func (r *rollout) formerChecks(groups []checkedGroup, why error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var wanted []string
	for _, g := range groups {
		if err := r.changeCheck(ctx, g.arn, g.former); err != nil {
			return fmt.Errorf("the health check of %s was changed: %w; and it could not be put back: %w", nameOf(g.arn), why, err)
		}
		wanted = append(wanted, g.wanted.String())
	}
	return fmt.Errorf("the service is not healthy by its changed health check (%s): %w; the former health check is back",
		strings.Join(wanted, ", "), why)
}

func (r *rollout) changeCheck(ctx context.Context, arn string, check Check) error {
	in := &elasticloadbalancingv2.ModifyTargetGroupInput{
		TargetGroupArn:             &arn,
		HealthCheckProtocol:        elb.ProtocolEnum(check.Protocol),
		HealthCheckPort:            aws.String(healthcheck.TargetGroupPort(check.Port)),
		HealthCheckIntervalSeconds: aws.Int32(int32(check.Interval)),
		HealthCheckTimeoutSeconds:  aws.Int32(int32(check.Timeout)),
		HealthyThresholdCount:      aws.Int32(int32(check.Healthy)),
		UnhealthyThresholdCount:    aws.Int32(int32(check.Unhealthy)),
	}
	if check.Path != "" {
		in.HealthCheckPath, in.Matcher = &check.Path, &elb.Matcher{HttpCode: &check.Matcher}
	}
	if _, err := r.clients.LoadBalancing.ModifyTargetGroup(ctx, in); err != nil {
		return fmt.Errorf("changing the health check of %s: %w", nameOf(arn), err)
	}
	return nil
}
