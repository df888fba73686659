package lifecycle_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
)

func TestAnApprovalIsAnsweredByTheResponseToItsMessage(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, requestOfRun("m1", "r1"), requestOfRun("m2", "r1"))

	yes, no := response(1, "m3", "m1", true), response(2, "m4", "m2", false)
	yes.RunID, no.RunID = "r1", "another run"
	apply(s, at(2), yes, no)

	a, b := approval(t, s, "m1"), approval(t, s, "m2")
	require.Equal(t, workflows.ApprovalApproved, a.Status)
	require.Equal(t, workflows.ApprovalRejected, b.Status)
	require.Equal(t, "because of m4", b.Reason)
	require.Equal(t, "m3", a.ResponseMessageID)
	require.Equal(t, workflows.NewsByWebhook, a.Source)
	require.Equal(t, at(2), a.ClosedAt)
	require.Len(t, s.DueReplies(at(2)), 2)
}

func TestAResponseThatSaysNeitherYesNorNoLeavesTheApprovalOpen(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"))
	unclear, early := response(1, "m3", "m1", true), response(1, "m4", "m9", true)
	unclear.Approved, early.Approved = nil, nil
	apply(s, at(2), unclear, early)
	require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m1").Status)
	require.Empty(t, s.Early)
	require.Empty(t, s.DueReplies(at(2)))
	apply(s, at(3), response(3, "m5", "m1", true))
	require.Equal(t, workflows.ApprovalApproved, approval(t, s, "m1").Status)
}

func TestAnEarlyResponseIsKeptAndMatched(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	apply(s, at(1), response(1, "m3", "m1", true))
	s = carried(t, s)
	got := register(t, s, at(2), request("m1"))
	require.Equal(t, workflows.ApprovalApproved, got[0].Status)
	require.Empty(t, s.Early)
	require.Len(t, s.DueReplies(at(2)), 1)
}

func TestOfSeveralEarlyResponsesTheEarliestCounts(t *testing.T) {
	t.Parallel()
	for _, order := range [][]workflows.ActivationEvent{
		{response(1, "m3", "m1", true), response(2, "m4", "m1", false)},
		{response(2, "m4", "m1", false), response(1, "m3", "m1", true)},
	} {
		s := activeState(t)
		for _, e := range order {
			apply(s, at(3), e)
		}
		require.Equal(t, workflows.ApprovalApproved, register(t, s, at(4), request("m1"))[0].Status)
	}
}

func TestAResponseAfterTheEndIsLateAndChangesNothing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		end  func(t *testing.T, s *lifecycle.State)
		want workflows.ApprovalStatus
	}{
		{"approved", func(_ *testing.T, s *lifecycle.State) { apply(s, at(1), response(1, "m2", "m1", true)) }, workflows.ApprovalApproved},
		{"expired", func(_ *testing.T, s *lifecycle.State) { s.Tick(at(10)) }, workflows.ApprovalExpired},
		{"voided", func(_ *testing.T, s *lifecycle.State) { apply(s, at(1), forceFailed(1, "r1")) }, workflows.ApprovalVoided},
		{"cancelled", func(t *testing.T, s *lifecycle.State) {
			_, err := s.Cancel(workflows.CancelApproval{MessageID: "m1"}, at(1))
			require.NoError(t, err)
		}, workflows.ApprovalCancelled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := activeState(t)
			r := requestDue("m1", 10)
			r.RunID = "r1"
			register(t, s, noon, r)
			tc.end(t, s)
			notes := apply(s, at(11), response(0.5, "m9", "m1", false))
			require.Equal(t, []lifecycle.Verdict{lifecycle.Late}, verdicts(notes))
			a := approval(t, s, "m1")
			require.Equal(t, tc.want, a.Status)
			require.Equal(t, 1, a.LateResponses)
			require.Len(t, s.DueReplies(at(11)), 1, "one answer, whatever comes after")
		})
	}
}

func TestADuplicateOfTheAppliedResponseIsNotLate(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"))
	apply(s, at(1), response(1, "m2", "m1", true))
	require.Equal(t, []lifecycle.Verdict{lifecycle.Duplicate}, verdicts(apply(s, at(2), redelivered(response(1, "m2", "m1", true)))))
	require.Zero(t, approval(t, s, "m1").LateResponses)
}

func TestAResponseAndAForcedEndThatCross(t *testing.T) {
	t.Parallel()
	yes := func(minutes float64) workflows.ActivationEvent { return response(minutes, "m2", "m1", true) }
	type batches = [][]workflows.ActivationEvent
	for _, tc := range []struct {
		name     string
		register int // before which batch
		batches  batches
		want     workflows.ApprovalStatus
	}{
		{"the response is applied and stands", 0, batches{{yes(1)}, {forceFailed(2, "r1")}}, workflows.ApprovalApproved},
		{"it stands even if the end is older", 0, batches{{yes(2)}, {forceFailed(1, "r1")}}, workflows.ApprovalApproved},
		{"the end is applied and was told", 0, batches{{forceFailed(2, "r1")}, {yes(3)}}, workflows.ApprovalVoided},
		{"it was told even if the response is older", 0, batches{{forceFailed(2, "r1")}, {yes(1)}}, workflows.ApprovalVoided},
		{"together: the response is older", 0, batches{{forceFailed(2, "r1"), yes(1)}}, workflows.ApprovalApproved},
		{"together: the end is older", 0, batches{{yes(2), forceFailed(1, "r1")}}, workflows.ApprovalVoided},
		{"together at the same time: the answer was given", 0, batches{{forceFailed(2, "r1"), yes(2)}}, workflows.ApprovalApproved},
		{"both before the request: the response is older", 2, batches{{forceFailed(2, "r1")}, {yes(1)}}, workflows.ApprovalApproved},
		{"both before the request: the end is older", 2, batches{{yes(2)}, {forceFailed(1, "r1")}}, workflows.ApprovalVoided},
		{"only the end before the request", 1, batches{{forceFailed(1, "r1")}}, workflows.ApprovalVoided},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := activeState(t)
			for i, events := range append(tc.batches, nil) {
				if i == tc.register {
					register(t, s, at(5), requestOfRun("m1", "r1"))
				}
				apply(s, at(5), events...)
			}
			require.Equal(t, tc.want, approval(t, s, "m1").Status)
			require.Len(t, s.DueReplies(at(5)), 1)
		})
	}
}

func TestTheEndOfTheActivationVoidsWhatIsOpen(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"), requestOfRun("m2", "r1"))
	_, err := s.Open(workflows.OpenRun{RunID: "r1", ReplyTo: waiter}, noon)
	require.NoError(t, err)
	apply(s, at(1), response(1, "m3", "m1", true), deactivated(2))

	require.Equal(t, workflows.ApprovalApproved, approval(t, s, "m1").Status)
	require.Equal(t, workflows.ApprovalVoided, approval(t, s, "m2").Status)
	require.Equal(t, workflows.RunVoided, run(t, s, "r1").Status)
	require.Len(t, s.DueReplies(at(1)), 3)
}

func TestStoppingCancelsWhatIsOpenAndLeavesTheStatus(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"))
	s.Stop(at(1))
	require.Equal(t, workflows.ApprovalCancelled, approval(t, s, "m1").Status)
	require.Equal(t, workflows.ActivationActive, s.View().Status)
	require.Empty(t, s.View().SealedAPIKey)
	requireRefused(t, workflows.ErrTypeActivationEnded, s.CheckRequests([]workflows.ApprovalRequest{request("m2")}))
}

func TestRegisteringIsIdempotent(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	first := register(t, s, noon, requestDue("m1", 30))
	second := register(t, s, at(5), requestDue("m1", 30), requestDue("m1", 30))
	require.Equal(t, append(first, first...), second)

	apply(s, at(6), paused(6, "user_paused"))
	require.Equal(t, first, register(t, s, at(7), requestDue("m1", 30)), "also while nothing new is taken")
	apply(s, at(8), deactivated(8))
	require.Equal(t, workflows.ApprovalVoided, register(t, s, at(9), requestDue("m1", 30))[0].Status)
}

func TestRegisteringIsRefusedWithATypedError(t *testing.T) {
	t.Parallel()
	one := func(r workflows.ApprovalRequest) []workflows.ApprovalRequest { return []workflows.ApprovalRequest{r} }
	with := func(change func(*workflows.ApprovalRequest)) []workflows.ApprovalRequest {
		r := request("m9")
		change(&r)
		return one(r)
	}
	for _, tc := range []struct {
		name     string
		before   []workflows.ActivationEvent
		requests []workflows.ApprovalRequest
		want     string
	}{
		{"an empty list", nil, nil, workflows.ErrTypeInvalidArgument},
		{"a list that is too long", nil, make([]workflows.ApprovalRequest, 501), workflows.ErrTypeTooMany},
		{"no message ID", nil, one(request(" ")), workflows.ErrTypeInvalidArgument},
		{"a message ID that is too long", nil, one(request(strings.Repeat("x", 251))), workflows.ErrTypeInvalidArgument},
		{"a subject that is too long", nil, with(func(r *workflows.ApprovalRequest) { r.Subject = strings.Repeat("x", 501) }), workflows.ErrTypeInvalidArgument},
		{"half a replyTo", nil, with(func(r *workflows.ApprovalRequest) { r.ReplyTo = &workflows.ReplyTo{Signal: "s"} }), workflows.ErrTypeInvalidArgument},
		{"a workflow ID that the server can't take", nil, with(func(r *workflows.ApprovalRequest) { r.ReplyTo = &workflows.ReplyTo{WorkflowID: "ö", Signal: "s"} }), workflows.ErrTypeInvalidArgument},
		{"another content", nil, one(requestDue("m1", 5)), workflows.ErrTypeApprovalConflict},
		{"another content within the list", nil, []workflows.ApprovalRequest{request("m9"), requestDue("m9", 5)}, workflows.ErrTypeApprovalConflict},
		{"a run that was closed", nil, one(requestOfRun("m9", "closed")), workflows.ErrTypeRunClosed},
		{"paused", []workflows.ActivationEvent{paused(1, "user_paused")}, one(request("m9")), workflows.ErrTypeActivationPaused},
		{"deactivated", []workflows.ActivationEvent{deactivated(1)}, one(request("m9")), workflows.ErrTypeActivationEnded},
		{"one known and one new while paused", []workflows.ActivationEvent{paused(1, "user_paused")}, []workflows.ApprovalRequest{request("m1"), request("m9")}, workflows.ErrTypeActivationPaused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := activeState(t)
			register(t, s, noon, request("m1"))
			_, err := s.Open(workflows.OpenRun{RunID: "closed"}, noon)
			require.NoError(t, err)
			_, err = s.Close(workflows.CloseRun{RunID: "closed"}, noon)
			require.NoError(t, err)
			apply(s, at(1), tc.before...)

			before := s.View()
			requireRefused(t, tc.want, s.CheckRequests(tc.requests))
			_, err = s.Request(tc.requests, at(2))
			requireRefused(t, tc.want, err)
			require.Equal(t, before, s.View(), "a refusal changes nothing")
		})
	}
}

func TestAnUnknownActivationListensForAnswers(t *testing.T) {
	t.Parallel()
	s := newState()
	require.Equal(t, workflows.ApprovalOpen, register(t, s, noon, request("m1"))[0].Status)
	apply(s, at(1), response(1, "m2", "m1", true))
	require.Equal(t, workflows.ApprovalApproved, approval(t, s, "m1").Status)
	require.Equal(t, workflows.ActivationUnknown, s.Status)
}

func TestCancelling(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"), request("m2"))
	apply(s, at(1), response(1, "m3", "m2", true))

	got, err := s.Cancel(workflows.CancelApproval{MessageID: "m1", Reason: "not needed", By: "ada"}, at(2))
	require.NoError(t, err)
	require.Equal(t, workflows.ApprovalCancelled, got.Status)
	require.Equal(t, "not needed (by ada)", got.Reason)
	again, err := s.Cancel(workflows.CancelApproval{MessageID: "m1"}, at(3))
	require.NoError(t, err)
	require.Equal(t, got, again)

	_, err = s.Cancel(workflows.CancelApproval{MessageID: "m2"}, at(3))
	requireRefused(t, workflows.ErrTypeApprovalClosed, err)
	_, err = s.Cancel(workflows.CancelApproval{MessageID: "m9"}, at(3))
	requireRefused(t, workflows.ErrTypeUnknownApproval, err)
}

func TestResponsesThatCantBeUsedAreIgnored(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	nowhere := response(1, "m2", "", true)
	endless := response(1, "m3", strings.Repeat("x", 300), true)
	unclear := response(1, "m4", "m1", true)
	unclear.Approved = nil
	require.Equal(t, []lifecycle.Verdict{lifecycle.Ignored, lifecycle.Ignored, lifecycle.Ignored}, verdicts(apply(s, at(1), nowhere, endless, unclear)))
	require.Empty(t, s.Early)

	mended := response(1, "m4", "m1", true)
	require.Equal(t, unclear.DedupeKey, mended.DedupeKey)
	require.Equal(t, []lifecycle.Verdict{lifecycle.Applied}, verdicts(apply(s, at(2), mended)), "replayed, it counts")
}
