package telemetry

import (
	"context"
	"fmt"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Names of attributes: OpenTelemetry's semantic conventions, and our own.
const (
	attributeErrorType = "error.type"
	attributeMethod    = "http.request.method"
	attributeStatus    = "http.response.status_code"
	attributeServer    = "server.address"
	attributeProvider  = "signalbox.provider"
	attributeResult    = "signalbox.result"
)

// Call begins the span of a call to a provider's API, and returns the context of the call and what ends the span, with the call's result in one word.
// No header is sent: a provider has no use for it.
func (t *Traces) Call(ctx context.Context, provider, call string) (context.Context, func(result string, ok bool)) {
	if t == nil {
		return ctx, func(string, bool) {}
	}
	ctx, made := t.tracer.Start(ctx, provider+" "+call, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String(attributeProvider, provider)))
	return ctx, func(result string, ok bool) {
		made.SetAttributes(attribute.String(attributeResult, result))
		if !ok {
			made.SetStatus(codes.Error, result)
		}
		made.End()
	}
}

// Transport gives each request a span and sends the header traceparent, for receivers that are configured. The span names the host and neither path
// nor query, which may hold a token; that is why it is not otelhttp's, which records the whole URL.
func (t *Traces) Transport(next http.RoundTripper) http.RoundTripper {
	if t == nil {
		return next
	}
	return transport{next, t.tracer}
}

type transport struct {
	next   http.RoundTripper
	tracer trace.Tracer
}

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, made := t.tracer.Start(request.Context(), request.Method, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String(attributeMethod, request.Method), attribute.String(attributeServer, request.URL.Hostname())))
	defer made.End()
	request = request.Clone(ctx)
	traceContext.Inject(ctx, propagation.HeaderCarrier(request.Header))
	response, err := t.next.RoundTrip(request)
	if err != nil {
		name := fmt.Sprintf("%T", err)
		made.SetAttributes(attribute.String(attributeErrorType, name))
		made.SetStatus(codes.Error, name)
		return nil, err
	}
	made.SetAttributes(attribute.Int(attributeStatus, response.StatusCode))
	if response.StatusCode >= http.StatusBadRequest {
		made.SetStatus(codes.Error, "")
	}
	return response, nil
}
