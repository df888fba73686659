package api

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traced gives a call of an admitted caller its span, in the caller's trace where a header names it. The span has the route and no parameter, since those
// may be secret.
func (s *Server) traced(c echo.Context, call func() error) error {
	if s.deps.Tracer == nil {
		return call()
	}
	request := c.Request()
	ctx := propagation.TraceContext{}.Extract(request.Context(), propagation.HeaderCarrier(request.Header))
	ctx, span := s.deps.Tracer.Start(ctx, request.Method+" "+c.Path(), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", request.Method), attribute.String("http.route", c.Path())))
	defer span.End()
	c.SetRequest(request.WithContext(ctx))
	err := call()
	if abandoned(request.Context(), err) {
		return err // that is no fault
	}
	status := c.Response().Status
	if err != nil {
		kind := toProblem(err).kind
		status = kind.status
		span.SetAttributes(attribute.String("error.type", kind.name))
	}
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
	return err
}
