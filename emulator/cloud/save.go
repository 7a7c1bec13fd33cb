package cloud

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// format of saved states; another one is refused, not guessed at.
const format = 3

// saved is the document of a saved model.
type saved struct {
	Format   int
	Region   aws.Region
	Time     time.Time
	Services map[string]json.RawMessage // by name
}

// service is a part of the model that is saved.
type service struct {
	name  string // the key in the document
	state any    // pointer to its State
}

// services lists the services that have a state.
func (m *Model) services() []service {
	return []service{
		{"vpc", &m.VPC.State}, {"iam", &m.IAM.State}, {"s3", &m.S3.State}, {"ssm", &m.SSM.State},
		{"secretsmanager", &m.Secrets.State},
		{"rds", &m.RDS.State}, {"route53", &m.Route53.State},
		{"acm", &m.ACM.State}, {"ec2", &m.EC2.State}, {"elb", &m.ELB.State}, {"events", &m.Events.State},
		{"cloudwatch", &m.CloudWatch.State}, {"autoscaling", &m.AutoScaling.State}, {"ecs", &m.ECS.State}, {"fault", &m.Fault.State},
	}
}

// Save returns the whole model as JSON, to be given to [Cloud.Restore].
func (c *Cloud) Save() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	document := saved{Format: format, Region: c.region, Time: c.clock.Now(), Services: map[string]json.RawMessage{}}
	for _, s := range c.model.services() {
		state, err := json.Marshal(s.state)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		document.Services[s.name] = state
	}
	return json.MarshalIndent(document, "", " ")
}

// SavedAt returns the time at which a state was saved, so that a clock can go on from there.
func SavedAt(data []byte) (time.Time, error) {
	document, err := parse(data)
	return document.Time, err
}

// Restore replaces the model by a saved one, as after a power failure: instances boot again, and no target is healthy or
// unhealthy before it has been asked. It refuses what is not a state of this region and this format.
func (c *Cloud) Restore(data []byte) error {
	document, err := parse(data)
	if err != nil {
		return err
	}
	if document.Region != c.region {
		return fmt.Errorf("it was deployed in region %s, not %s: set aws:region back, and destroy it first", document.Region, c.region)
	}
	return c.Change(func(m *Model) error {
		for _, s := range m.services() {
			if err := restore(s, document.Services[s.name]); err != nil {
				return err
			}
		}
		m.ELB.AwaitProbes(c.clock.Now())
		return nil
	})
}

func restore(s service, state json.RawMessage) error {
	aws.Clear(s.state)
	if len(state) == 0 {
		return nil
	}
	if err := json.Unmarshal(state, s.state); err != nil {
		return fmt.Errorf("not a saved state: %s: %w", s.name, err)
	}
	return nil
}

func parse(data []byte) (saved, error) {
	var document saved
	if err := json.Unmarshal(data, &document); err != nil {
		return saved{}, fmt.Errorf("not a saved state: %w", err)
	}
	if document.Format != format {
		return saved{}, fmt.Errorf("saved in format %d, this emulator reads %d", document.Format, format)
	}
	return document, nil
}

// Left lists what exists and has behaviour, as "kind id"; it is empty after everything was destroyed. Terminated instances,
// which AWS shows for a while too, and images and snapshots, which stay, do not count.
func (c *Cloud) Left() []string {
	var left []string
	c.View(func(m *Model) {
		for _, s := range m.services() {
			left = append(left, aws.Left(s.state)...)
		}
	})
	return left
}
