package offloadapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/wire"
)

// A history stores facts as JSON, so all facts that can be read must be valid JSON.
func FuzzACaseThatIsReadCanBeStored(f *testing.F) {
	for _, seed := range []string{
		`{"ok":true,"data":{"status":"RUNNING"}}`,
		`{"ok":true,"data":{"caseId":"x","status":"COMPLETED","result":{"a":[1,null,"<"]},"nextActionAt":253402300799999,"createdAt":9e99}}`,
		`{"data":{"status":"INPUT_NEEDED","inputRequest":{"id":"q","question":"\ud800","status":"PENDING","requestedAt":"2026-03-21T15:42:00Z"}}}`,
		`{"data":{"status":"x","attachments":[{"attachmentId":"a","size":9223372036854775807,"receivedAt":"9999-12-31T23:59:59-23:59"}]}}`,
		`{"data":{"status":"x","updatedAt":"0000-01-01T00:00:00+23:59","result":"text"}}`,
		`{"ok":false}`, `[]`, ``, `null`, "\x00\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		found, _, err := decode[Case](response{op: "get case", status: 200, body: body})
		if err != nil {
			require.ErrorIs(t, err, ErrUncertain)
			require.ErrorIs(t, err, ErrInvalidResponse)
			require.True(t, utf8.ValidString(err.Error()))
			require.Less(t, len(err.Error()), 600)
			return
		}
		facts := found.Facts()
		require.NotEmpty(t, facts.Status)
		stored, err := json.Marshal(facts)
		require.NoError(t, err)
		var back workflows.CaseFacts
		require.NoError(t, json.Unmarshal(stored, &back))
		require.Equal(t, facts.Question, back.Question)
		require.Equal(t, facts.Attachments, back.Attachments)
		require.True(t, facts.UpdatedAt.Equal(back.UpdatedAt) && facts.NextActionAt.Equal(back.NextActionAt) && facts.CreatedAt.Equal(back.CreatedAt))
		require.Less(t, facts.NextActionAt.Year(), 10000)
		require.JSONEq(t, orNull(facts.Result), orNull(back.Result))
	})
}

// Any JSON value in any one field leaves the end of the case: a workflow that reads it ends. Only an answer without a usable ok, data,
// caseId or status is refused, as one that can't be read.
func FuzzAnUnusableFieldDoesNotLoseTheEndOfACase(f *testing.F) {
	names := []string{
		"clientReferenceId", "channel", "createdAt", "updatedAt", "nextActionAt", "attemptCount", "maxAttempts", "attachments", "resultStatus", "result",
		"inputRequest", "goal", "counterparty", "constraints", "Status", "STATUS", "caseid", "fresh", "caseId", "status", "ok", "data",
	}
	for _, value := range []string{
		`null`, `true`, `false`, `-1`, `2.0`, `"2"`, `1e400`, `""`, `"\ud800"`, "\"\xff\"", `{}`, `{"id":{},"question":7,"requestedAt":"x"}`, `[]`, `[1,null,{}]`,
		`[{"attachmentId":"a1","size":"904860"},"a2"]`, `253402300799999`, `"Thu, 26 Nov 2026 12:00:00 GMT"`, `"c2"`, `{"status":"COMPLETED"}`, `"RUNNING"`,
		strings.Repeat("[", 2000) + strings.Repeat("]", 2000), strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001),
	} {
		for n := range names {
			f.Add(uint8(n), []byte(value), true)
			f.Add(uint8(n), []byte(value), false)
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, value []byte, failed bool) {
		if !json.Valid(wire.CutDeep(value)) {
			return
		}
		name, status, want := names[int(n)%len(names)], workflows.OffloadCompleted, workflows.CaseCompleted
		if failed {
			status, want = workflows.OffloadFailed, workflows.CaseFailed
		}
		found, err := answering(t, answerAbout(name, value, status)).GetCase(t.Context(), "c1")
		if err != nil {
			require.Contains(t, []string{"ok", "data", "caseId", "status"}, name)
			require.ErrorIs(t, err, ErrInvalidResponse)
			require.ErrorIs(t, err, ErrUncertain)
			return
		}
		require.Equal(t, "c1", found.CaseID)
		facts := found.Facts()
		for _, path := range found.Lost {
			require.True(t, strings.HasPrefix(path, name), path)
			if slices.Contains([]string{"attachments", "result"}, path) {
				require.True(t, facts.Omits(path), "the workflow learns that %s is missing", path)
			}
		}
		snapshot, err := json.Marshal(workflows.CaseSnapshot{Facts: facts.Bounded()})
		require.NoError(t, err)
		var back workflows.CaseSnapshot
		require.NoError(t, json.Unmarshal(snapshot, &back))
		if name == "status" || name == "data" {
			return // it may be any status
		}
		now := time.UnixMilli(1774131905000).UTC()
		c := lifecycle.Begin(workflows.CaseStart{Reference: "r1", Request: new(workflows.CaseRequest)}.Normalized(), now, now)
		c = lifecycle.Created(c, workflows.CreateCaseResult{CaseID: "c1"}, now)
		c = lifecycle.Reconciled(c, workflows.ReconcileCaseParams{CaseID: "c1"}, back, now)
		require.Equal(t, want, c.State.Status)
	})
}

// answerAbout returns Offload's answer about a case that has ended, in which the field of that name has the value.
func answerAbout(name string, value []byte, status string) []byte {
	field := fmt.Sprintf("%q:%s", name, value)
	data := []string{`"caseId":"c1"`, `"status":"` + status + `"`}
	switch name {
	case "ok":
		return []byte(`{` + field + `,"data":{` + strings.Join(data, ",") + `}}`)
	case "data":
		return []byte(`{"ok":true,` + field + `}`)
	case "caseId":
		data[0] = field
	case "status":
		data[1] = field
	default:
		data = append(data, field)
	}
	return []byte(`{"ok":true,"data":{` + strings.Join(data, ",") + `}}`)
}

// answering returns a client that gets the body as the answer to each read, without a network.
func answering(t *testing.T, body []byte) *Client {
	t.Helper()
	client, err := New(Config{BaseURL: "https://offload.example", APIKey: "key-of-the-test-account", Now: func() time.Time { return time.UnixMilli(0) }})
	require.NoError(t, err)
	client.reads.http = &http.Client{Transport: roundTrip(func(*http.Request) *http.Response {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body))}
	})}
	return client
}

type roundTrip func(*http.Request) *http.Response

func (r roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return r(request), nil }

func orNull(raw json.RawMessage) string {
	if raw == nil {
		return "null"
	}
	return string(raw)
}

func FuzzAnExplanationIsHarmless(f *testing.F) {
	const secret = "0123456789abcdef-secret"
	for _, seed := range []string{
		`{"ok":false,"error":{"code":"INVALID_REQUEST","message":"no ` + secret + `"}}`,
		`{"message":"Too Many Requests"}`, `{"error":7}`, `{"error":{}}`, `plain ` + secret, `<html>`, "\xff" + secret, secret[:2] + "\xd9" + secret[2:],
		strings.Repeat("x", maxMessage-5) + secret, `{"error":{"code":"` + strings.Repeat("ä", 100) + `"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var failed Error
		failed.Code, failed.Message = explain(body)
		require.ErrorIs(t, withoutSecrets(&failed, secret), &failed)
		require.LessOrEqual(t, len(failed.Code), maxCode)
		require.LessOrEqual(t, len(failed.Message), maxMessage)
		for _, text := range []string{failed.Code, failed.Message} {
			require.True(t, utf8.ValidString(text))
			require.NotContains(t, text, secret)
			require.NotContains(t, text, "\n")
		}
	})
}
