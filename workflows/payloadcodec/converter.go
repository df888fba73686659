package payloadcodec

import (
	"context"
	"errors"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Apply makes a client, and the workers that use it, encode payloads with the codec, after the data converter of the options. It replaces the
// failure converter of the options.
//
// A worker that lacks a key fails the workflow task, which Temporal gives out again until a worker has the key: no workflow ends and no signal
// is dropped because of it. Everywhere else the call fails with ErrKeyMissing.
func (c *Codec) Apply(options *client.Options) {
	parent := options.DataConverter
	if parent == nil {
		parent = converter.GetDefaultDataConverter()
	}
	lenient := converter.NewCodecDataConverter(parent, c)
	strict := converter.NewCodecDataConverter(parent, strictCodec{c})
	failures := func(data converter.DataConverter) converter.FailureConverter {
		return temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: data, EncodeCommonAttributes: c.encrypt})
	}
	options.DataConverter = dataConverter{lenient, strict}
	options.FailureConverter = failureConverter{failures(lenient), failures(strict)}
}

// strictCodec panics if a payload can't be decrypted. The SDK turns a panic into a failed workflow task, but an error into a failed workflow, a dropped
// signal or a refused update.
type strictCodec struct{ *Codec }

func (c strictCodec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	opened, err := c.Codec.Decode(payloads)
	if errors.Is(err, ErrKeyMissing) || errors.Is(err, errDamaged) {
		panic(err)
	}
	return opened, err
}

// dataConverter uses strictCodec inside workflows.
type dataConverter struct {
	converter.DataConverter
	strict converter.DataConverter
}

// WithWorkflowContext implements workflow.ContextAware.
func (d dataConverter) WithWorkflowContext(workflow.Context) converter.DataConverter { return d.strict }

// WithContext implements workflow.ContextAware.
func (d dataConverter) WithContext(context.Context) converter.DataConverter { return d }

// failureConverter uses strictCodec where a workflow reads the failure of an activity: a workflow must not decide by a failure that it can't
// read.
type failureConverter struct {
	converter.FailureConverter
	strict converter.FailureConverter
}

// WithSerializationContext implements converter.FailureConverterWithSerializationContext. The context of an activity that belongs to a workflow
// is given where the activity's failure is written, which needs no key, and where the workflow reads it.
func (f failureConverter) WithSerializationContext(where converter.SerializationContext) converter.FailureConverter {
	if activity, ok := where.(converter.ActivitySerializationContext); ok && activity.WorkflowID != "" {
		return f.strict
	}
	return f
}
