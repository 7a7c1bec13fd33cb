package ecs

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// ContainerInstance is an instance that has joined a cluster: its user data names the cluster, its image has the ECS
// agent, and its role allows the agent to register it.
type ContainerInstance struct {
	ID, ARN    string
	Cluster    string // name
	Instance   string // i-…
	Draining   bool   // gets no tasks; services replace those that it has
	CPU        int    // units in total
	Memory     int    // MiB in total
	NextPort   int    // next dynamic port to try
	Registered time.Time
}

// Dynamic host ports are the ephemeral ports of Amazon Linux (net.ipv4.ip_local_port_range), which Docker uses.
const (
	firstDynamicPort = 32768
	lastDynamicPort  = 60999
)

// reservedPorts are the ports of the agent, Docker and SSH (API: PortMapping).
var reservedPorts = []int{22, 2375, 2376, 51678, 51679, 51680}

// agentConfig is the file in which the agent finds the name of its cluster.
const agentConfig = "/etc/ecs/ecs.config"

var (
	clusterSetting = regexp.MustCompile(`(?m)^\s*ECS_CLUSTER=["']?([a-zA-Z0-9_-]+)["']?\s*$`)
	clusterCommand = regexp.MustCompile(`ECS_CLUSTER=["']?([a-zA-Z0-9_-]+)`)
)

// clusterOf reads the name of a cluster from user data: a cloud-config that writes the configuration of the agent, or a
// script or command that does.
func clusterOf(script []byte) string {
	var document struct {
		WriteFiles []struct {
			Path, Content string
		} `yaml:"write_files"`
	}
	text := string(script)
	if !strings.Contains(text, agentConfig) {
		return ""
	}
	if strings.HasPrefix(text, "#cloud-config") && yaml.Unmarshal(script, &document) == nil {
		for _, file := range document.WriteFiles {
			if found := clusterSetting.FindStringSubmatch(file.Content); file.Path == agentConfig && found != nil {
				return found[1]
			}
		}
	}
	if found := clusterCommand.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

// hosts returns the container instances of a cluster, the oldest first.
func (s *Store) hosts(cluster string) []*ContainerInstance {
	var found []*ContainerInstance
	for _, i := range s.ec2.OldestFirst() {
		if host := s.ContainerInstances[i.ID]; host != nil && host.Cluster == cluster {
			found = append(found, host)
		}
	}
	return found
}

// DescribeContainerInstances returns copies of the container instances of a cluster, the oldest first.
func (s *Store) DescribeContainerInstances(cluster string) []ContainerInstance {
	var all []ContainerInstance
	for _, host := range s.hosts(aws.LastPart(cluster)) {
		all = append(all, *host)
	}
	return all
}

// reconcileHosts lets running instances join their clusters, drains container instances that are being terminated, and
// removes those that are gone: ECS deregisters a terminated instance whose agent was connected.
func (s *Store) reconcileHosts(now time.Time) bool {
	if len(s.Clusters) == 0 {
		return false
	}
	changed := false
	for _, i := range s.ec2.OldestFirst() {
		host := s.ContainerInstances[i.ID]
		switch {
		case host == nil && i.State == ec2.Running && !i.Lifecycle.IsTerminating():
			if cluster, reason := s.clusterToJoin(i); cluster != "" && reason == "" {
				s.ContainerInstances[i.ID] = s.newHost(cluster, i, now)
				changed = true
			}
		case host != nil && !i.IsOn():
			delete(s.ContainerInstances, i.ID)
			changed = true
		case host != nil && !host.Draining && i.Lifecycle.IsTerminating() && s.drainsHosts(i):
			host.Draining, changed = true, true
		}
	}
	for id := range s.ContainerInstances {
		if s.ec2.Instances[id] == nil {
			delete(s.ContainerInstances, id)
			changed = true
		}
	}
	return changed
}

// newHost returns a container instance without tasks.
func (s *Store) newHost(cluster string, i *ec2.Instance, now time.Time) *ContainerInstance {
	id := aws.RandomHex(16)
	return &ContainerInstance{
		ID: id, ARN: s.region.ARN("ecs", "container-instance/"+cluster+"/"+id), Cluster: cluster, Instance: i.ID,
		CPU: 1024 * ec2.VirtualCPUs(i.Type), Memory: usableMemory(i.Type), NextPort: firstDynamicPort, Registered: now,
	}
}

// clusterToJoin returns the cluster that an instance names, and why its agent cannot register it there.
func (s *Store) clusterToJoin(i *ec2.Instance) (cluster, reason string) {
	cluster = clusterOf(i.Script())
	switch {
	case cluster == "":
		return "", ""
	case s.Clusters[cluster] == nil:
		return cluster, "cluster " + cluster + " does not exist"
	case !s.hasAgent(i):
		return cluster, "its image has no ECS agent: an ECS-optimized image does, or the package ecs-init"
	case !s.iam.Allows(i.Profile, "ecs:RegisterContainerInstance", s.Clusters[cluster].ARN):
		return cluster, "its role is not allowed to perform ecs:RegisterContainerInstance: attach " +
			"AmazonEC2ContainerServiceforEC2Role"
	}
	if blocked := s.reachesECS(i); blocked != nil {
		return cluster, "its agent cannot reach ECS: " + blocked.Error()
	}
	return cluster, ""
}

// reachesECS returns what keeps an instance from the endpoints that the agent needs (Developer Guide: "Amazon ECS
// interface VPC endpoints").
func (s *Store) reachesECS(i *ec2.Instance) *vpc.Blocked {
	for _, service := range []string{"ecs", "ecs-agent", "ecs-telemetry"} {
		if blocked := s.vpc.ReachService(s.ec2.PeerOf(i), service); blocked != nil {
			return blocked
		}
	}
	return nil
}

// hasAgent reports whether an instance has the ECS agent: from an ECS-optimized image, from an image of an instance
// that has it, or from the package ecs-init in the user data.
func (s *Store) hasAgent(i *ec2.Instance) bool {
	if strings.Contains(string(i.Script()), "ecs-init") {
		return true
	}
	image, err := s.ec2.ImageByID(i.ImageID)
	if source := s.ec2.Instances[image.Source]; err == nil && source != nil && source != i {
		return s.hasAgent(source)
	}
	return err == nil && strings.HasPrefix(image.Parameter, "/aws/service/ecs/optimized-ami/")
}

// provider returns the capacity provider of an instance's group, or nil.
func (s *Store) provider(i *ec2.Instance) *CapacityProvider {
	for _, name := range aws.Keys(s.CapacityProviders) {
		if p := s.CapacityProviders[name]; i != nil && i.Group != "" && p.Spec.Group == i.Group {
			return p
		}
	}
	return nil
}

// drainsHosts reports whether managed draining drains an instance before it is terminated. It does not while the whole
// group is deleted.
func (s *Store) drainsHosts(i *ec2.Instance) bool {
	p, g := s.provider(i), s.autoscaling.Groups[i.Group]
	return p != nil && p.Spec.Draining && g != nil && !g.Deleting
}

// Holds reports whether an instance that is to be terminated still has tasks that are being drained.
func (s *Store) Holds(i *ec2.Instance) bool {
	if !s.drainsHosts(i) || s.ContainerInstances[i.ID] == nil {
		return false
	}
	return slices.ContainsFunc(s.tasksOn(i.ID), func(t *Task) bool { return s.Services[t.ServiceARN] != nil })
}

// tasksOn returns the tasks of an instance that have not stopped.
func (s *Store) tasksOn(instance string) []*Task {
	var found []*Task
	for _, t := range s.Tasks {
		if t.Instance == instance && t.State != TaskStopped {
			found = append(found, t)
		}
	}
	return found
}

// gibibytes is the memory of the sizes of burstable families. In other families memory is a multiple of the virtual
// CPUs.
var gibibytes = map[string]float64{
	"nano": 0.5, "micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32,
}

// usableMemory returns the memory of an instance type that tasks can use, in MiB: without about 70 MiB and 3.7 % for
// the kernel (of the 1024 MiB of a t3.micro ECS sees 916).
func usableMemory(instanceType string) int {
	family, size, _ := strings.Cut(instanceType, ".")
	total := gibibytes[size]
	if !strings.HasPrefix(family, "t") || total == 0 {
		perCPU := 4.0 // general purpose
		switch family[:1] {
		case "c":
			perCPU = 2
		case "r":
			perCPU = 8
		}
		total = perCPU * float64(ec2.VirtualCPUs(instanceType))
	}
	return int(total*1024*0.963 - 70)
}

// unreserved returns what is not reserved by tasks: CPU units, MiB, and the ports that are in use.
func (s *Store) unreserved(host *ContainerInstance) (cpu, memory int, ports map[int]bool) {
	cpu, memory, ports = host.CPU, host.Memory, map[int]bool{}
	for _, t := range s.tasksOn(host.Instance) {
		cpu, memory = cpu-t.CPUUnits, memory-t.Memory
		ports[t.HostPort] = true
	}
	for _, port := range reservedPorts {
		ports[port] = true
	}
	return cpu, memory, ports
}

// dynamicPort returns the next free dynamic port. As with Docker a port is not used again at once.
func (host *ContainerInstance) dynamicPort(used map[int]bool) (int, error) {
	for range lastDynamicPort - firstDynamicPort + 1 {
		port := host.NextPort
		if host.NextPort++; host.NextPort > lastDynamicPort {
			host.NextPort = firstDynamicPort
		}
		if !used[port] {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no dynamic port of %s is free", host.Instance)
}

// containerAddress returns a free address of 127.254.0.0/16 at random, so that two emulators rarely choose the same.
// It is none of the containers of a task that is being placed.
func (s *Store) containerAddress(placed []Container) (netip.Addr, error) {
	taken := map[netip.Addr]bool{}
	for _, t := range s.Tasks {
		if t.State == TaskStopped {
			continue
		}
		for _, c := range t.Containers {
			taken[c.Address] = true
		}
	}
	for _, c := range placed {
		taken[c.Address] = true
	}
	const hosts = 1<<16 - 2 // neither the first nor the last
	first := rand.IntN(hosts)
	for n := range hosts {
		host := 1 + (first+n)%hosts
		address := netip.AddrFrom4([4]byte{127, 254, byte(host >> 8), byte(host)})
		if !taken[address] && s.free(address) {
			return address, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("none of the addresses of 127.254.0.0/16 is free")
}
