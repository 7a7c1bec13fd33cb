package ecs

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Cluster is an ECS cluster.
type Cluster struct {
	ARN, Name string
	Providers []string           // names of the associated capacity providers
	Default   []ProviderStrategy // for services that name neither a launch type nor a strategy
}

// ProviderStrategy assigns a capacity provider to a service.
type ProviderStrategy struct {
	Provider     string
	Base, Weight int
}

// CapacityProvider makes the instances of an Auto Scaling group the capacity of a cluster.
type CapacityProvider struct {
	ARN     string
	Spec    CapacityProviderSpec
	Looked  time.Time // last run of managed scaling
	Surplus int       // minutes in a row in which fewer instances would have sufficed
}

// CapacityProviderSpec describes a capacity provider.
type CapacityProviderSpec struct {
	Name                  string
	Group                 string // name or ARN of the Auto Scaling group
	Scaling               *ManagedScaling
	Draining              bool // managed draining: tasks are moved before their instance is terminated
	TerminationProtection bool
}

// ManagedScaling lets ECS set the desired capacity of a group.
type ManagedScaling struct {
	Target           int // percent of the group to be in use, 1–100
	MinStep, MaxStep int // instances per step, 1–10000
}

// ecsName matches names of clusters, services, families and containers.
var ecsName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,255}$`)

// invalidParameter refuses a parameter.
func invalidParameter(format string, args ...any) error {
	return aws.Refuse("InvalidParameterException", format, args...)
}

// clientException refuses a request.
func clientException(format string, args ...any) error {
	return aws.Refuse("ClientException", format, args...)
}

var errNoCluster = aws.Refuse("ClusterNotFoundException", "Cluster not found.")

// CreateCluster creates an empty cluster. As on AWS it succeeds if the cluster exists.
func (s *Store) CreateCluster(name string) (Cluster, error) {
	made := Cluster{ARN: s.region.ARN("ecs", "cluster/"+name), Name: name}
	if !ecsName.MatchString(name) {
		return Cluster{}, invalidParameter("Invalid identifier: Identifier is for %s, must be 1 to 255 letters, digits, hyphens "+
			"and underscores", name)
	}
	if found := s.Clusters[name]; found != nil {
		made = *found
		return made, nil
	}
	copied := made
	s.Clusters[name] = &copied
	return made, nil
}

// cluster returns a cluster by its name or ARN, or nil.
func (s *Store) cluster(id string) *Cluster { return s.Clusters[aws.LastPart(id)] }

// DeleteCluster deletes a cluster without container instances, active services and tasks.
func (s *Store) DeleteCluster(name string) error {
	cluster := s.cluster(name)
	if cluster == nil {
		return nil
	}
	for _, svc := range s.Services {
		if svc.Spec.Cluster == cluster.Name && svc.Status == ServiceActive {
			return aws.Refuse("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
		}
	}
	if len(s.hosts(cluster.Name)) > 0 {
		return aws.Refuse("ClusterContainsContainerInstancesException",
			"The Cluster cannot be deleted while Container Instances are active or draining.")
	}
	for _, t := range s.Tasks {
		if t.Cluster == cluster.Name && t.State != TaskStopped {
			return aws.Refuse("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
		}
	}
	delete(s.Clusters, cluster.Name)
	return nil
}

// CreateCapacityProvider creates a capacity provider of a group that has none.
func (s *Store) CreateCapacityProvider(spec CapacityProviderSpec) (CapacityProvider, error) {
	spec.Group = aws.LastPart(spec.Group)
	made := CapacityProvider{ARN: s.region.ARN("ecs", "capacity-provider/"+spec.Name), Spec: spec}
	if err := s.checkProvider(spec); err != nil {
		return CapacityProvider{}, err
	}
	if s.CapacityProviders[spec.Name] != nil {
		return CapacityProvider{}, clientException("The specified capacity provider already exists. To change the configuration of an "+
			"existing capacity provider, update the capacity provider: %s", spec.Name)
	}
	for _, other := range s.CapacityProviders {
		if other.Spec.Group == spec.Group {
			return CapacityProvider{}, clientException("The specified Auto Scaling group ARN is already being used by another capacity "+
				"provider. Specify a unique Auto Scaling group ARN and try again: %s", spec.Group)
		}
	}
	copied := made
	s.CapacityProviders[spec.Name] = &copied
	return made, nil
}

// checkProvider refuses a capacity provider that ECS refuses (API: CreateCapacityProvider).
func (s *Store) checkProvider(spec CapacityProviderSpec) error {
	lower := strings.ToLower(spec.Name)
	switch {
	case !ecsName.MatchString(spec.Name):
		return clientException("The specified capacity provider name is invalid: %s", spec.Name)
	case strings.HasPrefix(lower, "aws"), strings.HasPrefix(lower, "ecs"), strings.HasPrefix(lower, "fargate"):
		return clientException("The specified capacity provider name is invalid. Up to 255 characters are allowed and it must "+
			"not begin with aws, ecs or fargate: %s", spec.Name)
	case s.autoscaling.Groups[spec.Group] == nil:
		return clientException("The specified Auto Scaling group ARN is not valid: %s does not exist", spec.Group)
	case spec.TerminationProtection && spec.Scaling == nil:
		return clientException("The managed termination protection setting for the capacity provider is invalid. To enable " +
			"managed termination protection for a capacity provider, the managed scaling setting must be enabled.")
	case spec.TerminationProtection:
		return clientException("The managed termination protection setting for the capacity provider is invalid. To enable " +
			"managed termination protection for a capacity provider, the Auto Scaling group must have instance protection " +
			"from scale in enabled.")
	}
	if m := spec.Scaling; m != nil && (m.Target < 1 || m.Target > 100 || m.MinStep < 1 || m.MaxStep < m.MinStep ||
		m.MaxStep > 10000) {
		return clientException("The managed scaling of capacity provider %s is invalid: a target capacity from 1 to 100 and "+
			"step sizes from 1 to 10000", spec.Name)
	}
	return nil
}

// UpdateCapacityProvider changes managed scaling and managed draining. The group stays.
func (s *Store) UpdateCapacityProvider(spec CapacityProviderSpec) error {
	p := s.CapacityProviders[spec.Name]
	if p == nil {
		return clientException("The specified capacity provider does not exist: %s", spec.Name)
	}
	spec.Group = p.Spec.Group
	if err := s.checkProvider(spec); err != nil {
		return err
	}
	p.Spec = spec
	return nil
}

// DeleteCapacityProvider deletes a capacity provider that is associated with no cluster.
func (s *Store) DeleteCapacityProvider(name string) error {
	for _, cluster := range s.Clusters {
		if slices.Contains(cluster.Providers, name) {
			return aws.Refuse("ResourceInUseException", "The specified capacity provider is in use and cannot be removed: "+
				"%s is associated with cluster %s", name, cluster.Name)
		}
	}
	delete(s.CapacityProviders, name)
	return nil
}

// PutClusterCapacityProviders sets the capacity providers of a cluster. A capacity provider that a service uses cannot
// be removed.
func (s *Store) PutClusterCapacityProviders(cluster string, providers []string, strategy []ProviderStrategy) error {
	found := s.cluster(cluster)
	if found == nil {
		return errNoCluster
	}
	for _, name := range providers {
		if s.CapacityProviders[name] == nil {
			return invalidParameter("The specified capacity provider was not found: %s. Specify a valid name or ARN and "+
				"try again.", name)
		}
	}
	if err := checkStrategy(strategy, providers, found.Name); err != nil {
		return err
	}
	for _, svc := range s.Services {
		for _, use := range svc.Spec.Providers {
			if svc.Spec.Cluster == found.Name && svc.Status == ServiceActive && !slices.Contains(providers, use.Provider) {
				return aws.Refuse("ResourceInUseException", "The specified capacity provider is in use and cannot be removed: "+
					"%s is used by service %s", use.Provider, svc.Spec.Name)
			}
		}
	}
	found.Providers, found.Default = slices.Clone(providers), slices.Clone(strategy)
	return nil
}

// checkStrategy checks the limits of the API (CapacityProviderStrategyItem). The emulator accepts strategies of a
// single provider.
func checkStrategy(strategy []ProviderStrategy, providers []string, cluster string) error {
	for _, item := range strategy {
		switch {
		case !slices.Contains(providers, item.Provider):
			return invalidParameter("The specified capacity provider strategy cannot contain a capacity provider that is not "+
				"associated with the cluster: %s is not associated with %s", item.Provider, cluster)
		case item.Base < 0 || item.Base > 100000 || item.Weight < 0 || item.Weight > 1000:
			return invalidParameter("The capacity provider strategy of %s is invalid: a base from 0 to 100000 and a weight "+
				"from 0 to 1000", item.Provider)
		}
	}
	switch {
	case len(strategy) == 1 && strategy[0].Weight == 0 && strategy[0].Base == 0:
		return invalidParameter("The specified capacity provider strategy is invalid. At least one capacity provider must " +
			"have a weight greater than zero.")
	case len(strategy) > 1:
		return invalidParameter("a capacity provider strategy of several providers is valid on AWS, but has no behaviour in " +
			"the emulator yet, which takes one")
	}
	return nil
}
