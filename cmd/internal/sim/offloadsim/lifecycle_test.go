package offloadsim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simtest"
)

func TestMessagesAreCountedAndFollowUpsScheduled(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		id := b.create(map[string]any{"followUpDelayHours": 2})
		require.NoError(t, b.SendFirstMessage(id))
		got := b.get(id)
		require.Equal(t, "RUNNING", got["status"])
		require.EqualValues(t, 1, got["attemptCount"])
		require.EqualValues(t, time.Now().Add(2*time.Hour).UnixMilli(), got["nextActionAt"])

		simtest.Pass(time.Hour)
		require.NoError(t, b.SendMessage(id))
		require.NoError(t, b.SendMessage(id))
		got = b.get(id)
		require.EqualValues(t, 3, got["attemptCount"], "two follow-ups after the first message")
		require.EqualValues(t, time.Now().Add(2*time.Hour).UnixMilli(), got["nextActionAt"])

		require.NoError(t, b.ReceiveReply(id))
		require.EqualValues(t, 253402300799999, b.get(id)["nextActionAt"])
		require.Empty(t, b.webhooks(), "there is no event for created, running or resumed")
	})
}

func TestUpdatedAtNeverRepeats(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		id := b.create(nil)
		require.NoError(t, b.SendFirstMessage(id))
		last := simtest.As[float64](b.get(id)["updatedAt"])
		for range 20 { // all within one millisecond
			_, err := b.AskInput(id, "?")
			require.NoError(t, err)
			require.Greater(t, simtest.As[float64](b.get(id)["updatedAt"]), last)
			last = simtest.As[float64](b.get(id)["updatedAt"])
		}
		seen := map[any]bool{}
		for _, webhook := range b.webhooks() {
			require.False(t, seen[webhook["event_id"]], "an event id is one per update")
			seen[webhook["event_id"]] = true
		}
	})
}

func TestStepsThatTheStatusOfACaseDoesNotAllowAreRefused(t *testing.T) {
	t.Parallel()
	steps := map[string]func(b bench, id string) error{
		"first":    func(b bench, id string) error { return b.SendFirstMessage(id) },
		"message":  func(b bench, id string) error { return b.SendMessage(id) },
		"reply":    func(b bench, id string) error { return b.ReceiveReply(id) },
		"file":     func(b bench, id string) error { _, err := b.ReceiveAttachment(id, "n", "t", nil); return err },
		"ask":      func(b bench, id string) error { _, err := b.AskInput(id, "?"); return err },
		"resume":   func(b bench, id string) error { return b.Resume(id) },
		"complete": func(b bench, id string) error { return b.Complete(id, nil) },
		"fail":     func(b bench, id string) error { return b.Fail(id, offloadsim.ResultBounced, "") },
	}
	allowed := map[string][]string{
		"CREATED":      {"first", "fail"},
		"RUNNING":      {"message", "reply", "file", "ask", "complete", "fail"},
		"INPUT_NEEDED": {"file", "ask", "complete", "fail"}, // resume only once it is answered
		"COMPLETED":    {},
		"FAILED":       {},
	}
	reach := map[string][]string{
		"RUNNING": {"first"}, "INPUT_NEEDED": {"first", "ask"}, "COMPLETED": {"first", "complete"}, "FAILED": {"fail"},
	}
	for status, may := range allowed {
		for name, step := range steps {
			t.Run(status+" "+name, func(t *testing.T) {
				t.Parallel()
				run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
					id := b.create(nil)
					for _, before := range reach[status] {
						require.NoError(t, steps[before](b, id))
					}
					require.Equal(t, status, b.get(id)["status"])
					before := len(b.webhooks())
					err := step(b, id)
					for _, ok := range may {
						if ok == name {
							require.NoError(t, err)
							return
						}
					}
					require.ErrorIs(t, err, simbase.ErrTransition)
					require.Equal(t, status, b.get(id)["status"])
					require.Len(t, b.webhooks(), before)
				})
			})
		}
	}
}

func TestAnswerIsAcceptedOnceWhileTheCaseStillReadsInputNeeded(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		id := b.create(nil)
		require.Equal(t, "CASE_NOT_WAITING_FOR_INPUT", b.answer(id, "x", "y").code())
		require.NoError(t, b.SendFirstMessage(id))
		old, err := b.AskInput(id, "First?")
		require.NoError(t, err)
		current, err := b.AskInput(id, "Second?")
		require.NoError(t, err)
		require.Equal(t, map[string]any{
			"id": current, "question": "Second?", "status": "PENDING", "requestedAt": float64(time.Now().UnixMilli()),
		}, b.get(id)["inputRequest"])

		for _, body := range []string{
			"{", `{}`, `{"inputRequestId":"x"}`, `{"inputRequestId":"  ","providedContext":"y"}`,
			`{"inputRequestId":"x","providedContext":" \n"}`, `{"inputRequestId":1,"providedContext":"y"}`,
		} {
			got := b.call("POST", "/cases/"+id+"/input", goodKey, body)
			require.Equal(t, 400, got.Status, body)
			require.Equal(t, "INVALID_REQUEST", got.code(), body)
		}
		require.Equal(t, "INPUT_REQUEST_MISMATCH", b.answer(id, old, "late").code())

		accepted := b.answer(id, " "+current+" ", "  Yes, a PDF is fine. ")
		require.Equal(t, 202, accepted.Status)
		require.Equal(t, map[string]any{"caseId": id, "inputRequestId": current, "accepted": true}, accepted.data())
		got := b.get(id)
		require.Equal(t, "INPUT_NEEDED", got["status"])
		require.Equal(t, "RESOLVED", simtest.As[map[string]any](got["inputRequest"])["status"])

		repeated := b.answer(id, current, "again")
		require.Equal(t, 409, repeated.Status)
		require.Equal(t, "INPUT_REQUEST_NOT_PENDING", repeated.code())

		require.NoError(t, b.Resume(id))
		got = b.get(id)
		require.Equal(t, "RUNNING", got["status"])
		require.Equal(t, "RESOLVED", simtest.As[map[string]any](got["inputRequest"])["status"], "recently resolved")
		require.Equal(t, "Yes, a PDF is fine.",
			simtest.As[map[string]any](simtest.As[map[string]any](got["goal"])["knowledge"])["additionalHumanContext"])
		require.Equal(t, "CASE_NOT_WAITING_FOR_INPUT", b.answer(id, current, "again").code())
		simtest.Pass(2 * time.Minute)
		require.Nil(t, b.get(id)["inputRequest"])

		record, err := b.Case(id)
		require.NoError(t, err)
		require.Equal(t, []offloadsim.Answer{{InputRequestID: current, ProvidedContext: "Yes, a PDF is fine.", Question: "Second?"}}, record.Answers)
		require.Len(t, b.webhooks(), 2, "there is no webhook for a resumed case")
	})
}

func TestWebhooksHaveTheShapeOfTheReference(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		completed := b.create(map[string]any{"clientReferenceId": "vendor_2048", "metadata": map[string]any{"vendorId": "v"}})
		require.NoError(t, b.SendFirstMessage(completed))
		_, err := b.ReceiveAttachment(completed, "vendor-w9.pdf", "application/pdf", []byte("x"))
		require.NoError(t, err)
		_, err = b.AskInput(completed, "How?")
		require.NoError(t, err)
		require.NoError(t, b.Complete(completed, map[string]any{"signedW9Received": true}))
		failed := b.create(nil)
		require.NoError(t, b.SendFirstMessage(failed))
		require.NoError(t, b.Fail(failed, offloadsim.ResultMaxRetries, ""))

		bodies := map[string]map[string]any{}
		for _, webhook := range b.webhooks() {
			event := simtest.As[string](webhook["event_type"])
			data := simtest.As[map[string]any](webhook["data"])
			bodies[event] = data
			require.ElementsMatch(t, []string{"event_id", "event_type", "timestamp", "data"}, keys(webhook))
			require.Equal(t, fmt.Sprintf("evt_%s_%s_%.0f", data["caseId"], strings.ReplaceAll(event, ".", "_"), webhook["timestamp"]), webhook["event_id"])
		}
		require.ElementsMatch(t, referenceFields["case.completed"], keys(bodies["case.completed"]))
		require.ElementsMatch(t, referenceFields["case.failed"], keys(bodies["case.failed"]))
		// Offload's example has no clientReferenceId and no metadata.
		require.ElementsMatch(t, slices.Concat(referenceFields["case.input_needed"], []string{"clientReferenceId", "metadata"}),
			keys(bodies["case.input_needed"]))
		require.Nil(t, bodies["case.failed"]["failureReason"])
		require.Equal(t, "How?", bodies["case.input_needed"]["inputRequest"], "a text, unlike in GET")
		require.Equal(t, "PENDING", bodies["case.input_needed"]["inputRequestStatus"])
		for _, received := range b.receiver.Received() {
			require.Equal(t, webhookURL, received.URL)
			require.Equal(t, "application/json", received.Header.Get("Content-Type"))
			require.Empty(t, received.Header.Get("x-api-key"))
		}
	})
}

// referenceFields are the data fields of each example in Offload's published event reference.
var referenceFields = map[string][]string{
	"case.completed": {
		"caseId", "clientReferenceId", "status", "channel", "attemptCount", "attachments", "resultStatus", "result", "metadata",
	},
	"case.failed": {"caseId", "status", "channel", "attemptCount", "attachments", "resultStatus", "failureReason"},
	"case.input_needed": {
		"caseId", "status", "channel", "attemptCount", "attachments",
		"inputRequest", "inputRequestId", "inputRequestStatus", "inputRequestedAt",
	},
}

func keys(object map[string]any) []string {
	var names []string
	for name := range object {
		names = append(names, name)
	}
	return names
}

func TestWebhookIsTriedOnceAndThenDropped(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		b.receiver.Answer(simtest.Status(500))
		id := b.create(nil)
		require.NoError(t, b.SendFirstMessage(id))
		require.NoError(t, b.Complete(id, nil))
		simtest.Pass(24 * time.Hour)
		require.Len(t, b.webhooks(), 1)
		record, err := b.Case(id)
		require.NoError(t, err)
		require.Len(t, record.Webhooks, 1)
		require.Equal(t, 500, record.Webhooks[0].Status)
		require.False(t, record.Webhooks[0].Delivered())
	})
}

func TestCaseWithoutWebhookURLSendsNone(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		id := b.create(map[string]any{"clientWebhookUrl": nil})
		require.NoError(t, b.SendFirstMessage(id))
		require.NoError(t, b.Complete(id, nil))
		require.Empty(t, b.webhooks())
	})
}

func TestUndocumentedShapesOfWebhooksCanBeChosen(t *testing.T) {
	t.Parallel()
	send := func(u offloadsim.Undocumented) (webhook, data map[string]any) {
		run(t, offloadsim.Options{Undocumented: u, Seed: 1}, func(t *testing.T, b bench) {
			id := b.create(nil)
			require.NoError(t, b.SendFirstMessage(id))
			require.NoError(t, b.Complete(id, map[string]any{"r": 1}))
			synctest.Wait() // or the two cases' webhooks race
			failed := b.create(nil)
			require.NoError(t, b.Fail(failed, offloadsim.ResultBounced, ""))
			webhook = b.webhooks()[0]
			data = simtest.As[map[string]any](b.webhooks()[1]["data"])
		})
		return webhook, data
	}
	webhook, data := send(offloadsim.Undocumented{OmitEventID: true, OmitTimestamp: true, OmitResult: true, OmitNullFailureReason: true})
	require.ElementsMatch(t, []string{"event_type", "data"}, keys(webhook))
	require.NotContains(t, webhook["data"], "result")
	require.NotContains(t, data, "failureReason")

	plain, _ := send(offloadsim.Undocumented{})
	skewed, _ := send(offloadsim.Undocumented{TimestampSkew: time.Second})
	require.Equal(t, plain["event_id"], skewed["event_id"])
	require.EqualValues(t, 1000, simtest.As[float64](skewed["timestamp"])-simtest.As[float64](plain["timestamp"]))
}

func TestWebhookCanContradictTheCase(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		id := b.create(nil)
		require.NoError(t, b.SendFirstMessage(id))
		require.NoError(t, b.Complete(id, nil))
		require.NoError(t, b.SendWebhook(id, offloadsim.EventFailed, map[string]any{"status": "FAILED", "resultStatus": "BOUNCED"}))
		require.ErrorIs(t, b.SendWebhook("nope", offloadsim.EventFailed, nil), simbase.ErrUnknown)
		second := b.webhooks()[1]
		require.Equal(t, "case.failed", second["event_type"])
		require.Equal(t, "FAILED", simtest.As[map[string]any](second["data"])["status"])
		require.Equal(t, "COMPLETED", b.get(id)["status"])
	})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		create  map[string]any
		status  string
		result  any
		events  []string
		count   float64
		answers int
	}{
		{"manual does nothing", script("manual"), "CREATED", nil, nil, 0, 0},
		{"silent stays running", script("silent"), "RUNNING", nil, nil, 1, 0},
		{"complete", script("complete"), "COMPLETED", "goal_achieved", []string{"case.completed"}, 1, 0},
		{"question", script("question"), "COMPLETED", "goal_achieved", []string{"case.input_needed", "case.completed"}, 2, 1},
		{"fail after all follow-ups", script("fail"), "FAILED", "max_retries", []string{"case.failed"}, 4, 0},
		{"reject", script("reject"), "FAILED", "failed_rejected", []string{"case.failed"}, 1, 0},
		{"bounce", script("bounce"), "FAILED", "BOUNCED", []string{"case.failed"}, 0, 0},
		{"lost webhook", script("lost"), "COMPLETED", "goal_achieved", nil, 1, 0},
		{"lost question", script("lost-question"), "COMPLETED", "goal_achieved", []string{"case.completed"}, 2, 1},
		{
			"chosen by the counterparty's address",
			map[string]any{"counterparty": map[string]any{"address": "reject+1@vendor.test", "name": "n"}},
			"FAILED", "failed_rejected",
			[]string{"case.failed"},
			1, 0,
		},
		{
			"SMS goes nowhere",
			map[string]any{"channel": "SMS", "metadata": map[string]any{"script": "complete"}},
			"CREATED", nil, nil, 0, 0,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
				id := b.create(test.create)
				for range 20 {
					simtest.Pass(pace)
					if request, ok := b.get(id)["inputRequest"].(map[string]any); ok && request["status"] == "PENDING" {
						require.Equal(t, 202, b.answer(id, simtest.As[string](request["id"]), "Yes").Status)
					}
				}
				got := b.get(id)
				require.Equal(t, test.status, got["status"])
				require.Equal(t, test.result, got["resultStatus"])
				require.Equal(t, test.count, got["attemptCount"])
				var events []string
				for _, webhook := range b.webhooks() {
					events = append(events, simtest.As[string](webhook["event_type"]))
				}
				require.Equal(t, test.events, events)
				record, err := b.Case(id)
				require.NoError(t, err)
				require.Len(t, record.Answers, test.answers)
				if test.events == nil && got["resultStatus"] != nil {
					require.Equal(t, courier.Drop, record.Webhooks[0].Fault)
				}
			})
		})
	}
}

func script(name string) map[string]any {
	return map[string]any{"metadata": map[string]any{"script": name}}
}
