package offload_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/wire"
)

// What the ingress accepted as a known kind, the relay can parse, and it says the same of it.
func FuzzPeekAndParseAgree(f *testing.F) {
	for _, name := range []string{"envelope.json", "completed.json", "failed.json", "input_needed.json"} {
		f.Add(seed(f, name))
	}
	for _, body := range []string{
		``, `null`, `{}`, `[]`, `{"event_type":"case.completed","data":null}`,
		`{"event_type":"case.failed","timestamp":-1,"data":{"caseId":"c","failureReason":null,"metadata":{"a":"` + "\xff" + `"}}}`,
		`{"event_type":"case.input_needed","timestamp":9e99,"data":{"caseId":1e3,"inputRequest":{"id":"q","requestedAt":"x"}}}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		envelope, peekErr := offload.Peek(body)
		parsed, parseErr := offload.Parse(body, workflows.EventMeta{DeliveryID: "d", DedupeKey: envelope.DedupeKey})
		if peekErr != nil || envelope.Ignored != "" {
			require.ErrorIs(t, parseErr, hook.ErrUnparseable)
			return
		}
		require.NoError(t, parseErr)
		event := parsed.Event
		require.Equal(t, envelope.Kind, event.Kind)
		require.Equal(t, envelope.EntityID, event.Facts.CaseID)
		require.True(t, envelope.OccurredAt.Equal(event.OccurredAt))
		require.True(t, event.OccurredAt.IsZero() || workflows.SaneTime(event.OccurredAt))
		require.Equal(t, time.UTC, event.OccurredAt.Location())

		for _, limit := range []int{16 << 10, signalBytes} {
			fitted, encoded, err := offload.Fit(event, limit)
			require.NoError(t, err)
			require.True(t, json.Valid(encoded))
			require.LessOrEqual(t, len(encoded), limit)
			require.Equal(t, event.Facts.CaseID, fitted.Facts.CaseID)
			require.Equal(t, event.Facts.Omits("result") || event.Facts.Result != nil && fitted.Facts.Result == nil, fitted.Facts.Omits("result"))
			require.Equal(t, event.Facts.Omits("metadata") || event.Facts.Metadata != nil && fitted.Facts.Metadata == nil, fitted.Facts.Omits("metadata"))
			require.Equal(t, event.Facts.Omits("attachments") || len(event.Facts.Attachments) > len(fitted.Facts.Attachments), fitted.Facts.Omits("attachments"))
		}
	})
}

// Any JSON value in any one field leaves the end of the case: a workflow that gets the event ends as the kind says, also after a question with
// the same event_id. Only without a usable kind the event reaches no workflow, and then it is refused or ignored visibly.
func FuzzAnUnusableFieldDoesNotLoseTheEndOfACase(f *testing.F) {
	names := []string{
		"event_id", "timestamp", "clientReferenceId", "status", "channel", "attemptCount", "attachments", "resultStatus", "result", "metadata",
		"failureReason", "inputRequest", "inputRequestId", "inputRequestStatus", "inputRequestedAt", "Result", "CASEID", "fresh",
		"event_type", "caseId", "data",
	}
	for _, value := range []string{
		`null`, `true`, `-1`, `2.0`, `1e400`, `""`, `"x\ty"`, `"\ud800"`, "\"\xff\"", `{}`, `{"id":1,"question":[],"requestedAt":{}}`, `[]`, `[1,null,{}]`,
		`[{"attachmentId":"a1","size":"5"},"a2"]`, `"2026-11-26T12:00:00Z"`, `"Thu, 26 Nov 2026 12:00:00 GMT"`, `253402300799999`, `"` + strings.Repeat("x", 2000) + `"`,
		`"case.failed"`, `"case.input_needed"`, `"case.archived"`, `{"caseId":"c2"}`, `{"caseId":{}}`, `"` + strings.Repeat("c", 250) + `"`,
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
		name, kind := names[int(n)%len(names)], workflows.KindCaseCompleted
		if failed {
			kind = workflows.KindCaseFailed
		}
		body := bodyWith(name, value, kind)

		envelope, peekErr := offload.Peek(body)
		parsed, parseErr := offload.Parse(body, workflows.EventMeta{DedupeKey: envelope.DedupeKey})
		if peekErr != nil || envelope.Ignored != "" {
			require.Equal(t, "event_type", name)
			require.ErrorIs(t, parseErr, hook.ErrUnparseable)
			return
		}
		require.NoError(t, parseErr)
		if name != "event_type" {
			require.Equal(t, kind, envelope.Kind)
		}
		if name != "caseId" && name != "data" {
			require.Equal(t, "c1", envelope.EntityID)
		}
		for _, lost := range parsed.Lost {
			if field := strings.TrimPrefix(lost, "data."); slices.Contains([]string{"attachments", "failureReason", "metadata", "result"}, field) {
				require.True(t, parsed.Event.Facts.Omits(field), "the workflow learns that %s is missing", lost)
			}
			if lost == "data" {
				require.True(t, parsed.Event.Facts.Omits(workflows.FieldMetadata))
			}
		}
		_, encoded, err := offload.Fit(parsed.Event, 2048)
		require.NoError(t, err)
		var question []byte
		if name == "event_id" {
			question = bodyWith(name, value, workflows.KindCaseInputNeeded)
		}
		requireApplied(t, question, envelope, encoded)
	})
}

// bodyWith returns a body that ends a case, in which the field of that name has the value.
func bodyWith(name string, value []byte, kind string) []byte {
	inner := []string{`"caseId":"c1"`}
	outer := []string{`"event_type":"` + kind + `"`}
	field := fmt.Sprintf("%q:%s", name, value)
	switch name {
	case "event_type":
		outer[0] = field
	case "caseId":
		inner[0] = field
	case "data":
		return []byte("{" + outer[0] + "," + field + "}")
	case "event_id", "timestamp":
		outer = append(outer, field)
	default:
		inner = append(inner, field)
	}
	return []byte("{" + strings.Join(outer, ",") + `,"data":{` + strings.Join(inner, ",") + "}}")
}

// requireApplied hands the event to the rules of a running case, after the body of a question if there is one, and with a read if they want one:
// the case must have the status of the kind.
func requireApplied(t *testing.T, question []byte, envelope hook.Envelope, encoded []byte) {
	t.Helper()
	want, shown := workflows.CaseCompleted, workflows.OffloadCompleted
	switch envelope.Kind {
	case workflows.KindCaseFailed:
		want, shown = workflows.CaseFailed, workflows.OffloadFailed
	case workflows.KindCaseInputNeeded:
		want, shown = workflows.CaseInputNeeded, workflows.OffloadInputNeeded
	}
	var event workflows.CaseEvent
	require.NoError(t, json.Unmarshal(encoded, &event))
	now := time.UnixMilli(1774131905000).UTC()
	c := lifecycle.Begin(workflows.CaseStart{Reference: "r1", Request: new(workflows.CaseRequest)}.Normalized(), now, now)
	caseID := cmp.Or(envelope.EntityID, "c1")
	c = lifecycle.Created(c, workflows.CreateCaseResult{CaseID: caseID}, now)
	if question != nil {
		c = receive(t, c, question, now)
	}
	c, result := lifecycle.Receive(c, event, now)
	require.Equal(t, workflows.EventApplied, result)
	if read := lifecycle.Next(c, now).Read; read != nil {
		require.Equal(t, caseID, read.CaseID)
		facts := workflows.CaseFacts{CaseID: caseID, Status: shown, UpdatedAt: now}
		c = lifecycle.ReadDone(c, *read, workflows.CaseSnapshot{Facts: facts, ReadAt: now}, now)
	}
	require.Equal(t, want, c.State.Status)
	_, err := json.Marshal(lifecycle.View(c))
	require.NoError(t, err)
}
