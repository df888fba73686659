package ingress_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

const endOfCase = `{"event_id":"evt_1","event_type":"case.completed","timestamp":1774131900000,"data":{"caseId":"c1","status":"COMPLETED","resultStatus":"Ada's own words"}}`

// parentOfStranger is a traceparent that a sender gives: it must not choose the trace.
const parentOfStranger = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func attributes(span sdktrace.ReadOnlySpan) map[string]string {
	all := map[string]string{}
	for _, a := range span.Attributes() {
		all[string(a.Key)] = a.Value.String()
	}
	return all
}

func TestAVerifiedWebhookBeginsATraceThatItsDeliveryNames(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	path := f.offloadPath("order-1")
	require.Equal(t, http.StatusNoContent, f.post(t, path, endOfCase, "traceparent", parentOfStranger).status)
	require.Equal(t, http.StatusNoContent, f.post(t, path, endOfCase).status)
	kept := f.kept(t)
	require.Len(t, kept, 1)
	eventually(t, "the span", func() bool { return len(f.spans.Ended()) == 2 })
	first, again := f.spans.Ended()[0], f.spans.Ended()[1]
	require.Equal(t, fmt.Sprintf("00-%s-%s-01", first.SpanContext().TraceID(), first.SpanContext().SpanID()), kept[0].TraceParent)
	require.False(t, first.Parent().IsValid(), "the sender's header is not read")
	require.Equal(t, "POST "+workflows.OffloadWebhookRoute, first.Name())
	require.Equal(t, trace.SpanKindServer, first.SpanKind())
	require.Equal(t, map[string]string{
		"http.request.method": "POST", "http.route": workflows.OffloadWebhookRoute, "http.response.status_code": "204",
		"signalbox.provider": "offload", "signalbox.event_kind": "case.completed", "signalbox.delivery_id": kept[0].ID, "signalbox.result": "new",
	}, attributes(first))
	require.Equal(t, kept[0].ID, attributes(again)["signalbox.delivery_id"], "a repetition names the first delivery")
	require.Equal(t, "duplicate", attributes(again)["signalbox.result"])
	require.NotEqual(t, first.SpanContext().TraceID(), again.SpanContext().TraceID())

	require.Equal(t, http.StatusNoContent, f.postArtmail(t, `{"type":"made up by Ada","activationId":"a1","timestamp":1774131900000}`).status)
	eventually(t, "the span", func() bool { return len(f.spans.Ended()) == 3 })
	require.Equal(t, "ignored", attributes(f.spans.Ended()[2])["signalbox.result"])
	for _, span := range f.spans.Ended() {
		shown := fmt.Sprint(span.Name(), span.Attributes(), span.Events(), span.Status())
		for _, secret := range []string{strings.Split(path, "/")[4], "Ada", parentOfStranger} {
			require.NotContains(t, shown, secret)
		}
	}
}

func TestWhatIsNotVerifiedHasNoSpan(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	require.Equal(t, http.StatusUnauthorized, f.post(t, "/webhooks/offload/order-1/forged", endOfCase).status)
	require.Equal(t, http.StatusUnauthorized, f.post(t, "/webhooks/artmail/"+agent, `{}`).status)
	f.ready(t)
	require.Equal(t, http.StatusNotFound, f.do(t, http.MethodGet, "/secret", nil).status)
	require.Empty(t, f.spans.Started())
	for _, d := range f.kept(t) { // the quarantine's
		require.Empty(t, d.TraceParent)
	}
}

func TestARefusedWebhookEndsItsSpanWithTheReason(t *testing.T) {
	t.Parallel()
	f := start(t, config(), func(store inbox.Store) inbox.Store { return &broken{Store: store, err: errors.New("disk")} })
	require.Equal(t, http.StatusServiceUnavailable, f.post(t, f.offloadPath("order-1"), endOfCase).status)
	eventually(t, "the span", func() bool { return len(f.spans.Ended()) == 1 })
	require.Equal(t, "unavailable", attributes(f.spans.Ended()[0])["signalbox.result"])
	require.Contains(t, f.spans.Ended()[0].Attributes(), attribute.Int("http.response.status_code", 503))
}

func TestWithoutATracerNothingIsStoredOfATrace(t *testing.T) {
	t.Parallel()
	keys, err := keyring.Generate()
	require.NoError(t, err)
	store := &memory{}
	server, err := ingress.New(config(), ingress.Deps{Keys: keys, Inbox: store, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Now: time.Now})
	require.NoError(t, err)
	path := workflows.OffloadWebhookPath("order-1", keys.Token(workflows.OffloadTokenContext("order-1")...))
	recorder := httptest.NewRecorder()
	server.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, path, strings.NewReader(endOfCase)))
	require.Equal(t, http.StatusNoContent, recorder.Code)
	require.Len(t, store.kept, 1)
	require.Empty(t, store.kept[0].TraceParent)
}
