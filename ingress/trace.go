package ingress

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// tracedKey is where a request keeps what it has of its trace.
const tracedKey = "traced"

// traced is a request and its span. The span is made after the sender is verified; otherwise unverified senders could fill the queue of spans.
// Each webhook begins a new trace: a traceparent header of the sender is ignored.
type traced struct {
	began time.Time
	// span is nil until the sender is verified.
	span trace.Span
	// attributes are set at the end, in one call: the SDK copies them at each.
	attributes []attribute.KeyValue
}

func (s *Server) beginTrace(c echo.Context, began time.Time) {
	if s.tracer != nil {
		c.Set(tracedKey, &traced{began: began})
	}
}

// markVerified marks the connection of a verified request as one of the last to close, and begins the request's span. The span names the route and
// not the path, which may hold a token.
func (s *Server) markVerified(c echo.Context) {
	s.connections.markVerified(c.Request().Context())
	if s.tracer == nil {
		return
	}
	if t, begun := c.Get(tracedKey).(*traced); begun {
		t.attributes = append(make([]attribute.KeyValue, 0, 7), attribute.String("http.request.method", c.Request().Method), attribute.String("http.route", c.Path()))
		_, t.span = s.tracer.Start(context.Background(), c.Request().Method+" "+c.Path(), trace.WithTimestamp(t.began), trace.WithSpanKind(trace.SpanKindServer))
	}
}

// traced returns the trace of a verified request; nil if there is none.
func (s *Server) traced(c echo.Context) *traced {
	if s.tracer == nil {
		return nil
	}
	if t, begun := c.Get(tracedKey).(*traced); begun && t.span != nil {
		return t
	}
	return nil
}

// traceParent is the request's place in its trace, for the inbox; empty without traces. It is the propagator's text without its maps, which cost
// a percent of an acknowledgement.
func (s *Server) traceParent(c echo.Context) string {
	t := s.traced(c)
	if t == nil {
		return ""
	}
	place := t.span.SpanContext()
	traceID, spanID := place.TraceID(), place.SpanID()
	text := append(make([]byte, 0, 55), "00-"...)
	text = append(hex.AppendEncode(text, traceID[:]), '-')
	text = append(hex.AppendEncode(text, spanID[:]), '-')
	return string(hex.AppendEncode(text, []byte{byte(place.TraceFlags() & trace.FlagsSampled)}))
}

// describe sets the span's attributes for a stored webhook. It leaves out an undocumented kind, which could be any text.
func (s *Server) describe(c echo.Context, d inbox.Delivery, id string, what outcome) {
	t := s.traced(c)
	if t == nil {
		return
	}
	t.attributes = append(t.attributes,
		attribute.String("signalbox.result", string(what)), attribute.String("signalbox.provider", d.Provider), attribute.String("signalbox.delivery_id", id))
	if d.State == inbox.StatePending {
		t.attributes = append(t.attributes, attribute.String("signalbox.event_kind", d.Kind))
	}
}

func (s *Server) endTrace(c echo.Context, status int, err error) {
	t := s.traced(c)
	if t == nil {
		return
	}
	var r *refusal
	if errors.As(err, &r) {
		t.attributes = append(t.attributes, attribute.String("signalbox.result", string(r.outcome)))
	}
	t.span.SetAttributes(append(t.attributes, attribute.Int("http.response.status_code", status))...)
	if status >= http.StatusInternalServerError {
		t.span.SetStatus(codes.Error, http.StatusText(status))
	}
	t.span.End()
}
