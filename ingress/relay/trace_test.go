package relay_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/relay"
	"github.com/signalbox-dev/signalbox/workflows"
)

func (f *fixture) trace() *tracetest.SpanRecorder {
	spans := tracetest.NewSpanRecorder()
	f.tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test")
	return spans
}

// keepTraced stores an event whose request stands in a trace of this number.
func (f *fixture) keepTraced(tb testing.TB, reference string, n int) string {
	tb.Helper()
	eventID := fmt.Sprintf("evt-%d", n)
	return f.keep(tb, inbox.Delivery{
		Provider: offload.Name, Lane: offload.Lane(reference), Kind: workflows.KindCaseCompleted, DedupeKey: eventID,
		TraceParent: fmt.Sprintf("00-%032x-%016x-01", n, n),
	}, completed(eventID))
}

func TestASignalBelongsToTheTraceOfItsNewestEventAndIsLinkedWithTheOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	spans := f.trace()
	f.temporal.run("offload-case/order-1")
	ids := []string{f.keepTraced(t, "order-1", 1), f.keepOffload(t, "order-1", "untraced"), f.keepTraced(t, "order-1", 3), f.keepTraced(t, "order-1", 4)}
	f.start(t, relay.Config{})
	f.noPending(t)
	f.stop()
	require.Len(t, spans.Ended(), 1)
	span := spans.Ended()[0]
	require.Equal(t, "relay offload", span.Name())
	require.Equal(t, fmt.Sprintf("%032x", 4), span.SpanContext().TraceID().String())
	require.Equal(t, fmt.Sprintf("%016x", 4), span.Parent().SpanID().String())
	require.Len(t, span.Links(), 2)
	for i, n := range []int{1, 3} {
		require.Equal(t, fmt.Sprintf("%032x", n), span.Links()[i].SpanContext.TraceID().String())
	}
	for _, want := range []attribute.KeyValue{
		attribute.StringSlice("signalbox.delivery_id", ids), attribute.StringSlice("signalbox.event_kind", []string{"case.completed"}),
		attribute.String("signalbox.lane", "offload-case/order-1"), attribute.String("signalbox.result", "accepted"), attribute.Int("messaging.batch.message_count", 4),
	} {
		require.Contains(t, span.Attributes(), want)
	}
}

func TestASignalThatIsNotAcceptedSaysWhyInItsSpan(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	spans := f.trace()
	f.keepTraced(t, "order-1", 1)
	f.start(t, relay.Config{})
	eventually(t, "a span", func() bool { return len(spans.Ended()) > 0 })
	require.Contains(t, spans.Ended()[0].Attributes(), attribute.String("signalbox.result", "not_found"))
}
