package casetest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func answering(name string) string { return "answering-" + name }

// asked is a case whose question is open, at Offload and here.
type asked struct {
	*signalbox.Case
	offload    *provider
	caseID     string
	questionID string
}

// answers are what can become of an answer.
var answers = map[string]func(t *testing.T, a asked){
	"taken": func(t *testing.T, a asked) {
		a.give(t)
		require.Equal(t, workflows.CaseInputSent, a.settled(t, workflows.InputAccepted).Status)
		require.NoError(t, a.offload.Resume(a.caseID))
		a.completes(t, 1)
	},
	"given-twice": func(t *testing.T, a asked) {
		a.give(t)
		_, err := stories.Retry(t.Context(), func(ctx context.Context) (workflows.InputReceipt, error) {
			return a.ProvideInput(ctx, workflows.ProvideInput{QuestionID: a.questionID, Text: "No."})
		})
		require.ErrorIs(t, err, signalbox.ErrAlreadyAnswered)
		a.settled(t, workflows.InputAccepted)
		a.completes(t, 1)
	},
	"answered-elsewhere-before": func(t *testing.T, a asked) { // 409 INPUT_REQUEST_NOT_PENDING
		a.giveElsewhere(t)
		a.give(t)
		require.Equal(t, workflows.CaseInputSent, a.settled(t, workflows.InputAlreadyResolved).Status)
		a.completes(t, 1)
	},
	"the-case-runs-again-already": func(t *testing.T, a asked) { // 409 CASE_NOT_WAITING_FOR_INPUT
		a.giveElsewhere(t)
		require.NoError(t, a.offload.Resume(a.caseID))
		a.give(t)
		a.settled(t, workflows.InputNotWaiting)
		require.Empty(t, inStatus(t, a.Case, workflows.CaseRunning).Attention)
		a.completes(t, 1)
	},
	"another-question-is-open": func(t *testing.T, a asked) { // 409 INPUT_REQUEST_MISMATCH
		require.NoError(t, a.offload.Webhooks.Faults.Plan(courier.Rule{Fault: courier.Drop, Key: a.caseID}))
		next, err := a.offload.AskInput(a.caseID, "And by post?")
		require.NoError(t, err)
		a.give(t)
		a.settled(t, workflows.InputMismatch)
		state := testenv.Eventually(t, a.State, func(s workflows.CaseState) bool {
			return s.Status == workflows.CaseInputNeeded && s.Question != nil && s.Question.ID == next
		})
		require.Equal(t, "And by post?", state.Question.Text)
		a.questionID = next
		a.give(t)
		a.settled(t, workflows.InputAccepted)
		a.completes(t, 1)
	},
	"response-lost-by-reset":    lostResponse(offloadsim.FailResetAfter),
	"response-lost-by-error":    lostResponse(offloadsim.FailInternalAfter),
	"response-lost-by-gateway":  lostResponse(offloadsim.FailGatewayAfter),
	"request-lost":              lostRequest(offloadsim.FailResetBefore),
	"request-throttled":         lostRequest(offloadsim.FailThrottle),
	"overtaken-by-completion":   racing(arriving, workflows.InputNotWaiting, 0),
	"completed-while-returning": racing(returning, workflows.InputAccepted, 1),
}

// lostResponse: Offload has the answer, and refuses to take it again.
func lostResponse(failure offloadsim.Failure) func(t *testing.T, a asked) {
	return func(t *testing.T, a asked) {
		require.NoError(t, a.offload.FailNext(offloadsim.RouteInput, failure))
		a.give(t)
		require.Equal(t, workflows.CaseInputSent, a.settled(t, workflows.InputAlreadyResolved).Status)
		a.completes(t, 1)
	}
}

func lostRequest(failure offloadsim.Failure) func(t *testing.T, a asked) {
	return func(t *testing.T, a asked) {
		require.NoError(t, a.offload.FailNext(offloadsim.RouteInput, failure))
		a.give(t)
		a.settled(t, workflows.InputAccepted)
		a.completes(t, 1)
	}
}

// racing: the case completes, and its webhook comes, while the answer is on its way there or back.
func racing(where leg, result workflows.InputResult, accepted int) func(t *testing.T, a asked) {
	return func(t *testing.T, a asked) {
		onTheWay := a.offload.hold(a.Reference(), offloadsim.RouteInput, where)
		a.give(t)
		onTheWay.wait(t)
		held := time.Now()
		require.NoError(t, a.offload.Complete(a.caseID, nil))
		inStatus(t, a.Case, workflows.CaseCompleted)
		onTheWay.release()
		within := time.Since(held) < 25*time.Second
		got := endsAs(t, a.Case, workflows.CaseCompleted, a.caseID)
		require.Equal(t, workflows.NewsByWebhook, got.Source)
		require.Len(t, got.Answers, 1)
		if within { // after 30 seconds the call is given up and made again, and is no race any more
			require.Equal(t, result, got.Answers[0].Result)
		}
		a.accepted(t, accepted)
	}
}

func TestOffloadAcceptsAtMostOneAnswerWithAnyFailure(t *testing.T) {
	t.Parallel()
	for name, story := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			offload := shared.providers[answering(name)]
			one, caseID := startRunning(t, offload, workflows.CaseStart{
				Reference: answering(name), Account: answering(name), Request: request(offloadsim.ScriptManual),
			})
			questionID, err := offload.AskInput(caseID, "Is a PDF fine?")
			require.NoError(t, err)
			require.Equal(t, questionID, inStatus(t, one, workflows.CaseInputNeeded).Question.ID)
			story(t, asked{Case: one, offload: offload, caseID: caseID, questionID: questionID})
		})
	}
}

func (a asked) give(t *testing.T) {
	t.Helper()
	require.NoError(t, stories.Answer(t.Context(), a.Case, workflows.ProvideInput{QuestionID: a.questionID, Text: "Yes.", By: "ada"}))
}

// giveElsewhere answers as somebody who doesn't use Signalbox, of which there is no webhook.
func (a asked) giveElsewhere(t *testing.T) {
	t.Helper()
	body := `{"inputRequestId":"` + a.questionID + `","providedContext":"Yes, by phone."}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.offload.url+"/cases/"+a.caseID+"/input", strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("X-Api-Key", apiKey)
	response, err := (&http.Client{Timeout: waitTimeout}).Do(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusAccepted, response.StatusCode)
}

// settled waits until the newest answer has a result.
func (a asked) settled(t *testing.T, want workflows.InputResult) workflows.CaseState {
	t.Helper()
	state := testenv.Eventually(t, a.State, func(s workflows.CaseState) bool {
		n := len(s.Answers)
		return n > 0 && s.Answers[n-1].QuestionID == a.questionID && s.Answers[n-1].Result != ""
	})
	got := state.Answers[len(state.Answers)-1].Result
	if want == workflows.InputAccepted && got == workflows.InputAlreadyResolved {
		return state // as for a repeated call
	}
	require.Equal(t, want, got)
	return state
}

func (a asked) completes(t *testing.T, accepted int) {
	t.Helper()
	require.NoError(t, a.offload.Complete(a.caseID, nil))
	require.Empty(t, endsAs(t, a.Case, workflows.CaseCompleted, a.caseID).Attention)
	a.accepted(t, accepted)
}

func (a asked) accepted(t *testing.T, want int) {
	t.Helper()
	record, err := a.offload.Case(a.caseID)
	require.NoError(t, err)
	require.Len(t, record.Answers, want)
}
