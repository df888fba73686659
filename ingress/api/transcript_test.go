package api_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestATranscriptIsReadForTheAccountsOfTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	for reference, account := range map[string]string{"talks": "emea", "other": "apac"} {
		w.temporal.become("offload-case/"+reference, workflows.CaseState{Reference: reference, Account: account, Status: workflows.CaseRunning})
	}
	read := 0
	w.transcript = func(_ context.Context, reference string) (workflows.CaseTranscript, error) {
		read++
		return workflows.CaseTranscript{Reference: reference, CaseID: "c1", Text: "Ada: a <signed> PDF?\n", ReadAt: clock}, nil
	}
	for _, secret := range []string{adminSecret, readSecret, emeaSecret} {
		got := w.get(t, secret, "/v1/cases/talks/transcript")
		require.Equal(t, 200, got.status, got.body)
		require.Equal(t, "no-store", got.header.Get("Cache-Control"))
		var found workflows.CaseTranscript
		got.into(t, &found)
		require.Equal(t, workflows.CaseTranscript{Reference: "talks", CaseID: "c1", Text: "Ada: a <signed> PDF?\n", ReadAt: clock}, found)
	}
	refused := w.get(t, emeaSecret, "/v1/cases/other/transcript")
	require.Equal(t, "urn:signalbox:problem:other-account", string(refused.problem(t).Type))
	require.Equal(t, 3, read, "what is refused is not read at Offload")
}

func TestOneTokenLeavesATranscriptsTurnToOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	for _, reference := range []string{"of-admin", "of-emea"} {
		w.temporal.become("offload-case/"+reference, workflows.CaseState{Reference: reference, Account: "emea", Status: workflows.CaseRunning})
	}
	var atOnce, most atomic.Int64
	began, end := make(chan struct{}, 20), make(chan struct{})
	w.transcript = func(_ context.Context, reference string) (workflows.CaseTranscript, error) {
		if reference == "of-admin" {
			most.Store(max(most.Load(), atOnce.Add(1)))
			began <- struct{}{}
			<-end
			atOnce.Add(-1)
		}
		return workflows.CaseTranscript{Reference: reference, CaseID: "c1", ReadAt: clock}, nil
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { w.get(t, adminSecret, "/v1/cases/of-admin/transcript") })
	}
	testenv.Receive(t, began)
	for range 50 { // meanwhile all others come
		require.Equal(t, 200, w.get(t, emeaSecret, "/v1/cases/of-emea/transcript").status)
	}
	close(end)
	all.Wait()
	require.EqualValues(t, 1, most.Load())
}

func TestEachFailureOfATranscriptHasItsProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, c := range []struct {
		err    error
		status int
		typ    string
	}{
		{signalbox.ErrNotFound, 404, "not-found"},
		{api.ErrNoAccount, 404, "no-account"},
		{api.ErrNotCreated, 404, "not-created-yet"},
		{api.ErrNotAtOffload, 404, "not-at-offload"},
		{api.ErrProvider, 502, "provider-failed"},
		{signalbox.ErrUnavailable, 503, "unavailable"},
		{context.DeadlineExceeded, 503, "unavailable"},
		{errors.New("a fault"), 500, "internal"},
	} {
		w.transcript = func(context.Context, string) (workflows.CaseTranscript, error) {
			return workflows.CaseTranscript{}, fmt.Errorf("transcript of case x: %w: %s", c.err, marker)
		}
		got := w.get(t, "", "/v1/cases/x/transcript")
		require.Equal(t, c.status, got.status, got.body)
		require.Equal(t, "urn:signalbox:problem:"+c.typ, string(got.problem(t).Type))
		require.NotContains(t, got.body, marker)
	}
}
