package ingress

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// tracedKey is where a request keeps what it has of its trace.
const tracedKey = "traced"

// traced is a request on its way into a trace. Its span is made once its sender is verified: strangers could otherwise fill the queue of spans that
// wait to be sent. Nor does a header of the sender choose which requests are recorded: each webhook begins a trace.
type traced struct {
	began time.Time
	// span is nil until the sender is verified.
	span trace.Span
}

func (s *Server) beginTrace(c echo.Context, began time.Time) {
	if s.tracer != nil {
		c.Set(tracedKey, &traced{began: began})
	}
}

// verified is called when a token or signature fits: the connection is one of the last to be closed, and the request has a span, with the route in
// place of the path, which may hold a token.
func (s *Server) verified(c echo.Context) {
	s.connections.prove(c.Request().Context())
	if s.tracer == nil {
		return
	}
	if t, begun := c.Get(tracedKey).(*traced); begun {
		_, t.span = s.tracer.Start(context.Background(), c.Request().Method+" "+c.Path(),
			trace.WithTimestamp(t.began), trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("http.request.method", c.Request().Method), attribute.String("http.route", c.Path())))
	}
}

// span is the span of a verified request; nil where there is none.
func (s *Server) span(c echo.Context) trace.Span {
	if s.tracer == nil {
		return nil
	}
	if t, begun := c.Get(tracedKey).(*traced); begun {
		return t.span
	}
	return nil
}

// traceParent is the request's place in its trace, for the inbox; empty without traces.
func (s *Server) traceParent(c echo.Context) string {
	span := s.span(c)
	if span == nil {
		return ""
	}
	header := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpan(context.Background(), span), header)
	return header["traceparent"]
}

// describe says of a stored webhook what people search a trace by. A kind that is not documented could be any text, so it is left out.
func (s *Server) describe(c echo.Context, d inbox.Delivery, id string, what outcome) {
	span := s.span(c)
	if span == nil {
		return
	}
	span.SetAttributes(
		attribute.String("signalbox.provider", d.Provider), attribute.String("signalbox.delivery_id", id), attribute.String("signalbox.result", string(what)))
	if d.State == inbox.StatePending {
		span.SetAttributes(attribute.String("signalbox.event_kind", d.Kind))
	}
}

func (s *Server) endTrace(c echo.Context, status int, err error) {
	span := s.span(c)
	if span == nil {
		return
	}
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	var r *refusal
	if errors.As(err, &r) {
		span.SetAttributes(attribute.String("signalbox.result", string(r.outcome)))
	}
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(status))
	}
	span.End()
}
