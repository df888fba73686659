package apitest_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func start(reference, script string) string {
	return fmt.Sprintf(`{"reference":%q,"request":{"channel":"EMAIL","goal":{"objective":"Obtain a signed W-9"},
		"counterparty":{"address":"%s@vendor.example","name":"Ada"},"senderPersona":{"name":"Grace"}}}`, reference, script)
}

const oneCase = "/v1/cases/{reference}"

func awaitCase(t *testing.T, reference string, holds func(workflows.CaseState) bool) workflows.CaseState {
	t.Helper()
	return testenv.Eventually(t, func(context.Context) (state workflows.CaseState, err error) {
		call(t, "GET", oneCase, "/v1/cases/"+reference+"?wait=60s", "", 200, &state)
		return state, nil
	}, holds)
}

func TestACaseIsStartedAnsweredAndAwaitedOverTheAPI(t *testing.T) {
	t.Parallel()
	var started struct{ Reference string }
	header := call(t, "POST", "/v1/cases", "/v1/cases", start("api-story", "question"), 201, &started)
	require.Equal(t, "/v1/cases/api-story", header.Get("Location"))
	call(t, "POST", "/v1/cases", "/v1/cases", start("api-story", "question"), 200, &started)
	call(t, "POST", "/v1/cases", "/v1/cases", start("api-story", "complete"), 409, nil)

	state := awaitCase(t, "api-story", func(s workflows.CaseState) bool { return s.Status.Ended() || s.Status == workflows.CaseInputNeeded })
	require.Equal(t, workflows.CaseInputNeeded, state.Status)
	require.NotNil(t, state.Question)
	call(t, "POST", oneCase+"/input", "/v1/cases/api-story/input", `{"questionId":"another","text":"yes"}`, 409, nil)
	call(t, "POST", oneCase+"/input", "/v1/cases/api-story/input", fmt.Sprintf(`{"questionId":%q,"text":"Yes, a signed PDF is fine."}`, state.Question.ID), 202, nil)
	state = awaitCase(t, "api-story", func(s workflows.CaseState) bool { return s.Status.Ended() })
	require.Equal(t, workflows.CaseCompleted, state.Status)
	require.Equal(t, "local", state.Answers[0].By)
	require.NotNil(t, state.Outcome)
	var transcript workflows.CaseTranscript
	call(t, "GET", oneCase+"/transcript", "/v1/cases/api-story/transcript", "", 200, &transcript)
	require.Contains(t, transcript.Text, "Obtain a signed W-9")
	call(t, "POST", oneCase+"/cancel", "/v1/cases/api-story/cancel", "", 409, nil)
	call(t, "POST", oneCase+"/reconcile", "/v1/cases/api-story/reconcile", "", 409, nil)

	var page signalbox.CasePage
	testenv.Eventually(t, func(context.Context) (int, error) { // Temporal's lists lag behind by a moment
		call(t, "GET", "/v1/cases", "/v1/cases?prefix=api-story&state=COMPLETED", "", 200, &page)
		return len(page.Cases), nil
	}, func(n int) bool { return n > 0 })
	require.Equal(t, "default", page.Cases[0].Account)
}

func TestACaseIsCancelledAndItsFilesAreListedOverTheAPI(t *testing.T) {
	t.Parallel()
	call(t, "POST", "/v1/cases", "/v1/cases", start("api-cancel", "silent"), 201, nil)
	call(t, "POST", oneCase+"/reconcile", "/v1/cases/api-cancel/reconcile", "", 202, nil)
	call(t, "POST", oneCase+"/retry-create", "/v1/cases/api-cancel/retry-create", `{}`, 409, nil)
	call(t, "GET", oneCase+"/files", "/v1/cases/api-cancel/files", "", 404, nil)
	call(t, "POST", oneCase+"/cancel", "/v1/cases/api-cancel/cancel", `{"reason":"no need"}`, 200, nil)
	call(t, "GET", oneCase, "/v1/cases/none", "", 404, nil)
}

func TestListsAndDeliveriesAreReadOverTheAPI(t *testing.T) {
	t.Parallel()
	call(t, "POST", "/v1/cases", "/v1/cases", start("api-lists", "complete"), 201, nil)
	awaitCase(t, "api-lists", func(s workflows.CaseState) bool { return s.Status.Ended() })
	var deliveries struct{ Deliveries []struct{ ID, Lane string } }
	call(t, "GET", "/v1/deliveries", "/v1/deliveries?reference=api-lists", "", 200, &deliveries)
	require.NotEmpty(t, deliveries.Deliveries)
	one := "/v1/deliveries/" + deliveries.Deliveries[0].ID
	call(t, "GET", "/v1/deliveries/{id}", one, "", 200, nil)
	call(t, "POST", "/v1/deliveries/{id}/reveal", one+"/reveal", "", 200, nil)
	call(t, "POST", "/v1/deliveries/{id}/replay", one+"/replay", "", 200, nil)
	call(t, "GET", "/v1/deliveries/counts", "/v1/deliveries/counts", "", 200, nil)
	call(t, "GET", "/v1/audit", "/v1/audit?limit=2", "", 200, nil)
	call(t, "GET", "/v1/todo", "/v1/todo", "", 200, nil)
	call(t, "GET", "/v1/activations", "/v1/activations", "", 200, nil)
	call(t, "GET", "/v1/notices", "/v1/notices?open=open", "", 200, nil)
	call(t, "GET", "/v1/notices/{source}", "/v1/notices/"+url.PathEscape("offload-case/api-lists"), "", 200, nil)
	call(t, "GET", "/v1/notices/{source}", "/v1/notices/"+url.PathEscape("offload-case/api-lists-not"), "", 404, nil)
	call(t, "POST", "/v1/catch-up", "/v1/catch-up", `{"since":"2026-01-01T00:00:00Z","dryRun":true}`, 200, nil)
}
