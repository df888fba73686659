package offloadsim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simtest"
)

func TestControlAPITakesACaseThroughItsLife(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		id := b.create(map[string]any{"clientReferenceId": "ref"})
		do := func(step, body string) map[string]any {
			t.Helper()
			got := b.call("POST", "/sim/cases/"+id+"/"+step, "", body)
			require.Equal(t, http.StatusOK, got.Status, "%s: %v", step, got.Body)
			synctest.Wait()
			return got.Body
		}
		require.Equal(t, "RUNNING", do("first-message", "")["status"])
		require.EqualValues(t, 2, do("message", "")["attemptCount"])
		do("reply", "")
		do("attachment", `{"name":"a.txt","type":"text/plain","content":"aGVsbG8="}`)
		require.EqualValues(t, 5, simtest.As[map[string]any](simtest.As[[]any](b.get(id)["attachments"])[0])["size"])
		asked := do("ask", `{"question":"How?"}`)
		require.Equal(t, 202, b.answer(id, simtest.As[string](asked["inputRequestId"]), "So").Status)
		require.Equal(t, "RUNNING", do("resume", "")["status"])
		require.Equal(t, "COMPLETED", do("complete", `{"result":{"done":true}}`)["status"])
		do("webhook", `{"event":"case.failed","data":{"status":"FAILED"}}`)
		require.Equal(t, http.StatusConflict, b.call("POST", "/sim/cases/"+id+"/fail", "", `{"resultStatus":"x"}`).Status)

		second := b.create(nil)
		require.Equal(t, http.StatusOK, b.call("POST", "/sim/cases/"+second+"/fail", "", `{"resultStatus":"REJECTED","reason":"no"}`).Status)
		synctest.Wait()
		var events []any
		for _, webhook := range b.webhooks() {
			events = append(events, webhook["event_type"])
		}
		require.Equal(t, []any{"case.input_needed", "case.completed", "case.failed", "case.failed"}, events)
		require.Equal(t, "no", simtest.As[map[string]any](b.webhooks()[3]["data"])["failureReason"])

		record := b.call("GET", "/sim/cases/"+id, "", "").Body
		require.Len(t, record["webhooks"], 3)
		require.EqualValues(t, 1, record["reads"])
		require.Len(t, record["answers"], 1)
		var list []offloadsim.Record
		require.NoError(t, json.Unmarshal([]byte(b.call("GET", "/sim/cases?clientReferenceId=ref", "", "").Text), &list))
		require.Len(t, list, 1)
		require.NoError(t, json.Unmarshal([]byte(b.call("GET", "/sim/cases", "", "").Text), &list))
		require.Len(t, list, 2)
	})
}

func TestControlAPISetsWhatGoesWrong(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		set := func(method, path, body string) {
			t.Helper()
			got := b.call(method, "/sim/"+path, "", body)
			require.Equal(t, http.StatusNoContent, got.Status, "%v", got.Body)
		}
		set("POST", "failures/gateway:get=1", "")
		set("POST", "failures/forbidden:get=0", "") // leaves the one before
		set("POST", "failures/throttle:create", "")
		require.Equal(t, 429, b.call("POST", "/cases", goodKey, createBody(t, nil)).Status)
		id := b.create(nil)
		require.Equal(t, 500, b.call("GET", "/cases/"+id, goodKey, "").Status)
		set("DELETE", "failures", "")
		set("PUT", "undocumented", `{"oldSentinel":true}`)
		require.EqualValues(t, 253402300799000, b.get(id)["nextActionAt"])

		set("POST", "webhook-faults/repeat=1", "")
		set("POST", "webhook-faults/delay=0", "") // leaves the one before
		set("POST", "webhook-faults/drop:case.completed", "")
		require.NoError(t, b.SendFirstMessage(id))
		_, err := b.AskInput(id, "?")
		require.NoError(t, err)
		require.NoError(t, b.Complete(id, nil))
		require.Len(t, b.webhooks(), 2, "the question twice, and no end")
		set("DELETE", "webhook-faults", "")
		require.NoError(t, b.SendWebhook(id, offloadsim.EventCompleted, nil))
		require.Len(t, b.webhooks(), 3)
	})
}

func TestControlAPIRefusesMistakes(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		id := b.create(nil)
		for path, want := range map[string]struct {
			body   string
			status int
		}{
			"cases/nope/complete":                 {"", 404},
			"cases/" + id + "/dance":              {"", 404},
			"cases/" + id + "/fail":               {`{"resultStatu":"x"}`, 400},
			"cases/" + id + "/message":            {"", 409},
			"cases/latest/ask":                    {`{"questions":"x"}`, 400},
			"webhook-faults/explode":              {"", 400},
			"webhook-faults/drop:case.compleeted": {"", 400},
			"failures/explode:create":             {"", 400},
		} {
			require.Equal(t, want.status, b.call("POST", "/sim/"+path, "", want.body).Status, path)
		}
		require.Equal(t, `case "nope": unknown to the simulator: not created yet, or misspelt; GET http://offload.test/sim/cases lists all`,
			b.call("POST", "/sim/cases/nope/ask", "", "").Body["error"])
	})
}

func TestAPersonCanStepACaseByItsReference(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		b.create(map[string]any{"clientReferenceId": "ref"})
		second, other := b.create(map[string]any{"clientReferenceId": "ref"}), b.create(nil)
		do := func(path string) map[string]any {
			t.Helper()
			got := b.call("POST", "/sim/cases/"+path, "", "")
			require.Equal(t, http.StatusOK, got.Status, "%v", got.Body)
			return got.Body
		}
		asked := do("ref/ask")
		require.Equal(t, []any{second, "INPUT_NEEDED"}, []any{asked["caseId"], asked["status"]}, "the newest, and its first message was sent")
		require.NotEmpty(t, asked["question"])
		require.Equal(t, other, do("latest/complete")["caseId"])
		require.Equal(t, "failed_rejected", do("ref/fail")["resultStatus"])
		refused := b.call("POST", "/sim/cases/ref/ask", "", "")
		require.Equal(t, http.StatusConflict, refused.Status)
		require.Contains(t, refused.Body["error"], "is FAILED, want one of [RUNNING INPUT_NEEDED]")
		list := httptest.NewRecorder()
		b.ServeHTTP(list, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/sim/", nil))
		require.Contains(t, list.Body.String(), "POST /sim/cases/{id}/ask")
		require.Contains(t, list.Body.String(), "DELETE /sim/webhook-faults")
	})
}
