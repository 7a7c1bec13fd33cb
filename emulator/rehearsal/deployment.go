package rehearsal

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/engine"
	"github.com/elastic-service/elastic-service/emulator/load"
	"github.com/elastic-service/elastic-service/emulator/session"
	"github.com/elastic-service/elastic-service/internal/project"
	"github.com/elastic-service/elastic-service/settings"
)

// Deployment is a copy of a stack that is deployed in a session of its own, to be changed and broken.
type Deployment struct {
	Session  *session.Session
	Settings *settings.Settings
	Result   engine.Result // of the first [Deployment.Deploy]
	Service  *load.Service // nil until the stack is deployed

	question  string
	addresses []netip.Addr // on which the instances and the balancer listened
}

// Setting is a value at a path of a stack's settings. The path begins with the setting's key.
type Setting struct {
	Value any
	Key   string
	Path  []any
}

// Open copies a stack's files into the session's folder, changes settings in the copy, and starts the session. The question is
// what clients ask; if it is empty, they ask what suits the balancer.
func Open(ctx context.Context, o session.Options, question string, changes ...Setting) (*Deployment, error) {
	copied := filepath.Join(o.Folder, "project")
	if err := project.Copy(o.Root, o.Stack, copied); err != nil {
		return nil, err
	}
	o.Root = copied
	for _, c := range changes {
		if err := set(o, c.Value, c.Key, c.Path...); err != nil {
			return nil, err
		}
	}
	config, err := project.Config(copied, o.Stack)
	if err != nil {
		return nil, err
	}
	d := &Deployment{question: question}
	d.Settings, _ = settings.Parse(config) // `up` reports what is wrong with them
	d.Session, err = session.Open(ctx, o)
	return d, err
}

// Close ends the session.
func (d *Deployment) Close() error { return d.Session.Close() }

// Cloud returns the model of the emulated cloud.
func (d *Deployment) Cloud() *cloud.Cloud { return d.Session.Emulator.Cloud }

// Status returns the emulator's status.
func (d *Deployment) Status() api.Status { return d.Session.Emulator.Status() }

// Speed returns how many emulated seconds pass in a real second.
func (d *Deployment) Speed() float64 { return d.Session.Options().Speed }

// Real returns the longest real time to wait for something that takes d of emulated time. It is at least what processes need at
// any speed.
func (d *Deployment) Real(emulated time.Duration) time.Duration {
	return max(time.Duration(float64(emulated)/d.Speed()), 30*time.Second)
}

// Set changes a setting in the copy of the stack's file.
func (d *Deployment) Set(value any, key string, path ...any) error {
	return set(d.Session.Options(), value, key, path...)
}

func set(o session.Options, value any, key string, path ...any) error {
	return project.Set(o.Root, o.Stack, value, "elastic-service:"+key, path...)
}

// Deploy deploys the stack for the first time, and finds out how its service is asked.
func (d *Deployment) Deploy(ctx context.Context) error {
	result, err := d.Up(ctx)
	if err != nil {
		return fmt.Errorf("up failed:\n%w", err)
	}
	d.Result = result
	return d.Meet(result.Outputs["address"])
}

// Up runs the program once more.
func (d *Deployment) Up(ctx context.Context) (engine.Result, error) {
	e, err := d.Session.Pulumi(ctx)
	if err != nil {
		return engine.Result{}, err
	}
	return e.Up(ctx)
}

// Meet finds out how the service is asked: pages over HTTP or lines over TCP, with TLS where the first listener ends it. The
// address is that listener's.
func (d *Deployment) Meet(address string) error {
	if at, err := netip.ParseAddrPort(address); err == nil {
		d.addresses = append(d.addresses, at.Addr())
	}
	question := d.question
	if question == "" {
		question = standardQuestion(d.Settings)
	}
	var err error
	d.Service, err = load.NewService(address, d.Settings.Balancer.Listeners[0].Protocol, question, d.Status().Authority)
	if err != nil {
		return err
	}
	// A network balancer keeps a connection at its target, so that each question needs a connection of its own.
	d.Service.ConnectEachTime(d.Settings.Balancer.Type == "network")
	return nil
}

// standardQuestion returns a page where a browser would ask, and otherwise MusicGuru's random year.
func standardQuestion(s *settings.Settings) string {
	web := func(l settings.Listener) bool { return l.Port == 80 }
	if s.Balancer.Type == "application" || slices.ContainsFunc(s.Balancer.Listeners, web) {
		return "/"
	}
	return "0"
}

// AwaitHealthy waits until every member of every group is healthy, and every container.
func (d *Deployment) AwaitHealthy(ctx context.Context) error {
	err := session.Poll(ctx, d.Real(10*time.Minute), func() bool {
		groups := d.Status().Groups
		for _, g := range groups {
			if g.Healthy < g.Desired {
				return false
			}
		}
		return len(groups) > 0 && d.isSteady()
	})
	if err != nil {
		return fmt.Errorf("waiting for healthy instances: %w", err)
	}
	for _, i := range d.Status().Instances {
		if i.State == "running" {
			d.remember(i.Loopback)
		}
	}
	return nil
}

// isSteady reports whether every ECS service is in a steady state.
func (d *Deployment) isSteady() bool {
	services := cloud.Get(d.Cloud(), func(m *cloud.Model) []ecs.ServiceStatus { return m.ECS.DescribeServices() })
	return !slices.ContainsFunc(services, func(s ecs.ServiceStatus) bool { return !s.Steady })
}

// remember notes an address, for [Deployment.AwaitNothingLeft].
func (d *Deployment) remember(address netip.Addr) {
	if !slices.Contains(d.addresses, address) {
		d.addresses = append(d.addresses, address)
	}
}

// Healthy lists the instances that the balancer finds healthy.
func (d *Deployment) Healthy() []api.Instance {
	var found []api.Instance
	for _, i := range d.Status().Instances {
		if i.Target == "healthy" {
			found = append(found, i)
			d.remember(i.Loopback)
		}
	}
	return found
}

// Destroy destroys the stack, and fails if the emulated cloud is not empty then.
func (d *Deployment) Destroy(ctx context.Context) (engine.Result, error) {
	e, err := d.Session.Pulumi(ctx)
	if err != nil {
		return engine.Result{}, err
	}
	result, err := e.Destroy(ctx)
	if err != nil {
		return result, fmt.Errorf("destroy failed:\n%w", err)
	}
	if left := d.Session.Emulator.Left(); len(left) > 0 {
		return result, fmt.Errorf("after the destroy there is still: %s", strings.Join(left, ", "))
	}
	return result, nil
}
