package emulator_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/acm"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/route53"
	"github.com/elastic-service/elastic-service/emulator/loopback"
)

func TestRequestsAreSharedByTheHealthyInstances(t *testing.T) {
	w := newWorld(t)
	w.eventually("listening", func() bool { return len(w.Status().Balancers) == 1 && w.Status().Balancers[0].Failure == "" })
	w.eventually("answering", func() bool {
		response, err := http.Get("http://" + w.address("HTTP"))
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusServiceUnavailable // nobody is there yet
	})
	w.group("web", 2, w.template(stock, "", webDocument()), w.targets)
	w.eventually("two healthy", func() bool { return w.healthy() == 2 })
	answers := map[string]int{}
	for range 6 {
		status, body := w.ask()
		assert.Equal(t, http.StatusOK, status)
		answers[body]++
	}
	assert.Equal(t, []int{3, 3}, slices.Collect(maps.Values(answers)), "%v", answers)

	sick := w.Status().Instances[0]
	require.NoError(t, os.WriteFile(filepath.Join(w.folder, "instances", sick.ID, "root/root/sick"), nil, 0o600))
	w.eventually("one is unhealthy", func() bool { return w.healthy() == 1 })
	sick = w.Status().Instances[0]
	assert.Equal(t, "unhealthy", sick.Target)
	assert.Contains(t, sick.Description, "Health checks failed with these codes: [503]")
	for range 4 {
		_, body := w.ask()
		assert.NotContains(t, body, sick.Loopback.String())
	}
	flows := w.Status().Balancers[0].Flows
	assert.Equal(t, api.Flow{Total: 3, Statuses: [6]uint64{2: 3}}, flows[sick.ID])
	assert.EqualValues(t, 1, flows[""].Refused)
	if at := loopback.Port(80); at != 80 {
		assert.Equal(t, []string{fmt.Sprintf("only root may open port 80: it is at %d", at)}, w.Status().Moved)
	} else {
		assert.Empty(t, w.Status().Moved)
	}
}

func TestHTTPSIsSpokenWithACertificateOfTheEmulator(t *testing.T) {
	w := newWorld(t)
	zone := must(cloud.Make(w.Cloud, func(m *cloud.Model) (route53.HostedZone, error) {
		return m.Route53.CreateHostedZone("example.com")
	}))(t)
	certificate := must(cloud.Make(w.Cloud, func(m *cloud.Model) (acm.Certificate, error) {
		return m.ACM.RequestCertificate("www.example.com")
	}))(t)
	for _, record := range certificate.Validation() {
		must(cloud.Make(w.Cloud, func(m *cloud.Model) (string, error) {
			return m.Route53.CreateRecord(zone.ID, record.Name, "CNAME", []string{record.Value}, true)
		}))(t)
	}
	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error { return m.ACM.ValidateCertificate(certificate.ARN) }))
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (elb.Listener, error) {
		return m.ELB.CreateListener(elb.Listener{
			Balancer: w.balancer, Port: 443, Protocol: "HTTPS", Certificate: certificate.ARN,
			Redirect: &elb.Redirect{Protocol: "HTTP", Port: 80, StatusCode: http.StatusFound},
		})
	}))(t)
	var response *http.Response
	w.eventually("answering", func() bool {
		if len(w.Status().Balancers) < 2 {
			return false
		}
		var err error
		response, err = w.trusting().Get("https://" + w.address("HTTPS") + "/x?y=z")
		return err == nil
	})
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusFound, response.StatusCode)
	assert.Equal(t, "http://"+w.address("HTTP")+"/x?y=z", response.Header.Get("Location"))
	assert.Contains(t, response.TLS.PeerCertificates[0].DNSNames, "www.example.com")
}

func TestInstancesOfAnImageServeWithoutUserData(t *testing.T) {
	w := newWorld(t)
	w.group("web", 1, w.template(stock, "", webDocument()), w.targets)
	w.eventually("one healthy", func() bool { return w.healthy() == 1 })
	source := w.Status().Instances[0]
	require.NoError(t, os.WriteFile(filepath.Join(w.folder, "instances", source.ID, "root/root/release"), []byte("2"), 0o600))
	image := must(cloud.Make(w.Cloud, func(m *cloud.Model) (ec2.Image, error) { return m.EC2.CreateImage("release-2", source.ID, nil) }))(t)

	data := w.template(stock, "", "")
	data.ImageID = image.ID
	copied := must(cloud.Make(w.Cloud, func(m *cloud.Model) (ec2.Instance, error) {
		return m.EC2.RunInstance(ec2.InstanceSpec{TemplateData: data, Subnet: w.subnets[0]}, m.Clock.Now())
	}))(t)
	w.eventually("the copy serves", func() bool {
		response, err := http.Get(fmt.Sprintf("http://%s:%d", loopback.Address(copied.Address), loopback.Port(80)))
		if err == nil {
			response.Body.Close()
		}
		return err == nil
	})
	text, err := os.ReadFile(filepath.Join(w.folder, "instances", copied.ID, "root/root/release"))
	require.NoError(t, err)
	assert.Equal(t, "2", string(text))

	t.Run("after a restart of the emulator too", func(t *testing.T) {
		w.stop()
		require.NoError(t, os.RemoveAll(filepath.Join(w.folder, "instances", source.ID)), "its source may be gone")
		w.t = t
		w.run()
		again := must(cloud.Make(w.Cloud, func(m *cloud.Model) (ec2.Instance, error) {
			return m.EC2.RunInstance(ec2.InstanceSpec{TemplateData: data, Subnet: w.subnets[0]}, m.Clock.Now())
		}))(t)
		w.eventually("another copy serves", func() bool {
			response, err := http.Get(fmt.Sprintf("http://%s:%d", loopback.Address(again.Address), loopback.Port(80)))
			if err == nil {
				response.Body.Close()
			}
			return err == nil
		})
		require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error { return m.EC2.DeregisterImage(image.ID) }))
		w.eventually("its files are gone", func() bool {
			_, err := os.Stat(filepath.Join(w.folder, "images", image.ID))
			return os.IsNotExist(err)
		})
	})
}

const flask = "flask"

// startService makes a cluster on one instance and a service of the test binary on it.
func (w *world) startService(desired int, command ...string) string {
	w.t.Helper()
	t := w.t
	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error {
		return m.IAM.CreateRole("host", `{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}`)
	}))
	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error {
		return m.IAM.PutRolePolicy("host", "ecs", `{"Statement":[{"Effect":"Allow","Action":["ecs:*"],"Resource":"*"}]}`)
	}))
	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error { return m.IAM.CreateProfile("host", "host") }))
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (ecs.Cluster, error) { return m.ECS.CreateCluster(flask) }))(t)
	join := "#cloud-config\nwrite_files:\n- path: /etc/ecs/ecs.config\n  content: |\n    ECS_CLUSTER=flask\n"
	w.group("hosts", 1, w.template("/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id", "host", join))
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (ecs.CapacityProvider, error) {
		return m.ECS.CreateCapacityProvider(ecs.CapacityProviderSpec{Name: "capacity", Group: "hosts"})
	}))(t)
	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error {
		return m.ECS.PutClusterCapacityProviders(flask, []string{"capacity"}, nil)
	}))
	must(cloud.Make(w.Cloud, func(m *cloud.Model) (ecs.TaskDefinition, error) {
		return m.ECS.RegisterTaskDefinition(ecs.TaskDefinitionSpec{Family: "web", Containers: []ecs.ContainerDefinition{{
			Name: "web", Image: "example/web:1", CPU: 256, Memory: 128, Command: command,
			Environment:  []ecs.KeyValue{{Name: "SERVE", Value: ":5000"}, {Name: "NAME", Value: "container"}},
			PortMappings: []ecs.PortMapping{{ContainerPort: 5000}},
		}}})
	}))(t)
	return must(cloud.Make(w.Cloud, func(m *cloud.Model) (ecs.Service, error) {
		return m.ECS.CreateService(ecs.ServiceSpec{
			Name: "web", Cluster: flask, TaskDefinition: "web", Desired: desired, MinHealthy: 100, MaxHealthy: 200,
			Breaker: ecs.Breaker{Enable: true, Rollback: true}, Grace: time.Minute,
			Providers: []ecs.ProviderStrategy{{Provider: "capacity", Weight: 1}},
			Balancers: []ecs.ServiceBalancer{{TargetGroup: w.targets, Container: "web", ContainerPort: 5000}},
		}, m.Clock.Now())
	}))(t).ARN
}

func (w *world) running() []api.Task {
	return slices.DeleteFunc(w.Status().Tasks, func(t api.Task) bool { return t.State != string(ecs.TaskRunning) })
}

func TestTasksServeBehindTheBalancerAndAreReplaced(t *testing.T) {
	w := newWorld(t)
	service := w.startService(2, program())
	steady := func() bool {
		s, _ := cloud.Find(w.Cloud, func(m *cloud.Model) (ecs.ServiceStatus, bool) { return m.ECS.DescribeService(service) })
		return s.Steady && w.healthy() == 2 && len(w.running()) == 2
	}
	w.eventually("steady", steady)
	answers := map[string]int{}
	for range 4 {
		status, body := w.ask()
		assert.Equal(t, http.StatusOK, status)
		assert.Equal(t, "container", first(body))
		answers[body]++
	}
	assert.Equal(t, []int{2, 2}, slices.Collect(maps.Values(answers)), "%v", answers)
	for _, task := range w.running() {
		assert.Equal(t, "healthy", task.Target)
		assert.Contains(t, answers, "container "+task.Address.String()+":5000")
	}
	assert.Contains(t, w.Status().Skipped, "image example/web:1 is not pulled: its command runs with this machine's programs")

	stopped := w.running()[0]
	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error { return m.ECS.StopTask(stopped.ID, "", m.Clock.Now()) }))
	w.eventually("replaced", func() bool {
		return steady() && !slices.ContainsFunc(w.running(), func(t api.Task) bool { return t.ID == stopped.ID })
	})
	w.stop()
	w.run()
	w.eventually("steady after a restart", steady)
	_, body := w.ask()
	assert.Equal(t, "container", first(body))

	require.NoError(t, w.Cloud.Change(func(m *cloud.Model) error { return m.ECS.DeleteService(service, true) }))
	w.eventually("no task is left", func() bool { return len(w.running()) == 0 && w.healthy() == 0 })
}

func TestLoadOfATaskIsItsInstancesToo(t *testing.T) {
	w := newWorld(t)
	w.startService(1, program())
	w.eventually("healthy", func() bool { return w.healthy() == 1 })
	w.eventually("load is measured", func() bool {
		response, err := http.Get("http://" + w.address("HTTP") + "/burn")
		require.NoError(t, err)
		response.Body.Close()
		tasks := w.running()
		return len(tasks) == 1 && tasks[0].CPU > 50 && w.Status().Instances[0].CPU > 5
	})
}

func TestContainerThatCannotStartIsAFailedTask(t *testing.T) {
	w := newWorld(t)
	w.startService(1, "/no/such/program")
	w.eventually("a task that says why", func() bool {
		return slices.ContainsFunc(w.Status().Tasks, func(t api.Task) bool {
			return t.State == string(ecs.TaskStopped) && t.Reason != ""
		})
	})
	for _, task := range w.Status().Tasks {
		if task.State == string(ecs.TaskStopped) {
			assert.Contains(t, task.Reason, `CannotStartContainerError: exec: "/no/such/program": stat /no/such/program: no such file or directory`)
		}
	}
}
