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
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
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

// requireNotice checks that a chain leads to the post of a notice, and that the callback got it with the place of that span in its header. A span
// is exported after its call has been answered.
func requireNotice(t *testing.T, from *tracepb.Span, kind workflows.NoticeKind, names ...string) {
	t.Helper()
	spans.chainTo(t, from, func(span *tracepb.Span) bool {
		return hook.kindOf(fmt.Sprintf("00-%x-%x-01", span.GetTraceId(), span.GetSpanId())) == string(kind)
	}, append(names, handedOff...)...)
}

// request is a start that is played by a script of the simulator and whose notices go to the callback.
func request(reference, script string) workflows.CaseStart {
	return workflows.CaseStart{Reference: reference, Notify: []string{callback}, Request: &workflows.CaseRequest{
		Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: "Obtain a signed W-9"},
		Counterparty: workflows.Counterparty{Address: script + "@vendor.example", Name: "Ada"}, SenderPersona: workflows.SenderPersona{Name: "Grace"},
	}}
}

// relayed is the span of the relay's call that delivered a workflow's event. Names are the spans below it: a call whose answer came too late is
// repeated, and only one of the calls has them.
func relayed(t *testing.T, workflowID, kind string, names ...string) *tracepb.Span {
	t.Helper()
	return spans.holds(t, fmt.Sprintf("of the relay for %s with %q below it", workflowID, names), func(s *tracepb.Span) bool {
		if !strings.HasPrefix(s.GetName(), "relay ") || text(s, "signalbox.lane") != workflowID || !strings.Contains(text(s, "signalbox.event_kind"), kind) {
			return false
		}
		all, _ := spans.trace(hex.EncodeToString(s.GetTraceId()))
		return chainAmong(all, s, func(*tracepb.Span) bool { return true }, names) != nil
	})
}

func TestAWebhookThatEndsACaseIsOneTraceUpToItsNotice(t *testing.T) {
	t.Parallel()
	one := stories.StartCase(t, shared.Apps, request("traced-webhook", "complete"))
	address, err := shared.Apps.WebhookURL(one.Reference())
	require.NoError(t, err)
	plant(t, path.Base(address)) // the token
	_, err = testenv.Within(t, one.Wait)
	require.NoError(t, err)
	relay := relayed(t, one.WorkflowID(), workflows.KindCaseCompleted, signalCase, handedOff[0])
	arrival := spans.find(t, hex.EncodeToString(relay.GetTraceId()), "of the arrival", func(s *tracepb.Span) bool { return bytes.Equal(s.GetSpanId(), relay.GetParentSpanId()) })
	require.Equal(t, offloadRoute, arrival.GetName())
	require.Empty(t, arrival.GetParentSpanId())
	require.Equal(t, text(arrival, "signalbox.delivery_id"), text(relay, "signalbox.delivery_id"))
	require.Equal(t, one.WorkflowID(), text(spans.chain(t, relay, signalCase), "temporalWorkflowID"))
	spans.chain(t, relay, signalCase, "HandleSignal:"+workflows.SignalOffloadEvents)
	requireNotice(t, relay, workflows.NoticeCaseCompleted, signalCase)
	// The end also starts the storing of the case's file, whose link is asked for at Offload.
	spans.chain(t, relay, signalCase, handedOff[0], handedOff[1], "StartWorkflow:"+workflows.OffloadFilesWorkflow,
		"StartActivity:"+workflows.ActivityArchiveStoreAttachment, "RunActivity:"+workflows.ActivityArchiveStoreAttachment, "offload get attachment")
}

func TestACaseWhoseEndIsFoundByPollingHasATraceThatStartsAtTheRead(t *testing.T) {
	t.Parallel()
	start := request("traced-poll", "lost")
	start.Options = workflows.CaseOptions{ReconcileAfter: workflows.Duration(time.Second), PollFloor: workflows.Duration(workflows.MinPollFloor)}
	one := stories.StartCase(t, shared.Apps, start)
	_, err := testenv.Within(t, one.Wait)
	require.NoError(t, err)
	read := spans.holds(t, "of the read that leads to a hand-off", func(s *tracepb.Span) bool {
		if s.GetName() != "RunActivity:"+workflows.ActivityOffloadReconcileCase || text(s, "temporalWorkflowID") != one.WorkflowID() {
			return false
		}
		all, _ := spans.trace(hex.EncodeToString(s.GetTraceId()))
		return chainAmong(all, s, func(*tracepb.Span) bool { return true }, handedOff[:1]) != nil
	})
	require.Empty(t, read.GetParentSpanId(), "the read begins the trace")
	require.Len(t, read.GetLinks(), 1, "a link leads to where the read was scheduled")
	spans.chain(t, read, "offload get case")
	requireNotice(t, read, workflows.NoticeCaseCompleted)
}

func TestTheAnswerToAnApprovalIsOneTraceUpToItsNotice(t *testing.T) {
	t.Parallel()
	id, err := shared.Simulators.Artmail.Activate(dev.Agent)
	require.NoError(t, err)
	activation := shared.Apps.Activation(dev.Agent, id)
	relayed(t, activation.WorkflowID(), workflows.KindAgentActivated, "SignalWithStartWorkflow:"+workflows.ArtmailActivationWorkflow)
	plant(t, stories.MustRetry(t, activation.RevealAPIKey))
	message, err := shared.Simulators.Artmail.RequestApproval(id, "May I publish?", "")
	require.NoError(t, err)
	stories.RequestApprovals(t, activation, workflows.ApprovalRequest{MessageID: message, Notify: []string{callback}})
	_, err = shared.Simulators.Artmail.RespondApproval(message, true, personsWords, "")
	require.NoError(t, err)
	relay := relayed(t, activation.WorkflowID(), workflows.KindApprovalResponse, "SignalWorkflow:"+workflows.SignalArtmailEvents, handedOff[0])
	arrival := spans.find(t, hex.EncodeToString(relay.GetTraceId()), "of the arrival", func(s *tracepb.Span) bool { return bytes.Equal(s.GetSpanId(), relay.GetParentSpanId()) })
	require.Equal(t, "POST "+workflows.ArtmailWebhookRoute, arrival.GetName())
	requireNotice(t, relay, workflows.NoticeApprovalApproved, "SignalWorkflow:"+workflows.SignalArtmailEvents)
}

func TestTheAPIGoesOnWithTheTraceOfItsCaller(t *testing.T) {
	t.Parallel()
	const traceID, callerSpan = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	trace, err := hex.DecodeString(traceID)
	require.NoError(t, err)
	place, err := hex.DecodeString(callerSpan)
	require.NoError(t, err)
	from := &tracepb.Span{TraceId: trace, SpanId: place, Name: "the caller"}
	call := func(where, body string, status int) {
		answered(t, http.MethodPost, shared.InternalURL()+where, body, status, "traceparent", "00-"+traceID+"-"+callerSpan+"-01")
	}
	reference := created(t, "traced-api", func(reference string) *signalbox.Case {
		call("/v1/cases", strings.Replace(start(reference, "silent"), `"request"`, `"notify":["`+callback+`"],"request"`, 1), 201)
		return shared.Apps.Case(reference)
	}).Reference()
	spans.chain(t, from, "POST /v1/cases", startCase,
		"StartActivity:"+workflows.ActivityOffloadCreateCase, "RunActivity:"+workflows.ActivityOffloadCreateCase, "offload create case")
	call("/v1/cases/"+reference+"/cancel", `{"reason":"`+personsWords+`"}`, 200)
	const cancel = "POST /v1/cases/:reference/cancel"
	spans.chain(t, from, cancel, "UpdateWorkflow:"+workflows.UpdateCancel, "ValidateUpdate:"+workflows.UpdateCancel)
	requireNotice(t, from, workflows.NoticeCaseCancelled, cancel, "UpdateWorkflow:"+workflows.UpdateCancel)
	call("/v1/cases/"+reference+"/cancel", "", 409)
	spans.chainTo(t, from, func(s *tracepb.Span) bool { return text(s, "error.type") != "" }, cancel)
}

// created starts cases until Signalbox creates one without a person's help, which is not in the trace of the start.
func created(t *testing.T, reference string, start func(reference string) *signalbox.Case) *signalbox.Case {
	t.Helper()
	for {
		one := start(reference)
		testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return s.CaseID != "" })
		if !needsHelp(reference) {
			return one
		}
		reference += "-again"
		require.Less(t, strings.Count(reference, "-again"), 5)
	}
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
	calls := func(activity, call string) {
		spans.search(t, traceID, call, func(all []*tracepb.Span) *tracepb.Span {
			for _, s := range all {
				if s.GetName() != "StartActivity:"+activity {
					continue
				}
				if found := chainAmong(all, s, func(*tracepb.Span) bool { return true }, []string{"RunActivity:" + activity, call}); found != nil {
					return found
				}
			}
			return nil
		})
	}
	one := created(t, "traced-app", func(reference string) *signalbox.Case {
		one, err := stories.Start(ctx, apps, request(reference, "question"))
		require.NoError(t, err)
		return one
	})
	calls(workflows.ActivityOffloadCreateCase, "offload create case")
	state := testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return s.Status == workflows.CaseInputNeeded })
	stories.ContinueAsNew(t, temporal, one.WorkflowID())
	require.NoError(t, stories.Answer(ctx, one, workflows.ProvideInput{QuestionID: state.Question.ID, Text: personsWords, By: "ada"}))
	span.End()
	calls(workflows.ActivityOffloadProvideInput, "offload provide input")
	_, err = testenv.Within(t, one.Wait)
	require.NoError(t, err)
	requireNotice(t, relayed(t, one.WorkflowID(), workflows.KindCaseCompleted, signalCase, handedOff[0]), workflows.NoticeCaseCompleted, signalCase)
}
