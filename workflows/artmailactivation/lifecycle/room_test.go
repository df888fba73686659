package lifecycle_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
)

// filling returns texts that together need exactly room bytes, if each item needs base bytes more. Each text begins with its number.
func filling(t testing.TB, room, base, longest int) []string {
	t.Helper()
	n := (room + base + longest - 1) / (base + longest)
	texts := make([]string, n)
	for i := range texts {
		size := (room - n*base) / n
		if i < (room-n*base)%n {
			size++
		}
		texts[i] = fmt.Sprintf("%0*d", size, i)
	}
	return texts
}

func openApproval(subject string) *lifecycle.Approval {
	r := workflows.ApprovalRequest{MessageID: "m0000", Subject: subject, ReplyTo: waiter}
	return &lifecycle.Approval{Approval: workflows.Approval{ApprovalRequest: r, Status: workflows.ApprovalOpen}}
}

func subjects(texts []string) []workflows.ApprovalRequest {
	var all []workflows.ApprovalRequest
	for i, text := range texts {
		all = append(all, workflows.ApprovalRequest{MessageID: fmt.Sprintf("m%04d", i), Subject: text, ReplyTo: waiter})
	}
	return all
}

func TestApprovalsAreAcceptedUpToTheLastByteOfTheirRoom(t *testing.T) {
	t.Parallel()
	requests := subjects(filling(t, lifecycle.MaxOpenApprovalBytes, lifecycle.ApprovalBytes(openApproval("")), 400))
	half := len(requests) / 2
	for name, before := range map[string]int{"in one list": 0, "half of them before": half, "one by one": len(requests) - 1} {
		s := activeState(t)
		if before > 0 {
			register(t, s, noon, requests[:before]...)
		}
		late := slices.Clone(requests[before:])
		late[0].Subject += "x"
		requireRefused(t, workflows.ErrTypeTooMany, lifecycle.CheckRequestApprovals(s.Activation, late))
		require.NoError(t, lifecycle.CheckRequestApprovals(s.Activation, requests[before:]), name)
	}

	// An answered approval keeps its room until its hand-off; then another approval can have it.
	s := activeState(t)
	register(t, s, noon, requests...)
	apply(s, at(1), response(1, "x", "m0000", true))
	another := subjects([]string{requests[0].Subject})
	another[0].MessageID = "other"
	requireRefused(t, workflows.ErrTypeTooMany, lifecycle.CheckRequestApprovals(s.Activation, another))
	s.handOff(at(1))
	require.NoError(t, lifecycle.CheckRequestApprovals(s.Activation, another))
}

func TestEachTextCountsItsBytes(t *testing.T) {
	t.Parallel()
	const text = "twelve bytes"
	to := &workflows.ReplyTo{WorkflowID: text, Signal: text}
	approvalOf := func(status workflows.ApprovalStatus, change func(*workflows.Approval)) int {
		a := lifecycle.Approval{Approval: workflows.Approval{Status: status}}
		change(&a.Approval)
		return lifecycle.ApprovalBytes(&a)
	}
	closed := approvalOf(workflows.ApprovalApproved, func(*workflows.Approval) {})
	for name, change := range map[string]func(*workflows.Approval){
		"messageId":         func(a *workflows.Approval) { a.MessageID = text },
		"runId":             func(a *workflows.Approval) { a.RunID = text },
		"subject":           func(a *workflows.Approval) { a.Subject = text },
		"workflow":          func(a *workflows.Approval) { a.ReplyTo = &workflows.ReplyTo{WorkflowID: text} },
		"signal":            func(a *workflows.Approval) { a.ReplyTo = &workflows.ReplyTo{Signal: text} },
		"reason":            func(a *workflows.Approval) { a.Reason = text },
		"responseMessageId": func(a *workflows.Approval) { a.ResponseMessageID = text },
	} {
		require.Equal(t, closed+len(text), approvalOf(workflows.ApprovalApproved, change), name)
	}
	callbacks := func(a *workflows.Approval) { a.Notify = []string{text, text} }
	require.Equal(t, closed+2*len(text)+6, approvalOf(workflows.ApprovalApproved, callbacks), "with quotes and commas")
	run := func(r workflows.Run) int { return lifecycle.RunBytes(&lifecycle.Run{Run: r}) }
	require.Equal(t, run(workflows.Run{})+len(text), run(workflows.Run{RunID: text}))
	require.Equal(t, run(workflows.Run{})+2*len(text), run(workflows.Run{ReplyTo: to}))
	require.Equal(t, run(workflows.Run{})+20, run(workflows.Run{Reason: strings.Repeat("r", 120)}), "there is room for 100 already")
	response := lifecycle.ResponseBytes(&lifecycle.Response{})
	for _, r := range []lifecycle.Response{{MessageID: text}, {RequestID: text}, {Reason: text}} {
		require.Equal(t, response+len(text), lifecycle.ResponseBytes(&r))
	}
}

func TestAnApprovalNeedsNoMoreRoomOnceItIsClosed(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("<", workflows.MaxShortTextBytes/6)
	for name, end := range map[string]func(s *world){
		"cancelled": func(s *world) {
			_, err := s.Cancel(workflows.CancelApproval{MessageID: "m1", Reason: longest, By: longest}, at(1))
			require.NoError(t, err)
		},
		"answered": func(s *world) {
			e := response(1, strings.Repeat("<", 250), "m1", true)
			e.Reason = strings.Repeat("<", 5000)
			apply(s, at(1), e)
		},
	} {
		s := activeState(t)
		register(t, s, noon, request("m1"))
		open := lifecycle.ApprovalBytes(&s.State.Approvals[0])
		end(s)
		closed := lifecycle.ApprovalBytes(&s.State.Approvals[0])
		require.LessOrEqual(t, closed, open, name)
		require.Greater(t, closed, open-1000, name)
	}
}

func runOf(id string, to *workflows.ReplyTo) *lifecycle.Run {
	return &lifecycle.Run{Run: workflows.Run{RunID: id, Status: workflows.RunOpen, ReplyTo: to}}
}

func openAll(t testing.TB, s *world, ids []string, now time.Time) {
	t.Helper()
	for _, id := range ids {
		_, err := s.Open(workflows.OpenRun{RunID: id}, now)
		require.NoError(t, err)
	}
}

func TestRunsAreAcceptedUpToTheLastByteOfTheirRoom(t *testing.T) {
	t.Parallel()
	ids := filling(t, lifecycle.MaxOpenRunBytes, lifecycle.RunBytes(runOf("", nil)), 240)
	last := ids[len(ids)-1]
	s := activeState(t)
	openAll(t, s, ids[:len(ids)-1], noon)
	requireRefused(t, workflows.ErrTypeTooMany, lifecycle.CheckOpenRun(s.Activation, workflows.OpenRun{RunID: last + "x"}))
	require.NoError(t, lifecycle.CheckOpenRun(s.Activation, workflows.OpenRun{RunID: last}))
	openAll(t, s, ids, noon)

	// A known run may be opened again, unless its receiver needs more room.
	require.NoError(t, lifecycle.CheckOpenRun(s.Activation, workflows.OpenRun{RunID: last}))
	requireRefused(t, workflows.ErrTypeTooMany, lifecycle.CheckOpenRun(s.Activation, workflows.OpenRun{RunID: last, ReplyTo: waiter}))

	// A run that is closed with a long reason while its warning waits needs room that was not reserved.
	s = activeState(t)
	last = last[:len(last)-workflows.JSONLen(waiter.WorkflowID+waiter.Signal)]
	openAll(t, s, ids[:len(ids)-1], noon)
	open(t, s, last, 0)
	requireFull := func() {
		t.Helper()
		requireRefused(t, workflows.ErrTypeTooMany, lifecycle.CheckOpenRun(s.Activation, workflows.OpenRun{RunID: strings.Repeat("n", 250)}))
	}
	requireFull()
	s.Tick(at(12))
	_, err := s.Close(workflows.CloseRun{RunID: last, Reason: strings.Repeat("r", 500)}, at(12))
	require.NoError(t, err)
	requireFull()
	openAll(t, s, ids[:2], at(12)) // what is open goes on
	s.handOffAll(at(13))
	require.NoError(t, lifecycle.CheckOpenRun(s.Activation, workflows.OpenRun{RunID: last[:200]}))
}

func TestRunsOfApprovalsAreAcceptedUpToTheLastByteOfTheirRoom(t *testing.T) {
	t.Parallel()
	ids := filling(t, lifecycle.MaxOpenRunBytes, lifecycle.RunBytes(runOf("", nil)), 240)
	var requests []workflows.ApprovalRequest
	for i, id := range append(ids, ids[0], "") {
		requests = append(requests, requestOfRun(fmt.Sprint("m", i), id))
	}
	s := activeState(t)
	require.NoError(t, lifecycle.CheckRequestApprovals(s.Activation, requests), "each run counts once")
	openAll(t, s, ids[:3], noon)
	require.NoError(t, lifecycle.CheckRequestApprovals(s.Activation, requests), "those that are open are counted already")
	requests[5].RunID += "x"
	err := lifecycle.CheckRequestApprovals(s.Activation, requests)
	requireRefused(t, workflows.ErrTypeTooMany, err)
	require.ErrorContains(t, err, "requests[")
}

func TestARepeatedRequestWhoseRunIsGoneNeedsNoRoom(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, requestOfRun("m1", "gone"))
	apply(s, at(1), response(1, "x", "m1", true))
	_, err := s.Close(workflows.CloseRun{RunID: "gone"}, at(1))
	require.NoError(t, err)
	s.handOffAll(at(1))
	later := at(1).Add(20 * 24 * time.Hour)
	ended := filling(t, lifecycle.MaxEndedRunBytes, lifecycle.RunBytes(runOf("", nil)), 240)
	openAll(t, s, ended, later)
	for _, id := range ended {
		_, err := s.Close(workflows.CloseRun{RunID: id}, later)
		require.NoError(t, err)
	}
	s.Tick(later)
	openAll(t, s, filling(t, lifecycle.MaxOpenRunBytes, lifecycle.RunBytes(runOf("open", nil)), 240), later)
	require.NoError(t, lifecycle.CheckRequestApprovals(s.Activation, []workflows.ApprovalRequest{requestOfRun("m1", "gone")}))
	requireRefused(t, workflows.ErrTypeTooMany, lifecycle.CheckRequestApprovals(s.Activation, []workflows.ApprovalRequest{requestOfRun("m2", "gone")}))
}

// messages returns the message IDs of the approvals, in their order.
func messages(s *world) []string {
	var ids []string
	for _, a := range s.View().Approvals {
		ids = append(ids, a.MessageID)
	}
	return ids
}

func TestClosedApprovalsAreKeptUpToTheLastByteOfTheirRoom(t *testing.T) {
	t.Parallel()
	closed := openApproval("")
	closed.Status, closed.ResponseMessageID, closed.ReplyTo = workflows.ApprovalRejected, "x0000", nil
	texts := filling(t, lifecycle.MaxClosedApprovalBytes, lifecycle.ApprovalBytes(closed), 400)
	for name, row := range map[string]struct {
		more    string
		minutes func(i int) float64
		dropped int // -1: none
	}{
		"they have room":           {"", func(i int) float64 { return float64(i) }, -1},
		"the oldest goes":          {"x", func(i int) float64 { return float64(i) }, 0},
		"the one closed first":     {"x", func(i int) float64 { return float64(-i) }, len(texts) - 1},
		"of the same time, either": {"x", func(int) float64 { return 0 }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := activeState(t)
			requests := subjects(texts)
			requests[3].Subject += row.more
			want := []string{}
			for i, r := range requests {
				requests[i].ReplyTo = nil
				if i != row.dropped {
					want = append(want, r.MessageID)
				}
			}
			register(t, s, noon, requests...)
			for i, r := range requests {
				e := response(1, fmt.Sprintf("x%04d", i), r.MessageID, false)
				e.Reason = ""
				apply(s, noon.Add(time.Duration(row.minutes(i)*float64(time.Second))), e)
			}
			s.Tick(at(10))
			s.handOffAll(at(10))
			s.Tick(at(10))
			require.Equal(t, want, messages(s))
		})
	}
}

func TestEndedRunsAndEarlyResponsesAreKeptUpToTheLastByteOfTheirRoom(t *testing.T) {
	t.Parallel()
	for _, more := range []string{"", "x"} {
		s := activeState(t)
		ids := filling(t, lifecycle.MaxEndedRunBytes, lifecycle.RunBytes(runOf("", nil)), 240)
		ids[0] += more
		early := filling(t, lifecycle.MaxEarlyBytes, lifecycle.ResponseBytes(&lifecycle.Response{MessageID: "x0000"}), 240)
		early[0] += more
		openAll(t, s, ids, noon)
		for i, id := range ids {
			_, err := s.Close(workflows.CloseRun{RunID: id}, at(float64(i)/60))
			require.NoError(t, err)
		}
		for i, id := range early {
			e := response(1, fmt.Sprintf("x%04d", i), id, true)
			e.Reason = ""
			apply(s, at(float64(i)/60), e)
		}
		s.Tick(at(10))
		require.Len(t, s.View().Runs, len(ids)-len(more))
		require.Equal(t, ids[len(more)], s.View().Runs[0].RunID, "the oldest goes")
		require.Len(t, s.State.Early, len(early)-len(more))
		require.Equal(t, early[len(more)], s.State.Early[0].RequestID)
		require.Equal(t, more != "", slices.Contains(lifecycle.Attention(s.Activation), workflows.AttentionResponseDropped), "a person can replay it")
		s.handOffAll(at(10))
		over := at(10).Add(7 * 24 * time.Hour)
		s.Tick(over)
		require.NotContains(t, lifecycle.Attention(s.Activation), workflows.AttentionResponseDropped)

		s.Tick(noon.Add(31 * 24 * time.Hour))
		require.Empty(t, s.State.Early)
		require.NotContains(t, lifecycle.Attention(s.Activation), workflows.AttentionResponseDropped, "a month later no request comes")
	}
}

func TestAnIdleRunIsKeptForThirtyDaysOrADayWhenRoomIsShort(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	ids := filling(t, lifecycle.MaxOpenRunBytes/2, lifecycle.RunBytes(runOf("", nil)), 240)
	for name, row := range map[string]struct {
		more string
		kept time.Duration
	}{"half the room is free": {"", 30 * day}, "less is free": {"x", day}} {
		s := activeState(t)
		openAll(t, s, ids[1:], noon)
		openAll(t, s, []string{ids[0] + row.more}, noon)
		s.Tick(at(60))
		s.handOffAll(at(60)) // the warnings
		s.Tick(noon.Add(row.kept))
		require.Len(t, s.View().Runs, len(ids), name)
		s.Tick(noon.Add(row.kept + 1))
		require.Empty(t, s.View().Runs, name)
	}

	s := activeState(t)
	r := request("m1")
	r.ReplyTo = nil
	register(t, s, noon, r)
	apply(s, noon, response(0, "x", "m1", true))
	s.handOffAll(noon)
	s.Tick(noon.Add(30 * day))
	require.Len(t, s.View().Approvals, 1)
	s.Tick(noon.Add(30*day + 1))
	require.Empty(t, s.View().Approvals)
}

func TestNoticesOfEndedRunsWithoutRoomAreGivenUpOldestFirst(t *testing.T) {
	t.Parallel()
	ids := filling(t, lifecycle.MaxOpenRunBytes, lifecycle.RunBytes(runOf("", nil)), 240)
	for _, more := range []string{"", "x"} {
		s := activeState(t)
		apply(s, noon, forceFailed(0, "told before"))
		s.handOffAll(noon)
		openAll(t, s, ids[:1], noon)
		for i, id := range ids[1:] {
			if i == 0 {
				id += more
			}
			apply(s, noon, forceFailed(0, id))
		}
		s.Tick(at(1))
		require.Len(t, s.waitingIDs(), len(ids)-1-len(more))
		require.Equal(t, more != "", s.State.Outbox.Refused(), "a person sees it")
		require.Equal(t, s.State.Runs[2+len(more)].EndID, s.waitingIDs()[0], "the oldest goes")
	}
}

// An app waits for the ends of the runs that it opened.
func TestNoticesOfUnknownRunsAreGivenUpFirst(t *testing.T) {
	t.Parallel()
	ids := filling(t, lifecycle.MaxOpenRunBytes, lifecycle.RunBytes(runOf("", nil)), 240)
	s := activeState(t)
	openAll(t, s, ids[:2], noon)
	for i, id := range ids {
		if i == len(ids)-1 {
			id += "x"
		}
		apply(s, noon, forceFailed(0, id))
	}
	s.Tick(at(1))
	require.Len(t, s.waitingIDs(), len(ids)-1)
	require.Equal(t, s.State.Runs[0].EndID, s.waitingIDs()[0])
	require.Equal(t, s.State.Runs[1].EndID, s.waitingIDs()[1])
	require.Equal(t, s.State.Runs[3].EndID, s.waitingIDs()[2], "the oldest unknown one goes")
	require.True(t, s.State.Outbox.Refused())
}

// waitingIDs returns the IDs of all waiting notices, with or without a receiver.
func (w *world) waitingIDs() []string {
	var ids []string
	for _, n := range w.State.Outbox.Waiting {
		ids = append(ids, n.ID)
	}
	return ids
}
