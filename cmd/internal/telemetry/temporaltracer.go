package telemetry

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
)

// temporalTracer gives the SDK's tracing interceptor its spans. Header and attributes are those of Temporal's own tracer for OpenTelemetry
// (go.temporal.io/sdk/contrib/opentelemetry), so that traces continue in both directions between Signalbox and apps that use
// that tracer. It differs in three ways:
//
//   - A span has the type of an error and not its text, because providers repeat personal text in errors.
//   - A workflow has no span that lasts as long as it: workflows last for weeks, and whenever a worker reads the history again, it would make another one.
//     What a workflow does stands beside the span of the call that it follows.
//   - A read that waits for news begins its own trace: it may be the hundredth, days after it was scheduled.
type temporalTracer struct {
	interceptor.BaseTracer
	otel trace.Tracer
}

// temporalHeader is the key of the header that Temporal's own tracers use.
const temporalHeader = "_tracer-data"

// spanKey is the key of a span in a workflow's context.
type spanKey struct{}

// span is an interceptor.TracerSpan. One that was made by another process has a place in a trace and nothing else.
type span struct {
	trace.Span
	// late: what follows comes so much later that it has its own trace.
	late bool
}

// noSpan belongs to no trace.
var noSpan = placeOf(trace.SpanContext{})

func placeOf(place trace.SpanContext) span {
	return span{Span: trace.SpanFromContext(trace.ContextWithRemoteSpanContext(context.Background(), place))}
}

// traceContext is the one form in which a place in a trace leaves a process. Baggage is not passed on: it may hold anything.
var traceContext propagation.TraceContext

func (temporalTracer) Options() interceptor.TracerOptions {
	return interceptor.TracerOptions{
		SpanContextKey: spanKey{}, HeaderKey: temporalHeader,
		// Lists and pages ask for states all the time.
		DisableQueryTracing: true,
		// A header that another tracer wrote must not fail a workflow.
		AllowInvalidParentSpans: true,
	}
}

// UnmarshalSpan implements interceptor.Tracer.
func (temporalTracer) UnmarshalSpan(header map[string]string) (interceptor.TracerSpanRef, error) {
	place := trace.SpanContextFromContext(traceContext.Extract(context.Background(), propagation.MapCarrier(header)))
	if !place.IsValid() {
		return nil, nil
	}
	return placeOf(place), nil
}

// MarshalSpan implements interceptor.Tracer.
func (temporalTracer) MarshalSpan(s interceptor.TracerSpan) (map[string]string, error) {
	header := propagation.MapCarrier{}
	if s, ok := s.(span); ok {
		traceContext.Inject(trace.ContextWithSpan(context.Background(), s.Span), header)
	}
	return header, nil
}

// SpanFromContext implements interceptor.Tracer.
func (temporalTracer) SpanFromContext(ctx context.Context) interceptor.TracerSpan {
	if s := trace.SpanFromContext(ctx); s.SpanContext().IsValid() {
		return span{Span: s}
	}
	return nil
}

// ContextWithSpan implements interceptor.Tracer.
func (temporalTracer) ContextWithSpan(ctx context.Context, s interceptor.TracerSpan) context.Context {
	if s, ok := s.(span); ok {
		return trace.ContextWithSpan(ctx, s.Span)
	}
	return ctx
}

// StartSpan implements interceptor.Tracer.
func (t temporalTracer) StartSpan(o *interceptor.TracerStartSpanOptions) (interceptor.TracerSpan, error) {
	parent, ok := o.Parent.(span)
	if !ok {
		parent = noSpan
	}
	if o.Operation == "RunWorkflow" || o.Operation == "HandleUpdate" { // also while a history is read again
		return placeOf(parent.SpanContext()), nil
	}
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer)}
	if o.ToHeader {
		options[0] = trace.WithSpanKind(trace.SpanKindClient)
	}
	attributes := make([]attribute.KeyValue, 0, len(o.Tags))
	for key, value := range o.Tags {
		attributes = append(attributes, attribute.String(key, value))
	}
	options = append(options, trace.WithAttributes(attributes...))
	if parent.late || o.Operation == "RunActivity" && o.Name == workflows.ActivityOffloadReconcileCase {
		options = append(options, trace.WithNewRoot(), trace.WithLinks(trace.Link{SpanContext: parent.SpanContext()}))
	}
	ctx := trace.ContextWithSpan(context.Background(), parent.Span)
	_, made := t.otel.Start(ctx, o.Operation+":"+o.Name, options...)
	return span{Span: made}, nil
}

// Finish implements interceptor.TracerSpan. A failure that is a usual part of the work, such as a read without news, is no error of the span.
func (s span) Finish(o *interceptor.TracerFinishSpanOptions) {
	if o.Error != nil {
		name := errorType(o.Error)
		s.SetAttributes(attribute.String(attributeErrorType, name))
		var application *temporal.ApplicationError
		if !errors.As(o.Error, &application) || application.Category() != temporal.ApplicationErrorCategoryBenign {
			s.SetStatus(codes.Error, name)
		}
	}
	s.End()
}

// errorType returns the contract's type of an error, or else its Go type.
func errorType(err error) string {
	var application *temporal.ApplicationError
	if errors.As(err, &application) && application.Type() != "" {
		return application.Type()
	}
	return fmt.Sprintf("%T", err)
}
