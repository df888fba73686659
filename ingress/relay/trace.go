package relay

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// beginSpan begins the span of one signal, and returns the context for sending it and what ends the span. It belongs to the trace of the newest event,
// which decides what the workflow does next, and has a link to the request of each other one.
func (r *Relay) beginSpan(ctx context.Context, lane string, events []pendingEvent) (context.Context, func(sendResult)) {
	if r.tracer == nil {
		return ctx, func(sendResult) {}
	}
	var links []trace.Link
	var ids, kinds []string
	for _, e := range events {
		ids = append(ids, e.ID)
		if !slices.Contains(kinds, e.Kind) {
			kinds = append(kinds, e.Kind)
		}
	}
	newest := len(events) - 1
	for _, e := range events[:newest] {
		if place := placeOf(e); place.IsValid() {
			links = append(links, trace.Link{SpanContext: place})
		}
	}
	provider := events[0].Provider
	ctx, span := r.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, placeOf(events[newest])), "relay "+provider,
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(links...), trace.WithAttributes(
			attribute.String("signalbox.provider", provider),
			attribute.String("signalbox.lane", lane),
			attribute.StringSlice("signalbox.delivery_id", ids),
			attribute.StringSlice("signalbox.event_kind", kinds),
			attribute.Int("messaging.batch.message_count", len(events)),
		))
	return ctx, func(result sendResult) {
		span.SetAttributes(attribute.String("signalbox.result", result.class.String()))
		if result.class != accepted {
			span.SetStatus(codes.Error, result.class.String())
		}
		span.End()
	}
}

// placeOf is where the request of a delivery stands in its trace.
func placeOf(e pendingEvent) trace.SpanContext {
	header := propagation.MapCarrier{"traceparent": e.TraceParent}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), header))
}

func (c class) String() string {
	return [...]string{
		accepted: "accepted", notFound: "not_found", closed: "closed", busy: "busy", refused: "refused", outage: "outage", unclear: "unclear",
	}[c]
}
