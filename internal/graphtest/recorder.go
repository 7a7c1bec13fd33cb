package graphtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

const project = "elastic-service"

// World is the environment of a program. The zero value is an empty configuration in a region with three zones and one
// image.
type World struct {
	Stack  string            // "test" when empty
	Root   string            // the project's folder
	Config map[string]string // keys with namespace; values as Pulumi passes them, objects and lists as JSON
	Secret []string          // keys of Config of which a part is a secret

	Zones []string // of the region, none of which needs an opt-in
	Lacks []string // of Zones: those that offer no instance type
	Image Image

	VPC         *VPC           // that exists already; nil for none
	PrefixLists map[string]int // IDs of prefix lists with their largest number of entries

	Kept map[string]any // what stashes keep from earlier deployments, by their names; others keep their input
}

// Image is the machine image behind every image ID.
type Image struct {
	Architecture string // "x86_64" when empty
	RootDevice   string // "/dev/xvda" when empty
	RootGiB      int    // 8 when 0
	RootType     string // "ebs" when empty
}

func (w *World) complete() {
	if w.Stack == "" {
		w.Stack = "test"
	}
	if w.Zones == nil {
		w.Zones = []string{"us-east-1a", "us-east-1b", "us-east-1c"}
	}
	if w.Image.Architecture == "" {
		w.Image.Architecture = "x86_64"
	}
	if w.Image.RootDevice == "" {
		w.Image.RootDevice = "/dev/xvda"
	}
	if w.Image.RootGiB == 0 {
		w.Image.RootGiB = 8
	}
	if w.Image.RootType == "" {
		w.Image.RootType = "ebs"
	}
}

// Run runs a program in a world. The graph holds what was registered up to the error, if there is one.
func Run(t testing.TB, world World, program pulumi.RunFunc) (*Graph, error) {
	t.Helper()
	world.complete()
	config, err := json.Marshal(world.Config)
	if err != nil {
		return nil, err
	}
	// As the language host does: settings.Load reads all keys from it, known or not.
	t.Setenv(pulumi.EnvConfig, string(config))
	rec := &recorder{world: world}
	err = pulumi.RunErr(program, func(info *pulumi.RunInfo) {
		info.Project, info.Stack, info.Mocks = project, world.Stack, rec
		info.RootDirectory, info.Config, info.ConfigSecretKeys = world.Root, world.Config, world.Secret
	})
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return newGraph(rec.resources, rec.invokes), errors.Join(append(rec.refused, err)...)
}

// recorder records registrations, which are concurrent.
type recorder struct {
	world World

	mu        sync.Mutex
	resources []*Resource
	invokes   []Invoke
	refused   []error
}

// NewResource implements [pulumi.MockResourceMonitor].
func (rec *recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	r := record(rec.world.Stack, args)
	id, err := rec.world.create(r)
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if err == nil && slices.ContainsFunc(rec.resources, func(o *Resource) bool { return o.URN == r.URN }) {
		err = fmt.Errorf("%s %s is registered twice", r.Type, r.Name)
	}
	if err != nil {
		rec.refused = append(rec.refused, err)
		return "", nil, err
	}
	rec.resources = append(rec.resources, r)
	return id, r.Outputs.Copy(), nil
}

// Call implements [pulumi.MockResourceMonitor].
func (rec *recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	result, err := rec.world.answer(args)
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if err != nil {
		rec.refused = append(rec.refused, err)
		return nil, err
	}
	rec.invokes = append(rec.invokes, Invoke{Token: args.Token, Args: args.Args.Copy()})
	return result, nil
}

// record copies a registration, because the request belongs to the runtime.
func record(stack string, args pulumi.MockResourceArgs) *Resource {
	rpc := args.RegisterRPC
	if rpc == nil { // a read, which the table of known types refuses below
		rpc = &pulumirpc.RegisterResourceRequest{}
	}
	r := &Resource{
		Type: args.TypeToken, Name: args.Name,
		Custom: args.Custom, Remote: rpc.GetRemote(),
		Inputs:              args.Inputs.Copy(),
		DeleteBeforeReplace: rpc.GetDeleteBeforeReplace(),
		RetainOnDelete:      rpc.GetRetainOnDelete(),
		Protect:             rpc.GetProtect(),
		IgnoreChanges:       slices.Clone(rpc.GetIgnoreChanges()),
		parent:              rpc.GetParent(),
		deps:                slices.Sorted(slices.Values(rpc.GetDependencies())),
		properties:          map[string][]string{},
	}
	r.URN = urn(stack, r)
	for property, from := range rpc.GetPropertyDependencies() {
		r.properties[property] = slices.Sorted(slices.Values(from.GetUrns()))
	}
	return r
}

// urn returns the name that the runtime gives the resource: it contains the types of all its parents.
func urn(stack string, r *Resource) string {
	var parents tokens.Type
	if parent := resource.URN(r.parent); parent != "" && parent.QualifiedType() != resource.RootStackType {
		parents = parent.QualifiedType()
	}
	return string(resource.NewURN(tokens.QName(stack), project, parents, tokens.Type(r.Type), r.Name))
}
