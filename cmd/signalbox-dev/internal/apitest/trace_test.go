package apitest_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

const (
	offloadRoute = "POST " + workflows.OffloadWebhookRoute
	startCase    = "StartWorkflow:" + workflows.OffloadCaseWorkflow
	signalCase   = "SignalWorkflow:" + workflows.SignalOffloadEvents
)

// handedOff is from a workflow's hand-off to the post.
var handedOff = []string{
	"StartActivity:" + workflows.ActivityNoticeHandOff, "RunActivity:" + workflows.ActivityNoticeHandOff, "SignalWithStartWorkflow:" + workflows.NotifyWorkflow,
	"StartActivity:" + workflows.ActivityNoticePost, "RunActivity:" + workflows.ActivityNoticePost, "POST",
}

// requireNotice checks that the callback got a notice of a case or activation in the trace, with the place of the span in its header.
func requireNotice(t *testing.T, span *tracepb.Span, kind workflows.NoticeKind) {
	t.Helper()
	want := fmt.Sprintf("00-%x-%x-01", span.GetTraceId(), span.GetSpanId())
	require.Eventually(t, func() bool { return hook.kindOf(want) == string(kind) }, 5*time.Minute, 10*time.Millisecond, "no %s with traceparent %s", kind, want)
}

// request is a start that is played by a script of the simulator and whose notices go to the callback.
func request(reference, script string) workflows.CaseStart {
	return workflows.CaseStart{Reference: reference, Notify: []string{callback}, Request: &workflows.CaseRequest{
		Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: "Obtain a signed W-9"},
		Counterparty: workflows.Counterparty{Address: script + "@vendor.example", Name: "Ada"}, SenderPersona: workflows.SenderPersona{Name: "Grace"},
	}}
}

// relayed is the relay's span of a workflow's event.
func relayed(t *testing.T, workflowID, kind string) *tracepb.Span {
	t.Helper()
	return spans.holds(t, "of the relay for "+workflowID, func(s *tracepb.Span) bool {
		return strings.HasPrefix(s.GetName(), "relay ") && text(s, "signalbox.lane") == workflowID && strings.Contains(text(s, "signalbox.event_kind"), kind)
	})
}

func TestAWebhookThatEndsACaseIsOneTraceUpToItsNotice(t *testing.T) {
	t.Parallel()
	one, err := shared.Apps.StartCase(t.Context(), request("traced-webhook", "complete"))
	require.NoError(t, err)
	address, err := shared.Apps.WebhookURL(one.Reference())
	require.NoError(t, err)
	plant(t, path.Base(address)) // the token
	_, err = one.Wait(t.Context())
	require.NoError(t, err)
	relay := relayed(t, one.WorkflowID(), workflows.KindCaseCompleted)
	arrival := spans.find(t, hex.EncodeToString(relay.GetTraceId()), "of the arrival", func(s *tracepb.Span) bool { return bytes.Equal(s.GetSpanId(), relay.GetParentSpanId()) })
	require.Equal(t, offloadRoute, arrival.GetName())
	require.Empty(t, arrival.GetParentSpanId())
	require.Equal(t, text(arrival, "signalbox.delivery_id"), text(relay, "signalbox.delivery_id"))
	require.Equal(t, "accepted", text(relay, "signalbox.result"))
	signal := spans.chain(t, relay, signalCase)
	require.Equal(t, one.WorkflowID(), text(signal, "temporalWorkflowID"))
	spans.chain(t, signal, "HandleSignal:"+workflows.SignalOffloadEvents)
	requireNotice(t, spans.chain(t, signal, handedOff...), workflows.NoticeCaseCompleted)
	// The end also starts the storing of the case's file, whose link is asked for at Offload.
	spans.chain(t, signal, handedOff[0], handedOff[1], "StartWorkflow:"+workflows.OffloadFilesWorkflow,
		"StartActivity:"+workflows.ActivityArchiveStoreAttachment, "RunActivity:"+workflows.ActivityArchiveStoreAttachment, "offload get attachment")
}

func TestACaseWhoseEndIsFoundByPollingHasATraceThatStartsAtTheRead(t *testing.T) {
	t.Parallel()
	start := request("traced-poll", "lost")
	start.Options = workflows.CaseOptions{ReconcileAfter: workflows.Duration(time.Second), PollFloor: workflows.Duration(workflows.MinPollFloor)}
	one, err := shared.Apps.StartCase(t.Context(), start)
	require.NoError(t, err)
	_, err = one.Wait(t.Context())
	require.NoError(t, err)
	told := spans.holds(t, "of the hand-off", func(s *tracepb.Span) bool {
		return s.GetName() == handedOff[0] && text(s, "temporalWorkflowID") == one.WorkflowID()
	})
	read := spans.find(t, hex.EncodeToString(told.GetTraceId()), "of the read", func(s *tracepb.Span) bool { return bytes.Equal(s.GetSpanId(), told.GetParentSpanId()) })
	require.Equal(t, "RunActivity:"+workflows.ActivityOffloadReconcileCase, read.GetName())
	require.Empty(t, read.GetParentSpanId(), "the read begins the trace")
	require.Len(t, read.GetLinks(), 1, "a link leads to where the read was scheduled")
	spans.chain(t, read, "offload get case")
	requireNotice(t, spans.chain(t, read, handedOff...), workflows.NoticeCaseCompleted)
}

func TestTheAnswerToAnApprovalIsOneTraceUpToItsNotice(t *testing.T) {
	t.Parallel()
	id, err := shared.Simulators.Artmail.Activate(dev.Agent)
	require.NoError(t, err)
	activation := shared.Apps.Activation(dev.Agent, id)
	spans.chain(t, relayed(t, activation.WorkflowID(), workflows.KindAgentActivated), "SignalWithStartWorkflow:"+workflows.ArtmailActivationWorkflow)
	key, err := activation.RevealAPIKey(t.Context())
	require.NoError(t, err)
	plant(t, key)
	message, err := shared.Simulators.Artmail.RequestApproval(id, "May I publish?", "")
	require.NoError(t, err)
	_, err = activation.RequestApprovals(t.Context(), workflows.ApprovalRequest{MessageID: message, Notify: []string{callback}})
	require.NoError(t, err)
	_, err = shared.Simulators.Artmail.RespondApproval(message, true, personsWords, "")
	require.NoError(t, err)
	relay := relayed(t, activation.WorkflowID(), workflows.KindApprovalResponse)
	arrival := spans.find(t, hex.EncodeToString(relay.GetTraceId()), "of the arrival", func(s *tracepb.Span) bool { return bytes.Equal(s.GetSpanId(), relay.GetParentSpanId()) })
	require.Equal(t, "POST "+workflows.ArtmailWebhookRoute, arrival.GetName())
	requireNotice(t, spans.chain(t, relay, append([]string{"SignalWorkflow:" + workflows.SignalArtmailEvents}, handedOff...)...), workflows.NoticeApprovalApproved)
}

func TestTheAPIGoesOnWithTheTraceOfItsCaller(t *testing.T) {
	t.Parallel()
	const traceID, callerSpan = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	body := strings.Replace(start("traced-api", "silent"), `"request"`, `"notify":["`+callback+`"],"request"`, 1)
	call := func(where, body string, status int) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shared.InternalURL()+where, strings.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("traceparent", "00-"+traceID+"-"+callerSpan+"-01")
		response, err := caller.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, status, response.StatusCode)
	}
	call("/v1/cases", body, 201)
	place, err := hex.DecodeString(callerSpan)
	require.NoError(t, err)
	served := func(route string) *tracepb.Span {
		return spans.find(t, traceID, route, func(s *tracepb.Span) bool { return s.GetName() == route && bytes.Equal(s.GetParentSpanId(), place) })
	}
	spans.chain(t, served("POST /v1/cases"), startCase,
		"StartActivity:"+workflows.ActivityOffloadCreateCase, "RunActivity:"+workflows.ActivityOffloadCreateCase, "offload create case")
	call("/v1/cases/traced-api/cancel", `{"reason":"`+personsWords+`"}`, 200)
	cancelled := spans.chain(t, served("POST /v1/cases/:reference/cancel"), "UpdateWorkflow:"+workflows.UpdateCancel)
	spans.chain(t, cancelled, "ValidateUpdate:"+workflows.UpdateCancel)
	requireNotice(t, spans.chain(t, cancelled, handedOff...), workflows.NoticeCaseCancelled)
	call("/v1/cases/traced-api/cancel", "", 409)
	spans.find(t, traceID, "of the refused call", func(s *tracepb.Span) bool { return text(s, "error.type") != "" })
}

// An app traces its Temporal client by Temporal's own interceptor. Continue-as-new does not end the trace.
func TestTheGoClientGoesOnWithTheTraceOfItsCaller(t *testing.T) {
	t.Parallel()
	provider := sdktrace.NewTracerProvider()
	traced, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{Tracer: provider.Tracer("app")})
	require.NoError(t, err)
	options := client.Options{HostPort: shared.TemporalAddress(), Interceptors: []interceptor.ClientInterceptor{traced}}
	payloadtest.Apply(&options)
	temporal, err := client.DialContext(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	apps, err := signalbox.New(temporal, signalbox.Options{})
	require.NoError(t, err)
	ctx, span := provider.Tracer("app").Start(t.Context(), "the app")
	traceID := span.SpanContext().TraceID().String()
	activity := func(name string) *tracepb.Span {
		return spans.find(t, traceID, name, func(s *tracepb.Span) bool { return s.GetName() == "StartActivity:"+name })
	}
	one, err := apps.StartCase(ctx, request("traced-app", "question"))
	require.NoError(t, err)
	spans.chain(t, activity(workflows.ActivityOffloadCreateCase), "RunActivity:"+workflows.ActivityOffloadCreateCase, "offload create case")
	state := waiting(t, one)
	require.NoError(t, temporal.SignalWorkflow(ctx, one.WorkflowID(), "", workflows.SignalForceContinueAsNew, nil))
	_, err = one.ProvideInput(ctx, workflows.ProvideInput{QuestionID: state.Question.ID, Text: personsWords, By: "ada"})
	require.NoError(t, err)
	span.End()
	spans.chain(t, activity(workflows.ActivityOffloadProvideInput), "RunActivity:"+workflows.ActivityOffloadProvideInput, "offload provide input")
	_, err = one.Wait(t.Context())
	require.NoError(t, err)
	requireNotice(t, spans.chain(t, spans.chain(t, relayed(t, one.WorkflowID(), workflows.KindCaseCompleted), signalCase), handedOff...), workflows.NoticeCaseCompleted)
}

func waiting(t *testing.T, one *signalbox.Case) (state workflows.CaseState) {
	t.Helper()
	require.Eventually(t, func() bool {
		var err error
		state, err = one.State(t.Context())
		return err == nil && state.Status == workflows.CaseInputNeeded
	}, 5*time.Minute, 20*time.Millisecond)
	return state
}
