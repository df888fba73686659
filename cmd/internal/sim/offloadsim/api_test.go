package offloadsim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simtest"
)

func TestKeysAreCheckedOnEveryRoute(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		id := b.create(nil)
		for _, route := range []struct{ method, path, body string }{
			{"POST", "/cases", createBody(t, nil)},
			{"GET", "/cases/" + id, ""},
			{"GET", "/cases/" + id + "/attachments/a", ""},
			{"POST", "/cases/" + id + "/input", `{"inputRequestId":"i","providedContext":"c"}`},
		} {
			for _, want := range []struct {
				key, code string
				status    int
			}{
				{"", "UNAUTHORIZED", 401},
				{"unknown", "UNAUTHORIZED", 401},
				{inactiveKey, "FORBIDDEN", 403},
			} {
				got := b.call(route.method, route.path, want.key, route.body)
				require.Equal(t, want.status, got.Status, "%s with key %q", route.path, want.key)
				require.Equal(t, want.code, got.code())
				require.Equal(t, false, got.Body["ok"])
			}
			if route.path != "/cases" {
				got := b.call(route.method, route.path, otherKey, route.body)
				require.Equal(t, 403, got.Status, "another owner's case")
				require.Equal(t, "FORBIDDEN", got.code())
			}
		}
		require.Len(t, b.Cases(), 1)
	})
}

func TestCreateValidatesAsDocumented(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]map[string]any{
		"no channel":             {"channel": nil},
		"unknown channel":        {"channel": "FAX"},
		"no goal":                {"goal": nil},
		"goal is text":           {"goal": "Get the W-9"},
		"no objective":           {"goal": map[string]any{}},
		"knowledge is a number":  {"goal": map[string]any{"objective": "o", "knowledge": 1}},
		"knowledge is null":      {"goal": map[string]any{"objective": "o", "knowledge": []any{}}},
		"no counterparty":        {"counterparty": nil},
		"no address":             {"counterparty": map[string]any{"name": "n"}},
		"no name":                {"counterparty": map[string]any{"address": "a"}},
		"custom data of numbers": {"counterparty": map[string]any{"address": "a", "name": "n", "customData": map[string]any{"x": 1}}},
		"no persona":             {"senderPersona": nil},
		"nameless persona":       {"senderPersona": map[string]any{"role": "r"}},
		"constraints as text":    {"constraints": "be kind"},
		"constraint as number":   {"constraints": []any{1}},
		"fractional attempts":    {"maxAttempts": 1.5},
		"attempts as text":       {"maxAttempts": "3"},
		"delay of zero":          {"followUpDelayHours": 0},
		"schema is a list":       {"resultSchema": []any{}},
		"webhook without host":   {"clientWebhookUrl": "not a url"},
		"metadata is text":       {"metadata": "m"},
		"script that is not":     {"metadata": map[string]any{"script": "dance"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
				got := b.call("POST", "/cases", goodKey, createBody(t, replace))
				require.Equal(t, http.StatusBadRequest, got.Status)
				require.Equal(t, "INVALID_REQUEST", got.code())
				require.Empty(t, b.Cases())
			})
		})
	}
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		for _, body := range []string{"", "{", "null", "[]", `"text"`} {
			require.Equal(t, "INVALID_REQUEST", b.call("POST", "/cases", goodKey, body).code(), body)
		}
		for _, valid := range []map[string]any{
			{"channel": "SMS"},
			{"clientWebhookUrl": nil},
			{"goal": map[string]any{"objective": "o", "knowledge": "text"}},
			{"goal": map[string]any{"objective": "o", "knowledge": map[string]any{"k": 1}}},
			{"maxAttempts": 0, "followUpDelayHours": 1, "constraints": []any{"c"}, "somethingElse": true},
		} {
			b.create(valid)
		}
	})
}

func TestARepeatedCreateMakesASecondCase(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		same := map[string]any{"clientReferenceId": "vendor_2048"}
		require.NotEqual(t, b.create(same), b.create(same))
		require.Len(t, b.CasesOf("vendor_2048"), 2)
	})
}

func TestSuccessStatusOfCreateIsAny2xx(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{Seed: 3}, func(t *testing.T, b bench) {
		seen := map[int]bool{}
		for range 50 {
			seen[b.call("POST", "/cases", goodKey, createBody(t, nil)).Status] = true
		}
		require.Equal(t, map[int]bool{200: true, 201: true, 202: true}, seen)
		b.SetUndocumented(offloadsim.Undocumented{CreateStatus: 202})
		for range 20 {
			require.Equal(t, 202, b.call("POST", "/cases", goodKey, createBody(t, nil)).Status)
		}
	})
}

func TestPlanCapCountsCasesOfAUTCMonth(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{MonthlyCap: 2}, func(t *testing.T, b bench) {
		b.create(nil)
		b.create(nil)
		over := b.call("POST", "/cases", goodKey, createBody(t, nil))
		require.Equal(t, http.StatusTooManyRequests, over.Status)
		require.Equal(t, "USAGE_LIMIT_REACHED", over.code())
		require.Equal(t, true, b.call("POST", "/cases", otherKey, createBody(t, nil)).Body["ok"], "another owner's plan")
		simtest.Pass(31 * 24 * time.Hour)
		b.create(nil)
	})
}

func TestGetShowsDocumentedFieldsOnly(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		id := b.create(map[string]any{
			"clientReferenceId": "ref", "metadata": map[string]any{"m": 1}, "constraints": []any{"c"},
			"resultSchema": map[string]any{"type": "object"},
		})
		got := b.get(id)
		require.Equal(t, id, got["caseId"])
		require.Equal(t, "CREATED", got["status"])
		require.EqualValues(t, 0, got["attemptCount"])
		require.EqualValues(t, 3, got["maxAttempts"])
		require.EqualValues(t, 253402300799999, got["nextActionAt"])
		require.EqualValues(t, time.Now().UnixMilli(), got["createdAt"])
		require.Equal(t, []any{}, got["attachments"])
		require.Equal(t, "ref", got["clientReferenceId"])
		require.Contains(t, got, "inputRequest")
		require.Nil(t, got["inputRequest"])
		for _, hidden := range []string{"metadata", "failureReason", "clientWebhookUrl", "conversationThread", "resultStatus", "result"} {
			require.NotContains(t, got, hidden)
		}
		b.SetUndocumented(offloadsim.Undocumented{OldSentinel: true, OmitInputRequest: true})
		got = b.get(id)
		require.EqualValues(t, 253402300799000, got["nextActionAt"])
		require.NotContains(t, got, "inputRequest")

		record, err := b.Case(id)
		require.NoError(t, err)
		require.Equal(t, 2, record.Reads)
	})
}

func TestTranscriptIsTextAndNullBeforeTheFirstMessage(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		id := b.create(nil)
		before := b.call("GET", "/cases/"+id+"?includeTranscript=true", goodKey, "").data()
		require.Contains(t, before, "conversationThread")
		require.Nil(t, before["conversationThread"])
		require.NotContains(t, b.call("GET", "/cases/"+id+"?includeTranscript=1", goodKey, "").data(), "conversationThread")
		require.NoError(t, b.SendFirstMessage(id))
		require.Contains(t, b.call("GET", "/cases/"+id+"?includeTranscript=true", goodKey, "").data()["conversationThread"], "Get the W-9")
	})
}

func TestTheTranscriptHasTheRepliesAndTheirAnswers(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		id := b.create(map[string]any{"counterparty": map[string]any{"address": "manual@vendor.example", "name": "Ada"}, "senderPersona": map[string]any{"name": "Grace"}})
		require.NoError(t, b.SendFirstMessage(id))
		question, err := b.AskInput(id, "Which year?")
		require.NoError(t, err)
		thread := func() any {
			return b.call("GET", "/cases/"+id+"?includeTranscript=true", goodKey, "").data()["conversationThread"]
		}
		const asked = "From: Grace\n\nGet the W-9\n\nFrom: Ada\n\nWhich year?\n"
		require.Equal(t, asked, thread())
		require.Equal(t, 202, b.call("POST", "/cases/"+id+"/input", goodKey, `{"inputRequestId":"`+question+`","providedContext":"This one."}`).Status)
		require.Equal(t, asked+"\nFrom: Grace\n\nThis one.\n", thread())
		_, err = b.ReceiveAttachment(id, "w9.pdf", "application/pdf", nil)
		require.NoError(t, err)
		require.Equal(t, asked+"\nFrom: Grace\n\nThis one.\n\nFrom: Ada\n\nAttached: w9.pdf\n", thread())
	})
}

func TestUnknownThingsAreNotFound(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		id := b.create(nil)
		for path, want := range map[string]struct {
			status int
			code   string
		}{
			"/cases/nope":                        {404, "CASE_NOT_FOUND"},
			"/cases/nope/attachments/a":          {404, "CASE_NOT_FOUND"},
			"/cases/" + id + "/attachments/nope": {404, "ATTACHMENT_NOT_FOUND"},
			"/cases/":                            {400, "INVALID_REQUEST"},
			"/nothing/here":                      {404, ""}, // the gateway's
		} {
			got := b.call("GET", path, goodKey, "")
			require.Equal(t, want.status, got.Status, path)
			require.Equal(t, want.code, got.code(), path)
		}
	})
}

func TestAttachmentIsFetchedThroughAFreshURLThatExpires(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		id := b.create(nil)
		require.NoError(t, b.SendFirstMessage(id))
		attachmentID, err := b.ReceiveAttachment(id, "w9.pdf", "application/pdf", []byte("%PDF"))
		require.NoError(t, err)

		listed := simtest.As[map[string]any](simtest.As[[]any](b.get(id)["attachments"])[0])
		require.Equal(t, "w9.pdf", listed["name"])
		require.EqualValues(t, 4, listed["size"])
		require.Equal(t, "dev-test@agentmail.to", listed["inboxId"])
		require.NotContains(t, listed, "downloadUrl")

		minted := b.call("GET", "/cases/"+id+"/attachments/"+attachmentID, goodKey, "").data()
		again := b.call("GET", "/cases/"+id+"/attachments/"+attachmentID, goodKey, "").data()
		require.NotEqual(t, minted["downloadUrl"], again["downloadUrl"])
		for name, value := range listed {
			require.Equal(t, value, minted[name], name)
		}
		expires, err := time.Parse(time.RFC3339, simtest.As[string](minted["expiresAt"]))
		require.NoError(t, err)

		url := simtest.As[string](minted["downloadUrl"])
		require.True(t, strings.HasPrefix(url, "http://offload.test/downloads/"), url)
		require.Equal(t, "%PDF", b.fetch(url).Text)
		require.Equal(t, "application/pdf", b.fetch(url).Header.Get("Content-Type"))
		simtest.Pass(time.Until(expires) + time.Second)
		require.Equal(t, http.StatusForbidden, b.fetch(url).Status)
	})
}

func TestSimulatorRefusesToRunWithoutAKey(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]offloadsim.Options{
		"no key":         {},
		"empty key":      {Keys: []offloadsim.Key{{Owner: "acme"}}},
		"unknown script": {Keys: []offloadsim.Key{{Value: goodKey}}, DefaultScript: "dance"},
	} {
		_, err := offloadsim.New(opts)
		require.Error(t, err, name)
	}
}
