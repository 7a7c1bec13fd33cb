package provider

import (
	"context"
	"errors"
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

// resourceType describes a type of resources: what the engine needs to know of it, and how the cloud creates, updates and
// deletes a resource of it. See [define].
type resourceType struct {
	token     string // Pulumi's name of the type, e.g. aws:ec2/vpc:Vpc
	kind      Kind
	name      string            // the property that auto-naming fills; "" for none
	nameMax   int               // the longest name that AWS takes, in characters
	replaceOn []string          // properties whose change makes AWS replace the resource
	present   []string          // inputs whose outputs are what is there, which may differ: another update is due until it does not
	grows     map[string]string // inputs that AWS may raise by itself while another input is set: less is no change then
	// confidential lists inputs that are kept nowhere but in the cloud itself.
	confidential []string

	within container // with which AWS deletes the resource, though the engine may retain it

	volatile []string // outputs that any update may change: the preview of an update doesn't know them

	// replaceIf reports whether this change of a property makes AWS replace the resource. Nil: replaceOn is complete.
	replaceIf func(key string, old, now resource.PropertyMap) bool
	// alsoUnknown lists unknown keys inside of inputs that are text, e.g. JSON. Nil: there are none.
	alsoUnknown func(resource.PropertyMap) []string

	operations
}

// container is what resources of a type are in: a type, and the property that names a resource of it. The zero value is for none.
type container struct {
	token string
	by    resource.PropertyKey
}

// operations are the handlers of a type, on inputs as the engine sends them. [define] derives them.
type operations struct {
	properties []string // the inputs that the type knows, sorted
	outputs    []string // the outputs that the emulator computes, sorted
	tagged     bool     // tags are a map among the inputs
	unknown    func(resource.PropertyMap) []string

	create      func(m *cloud.Model, inputs resource.PropertyMap) (id string, outputs resource.PropertyMap, err error)
	retryCreate retry
	afterCreate func(ctx context.Context, c *cloud.Cloud, id string, inputs resource.PropertyMap) (resource.PropertyMap, error)

	update      func(m *cloud.Model, id string, olds, news resource.PropertyMap) (resource.PropertyMap, error)
	retryUpdate retry
	afterUpdate func(ctx context.Context, c *cloud.Cloud, id string, olds, news resource.PropertyMap) (resource.PropertyMap, error)

	remove      func(m *cloud.Model, id string, properties resource.PropertyMap) error
	retryRemove retry
	afterRemove func(ctx context.Context, c *cloud.Cloud, id string) error
}

// handlers are the operations on a type whose inputs decode into I and whose computed outputs are the fields of O.
//
// create, update and remove run under the cloud's lock: they change the model and return at once, and change nothing if they
// fail. What the real provider does before it reports success, such as waiting until instances are healthy, is in the
// functions named after…, which run without the lock. An operation that AWS refuses for a while, until something else has
// happened, has a retry.
type handlers[I, O any] struct {
	create      func(m *cloud.Model, in I) (id string, out O, err error)
	retryCreate retry
	// afterCreate returns the outputs if they have changed since create, else nil. After an error the engine keeps the
	// resource in its state, to be repaired by the next update or to be destroyed.
	afterCreate func(ctx context.Context, c *cloud.Cloud, id string, in I) (*O, error)

	// update returns the outputs if they have changed, else nil. A type without it has nothing to change in place other
	// than what is only kept, such as tags.
	update      func(m *cloud.Model, id string, old, now I) (*O, error)
	retryUpdate retry
	afterUpdate func(ctx context.Context, c *cloud.Cloud, id string, old, now I) (*O, error)

	// remove gets the inputs. A type without it has nothing to delete: dropping it from the ledger is enough.
	remove      func(m *cloud.Model, id string, in I) error
	retryRemove retry
	afterRemove func(ctx context.Context, c *cloud.Cloud, id string) error
}

// none stands for the outputs of a type that computes none.
type none struct{}

// arnOutput is the output of a type that computes an ARN and nothing else.
type arnOutput struct {
	ARN string `pulumi:"arn"`
}

// define returns the type with its handlers.
func define[I, O any](t resourceType, h handlers[I, O]) resourceType {
	t.operations = operations{
		properties: tagsOf(reflect.TypeFor[I]()), outputs: tagsOf(reflect.TypeFor[O]()), tagged: hasTags(reflect.TypeFor[I]()),
		unknown: func(inputs resource.PropertyMap) []string {
			_, unknown, _ := decode[I](inputs)
			if t.alsoUnknown != nil {
				unknown = append(unknown, t.alsoUnknown(inputs)...)
			}
			return unknown
		},
		create: h.creator(), retryCreate: h.retryCreate, afterCreate: h.finisher(),
		update: h.updater(), retryUpdate: h.retryUpdate, afterUpdate: h.updateFinisher(),
		remove: h.remover(), retryRemove: h.retryRemove, afterRemove: h.afterRemove,
	}
	return t
}

func (h handlers[I, O]) creator() func(*cloud.Model, resource.PropertyMap) (string, resource.PropertyMap, error) {
	return func(m *cloud.Model, inputs resource.PropertyMap) (string, resource.PropertyMap, error) {
		in, _, err := decode[I](inputs)
		if err != nil {
			return "", nil, err
		}
		id, out, err := h.create(m, in)
		if err != nil {
			return "", nil, err
		}
		outputs, err := encode(&out)
		return id, outputs, err
	}
}

func (h handlers[I, O]) updater() func(*cloud.Model, string, resource.PropertyMap, resource.PropertyMap) (resource.PropertyMap, error) {
	return func(m *cloud.Model, id string, olds, news resource.PropertyMap) (resource.PropertyMap, error) {
		old, _, err := decode[I](olds)
		if err != nil {
			return nil, err
		}
		now, _, err := decode[I](news)
		if err != nil || h.update == nil {
			return nil, err
		}
		out, err := h.update(m, id, old, now)
		if err != nil {
			return nil, err
		}
		return encode(out)
	}
}

func (h handlers[I, O]) remover() func(*cloud.Model, string, resource.PropertyMap) error {
	return func(m *cloud.Model, id string, properties resource.PropertyMap) error {
		if h.remove == nil {
			return nil
		}
		in, _, err := decode[I](properties)
		if err != nil {
			return err
		}
		return h.remove(m, id, in)
	}
}

// finisher returns afterCreate on inputs as the engine sends them, nil if there is none. An error may come with outputs.
func (h handlers[I, O]) finisher() func(context.Context, *cloud.Cloud, string, resource.PropertyMap) (resource.PropertyMap, error) {
	if h.afterCreate == nil {
		return nil
	}
	return func(ctx context.Context, c *cloud.Cloud, id string, inputs resource.PropertyMap) (resource.PropertyMap, error) {
		in, _, err := decode[I](inputs)
		if err != nil {
			return nil, err
		}
		out, unfinished := h.afterCreate(ctx, c, id, in)
		outputs, err := encode(out)
		return outputs, errors.Join(unfinished, err)
	}
}

// updateFinisher returns afterUpdate on inputs as the engine sends them, nil if there is none.
func (h handlers[I, O]) updateFinisher() func(
	context.Context, *cloud.Cloud, string, resource.PropertyMap, resource.PropertyMap,
) (resource.PropertyMap, error) {
	if h.afterUpdate == nil {
		return nil
	}
	return func(ctx context.Context, c *cloud.Cloud, id string, olds, news resource.PropertyMap) (resource.PropertyMap, error) {
		old, _, err := decode[I](olds)
		if err != nil {
			return nil, err
		}
		now, _, err := decode[I](news)
		if err != nil {
			return nil, err
		}
		out, err := h.afterUpdate(ctx, c, id, old, now)
		if err != nil {
			return nil, err
		}
		return encode(out)
	}
}
