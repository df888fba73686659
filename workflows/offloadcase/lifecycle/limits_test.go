package lifecycle_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// maxPayload is Temporal's limit of a payload, less what encryption adds.
const maxPayload = 2<<20 - 1<<10

func encodedLen(t *testing.T, v any) int {
	t.Helper()
	encoded, err := json.Marshal(v)
	require.NoError(t, err)
	return len(encoded)
}

// escaped returns a text of so many bytes of JSON, in which each character is escaped.
func escaped(bytes int) string { return strings.Repeat("<", bytes/6) }

// fills are what the largest case is filled with: text fills texts, id fills IDs, which have no control characters.
var fills = map[string]fill{
	"angle brackets":     {text: "<", id: "<"},
	"control characters": {text: "\x01", id: "<"},
	"line separators":    {text: "\u2028", id: "\u2028"},
}

type fill struct{ text, id string }

// texted returns a text of so many bytes of JSON. It is not blank, which a line separator would be.
func (f fill) texted(bytes int) string {
	return "x" + strings.Repeat(f.text, (bytes-1)/workflows.JSONLen(f.text))
}

// raw returns a JSON value of so many bytes, when it is encoded.
func (f fill) raw(bytes int) json.RawMessage {
	return json.RawMessage(`"` + strings.ReplaceAll(f.texted(bytes-2), "\x01", `\u0001`) + `"`)
}

// named returns the longest ID that begins so.
func (f fill) named(prefix string) string {
	return prefix + strings.Repeat(f.id, (workflows.MaxIDBytes-len(prefix))/len(f.id))
}

// largest returns an event with the largest fields that the contract allows.
func (f fill) largest(e workflows.CaseEvent) workflows.CaseEvent {
	reason := f.texted(workflows.MaxTextBytes)
	e.DeliveryID, e.DedupeKey = f.named(e.DeliveryID), f.named(e.DedupeKey)
	facts := &e.Facts
	facts.CaseID = f.named(facts.CaseID)
	facts.ClientReferenceID = strings.Repeat(f.id, workflows.MaxClientReferenceIDBytes/len(f.id))
	facts.ResultStatus = f.texted(workflows.MaxShortTextBytes)
	facts.Result, facts.Metadata, facts.FailureReason = f.raw(workflows.MaxJSONBytes), f.raw(workflows.MaxJSONBytes), &reason
	question := f.named("q1")
	if facts.Question != nil {
		question = facts.Question.ID
	}
	facts.Question = &workflows.Question{ID: question, Text: f.texted(workflows.MaxTextBytes), Status: "PENDING", RequestedAt: e.OccurredAt}
	for i := range 100 { // of more bytes than a case keeps
		facts.Attachments = append(facts.Attachments, workflows.Attachment{ID: f.named(fmt.Sprint(i)), Name: f.texted(600)})
	}
	return e
}

func TestTheLargestCaseFitsEveryPayload(t *testing.T) {
	t.Parallel()
	for name, f := range fills {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireLargestFits(t, f)
		})
	}
}

func requireLargestFits(t *testing.T, f fill) {
	t.Helper()
	fits := func(c lifecycle.Case) {
		t.Helper()
		require.Less(t, encodedLen(t, lifecycle.View(c)), maxPayload, "state query")
		require.Less(t, encodedLen(t, lifecycle.Outcome(c)), maxPayload, "outcome")
		require.Less(t, encodedLen(t, lifecycle.Next(c, after(100_000)).HandOff), maxPayload, "hand-off")
		require.Less(t, encodedLen(t, struct {
			workflows.CaseStart
			Carried *lifecycle.State `json:"carried"`
		}{c.Start, &c.State}), maxPayload, "continue-as-new")
	}
	filled := func(s *workflows.CaseStart) {
		longest := strings.Repeat("<", workflows.MaxWorkflowIDBytes)
		s.Reference = strings.Repeat("r", 200)
		s.ReplyTo = &workflows.ReplyTo{WorkflowID: longest, Signal: longest}
		s.Request.Goal.Objective = f.texted(workflows.MaxTextBytes)
		s.Request.Metadata = json.RawMessage(`{"m":` + string(f.raw(workflows.MaxStartBytes/2)) + `}`)
		s.Request.ResultSchema = json.RawMessage(`{"d":` + string(f.raw(workflows.MaxStartBytes/3)) + `}`)
	}
	id := f.named(caseID)
	c := lifecycle.Created(began(filled), workflows.CreateCaseResult{CaseID: id}, t0)
	require.Equal(t, id, c.State.CaseID)
	require.Greater(t, encodedLen(t, c.Start), workflows.MaxStartBytes*3/4)
	require.NoError(t, c.Start.Validate())
	for i := range 12 {
		q := f.named(fmt.Sprint("q", i))
		c = received(c, f.largest(inputNeeded(q, 10+i)), after(10+i))
		in := workflows.ProvideInput{QuestionID: q, Text: f.texted(workflows.MaxTextBytes), By: f.texted(workflows.MaxShortTextBytes)}
		require.NoError(t, lifecycle.CheckProvideInput(c, in))
		c = lifecycle.ProvideInput(c, in, after(10+i))
		c = lifecycle.Answered(c, q, workflows.ProvideInputResult{Result: workflows.InputRejected, Message: f.texted(100_000)}, after(10+i))
		c = received(c, f.largest(untimed(inputNeeded(q, 1000+i))), after(10+i))
		other := unproven(completed(2000 + i))
		other.Facts.CaseID = fmt.Sprint("other", i)
		c = received(c, f.largest(other), after(10+i))
		second := completed(3000 + i)
		second.Facts.CaseID = fmt.Sprint("second", i)
		c = received(c, f.largest(second), after(10+i))
		c = lifecycle.Tick(reconcileFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized, Message: f.texted(1 << 20)}, after(10+i)), after(10+i))
	}
	require.Greater(t, encodedLen(t, c.State), 1_000_000, "it is large")
	fits(c)
	held := f.largest(completed(100))
	held.Facts = held.Facts.Omitting(workflows.FieldResult)
	c = received(c, held, after(100))
	require.NotNil(t, c.State.HeldEnd)
	fits(c)
	cancel := workflows.CancelCase{Reason: f.texted(workflows.MaxShortTextBytes), By: f.texted(workflows.MaxShortTextBytes)}
	require.NoError(t, lifecycle.CheckCancel(running(), cancel))
	fits(lifecycle.Cancel(running(filled), cancel, after(101)))
	c = lifecycle.Tick(readOnce(c, id, read(f.largest(completed(100))), after(101)), after(101))
	requireStatus(t, workflows.CaseCompleted, c)
	require.Equal(t, f.texted(workflows.MaxTextBytes), c.State.Answers[0].Text)
	check := workflows.ResultCheck{Verdict: workflows.ResultOffSchema, More: 1 << 30}
	for range workflows.MaxSchemaViolations {
		check.Violations = append(check.Violations, workflows.SchemaViolation{
			At: f.texted(workflows.MaxShortTextBytes), Reason: f.texted(workflows.MaxShortTextBytes),
		})
	}
	c = lifecycle.ResultChecked(c, *lifecycle.Next(c, after(101)).ResultCheck, check)
	require.NotNil(t, lifecycle.Next(c, after(101)).HandOff)
	fits(c)
}

func TestUnconfirmedEventsAreBoundedInBytesAndNumber(t *testing.T) {
	t.Parallel()
	c := running()
	proven := untimed(completed(5))
	c = received(c, proven, after(5))
	for i := range 24 {
		e := unproven(completed(10 + i))
		e.Facts.Metadata = json.RawMessage(`"` + strings.Repeat("m", 245_000) + `"`)
		c = received(c, e, after(10+i))
		c = readOnce(c, caseID, shows(workflows.OffloadRunning, 4), after(10+i))
	}
	require.Less(t, encodedLen(t, c.State), 512<<10)
	require.LessOrEqual(t, len(c.State.Unconfirmed), 8)
	require.Equal(t, proven.DeliveryID, c.State.Unconfirmed[0].DeliveryID, "what proves nothing gives way first")
	require.True(t, c.State.Unconfirmed[1].Facts.Omits(workflows.FieldMetadata), "it is named")
}

// sized returns an unconfirmed event that needs so many bytes of JSON in the state.
func sized(t *testing.T, e workflows.CaseEvent, bytes int) workflows.CaseEvent {
	t.Helper()
	e.Facts.Metadata = json.RawMessage(`""`)
	waiting := received(running(), e, after(10)).State.Unconfirmed[0]
	e.Facts.Metadata = json.RawMessage(`"` + strings.Repeat("m", bytes-encodedLen(t, waiting)) + `"`)
	return e
}

func TestUnconfirmedEventsWaitUpToTheLimit(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ sizes, waiting []int }{
		"two of the largest size":             {[]int{128 << 10, 128 << 10}, []int{128 << 10, 128 << 10}},
		"a byte more than there is room for":  {[]int{1001, 128 << 10, 128<<10 - 1001, 1002}, []int{128<<10 - 1001, 1002}},
		"the oldest makes room":               {[]int{1001, 128 << 10, 128<<10 - 1001, 1001}, []int{128 << 10, 128<<10 - 1001, 1001}},
		"a large one takes the room of three": {[]int{31000, 31001, 31002, 31003, 31004, 31005, 31006, 128 << 10}, []int{31003, 31004, 31005, 31006, 128 << 10}},
		"many small ones":                     {[]int{1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010}, []int{1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := running()
			for i, size := range row.sizes {
				c = received(c, sized(t, untimed(completed(10+i)), size), after(10))
			}
			var waiting []int
			for _, e := range c.State.Unconfirmed {
				require.Empty(t, e.Facts.Omitted)
				waiting = append(waiting, encodedLen(t, e))
			}
			require.Equal(t, row.waiting, waiting)
		})
	}
	larger := received(running(), sized(t, untimed(completed(10)), 128<<10+1), after(10))
	require.Equal(t, []string{"result"}, larger.State.Unconfirmed[0].Facts.Omitted, "of a larger one goes first what GET has as well")
}

func TestTheNewestAnswersAreKeptWithinTheirBytes(t *testing.T) {
	t.Parallel()
	give := func(c lifecycle.Case, i, textBytes int) lifecycle.Case {
		q := fmt.Sprint("q", i)
		c = received(c, inputNeeded(q, 10+i), after(10+i))
		in := workflows.ProvideInput{QuestionID: q, Text: strings.Repeat("t", textBytes)}
		require.NoError(t, lifecycle.CheckProvideInput(c, in))
		c = lifecycle.ProvideInput(c, in, after(10+i))
		return lifecycle.Answered(c, q, workflows.ProvideInputResult{Result: workflows.InputAccepted}, after(10+i))
	}
	c := running()
	for i := range 4 {
		c = give(c, i, 30_000)
	}
	room := 128<<10 - encodedLen(t, give(c, 4, 1).State.Answers) + 1
	require.Len(t, give(c, 4, room).State.Answers, 5)
	less := give(c, 4, room+1).State.Answers
	require.Len(t, less, 4)
	require.Equal(t, "q1", less[0].QuestionID, "the oldest gives way")

	failed := lifecycle.ProvideInput(received(c, inputNeeded("q4", 14), after(14)), workflows.ProvideInput{QuestionID: "q4", Text: strings.Repeat("t", room-1000)}, after(14))
	require.Len(t, failed.State.Answers, 5)
	failed = lifecycle.AnswerFailed(failed, "q4", rules.Failure{Message: strings.Repeat("x", 2<<10)}, after(15))
	require.Len(t, failed.State.Answers, 4)
	require.Equal(t, workflows.InputRejected, failed.State.Answers[3].Result)
	require.LessOrEqual(t, encodedLen(t, failed.State.Answers), 128<<10, "the error counts too")
}

func TestAHeldEndHasOnlyFieldsWithALimit(t *testing.T) {
	t.Parallel()
	e := completed(10)
	e.DeliveryID, e.DedupeKey = strings.Repeat("d", maxPayload), strings.Repeat("k", maxPayload)
	e.Facts = e.Facts.Omitting(workflows.FieldResult).Omitting(strings.Repeat("o", maxPayload))
	c := received(running(), e, after(11))
	require.NotNil(t, c.State.HeldEnd)
	require.Less(t, encodedLen(t, c.State), 10<<10)
	require.Equal(t, []string{workflows.FieldResult}, c.State.HeldEnd.Facts.Omitted)
}

func TestATimeFromTheFutureCountsAsTheArrival(t *testing.T) {
	t.Parallel()
	ahead := inputNeeded("q1", 10)
	ahead.OccurredAt = ahead.OccurredAt.AddDate(10, 0, 0)
	ahead.Facts.Question.RequestedAt = ahead.OccurredAt
	c := received(running(), ahead, after(11))
	require.Equal(t, ahead.ReceivedAt, c.State.FactsAt)
	require.Equal(t, ahead.ReceivedAt, c.State.Facts.Question.RequestedAt)
	c = lifecycle.ProvideInput(c, answer("q1"), after(20))
	c = lifecycle.Answered(c, "q1", workflows.ProvideInputResult{Result: workflows.InputAccepted}, after(21))
	requireStatus(t, workflows.CaseRunning, reconciled(c, shows(workflows.OffloadRunning, 22), after(23)))

	for name, row := range map[string]struct{ readAt, updatedAt, want time.Time }{
		"read now":              {after(30), after(20), after(20)},
		"read at no time":       {time.Time{}, after(20), after(20)},
		"read in the future":    {after(99), after(98), after(31)},
		"changed in the future": {after(30), after(98), after(30)},
		"changed at no time":    {after(30), time.Time{}, after(30)},
		"neither has any time":  {time.Time{}, time.Time{}, after(31)},
	} {
		snapshot := shows(workflows.OffloadRunning, 20)
		snapshot.ReadAt, snapshot.Facts.UpdatedAt = row.readAt, row.updatedAt
		require.Equal(t, row.want, reconciled(running(), snapshot, after(31)).State.Known.UpdatedAt, name)
	}
	odd := shows(workflows.OffloadRunning, 22)
	odd.Facts.UpdatedAt = odd.Facts.UpdatedAt.AddDate(10, 0, 0)
	c = received(reconciled(running(), odd, after(23)), inputNeeded("q2", 30), after(30))
	requireStatus(t, workflows.CaseInputNeeded, c)

	soon := inputNeeded("q1", 10)
	soon.OccurredAt = soon.ReceivedAt.Add(4 * time.Minute)
	require.Equal(t, soon.OccurredAt, received(running(), soon, after(11)).State.FactsAt, "clocks differ by so much")

	jumped := inputNeeded("q1", 10)
	jumped.ReceivedAt, jumped.OccurredAt = jumped.ReceivedAt.AddDate(20, 0, 0), jumped.OccurredAt.AddDate(20, 0, 0)
	require.Equal(t, after(11), received(running(), jumped, after(11)).State.FactsAt, "the ingress's own clock may be wrong too")
}

func TestALongReasonIsCutInTheOutcome(t *testing.T) {
	t.Parallel()
	c := lifecycle.CreateFailed(began(), rules.Failure{Type: workflows.ErrTypeOffloadInvalidRequest, Message: escaped(1 << 20)}, after(1))
	require.Less(t, encodedLen(t, lifecycle.Outcome(c)), 8<<10)
	requireRefusal(t, workflows.ErrTypeInvalidArgument, lifecycle.CheckCancel(running(), workflows.CancelCase{By: strings.Repeat("x", 1_200_000)}))
}
