package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestNoticesAreSelectedByIDOrSinceATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	w.temporal.become("notify/offload-case/told", workflows.NotifyState{Source: "offload-case/told"})
	w.temporal.become("offload-case/told", workflows.CaseState{Reference: "told", Account: "emea"})
	for _, body := range []string{"", `{"ids":["ntc_1"]}`, `{"since":"2026-05-01T12:00:00Z"}`} {
		for _, action := range []string{"resend", "dismiss"} {
			got := w.post(t, emeaSecret, "/v1/notices/offload-case%2Ftold/"+action, body)
			require.Equal(t, 200, got.status, got.body)
		}
	}
	want := []any{
		workflows.SelectNotices{By: "emea"}, workflows.SelectNotices{IDs: []string{"ntc_1"}, By: "emea"}, workflows.SelectNotices{Since: clock, By: "emea"},
	}
	require.Equal(t, map[string][]any{workflows.UpdateResend: want, workflows.UpdateDismiss: want}, w.temporal.updates)
}

func TestAStartNamesTheCallbacksOfItsNotices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	got := w.post(t, "", "/v1/cases", `{"reference":"tells","caseId":"c1","notify":["finance","audit"]}`)
	require.Equal(t, 201, got.status, got.body)
	require.Equal(t, []string{"finance", "audit"}, w.temporal.starts["offload-case/tells"].Notify)
}
