package conformance

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func activation(t *testing.T, w World) {
	agent, id := "pages", reference("act/1")
	one := w.Apps.Activation(agent, id)
	is := func(want workflows.ActivationStatus) workflows.ActivationState {
		t.Helper()
		return testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool { return s.Status == want })
	}
	w.Provider.Activate(agent, id, "art_key_1")
	is(workflows.ActivationActive)
	key, err := retry(t, one.RevealAPIKey)
	require.NoError(t, err)
	require.Equal(t, "art_key_1", key)
	page := testenv.Eventually(t, func(ctx context.Context) (signalbox.ActivationPage, error) {
		return w.Apps.ListActivations(ctx, signalbox.ActivationFilter{Agents: []string{agent}, ActivationID: id, States: []workflows.ActivationStatus{workflows.ActivationActive}})
	}, func(p signalbox.ActivationPage) bool { return len(p.Activations) == 1 })
	require.Equal(t, id, page.Activations[0].ActivationID)

	approvals, err := retry(t, func(ctx context.Context) ([]workflows.Approval, error) {
		return one.RequestApprovals(ctx, workflows.ApprovalRequest{MessageID: "m1", RunID: "r1"}, workflows.ApprovalRequest{MessageID: "m2"})
	})
	require.NoError(t, err)
	require.Len(t, approvals, 2)
	yes := true
	w.Provider.Respond(agent, id, "m1", &yes, "Lovely.")
	state := testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool { return s.Approvals[0].Status == workflows.ApprovalApproved })
	require.Equal(t, "Lovely.", state.Approvals[0].Reason)
	_, err = ask(t, one.CancelApproval, workflows.CancelApproval{MessageID: "m1"})
	require.ErrorIs(t, err, signalbox.ErrEnded)
	_, err = ask(t, one.CancelApproval, workflows.CancelApproval{MessageID: "unknown"})
	require.ErrorIs(t, err, signalbox.ErrNotFound)

	run, err := ask(t, one.OpenRun, workflows.OpenRun{RunID: "r2"})
	require.NoError(t, err)
	require.Equal(t, workflows.RunOpen, run.Status)
	_, err = retry(t, func(ctx context.Context) (bool, error) {
		return true, one.TouchRuns(ctx, workflows.TouchRuns{RunIDs: []string{"r2"}})
	})
	require.NoError(t, err)
	run, err = ask(t, one.CloseRun, workflows.CloseRun{RunID: "r2"})
	require.NoError(t, err)
	require.Equal(t, workflows.RunClosed, run.Status)
	_, err = ask(t, one.OpenRun, workflows.OpenRun{RunID: "r3"})
	require.NoError(t, err)
	w.Provider.ForceFail(agent, id, "r3")
	testenv.Eventually(t, one.State, func(s workflows.ActivationState) bool {
		return s.Runs[len(s.Runs)-1].Status == workflows.RunForceFailed
	})

	w.Provider.Pause(agent, id, "user_paused")
	is(workflows.ActivationPaused)
	_, err = ask(t, one.OpenRun, workflows.OpenRun{RunID: "r4"})
	require.ErrorIs(t, err, signalbox.ErrPaused)
	w.Provider.Resume(agent, id)
	is(workflows.ActivationActive)
	w.Provider.Deactivate(agent, id, "user_deactivated")
	is(workflows.ActivationDeactivated)
	_, err = ask(t, one.OpenRun, workflows.OpenRun{RunID: "r5"})
	require.ErrorIs(t, err, signalbox.ErrEnded)
	_, err = retry(t, one.RevealAPIKey)
	require.ErrorIs(t, err, signalbox.ErrNotFound)
}
