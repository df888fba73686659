package lifecycle_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

func verifying() lifecycle.Case {
	return lifecycle.Adopt(uncertain(), workflows.AdoptCase{CaseID: caseID})
}

func TestACaseIsAdoptedOnceAReadHasShownIt(t *testing.T) {
	t.Parallel()
	c := verifying()
	requireStatus(t, workflows.CaseCreateUncertain, c)
	require.Empty(t, c.State.CaseID, "the caseId is not bound before a read")
	require.Equal(t, caseID, lifecycle.View(c).Verifying)
	require.Contains(t, lifecycle.WaitingFor(c), "verifies")
	require.Equal(t, &workflows.GetCaseParams{Account: "default", CaseID: caseID}, lifecycle.Next(c, after(2)).Read)

	shown := shows(workflows.OffloadRunning, 2)
	for _, reference := range []string{"", "vendor_2048"} {
		shown.Facts.ClientReferenceID = reference
		bound := readOnce(c, caseID, shown, after(3))
		requireStatus(t, workflows.CaseRunning, bound)
		require.Equal(t, caseID, bound.State.CaseID)
		require.Empty(t, lifecycle.Attention(bound.State))
		require.NotNil(t, lifecycle.Next(bound, after(3)).Reconcile, "the case may have changed meanwhile")
	}
	requireStatus(t, workflows.CaseFailed, readOnce(c, caseID, read(failed(2)), after(3)))
}

func TestAnUnverifiedAdoptionChangesNothing(t *testing.T) {
	t.Parallel()
	theirs := shows(workflows.OffloadRunning, 2)
	theirs.Facts.ClientReferenceID = "vendor_4711"
	unreadable := shows(workflows.OffloadRunning, 2)
	unreadable.Facts = unreadable.Facts.OmittingLost([]string{"clientReferenceId"})
	endless := shows(workflows.OffloadRunning, 2)
	endless.Facts.ClientReferenceID = "vendor_4711" + strings.Repeat("x", workflows.MaxClientReferenceIDBytes)
	endless.Facts = endless.Facts.Bounded() // as the activity returns it
	for name, c := range map[string]lifecycle.Case{
		"it is another request's":           readOnce(verifying(), caseID, theirs, after(3)),
		"whose request it is is unreadable": readOnce(verifying(), caseID, unreadable, after(3)),
		"whose request it is is too long":   readOnce(verifying(), caseID, endless, after(3)),
		"there is no such case":             readFailed(verifying(), caseID, rules.Failure{Type: workflows.ErrTypeOffloadNotFound, Message: "vendor_4711 not found"}, after(3)),
		"the read fails":                    readFailed(verifying(), caseID, rules.Failure{Message: "vendor_4711: no route"}, after(3)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireStatus(t, workflows.CaseCreateUncertain, c)
			require.Empty(t, c.State.CaseID)
			require.Equal(t, []string{"adopt_refused", "create_uncertain"}, lifecycle.Attention(c.State))
			require.Regexp(t, "vendor_4711|its clientReferenceId can't be read", c.State.LastError)
			require.Nil(t, lifecycle.Next(c, after(3)).Read)
			require.Equal(t, []string{"still_running"}, lifecycle.Attention(lifecycle.Cancel(c, workflows.CancelCase{}, after(4)).State))
			require.Equal(t, []string{"input_needed"}, lifecycle.Attention(received(c, inputNeeded("q1", 4), after(4)).State))

			again := lifecycle.Adopt(c, workflows.AdoptCase{CaseID: "right"})
			require.Equal(t, []string{"create_uncertain"}, lifecycle.Attention(again.State))
			require.Equal(t, again, readOnce(again, caseID, shows(workflows.OffloadRunning, 2), after(4)), "a read of the earlier caseId changes nothing")
			require.Equal(t, again, readFailed(again, caseID, rules.Failure{Message: "late"}, after(4)))
			right := shows(workflows.OffloadRunning, 2)
			right.Facts.CaseID = "right"
			require.Equal(t, "right", readOnce(again, "right", right, after(4)).State.CaseID)
		})
	}
}

func TestTheCasesOwnURLOutranksAnAdoption(t *testing.T) {
	t.Parallel()
	other := inputNeeded("q1", 10)
	other.Facts.CaseID = "another"

	early := received(verifying(), other, after(10))
	require.Equal(t, "another", early.State.CaseID)
	require.Empty(t, lifecycle.Attention(readOnce(early, caseID, shows(workflows.OffloadRunning, 2), after(11)).State)[1:], "input_needed alone")

	adopted := reconciled(adopted(uncertain(), 2), read(inputNeeded("q0", 5)), after(6))
	late := received(adopted, other, after(10))
	require.Equal(t, "another", late.State.CaseID)
	require.Equal(t, []string{caseID}, late.State.OtherCaseIDs)
	require.Equal(t, []string{"input_needed", "second_case"}, lifecycle.Attention(late.State))
	require.Equal(t, "another", late.State.Facts.CaseID, "the facts of the adopted case are dropped")

	require.Equal(t, caseID, received(adopted, unproven(other), after(10)).State.CaseID, "an unproven event does not bind its caseId")
	nameless := inputNeeded("q1", 8)
	nameless.Facts.CaseID = ""
	for _, e := range []workflows.CaseEvent{nameless, unproven(inputNeeded("q1", 8))} {
		still := received(adopted, e, after(8))
		require.Equal(t, "another", received(still, other, after(10)).State.CaseID, "nothing has proven the adopted case")
	}
	proven := received(adopted, inputNeeded("q1", 8), after(8))
	require.Equal(t, caseID, received(proven, other, after(10)).State.CaseID, "a webhook on its own URL has proven this case")
}

func TestACaseWhoseRequestWasRejectedCanBeAdopted(t *testing.T) {
	t.Parallel()
	c := began(options(func(o *workflows.CaseOptions) { o.AwaitCorrection = true }))
	c = lifecycle.CreateFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadInvalidRequest}, after(1))
	requireStatus(t, workflows.CaseCreating, c)
	require.NoError(t, lifecycle.CheckAdopt(c, workflows.AdoptCase{CaseID: caseID}))
	requireStatus(t, workflows.CaseRunning, adopted(c, 2))
	c = readFailed(lifecycle.Adopt(c, workflows.AdoptCase{CaseID: caseID}), caseID, rules.Failure{Message: "no such case"}, after(2))
	requireStatus(t, workflows.CaseCreating, c)
	require.Contains(t, lifecycle.Attention(c.State), workflows.AttentionAdoptRefused)
}

func TestAdoptingAnInvalidIDIsRefused(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "id\n", "a\tb", "..", strings.Repeat("x", 251)} {
		requireRefusal(t, workflows.ErrTypeInvalidArgument, lifecycle.CheckAdopt(uncertain(), workflows.AdoptCase{CaseID: id}))
	}
}
