package lifecycle_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// report is what one message of the provider says: an event, a snapshot, or the response to the creation.
type report struct {
	event    *workflows.CaseEvent
	snapshot *workflows.CaseSnapshot
	created  bool
}

func (r report) apply(c lifecycle.Case, now time.Time) lifecycle.Case {
	switch {
	case r.event != nil:
		return received(c, *r.event, now)
	case r.snapshot != nil && c.State.CaseID != "": // only a case whose caseId is known can be read
		return reconciled(c, *r.snapshot, now)
	case r.created:
		return lifecycle.Created(c, workflows.CreateCaseResult{CaseID: caseID}, now)
	}
	return c
}

// consistentCase returns the reports about one case: questions asked and resolved, attachments, then perhaps an end. Snapshots show each
// state, some without the text of a question; webhooks report each question and the end. Some reports are lost.
func consistentCase(rng *rand.Rand) []report {
	reports := []report{{created: true}}
	metadata := json.RawMessage(`{"vendorId":"v1"}`)
	facts := workflows.CaseFacts{CaseID: caseID, ClientReferenceID: "vendor_2048", Channel: "EMAIL", Status: workflows.OffloadCreated}
	minute := 1
	add := func(kind string) {
		if rng.IntN(6) > 0 {
			snapshot := read(workflows.CaseEvent{EventMeta: workflows.EventMeta{OccurredAt: after(minute)}, Facts: facts})
			if !isOver(facts.Status) {
				snapshot.Facts.NextActionAt = after(minute + 60)
			}
			if q := facts.Question; q != nil && rng.IntN(3) == 0 {
				bare := *q
				bare.Text = ""
				snapshot.Facts.Question = &bare
			}
			reports = append(reports, report{snapshot: &snapshot})
		}
		if kind != "" && rng.IntN(6) > 0 {
			e := event(kind, facts.Status, minute)
			e.Facts, e.Facts.Metadata = facts, metadata
			if kind == workflows.KindCaseFailed {
				reason := "nobody answered"
				e.Facts.FailureReason = &reason
			}
			reports = append(reports, report{event: &e})
		}
	}
	add("")
	for q := range rng.IntN(4) {
		if q > 0 {
			minute += 1 + rng.IntN(3) // else at the very moment of CREATED
		}
		facts.Status, facts.Question = workflows.OffloadRunning, nil
		facts.AttemptCount++
		facts.Attachments = append(facts.Attachments[:len(facts.Attachments):len(facts.Attachments)],
			workflows.Attachment{ID: fmt.Sprintf("a%d", q), ReceivedAt: after(minute)})
		add("")
		minute += rng.IntN(2)
		facts.Status = workflows.OffloadInputNeeded
		facts.Question = &workflows.Question{ID: fmt.Sprintf("q%d", q), Text: "?", Status: workflows.QuestionPending, RequestedAt: after(minute)}
		add(workflows.KindCaseInputNeeded)
		if rng.IntN(2) == 0 {
			minute += rng.IntN(2) // Offload doesn't say whether resolving a question moves updatedAt
			resolved := *facts.Question
			resolved.Status = workflows.QuestionResolved
			facts.Question = &resolved
			add("")
		}
	}
	minute += rng.IntN(2)
	switch rng.IntN(4) {
	case 0:
		facts.Status, facts.ResultStatus, facts.Question = workflows.OffloadFailed, "max_retries", nil
		add(workflows.KindCaseFailed)
	case 1, 2:
		facts.Status, facts.ResultStatus, facts.Question = workflows.OffloadCompleted, "goal_achieved", nil
		facts.Result = json.RawMessage(`{"ok":true}`)
		add(workflows.KindCaseCompleted)
		minute++
		facts.Attachments = append(facts.Attachments[:len(facts.Attachments):len(facts.Attachments)], workflows.Attachment{ID: "late", ReceivedAt: after(minute)})
		add("")
	}
	return reports
}

func isOver(status string) bool {
	return status == workflows.OffloadCompleted || status == workflows.OffloadFailed
}

// played applies the reports in the given order to a case whose creation has begun, and returns the part that must not depend on the order.
func played(reports []report) (final map[string]any, c lifecycle.Case) {
	c = began()
	now := after(1000)
	for _, r := range reports {
		now = now.Add(time.Second)
		c = r.apply(c, now)
	}
	view := lifecycle.View(c)
	return map[string]any{
		"status": view.Status, "caseId": view.CaseID, "question": view.Question, "facts": view.Facts,
		"attention": view.Attention, "others": view.OtherCaseIDs, "unknown": lifecycle.Outcome(c).Unknown, "factsAt": c.State.FactsAt,
	}, c
}

// FuzzAnyOrderOfReportsLeadsToTheSameState shuffles and repeats the reports about a consistent case.
func FuzzAnyOrderOfReportsLeadsToTheSameState(f *testing.F) {
	for seed := range uint64(100) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 1))
		reports := consistentCase(rng)
		want, c := played(reports)
		require.NotContains(t, want["attention"], workflows.AttentionConflict)

		for range 10 {
			shuffled := append([]report{}, reports...)
			for range rng.IntN(4) {
				shuffled = append(shuffled, reports[rng.IntN(len(reports))])
			}
			rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			// The case can be read only after the creation's response or a webhook.
			for i := range shuffled {
				if shuffled[i].snapshot == nil {
					shuffled[0], shuffled[i] = shuffled[i], shuffled[0]
					break
				}
			}
			got, _ := played(shuffled)
			require.Equal(t, want, got)
		}
		if !c.State.Status.Ended() {
			require.Zero(t, c.State.LateEvents)
		}
	})
}

func TestEventsWithoutATimeLeadToTheSameEndOnceRead(t *testing.T) {
	t.Parallel()
	ends := 0
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 2))
		reports := consistentCase(rng)
		final := reports[len(reports)-1].snapshot
		if final == nil || !isOver(final.Facts.Status) {
			continue // nothing would show how it ended
		}
		ends++
		want, _ := played(reports)
		for i, r := range reports {
			if r.event != nil {
				e := untimed(*r.event)
				reports[i] = report{event: &e}
			}
		}
		rng.Shuffle(len(reports)-1, func(i, j int) { reports[i+1], reports[j+1] = reports[j+1], reports[i+1] })
		_, c := played(reports)
		if lifecycle.Next(c, after(2000)).Read != nil {
			c = readOnce(c, caseID, *final, after(2000))
		}
		require.Equal(t, want["status"], c.State.Status, "seed %d", seed)
		require.Equal(t, want["facts"], c.State.Facts, "seed %d", seed)
		require.Equal(t, want["unknown"], lifecycle.Outcome(c).Unknown, "seed %d", seed)
	}
	require.Greater(t, ends, 100)
}

func TestAnUnconfirmedEventHasTheSameEffectBeforeAndAfterTheEnd(t *testing.T) {
	t.Parallel()
	confirm := options(func(o *workflows.CaseOptions) { o.ConfirmEnd = true })
	none := func(*workflows.CaseStart) {}
	event := func(e workflows.CaseEvent) report { return report{event: &e} }
	shown := func(e workflows.CaseEvent) report { snapshot := read(e); return report{snapshot: &snapshot} }
	withoutReason := failed(12)
	withoutReason.Facts.FailureReason = nil
	for name, row := range map[string]struct {
		option    func(*workflows.CaseStart)
		first     report
		end       report
		attention []string
	}{
		"no time, another end":             {none, event(untimed(failed(10))), event(completed(11)), []string{"conflict"}},
		"no time, the same end":            {none, event(untimed(failed(10))), event(withoutReason), nil},
		"no time, a question":              {none, event(untimed(inputNeeded("q1", 10))), event(completed(11)), nil},
		"unproven, another end":            {none, event(unproven(failed(10))), event(completed(11)), nil},
		"unproven, the same end":           {none, event(unproven(completed(10))), event(completed(11)), nil},
		"the app confirms, another end":    {confirm, event(failed(10)), shown(completed(11)), []string{"conflict"}},
		"the app confirms, the same end":   {confirm, event(completed(11)), shown(completed(11)), nil},
		"no time, the same end, by a read": {none, event(untimed(failed(10))), shown(failed(12)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := lifecycle.Outcome(row.end.apply(row.first.apply(running(row.option), after(20)), after(21)))
			late := lifecycle.Outcome(row.first.apply(row.end.apply(running(row.option), after(20)), after(21)))
			require.Equal(t, row.attention, before.Attention)
			require.Equal(t, row.attention, late.Attention)
			require.Equal(t, late.Status, before.Status)
			require.Equal(t, late.Facts, before.Facts)
			require.Equal(t, late.Unknown, before.Unknown)
		})
	}
}

func TestADuplicateChangesOnlyItsCount(t *testing.T) {
	t.Parallel()
	c := received(running(), inputNeeded("q1", 10), after(10))
	twice := received(c, inputNeeded("q1", 10), after(40))
	require.Equal(t, 1, twice.State.Duplicates)
	twice.State.Duplicates = 0
	require.Equal(t, c, twice)

	replayed := inputNeeded("q1", 10)
	replayed.DedupeKey = "beyond the window"
	c = received(c, replayed, after(40))
	requireStatus(t, workflows.CaseInputNeeded, c)
	require.Equal(t, after(10), c.State.Since)
	require.Equal(t, after(10), c.State.Asked.At, "the rules need no window")
}

func TestTheResultOfEachEventIsReported(t *testing.T) {
	t.Parallel()
	c := running()
	for i, row := range []struct {
		event workflows.CaseEvent
		want  workflows.EventResult
	}{
		{inputNeeded("q1", 10), workflows.EventApplied},
		{inputNeeded("q1", 10), workflows.EventDuplicate},
		{completed(20), workflows.EventApplied},
		{completed(20), workflows.EventDuplicate},
		{inputNeeded("q2", 15), workflows.EventLate},
		{inputNeeded("q2", 15), workflows.EventDuplicate},
	} {
		next, result := lifecycle.Receive(c, row.event, after(30))
		require.Equal(t, row.want, result, i)
		c = next
	}
}

func TestAnUnprovenEventDoesNotBlockTheKeyOfAProvenOne(t *testing.T) {
	t.Parallel()
	forged := completed(10)
	forged.Unproven = true
	c := received(running(), forged, after(9))
	c = received(c, completed(10), after(10))
	requireStatus(t, workflows.CaseCompleted, c)
	require.Zero(t, c.State.Duplicates)
}

func TestTheWindowOfSeenKeysIsBounded(t *testing.T) {
	t.Parallel()
	c := running()
	for i := range 1000 {
		e := inputNeeded("q1", 10)
		e.DedupeKey = fmt.Sprint(i)
		c = received(c, e, after(11))
	}
	require.Len(t, c.State.Seen, 128)
	require.Equal(t, 1000, c.State.EventsApplied)
}

func TestRulesNeverChangeTheirArgument(t *testing.T) {
	t.Parallel()
	c := lifecycle.Tick(reconcileFailed(answering(replying), rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized}, after(20)), after(20))
	require.Len(t, c.State.Outbox.Waiting, 1)
	before, err := json.Marshal(c)
	require.NoError(t, err)
	received(c, inputNeeded("q2", 30), after(30))
	received(c, unproven(completed(31)), after(31))
	lifecycle.Answered(c, "q1", workflows.ProvideInputResult{Result: workflows.InputRejected}, after(32))
	h := handOff(c, 33)
	lifecycle.HandOffFailed(c, *h, rules.Failure{}, after(33))
	lifecycle.HandOffSucceeded(c, *h)
	lifecycle.Tick(reconcileFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadForbidden}, after(33)), after(33))
	received(c, omitting(sending(completed(31), "a")), after(33))
	lifecycle.Cancel(c, workflows.CancelCase{}, after(34))
	afterwards, err := json.Marshal(c)
	require.NoError(t, err)
	require.JSONEq(t, string(before), string(afterwards))
}
