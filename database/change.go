package database

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/rds"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Inputs of the component that its hook compares, and the outputs with the instance's present values.
const (
	inputEngine   = "engine"
	inputVersion  = "version"
	inputName     = "name"
	inputUsername = "username"
	inputStorage  = "storageGiB"

	outputVersion = "runningVersion"
	outputStorage = "allocatedGiB"
)

// register registers the component with the settings whose change may cost the data or be refused by RDS. The engine compares
// them with those of the last deployment, and calls the hook if they differ: in a preview too, and before it comes to the
// instance. An error of the hook ends the deployment.
func (d *Database) register(ctx *pulumi.Context, name string, args *Args, opts []pulumi.ResourceOption) error {
	hook, err := ctx.RegisterResourceHook(name+"-database-change", func(a *pulumi.ResourceHookArgs) error {
		return args.refuseChange(a.OldInputs, a.OldOutputs)
	}, &pulumi.ResourceHookOptions{OnDryRun: true})
	if err != nil {
		return err
	}
	opts = append(slices.Clip(opts), pulumi.ResourceHooks(&pulumi.ResourceHookBinding{BeforeUpdate: []*pulumi.ResourceHook{hook}}))
	return ctx.RegisterComponentResourceV2("elastic-service:database:Database", name, pulumi.Map{
		inputEngine:   pulumi.String(args.Engine),
		inputVersion:  pulumi.String(args.Version),
		inputName:     pulumi.String(args.Name),
		inputUsername: pulumi.String(args.Username),
		inputStorage:  pulumi.Int(args.StorageGiB),
	}, d, opts...)
}

// refuseChange reports what must not happen to a database that exists.
func (a *Args) refuseChange(was, now resource.PropertyMap) error {
	var problems invalid.List
	for _, identity := range []struct{ path, value string }{
		{inputEngine, a.Engine}, {inputName, a.Name}, {inputUsername, a.Username},
	} {
		if old := text(was, resource.PropertyKey(identity.path)); old != "" && old != identity.value {
			problems.Add("database."+identity.path, identity.value, "is not %q, which the database was created with: RDS would have to delete "+
				"it with its data and create an empty one. Set it back, or copy the data to the database of another stack and move the clients",
				old)
		}
	}
	if problems.Err() != nil {
		return problems.Err() // another engine has other versions
	}
	running := text(now, outputVersion)
	if running == "" {
		running = text(was, inputVersion)
	}
	problems.Include("database", a.refuseVersion(running))
	problems.Include("database", a.refuseStorage(number(was, inputStorage), number(now, outputStorage)))
	return problems.Err()
}

// refuseVersion reports a version to which the running version does not lead.
func (a *Args) refuseVersion(running string) error {
	var problems invalid.List
	major := engines[a.Engine].major
	old, ok := parse(running)
	wanted, _ := parse(a.Version)
	if !ok || len(old) < major {
		return nil
	}
	common := min(len(old), len(wanted))
	order, upgrade := slices.Compare(wanted[:common], old[:common]), slices.Compare(wanted[:major], old[:major]) > 0
	switch {
	case order < 0:
		problems.Add(inputVersion, a.Version, "is older than %s, which runs: RDS does not go back. Set it to %s, or restore a snapshot of the "+
			"older version into another stack", running, join(old[:max(major, len(wanted))]))
	case upgrade && !a.AllowMajorUpgrade:
		problems.Add(inputVersion, a.Version, "is another major version than %s, which runs. Try the upgrade with a copy, then set "+
			"allowMajorUpgrade: the database is upgraded at once, is away for minutes, and cannot go back", running)
	case order > 0 && !upgrade && !a.ApplyImmediately:
		problems.Add(inputVersion, a.Version, "is another minor version than %s, which runs: the database restarts. Set applyImmediately "+
			"for the `up` that shall do so", running)
	}
	return problems.Err()
}

// refuseStorage reports a size that RDS refuses for the present volume.
func (a *Args) refuseStorage(was, present int) error {
	var problems invalid.List
	switch {
	case a.StorageGiB < was && a.StorageGiB < present:
		problems.Add(inputStorage, a.StorageGiB, "is below %d, the present size: a volume does not shrink", present)
	case a.StorageGiB > was && a.StorageGiB > present && a.StorageGiB*10 < present*11:
		problems.Add(inputStorage, a.StorageGiB, "is less than 10 %% above %d, the present size: RDS grows a volume to %d at least",
			present, (present*11+9)/10)
	}
	return problems.Err()
}

// held lists the properties of the instance that a deployment does not change.
func (a *Args) held() []string {
	once := []string{"engineLifecycleSupport"}
	if a.ApplyImmediately {
		return once
	}
	return append(once, "instanceClass", "allocatedStorage", "multiAz")
}

// heldBack lists the settings that the instance does not have yet, and warns of them.
func (d *Database) heldBack(ctx *pulumi.Context, args *Args, instance *rds.Instance) pulumi.StringArrayOutput {
	if args.ApplyImmediately {
		return pulumi.ToStringArray(nil).ToStringArrayOutput()
	}
	return pulumi.Map{
		"instanceClass": instance.InstanceClass, inputStorage: instance.AllocatedStorage, "multiAZ": instance.MultiAz,
	}.ToMapOutput().ApplyT(func(present map[string]any) ([]string, error) {
		waiting := args.waiting(present)
		if len(waiting) == 0 {
			return nil, nil
		}
		return waiting, ctx.Log.Warn(fmt.Sprintf("held back until database.applyImmediately is set: %s", strings.Join(waiting, ", ")),
			&pulumi.LogArgs{Resource: d})
	}).(pulumi.StringArrayOutput)
}

// waiting describes the settings that differ from the instance's present values. A volume may have grown by itself.
func (a *Args) waiting(present map[string]any) []string {
	var waiting []string
	differs := func(path string, is, wanted any) {
		if is != nil && is != wanted {
			waiting = append(waiting, fmt.Sprintf("database.%s: %v instead of %v", path, wanted, is))
		}
	}
	differs("instanceClass", present["instanceClass"], a.InstanceClass)
	if storage, ok := present[inputStorage].(int); ok && storage < a.StorageGiB {
		differs(inputStorage, storage, a.StorageGiB)
	}
	differs("multiAZ", present["multiAZ"], a.MultiAZ)
	return waiting
}

func text(properties resource.PropertyMap, key resource.PropertyKey) string {
	value := properties[key]
	if value.IsOutput() {
		value = value.OutputValue().Element
	}
	if !value.IsString() {
		return ""
	}
	return value.StringValue()
}

func number(properties resource.PropertyMap, key resource.PropertyKey) int {
	value := properties[key]
	if value.IsOutput() {
		value = value.OutputValue().Element
	}
	if !value.IsNumber() {
		return 0
	}
	return int(value.NumberValue())
}
