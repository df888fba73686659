package lifecycle_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
)

// payloadLimit is the server's limit of a payload, less what encryption adds.
const payloadLimit = 2<<20 - 1<<10

func TestTheOldestClosedApprovalsMakeRoom(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	stays := request("stays open")
	register(t, s, noon, stays)
	for i := range 600 {
		r := request(fmt.Sprint("m", i))
		r.ReplyTo = nil
		register(t, s, noon, r)
		apply(s, at(float64(i)/60), response(1, fmt.Sprint("x", i), r.MessageID, true))
		s.handOff(at(float64(i) / 60))
	}
	s.Tick(at(11))
	v := s.View()
	require.Less(t, len(v.Approvals), 400)
	require.Greater(t, len(v.Approvals), 200)
	require.Equal(t, "stays open", v.Approvals[0].MessageID)
	require.Equal(t, "m599", v.Approvals[len(v.Approvals)-1].MessageID)
	require.Equal(t, len(v.Approvals), 600-int(atoi(t, v.Approvals[1].MessageID))+1, "the oldest go first")
}

func atoi(t *testing.T, id string) (n int64) {
	t.Helper()
	_, err := fmt.Sscanf(id, "m%d", &n)
	require.NoError(t, err)
	return n
}

func TestClosedItemsAreRemovedAfter30Days(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	r := request("m1")
	r.ReplyTo = nil
	register(t, s, noon, r, requestOfRun("m2", "kept"))
	apply(s, noon, response(0, "x", "m1", true), response(0, "y", "nobody asked", true), forceFailed(0, "r1"))
	open(t, s, "idle", 0)

	s.Tick(noon.Add(29 * 24 * time.Hour))
	require.Len(t, s.View().Approvals, 2)
	require.Len(t, s.View().Runs, 3)
	require.Len(t, s.State.Early, 1)

	s.handOff(noon.Add(29 * 24 * time.Hour)) // the warnings
	s.Tick(noon.Add(31 * 24 * time.Hour))
	v := s.View()
	require.Len(t, v.Approvals, 1)
	require.Equal(t, "m2", v.Approvals[0].MessageID, "what is open is never forgotten")
	require.Len(t, v.Runs, 1)
	require.Equal(t, "kept", v.Runs[0].RunID, "nor is the run that it belongs to")
	require.Empty(t, s.State.Early)
}

func TestItemsWithAWaitingNoticeAreKept(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"))
	open(t, s, "r1", 0)
	apply(s, noon, response(0, "x", "m1", true), forceFailed(0, "r1"))
	later := noon.Add(40 * 24 * time.Hour)
	s.Tick(later)
	require.Len(t, s.View().Approvals, 1)
	require.Len(t, s.View().Runs, 1)
	s.handOff(later)
	s.Tick(later)
	require.Empty(t, s.View().Approvals)
	require.Empty(t, s.View().Runs)
}

func TestUnclosedRunsDoNotFillTheState(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	refused := 0
	for i := range 1000 {
		now := noon.Add(time.Duration(i) * time.Hour)
		if _, err := s.Open(workflows.OpenRun{RunID: fmt.Sprint("r", i)}, now); err != nil {
			requireRefused(t, workflows.ErrTypeTooMany, err)
			refused++
		}
		s.Tick(now)
		s.handOff(now)
	}
	require.Zero(t, refused)
	for i := range 1000 {
		if _, err := s.Open(workflows.OpenRun{RunID: fmt.Sprint("at once", i)}, noon.Add(1001*time.Hour)); err != nil {
			requireRefused(t, workflows.ErrTypeTooMany, err)
			refused++
		}
	}
	require.Positive(t, refused)
	require.Less(t, refused, 900)
}

// sizes are texts of the largest and smallest accepted sizes, in characters with the longest JSON.
var sizes = map[string]struct {
	// fill fills texts, idFill IDs, which have no control characters.
	fill, idFill string
	small        bool
}{
	"plain":       {fill: "x", idFill: "x"},
	"escaped":     {fill: "\x01", idFill: "<"},
	"tags":        {fill: "<", idFill: "<"},
	"quotes":      {fill: `"`, idFill: `"`},
	"not UTF-8":   {fill: "\xff", idFill: "&"},
	"three bytes": {fill: "\u2028", idFill: "\u2028"},
	"small":       {fill: "x", idFill: "x", small: true},
}

// filler fills an activation until it accepts no more.
type filler struct {
	t     *testing.T
	s     *world
	fill  string
	idFor func(kind string, i int) string
	// to is the longest receiver.
	to    *workflows.ReplyTo
	small bool
}

// text returns a text of so many bytes of JSON.
func (f *filler) text(n int) string {
	if f.small {
		return ""
	}
	return strings.Repeat(f.fill, n/workflows.JSONLen(f.fill))
}

func (f *filler) tooMany(err error) bool {
	f.t.Helper()
	if err == nil {
		return false
	}
	requireRefused(f.t, workflows.ErrTypeTooMany, err)
	return true
}

// approvals registers approvals until no more are accepted.
func (f *filler) approvals(prefix string, to *workflows.ReplyTo, most int) {
	f.t.Helper()
	for i := range most {
		r := workflows.ApprovalRequest{
			MessageID: f.idFor(prefix, i), RunID: f.idFor("run", i/4), Deadline: at(1e5), Subject: f.text(500), ReplyTo: to,
		}
		if f.small {
			r.RunID = ""
		}
		if _, err := f.s.Request([]workflows.ApprovalRequest{r}, noon); f.tooMany(err) {
			return
		}
	}
}

func (f *filler) runs(prefix string, most int) {
	f.t.Helper()
	for i := range most {
		if _, err := f.s.Open(workflows.OpenRun{RunID: f.idFor(prefix, i), ReplyTo: f.to}, noon); f.tooMany(err) {
			return
		}
	}
}

// close answers half of the approvals and cancels the other half with the longest reasons.
func (f *filler) close(now time.Time) {
	f.t.Helper()
	var events []workflows.ActivationEvent
	for i, a := range f.s.View().Approvals {
		switch {
		case a.Status != workflows.ApprovalOpen:
		case i%2 == 0:
			e := response(1, f.idFor("x", i), a.MessageID, true)
			e.Reason = strings.Repeat(f.fill, 5000)
			events = append(events, e)
		default:
			_, err := f.s.Cancel(workflows.CancelApproval{MessageID: a.MessageID, Reason: f.text(500), By: f.text(500)}, now)
			require.NoError(f.t, err)
		}
	}
	apply(f.s, now, events...)
}

// requireFits checks the sizes of all payloads, and the counted sizes of their parts.
func (f *filler) requireFits(now time.Time) {
	f.t.Helper()
	s := f.s
	view := s.View()
	view.Options = s.Start.Options
	h := lifecycle.Next(s.Activation, now).HandOff
	input, state, handOff := size(f.t, s), len(mustJSON(f.t, view)), len(mustJSON(f.t, h))
	f.t.Logf("input %d bytes, view %d, hand-off %d: %d approvals, %d runs, %d early, %d notices",
		input, state, handOff, len(s.State.Approvals), len(s.State.Runs), len(s.State.Early), len(s.waiting()))
	require.Less(f.t, input, payloadLimit)
	require.Less(f.t, state, payloadLimit)
	require.Less(f.t, handOff, payloadLimit)

	waiting := map[string]int{}
	for _, n := range s.State.Outbox.Waiting {
		waiting[n.ID] = len(mustJSON(f.t, n)) + 1
	}
	for i := range s.State.Approvals {
		a := &s.State.Approvals[i]
		require.LessOrEqual(f.t, len(mustJSON(f.t, a))+1+waiting[a.NoticeID], lifecycle.ApprovalBytes(a), "%+v", a)
	}
	for i := range s.State.Runs {
		r := &s.State.Runs[i]
		require.LessOrEqual(f.t, len(mustJSON(f.t, r))+1+waiting[r.WarningID]+waiting[r.EndID], lifecycle.RunBytes(r), "%+v", r)
	}
	for i := range s.State.Early {
		require.LessOrEqual(f.t, len(mustJSON(f.t, s.State.Early[i]))+1, lifecycle.ResponseBytes(&s.State.Early[i]))
	}
}

// The state is filled with the largest, or the most, items of every kind, until it accepts no more.
func TestTheLargestStateFitsIntoAPayload(t *testing.T) {
	t.Parallel()
	for name, kind := range sizes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &filler{t: t, fill: kind.fill, small: kind.small, to: &workflows.ReplyTo{WorkflowID: strings.Repeat("<", 255), Signal: strings.Repeat("<", 255)}}
			f.idFor = func(prefix string, i int) string {
				id := fmt.Sprint(prefix, i, " ")
				if kind.small {
					return id
				}
				return id + strings.Repeat(kind.idFill, (workflows.MaxIDBytes-len(id))/len(kind.idFill))
			}
			if kind.small {
				f.to = &workflows.ReplyTo{WorkflowID: "w", Signal: "s"}
			}
			f.s = newWorld(t, workflows.ActivationOptions{CheckApprovalQueue: f.text(1000)})
			f.s.Start.Agent, f.s.Start.ActivationID = strings.Repeat("a", 100), f.idFor("activation", 1)

			e := activated(0, "key")
			e.SealedAPIKey, e.User = make([]byte, 16<<10), &workflows.ActivationUser{ID: strings.Repeat(kind.fill, 5000), Email: strings.Repeat(kind.fill, 5000)}
			apply(f.s, noon, e)
			var events []workflows.ActivationEvent
			for i := range 300 {
				events = append(events, paused(float64(i)/100, strings.Repeat(kind.fill, 5000)), resumed(float64(i)/100+0.005))
			}
			for i := range 1000 {
				early := response(1, f.idFor("x", i), f.idFor("early", i), true)
				if early.Reason = strings.Repeat(kind.fill, 5000); i%2 == 0 {
					early.Approved = nil
				}
				events = append(events, early, forceFailed(1, f.idFor("failed", i)))
			}
			apply(f.s, noon, events...)
			f.s.Tick(noon)
			f.requireFits(noon)
			f.s.handOffAll(noon)

			f.approvals("kept", nil, 700)
			f.close(at(5))
			f.s.handOffAll(at(5))
			f.s.Tick(at(5))
			f.runs("run", 1000)
			f.approvals("owed", f.to, 3000)
			f.s.Tick(at(5))
			f.requireFits(at(5))

			f.s.Tick(at(14)) // every open run is stale
			require.NotEmpty(t, f.s.waiting())
			f.close(at(15))
			f.approvals("open", f.to, 3000)
			f.s.Tick(at(15))
			f.requireFits(at(15))
			apply(f.s, at(16), deactivated(16))
			f.s.Tick(at(16))
			f.requireFits(at(16))
		})
	}
}

// The smallest runs are opened until no more are accepted. Then they are opened again with the longest receiver, and closed with the
// longest reason while their notices wait.
func TestRunsThatGrowAfterTheyWereOpenedFitIntoAPayload(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("<", 255)
	f := &filler{t: t, fill: "<", s: newState(t), to: &workflows.ReplyTo{WorkflowID: longest, Signal: longest}}
	f.idFor = func(prefix string, i int) string {
		id := fmt.Sprint(prefix, i)
		return id + strings.Repeat("<", workflows.MaxIDBytes-len(id))
	}
	var events []workflows.ActivationEvent
	for i := range 1000 {
		early := response(1, f.idFor("x", i), f.idFor("early", i), true)
		early.Reason = f.text(500)
		events = append(events, early, forceFailed(1, f.idFor("failed", i)))
	}
	apply(f.s, noon, events...)
	register := func(prefix string, to *workflows.ReplyTo) {
		for i := range 3000 {
			_, err := f.s.Request([]workflows.ApprovalRequest{{MessageID: f.idFor(prefix, i), Subject: f.text(500), ReplyTo: to}}, noon)
			if f.tooMany(err) {
				return
			}
		}
	}
	f.s.handOffAll(noon)
	register("kept", nil)
	f.close(at(5))
	f.s.handOffAll(at(5))
	f.s.Tick(at(5))
	register("open", f.to)

	var opened []string
	for i := range 1000 {
		id := fmt.Sprint("run", i)
		_, err := f.s.Open(workflows.OpenRun{RunID: id, ReplyTo: &workflows.ReplyTo{WorkflowID: "w", Signal: "s"}}, noon)
		if f.tooMany(err) {
			break
		}
		opened = append(opened, id)
	}
	require.NotEmpty(t, opened)
	for _, id := range opened {
		_, err := f.s.Open(workflows.OpenRun{RunID: id, ReplyTo: f.to}, noon)
		f.tooMany(err)
	}
	f.s.Tick(at(6))
	f.requireFits(at(6))
	f.s.Tick(at(14)) // every open run is stale
	for _, id := range opened {
		_, err := f.s.Close(workflows.CloseRun{RunID: id, Reason: f.text(500), By: f.text(500)}, at(15))
		require.NoError(t, err)
	}
	f.s.Tick(at(15))
	f.requireFits(at(15))
}

func TestAFingerprintThatIsTooLongCountsAsNone(t *testing.T) {
	t.Parallel()
	s := newState(t)
	e := activated(0, "key")
	e.APIKeyFingerprint = make([]byte, payloadLimit)
	apply(s, noon, e)
	require.Empty(t, s.State.Activated.Fingerprint)
	require.Less(t, size(t, s), 10<<10)
	apply(s, noon, redelivered(e))
	require.Empty(t, lifecycle.Attention(s.Activation))
}

// size returns the size of the continue-as-new input.
func size(t testing.TB, s *world) int {
	t.Helper()
	return len(mustJSON(t, map[string]any{"start": s.Start, "carried": s.State}))
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

func TestHundredsOfApprovalsOfTheUsualSizeAreAccepted(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	var requests []workflows.ApprovalRequest
	for i := range 500 {
		r := requestOfRun(fmt.Sprintf("msg_%024d", i), fmt.Sprintf("run_%024d", i%50))
		r.Deadline = at(60)
		requests = append(requests, r)
	}
	register(t, s, noon, requests...)
}

// In a backlog, many runs are force-failed and many answers come before the agent registers its approvals.
func TestAnApprovalOfARunThatWasForceFailedLongBeforeIsVoided(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	var events []workflows.ActivationEvent
	for i := range 1000 {
		events = append(events, forceFailed(1, fmt.Sprint("r", i)))
	}
	apply(s, at(1), events...)
	s.Tick(at(1))
	s.handOffAll(at(1))
	s.Tick(at(1))
	s = carried(t, s)
	require.Less(t, len(s.View().Runs), 100, "the others are remembered without their details")
	requireRefused(t, workflows.ErrTypeRunClosed, lifecycle.CheckOpenRun(s.Activation, workflows.OpenRun{RunID: "r0"}))
	for i := range 300 {
		id := fmt.Sprint("m", i)
		a := register(t, s, at(2), requestOfRun(id, fmt.Sprint("r", i)))
		require.Equal(t, workflows.ApprovalVoided, a[0].Status, id)
		require.Equal(t, at(1), s.State.Approvals[len(s.State.Approvals)-1].DecidedAt)
		s.handOffAll(at(2))
		s.Tick(at(2))
	}
	again := apply(s, at(3), redelivered(forceFailed(1, "r0")), redelivered(forceFailed(1, "r999")))
	require.Equal(t, []workflows.EventResult{workflows.EventDuplicate, workflows.EventDuplicate}, results(again))
	require.Empty(t, s.waitingIDs(), "no second notice")
}

func TestAReplayRepairsAnEarlyResponseThatHadNoRoom(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	var responses []workflows.ActivationEvent
	for i := range 300 {
		responses = append(responses, response(1, fmt.Sprint("x", i), fmt.Sprint("m", i), true))
	}
	apply(s, at(1), responses...)
	s.Tick(at(1))
	require.Less(t, len(s.State.Early), 300)
	s = carried(t, s)
	approved := func() (n int) {
		for _, a := range s.State.Approvals {
			if a.Status == workflows.ApprovalApproved {
				n++
			}
		}
		return n
	}
	for _, e := range responses {
		register(t, s, at(2), request(e.InResponseToID))
	}
	require.Less(t, approved(), 300, "some are open")
	apply(s, at(3), responses...)
	require.Equal(t, 300, approved())
	for _, a := range s.State.Approvals {
		require.Zero(t, a.LateResponses)
	}
}
