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
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
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
	require.Len(t, s.due(at(2)), 2)
}

func TestAnUnclearResponseRaisesAttentionUntilAClearOneOrTheEnd(t *testing.T) {
	t.Parallel()
	unclear := response(1, "m3", "m1", true)
	unclear.Approved = nil
	other := response(1, "m4", "m1", true)
	other.Approved = nil
	clear := response(2, "m5", "m1", false)
	mended := response(1, "m3", "m1", true) // the same delivery, replayed by code that can read it
	require.Equal(t, unclear.DedupeKey, mended.DedupeKey)
	cancel := func(t *testing.T, s *world) {
		_, err := s.Cancel(workflows.CancelApproval{MessageID: "m1"}, at(3))
		require.NoError(t, err)
	}
	for _, tc := range []struct {
		name          string
		before, after []workflows.ActivationEvent // the registration
		then          func(t *testing.T, s *world)
		want          workflows.ApprovalStatus
		attention     bool
	}{
		{"it stays open", nil, []workflows.ActivationEvent{unclear}, nil, workflows.ApprovalOpen, true},
		{"two of them", nil, []workflows.ActivationEvent{unclear, other, unclear}, nil, workflows.ApprovalOpen, true},
		{"it came before the request", []workflows.ActivationEvent{unclear}, nil, nil, workflows.ApprovalOpen, true},
		{"twice before the request", []workflows.ActivationEvent{unclear, other}, nil, nil, workflows.ApprovalOpen, true},
		{"a clear answer follows", nil, []workflows.ActivationEvent{unclear, clear}, nil, workflows.ApprovalRejected, false},
		{"a clear answer was there", nil, []workflows.ActivationEvent{clear, unclear}, nil, workflows.ApprovalRejected, false},
		{"both came before the request", []workflows.ActivationEvent{unclear, clear}, nil, nil, workflows.ApprovalRejected, false},
		{"in the other order", []workflows.ActivationEvent{clear, unclear}, nil, nil, workflows.ApprovalRejected, false},
		{"a clear answer after the registration", []workflows.ActivationEvent{unclear}, []workflows.ActivationEvent{clear}, nil, workflows.ApprovalRejected, false},
		{"replayed, it counts", nil, []workflows.ActivationEvent{unclear, mended}, nil, workflows.ApprovalApproved, false},
		{"replayed before the request too", []workflows.ActivationEvent{unclear, mended}, nil, nil, workflows.ApprovalApproved, false},
		{"the approval is closed", nil, []workflows.ActivationEvent{unclear}, cancel, workflows.ApprovalCancelled, false},
		{"its time is up", nil, []workflows.ActivationEvent{unclear}, func(_ *testing.T, s *world) { s.Tick(at(60)) }, workflows.ApprovalExpired, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := activeState(t)
			requireUsed := func(events []workflows.ActivationEvent) {
				for _, e := range events {
					require.NotContains(t, results(apply(s, at(2), e)), workflows.EventIgnored)
				}
			}
			requireUsed(tc.before)
			s = carried(t, s)
			register(t, s, at(2), requestDue("m1", 60))
			requireUsed(tc.after)
			if tc.then != nil {
				tc.then(t, s)
			}
			a := approval(t, s, "m1")
			require.Equal(t, tc.want, a.Status)
			require.Equal(t, tc.attention, slices.Contains(s.View().Attention, workflows.AttentionResponseUnclear))
			require.Len(t, s.waiting(), map[bool]int{true: 0, false: 1}[tc.want == workflows.ApprovalOpen])
		})
	}
}

func TestAnEarlyResponseIsKeptForItsApproval(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	apply(s, at(1), response(1, "m3", "m1", true))
	s = carried(t, s)
	got := register(t, s, at(2), request("m1"))
	require.Equal(t, workflows.ApprovalApproved, got[0].Status)
	require.Empty(t, s.State.Early)
	require.Len(t, s.due(at(2)), 1)
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
		end  func(t *testing.T, s *world)
		want workflows.ApprovalStatus
	}{
		{"approved", func(_ *testing.T, s *world) { apply(s, at(1), response(1, "m2", "m1", true)) }, workflows.ApprovalApproved},
		{"expired", func(_ *testing.T, s *world) { s.Tick(at(10)) }, workflows.ApprovalExpired},
		{"voided", func(_ *testing.T, s *world) { apply(s, at(1), forceFailed(1, "r1")) }, workflows.ApprovalVoided},
		{"cancelled", func(t *testing.T, s *world) {
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
			require.Len(t, s.handOff(at(10)), 1)
			notes := apply(s, at(11), response(0.5, "m9", "m1", false))
			require.Equal(t, []workflows.EventResult{workflows.EventLate}, results(notes))
			a := approval(t, s, "m1")
			require.Equal(t, tc.want, a.Status)
			require.Equal(t, 1, a.LateResponses)
			require.Empty(t, s.due(at(11)), "one notice, and no other after it")
		})
	}
}

func TestADuplicateOfTheAppliedResponseIsNotLate(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"))
	apply(s, at(1), response(1, "m2", "m1", true))
	require.Equal(t, []workflows.EventResult{workflows.EventDuplicate}, results(apply(s, at(2), redelivered(response(1, "m2", "m1", true)))))
	require.Zero(t, approval(t, s, "m1").LateResponses)
}

// A response and a force-failure of the run: Artmail's times decide, in any order of arrival, in one signal or two, before or after the
// registration, with or without a receiver.
func TestBetweenAResponseAndAForceFailureTheProvidersTimesDecide(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name               string
		answered, failedAt float64
		want               workflows.ApprovalStatus
		late               int
	}{
		{"the response is older", 1, 2, workflows.ApprovalApproved, 0},
		{"the end is older", 2, 1, workflows.ApprovalVoided, 1},
		{"at the same time the answer was given", 2, 2, workflows.ApprovalApproved, 0},
	} {
		yes, fail := response(tc.answered, "m2", "m1", true), forceFailed(tc.failedAt, "r1")
		for _, signals := range [][][]workflows.ActivationEvent{{{yes, fail}}, {{fail, yes}}, {{yes}, {fail}}, {{fail}, {yes}}} {
			for registered := range len(signals) + 1 {
				for _, to := range []*workflows.ReplyTo{waiter, nil} {
					s := activeState(t)
					for i, events := range append(slices.Clone(signals), nil) {
						if i == registered {
							r := requestOfRun("m1", "r1")
							r.ReplyTo = to
							register(t, s, at(5), r)
						}
						apply(s, at(5), events...)
						s.Tick(at(5))
						s = carried(t, s)
					}
					a := approval(t, s, "m1")
					where := []any{"%s: registered before signal %d of %v, receiver %v", tc.name, registered, signals, to}
					require.Equal(t, tc.want, a.Status, where...)
					require.Equal(t, tc.late, a.LateResponses, where...)
					require.Equal(t, tc.want == workflows.ApprovalApproved, a.ResponseMessageID == "m2", where...)
					if to != nil {
						require.Len(t, s.due(at(5)), 1, where...)
						require.Equal(t, tc.want, s.due(at(5))[0].Data.Approval.Status, where...)
						require.Equal(t, strings.ToLower("approval."+string(tc.want)), string(s.due(at(5))[0].Kind), where...)
					}
				}
			}
		}
	}
}

func TestAnEndIsFinalOnceItsHandOffHasBegun(t *testing.T) {
	t.Parallel()
	yes, fail := response(1, "m2", "m1", true), forceFailed(2, "r1")
	yesLater, failFirst := response(2, "m2", "m1", true), forceFailed(1, "r1")
	for _, tc := range []struct {
		name          string
		first, second workflows.ActivationEvent
		want          workflows.ApprovalStatus
		late          int
	}{
		{"a response that is older comes too late", fail, yes, workflows.ApprovalVoided, 1},
		{"a forced end that is older comes too late", yesLater, failFirst, workflows.ApprovalApproved, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := activeState(t)
			register(t, s, noon, requestOfRun("m1", "r1"))
			apply(s, at(3), tc.first)
			h := lifecycle.Next(s.Activation, at(3)).HandOff
			s.Activation = lifecycle.HandOffStarted(s.Activation, *h)
			s = carried(t, s)
			apply(s, at(4), tc.second)
			require.Equal(t, tc.want, approval(t, s, "m1").Status, "the receiver may have it, though the hand-off is not over")
			require.Equal(t, tc.late, approval(t, s, "m1").LateResponses)
			s.Activation = lifecycle.HandOffFailed(s.Activation, *h, rules.Failure{}, at(4))
			require.Equal(t, h.Notices[0].ID, s.due(at(5))[0].ID, "and it is repeated as it was")
			s.handOff(at(5))
			apply(s, at(6), redelivered(tc.second))
			require.Equal(t, tc.want, approval(t, s, "m1").Status)
			require.Empty(t, s.waiting())
		})
	}
}

func TestOfSeveralResponsesTheEarliestDecidesUntilTheHandOff(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"))
	apply(s, at(3), response(3, "m4", "m1", false))
	apply(s, at(3), response(2, "m3", "m1", true))
	a := approval(t, s, "m1")
	require.Equal(t, workflows.ApprovalApproved, a.Status)
	require.Equal(t, "m3", a.ResponseMessageID)
	require.Equal(t, 1, a.LateResponses)
	require.Len(t, s.handOff(at(3)), 1)
	apply(s, at(4), response(1, "m2", "m1", false))
	require.Equal(t, workflows.ApprovalApproved, approval(t, s, "m1").Status)
	require.Equal(t, 2, approval(t, s, "m1").LateResponses)
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
	require.Len(t, s.due(at(1)), 3)
}

func TestStoppingCancelsWhatIsOpenAndLeavesTheStatus(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"))
	s.CancelWorkflow(at(1))
	require.Equal(t, workflows.ApprovalCancelled, approval(t, s, "m1").Status)
	require.Equal(t, workflows.ActivationActive, s.View().Status)
	require.Empty(t, s.View().SealedAPIKey)
	h := lifecycle.Next(s.Activation, at(1)).HandOff
	require.NotNil(t, h)
	require.Len(t, h.Notices, 2)
	require.Equal(t, workflows.NoticeActivationDeactivated, h.Notices[1].Kind)
	require.Equal(t, workflows.NoticeData{Activation: &workflows.ActivationChange{
		Status: workflows.ActivationDeactivated, At: at(1), Reason: "cancelled in Signalbox",
	}}, h.Notices[1].Data, "the agent's own workflow ends")
	require.Equal(t, []workflows.EventResult{workflows.EventLate}, results(apply(s, at(2), deactivated(2))))
	s.CancelWorkflow(at(3))
	require.Len(t, s.waitingIDs(), 2, "it has one notice")
	requireRefused(t, workflows.ErrTypeActivationEnded, lifecycle.CheckRequestApprovals(s.Activation, []workflows.ApprovalRequest{request("m2")}))
}

func TestRegisteringIsIdempotent(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	quiet := workflows.ApprovalRequest{MessageID: "quiet"}
	require.Equal(t, register(t, s, noon, quiet), register(t, s, at(5), quiet))
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
		{"a list that is too long", nil, make([]workflows.ApprovalRequest, 501), workflows.ErrTypeInvalidArgument},
		{"no message ID", nil, one(request(" ")), workflows.ErrTypeInvalidArgument},
		{"a message ID that is too long", nil, one(request(strings.Repeat("x", 251))), workflows.ErrTypeInvalidArgument},
		{"a subject that is too long", nil, with(func(r *workflows.ApprovalRequest) { r.Subject = strings.Repeat("x", 501) }), workflows.ErrTypeInvalidArgument},
		{"half a replyTo", nil, with(func(r *workflows.ApprovalRequest) { r.ReplyTo = &workflows.ReplyTo{Signal: "s"} }), workflows.ErrTypeInvalidArgument},
		{"a workflow ID that the server can't take", nil, with(func(r *workflows.ApprovalRequest) { r.ReplyTo = &workflows.ReplyTo{WorkflowID: "ö", Signal: "s"} }), workflows.ErrTypeInvalidArgument},
		{"a deadline that is too far", nil, with(func(r *workflows.ApprovalRequest) { r.Deadline = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }), workflows.ErrTypeInvalidArgument},
		{"another deadline", nil, one(requestDue("m1", 5)), workflows.ErrTypeApprovalConflict},
		{"another run", nil, one(requestOfRun("m1", "r1")), workflows.ErrTypeApprovalConflict},
		{"another subject", nil, one(workflows.ApprovalRequest{MessageID: "m1", Subject: "?", ReplyTo: waiter}), workflows.ErrTypeApprovalConflict},
		{"another receiver", nil, one(workflows.ApprovalRequest{MessageID: "m1", Subject: "Publish m1?", ReplyTo: &workflows.ReplyTo{WorkflowID: "order/7", Signal: "other"}}), workflows.ErrTypeApprovalConflict},
		{"another callback", nil, one(workflows.ApprovalRequest{MessageID: "m1", Subject: "Publish m1?", ReplyTo: waiter, Notify: []string{"finance"}}), workflows.ErrTypeApprovalConflict},
		{"no receiver", nil, one(workflows.ApprovalRequest{MessageID: "m1", Subject: "Publish m1?"}), workflows.ErrTypeApprovalConflict},
		{"a receiver where there was none", nil, one(workflows.ApprovalRequest{MessageID: "quiet", ReplyTo: waiter}), workflows.ErrTypeApprovalConflict},
		{"another content within the list", nil, []workflows.ApprovalRequest{request("m9"), requestDue("m9", 5)}, workflows.ErrTypeApprovalConflict},
		{"a run that was closed", nil, one(requestOfRun("m9", "closed")), workflows.ErrTypeRunClosed},
		{"paused", []workflows.ActivationEvent{paused(1, "user_paused")}, one(request("m9")), workflows.ErrTypeActivationPaused},
		{"deactivated", []workflows.ActivationEvent{deactivated(1)}, one(request("m9")), workflows.ErrTypeActivationEnded},
		{"one known and one new while paused", []workflows.ActivationEvent{paused(1, "user_paused")}, []workflows.ApprovalRequest{request("m1"), request("m9")}, workflows.ErrTypeActivationPaused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := activeState(t)
			register(t, s, noon, request("m1"), workflows.ApprovalRequest{MessageID: "quiet"})
			_, err := s.Open(workflows.OpenRun{RunID: "closed"}, noon)
			require.NoError(t, err)
			_, err = s.Close(workflows.CloseRun{RunID: "closed"}, noon)
			require.NoError(t, err)
			apply(s, at(1), tc.before...)

			before := s.View()
			requireRefused(t, tc.want, lifecycle.CheckRequestApprovals(s.Activation, tc.requests))
			_, err = s.Request(tc.requests, at(2))
			requireRefused(t, tc.want, err)
			if n := len(tc.requests); n > 0 && n <= workflows.MaxListed {
				require.ErrorContains(t, err, fmt.Sprintf("requests[%d]", n-1), "the last is at fault")
			}
			require.Equal(t, before, s.View(), "a refusal changes nothing")
		})
	}
}

func TestAnActivationOfUnknownStatusAcceptsApprovals(t *testing.T) {
	t.Parallel()
	s := newState(t)
	require.Equal(t, workflows.ApprovalOpen, register(t, s, noon, request("m1"))[0].Status)
	apply(s, at(1), response(1, "m2", "m1", true))
	require.Equal(t, workflows.ApprovalApproved, approval(t, s, "m1").Status)
	require.Equal(t, workflows.ActivationUnknown, s.State.Status)
}

func TestAnApprovalIsCancelledAndMayBeCancelledTwice(t *testing.T) {
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
	register(t, s, at(3), request("m4"), request("m5"))
	got, err = s.Cancel(workflows.CancelApproval{MessageID: "m4", Reason: "not needed"}, at(4))
	require.NoError(t, err)
	require.Equal(t, "not needed", got.Reason)
	got, err = s.Cancel(workflows.CancelApproval{MessageID: "m5", By: "ada"}, at(4))
	require.NoError(t, err)
	require.Equal(t, "(by ada)", got.Reason)
	_, err = s.Cancel(workflows.CancelApproval{MessageID: "m9"}, at(3))
	requireRefused(t, workflows.ErrTypeUnknownApproval, err)
}

// The brand has answered, and nothing in Signalbox says so otherwise.
func TestAResponseToNoReadableRequestRaisesAttentionWhileAnApprovalIsOpen(t *testing.T) {
	t.Parallel()
	for name, requestID := range map[string]string{"none": "", "too long": strings.Repeat("x", 251)} {
		for _, early := range []bool{true, false} {
			s := activeState(t)
			if early {
				apply(s, at(1), response(1, "m2", requestID, true))
				require.Empty(t, s.View().Attention, "no approval is open that it could answer")
			}
			register(t, s, at(2), request("undated"), requestDue("m1", 30))
			if !early {
				apply(s, at(3), response(1, "m2", requestID, true))
			}
			s.Tick(at(3))
			require.Equal(t, []string{workflows.AttentionResponseUnclear}, s.View().Attention, name)
			require.Equal(t, at(30), lifecycle.DueAt(s.Activation))
			require.Contains(t, lifecycle.WaitingFor(s.Activation), "does not say which approval it answers")
			require.Contains(t, lifecycle.Details(s.Activation), "does not say which approval it answers")

			apply(s, at(4), response(4, "m3", "m1", true), response(4, "m4", "undated", false))
			require.Empty(t, s.View().Attention)
			require.NotContains(t, lifecycle.WaitingFor(s.Activation), "does not say")
			register(t, s, at(60), request("m5"))
			require.Empty(t, s.View().Attention, "the response came before this one was asked for")
		}
	}
}

func TestResponsesThatCantBeUsedAreIgnored(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	nowhere := response(1, "m2", "", true)
	endless := response(1, "m3", strings.Repeat("x", 251), true)
	require.Equal(t, []workflows.EventResult{workflows.EventIgnored, workflows.EventIgnored}, results(apply(s, at(1), nowhere, endless)))
	require.Empty(t, s.State.Early)
	require.Equal(t, []workflows.EventResult{workflows.EventApplied}, results(apply(s, at(1), response(1, "m4", strings.Repeat("x", 250), true))))
}

func TestAResponseWithoutAnIDIsLateAfterAnEndWithoutAResponse(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"))
	_, err := s.Cancel(workflows.CancelApproval{MessageID: "m1"}, noon)
	require.NoError(t, err)
	require.Equal(t, []workflows.EventResult{workflows.EventLate}, results(apply(s, at(1), response(1, "", "m1", true))))
	require.Equal(t, 1, approval(t, s, "m1").LateResponses)
}

func TestOfTwoEqualResponsesTheFirstCounts(t *testing.T) {
	t.Parallel()
	yes, no := response(1, "", "m1", true), response(1, "", "m1", false)
	no.DedupeKey += " no"
	for _, before := range []bool{true, false} {
		s := activeState(t)
		if before {
			register(t, s, noon, request("m1"))
		}
		apply(s, at(1), yes)
		apply(s, at(2), no)
		require.Equal(t, workflows.ApprovalApproved, register(t, s, noon, request("m1"))[0].Status)
	}
}
