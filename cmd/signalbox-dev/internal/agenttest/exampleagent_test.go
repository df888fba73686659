package agenttest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/exampleagent"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// agentAPI calls the simulator's agent API, which is the simulator's invention.
type agentAPI struct{ http *http.Client }

func (a agentAPI) StartRun(ctx context.Context, key string) (string, error) {
	var run struct{ RunID string }
	return run.RunID, a.call(ctx, key, "/runs", nil, &run)
}

func (a agentAPI) KeepRun(ctx context.Context, key, runID string) error {
	return a.call(ctx, key, "/runs/"+runID+"/heartbeat", nil, nil)
}

func (a agentAPI) Ask(ctx context.Context, key, runID, text string) (string, error) {
	var message struct{ MessageID string }
	err := a.call(ctx, key, "/messages", map[string]string{"type": "APPROVAL_REQUEST", "text": text, "runId": runID}, &message)
	return message.MessageID, err
}

func (a agentAPI) FinishRun(ctx context.Context, key, runID string) error {
	return a.call(ctx, key, "/runs/"+runID+"/finish", nil, nil)
}

func (a agentAPI) call(ctx context.Context, key, path string, body, answer any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, artmailURL+"/agent-api"+path, bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := a.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	switch {
	case response.StatusCode >= http.StatusMultipleChoices:
		return fmt.Errorf("call %s: Artmail answers %d", path, response.StatusCode)
	case answer != nil:
		return json.NewDecoder(response.Body).Decode(answer)
	}
	return nil
}

func TestTheExampleAgentServesABrand(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	published := map[string]string{}
	apps, err := signalbox.New(shared.Temporal, signalbox.Options{}) // the author has no keyring
	require.NoError(t, err)
	agent := &exampleagent.Agent{
		Signalbox: apps, Artmail: agentAPI{&http.Client{Timeout: 10 * time.Second}},
		Keys: signalbox.FetchAPIKeyOptions{URL: shared.InternalURL(), Token: goToken},
		Publish: func(_ context.Context, of signalbox.ActivationRef, text string) error {
			mu.Lock()
			defer mu.Unlock()
			published[of.ActivationID] = text
			return nil
		},
	}
	w := sdkworker.New(shared.Temporal, exampleagent.TaskQueue, sdkworker.Options{})
	agent.Register(w)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)

	one := activate(t, goAgent)
	page := func(activation *signalbox.Activation) func(context.Context) (exampleagent.State, error) {
		return func(ctx context.Context) (state exampleagent.State, err error) {
			value, err := shared.Temporal.QueryWorkflow(ctx, handOverID(activation), "", workflows.QueryState)
			if err == nil {
				err = value.Get(&state)
			}
			return state, err
		}
	}
	// It works a run, asks, and Artmail ends the run; it works another one.
	first := testenv.Eventually(t, page(one), func(s exampleagent.State) bool { return s.Page.Step == exampleagent.StepAwaitAnswer })
	require.NoError(t, artmail.ForceFailRun(first.Page.RunID))
	second := testenv.Eventually(t, page(one), func(s exampleagent.State) bool {
		return s.Page.Step == exampleagent.StepAwaitAnswer && s.Page.RunID != first.Page.RunID
	})
	// The brand pauses it and answers: nothing is published before it resumes.
	id := idOf(one)
	require.NoError(t, artmail.Pause(id, artmailsim.PauseUser))
	testenv.Eventually(t, page(one), func(s exampleagent.State) bool { return s.Status == workflows.ActivationPaused })
	_, err = artmail.RespondApproval(second.Page.MessageID, true, "Lovely.", "")
	require.NoError(t, err)
	testenv.Eventually(t, page(one), func(s exampleagent.State) bool { return s.Page.Answer == workflows.ApprovalApproved })
	mu.Lock()
	require.NotContains(t, published, id)
	mu.Unlock()
	require.NoError(t, artmail.Resume(id))
	testenv.Eventually(t, page(one), func(s exampleagent.State) bool { return s.Page.Step == exampleagent.StepDone })
	mu.Lock()
	require.Equal(t, "Welcome to our shop.", published[id])
	mu.Unlock()
	state := stories.MustRetry(t, one.State)
	status := map[string]workflows.RunStatus{}
	for _, r := range state.Runs {
		status[r.RunID] = r.Status
	}
	require.Equal(t, map[string]workflows.RunStatus{first.Page.RunID: workflows.RunForceFailed, second.Page.RunID: workflows.RunClosed}, status)

	// Its token gets the keys of its own agent, and another agent's token does not.
	key := stories.MustRetry(t, func(ctx context.Context) (string, error) { return signalbox.FetchAPIKey(ctx, agent.Keys, goAgent, id) })
	require.True(t, artmail.HoldsAPIKey(id, key))
	_, err = stories.Retry(t.Context(), func(ctx context.Context) (string, error) {
		return signalbox.FetchAPIKey(ctx, signalbox.FetchAPIKeyOptions{URL: shared.InternalURL(), Token: otherToken}, goAgent, id)
	})
	require.ErrorIs(t, err, signalbox.ErrDenied)

	// It ends with the activation, and its history holds no key.
	require.NoError(t, artmail.Deactivate(id, artmailsim.DeactivateUser))
	var last exampleagent.State
	require.NoError(t, shared.Temporal.GetWorkflow(t.Context(), handOverID(one), "").Get(t.Context(), &last))
	require.Equal(t, workflows.ActivationDeactivated, last.Status)
	require.Empty(t, last.Page.Problem)
	requireKeyNotIn(t, shared.Temporal, handOverID(one), key)
}

func idOf(one *signalbox.Activation) string {
	return handOverID(one)[len(goAgent)+1:]
}

func handOverID(one *signalbox.Activation) string {
	return one.WorkflowID()[len(workflows.ArtmailActivationWorkflow)+1:]
}

// requireKeyNotIn reads a history. Protobuf's JSON would have the payloads in base64.
func requireKeyNotIn(t *testing.T, temporal client.Client, workflowID, key string) {
	t.Helper()
	events := stories.History(t, temporal, workflowID, "").GetEvents()
	for _, event := range events {
		raw, err := event.Marshal()
		require.NoError(t, err)
		require.NotContains(t, string(raw), key)
	}
	require.Greater(t, len(events), 20)
}
