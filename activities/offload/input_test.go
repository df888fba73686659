package offload

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestOffloadsReactionToAnAnswerIsAResult(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		want    workflows.InputResult
	}{
		"202":                  {answerWith(202, `{"ok":true,"data":{"accepted":true}}`), workflows.InputAccepted},
		"409 not pending":      {answerWith(409, envelope("INPUT_REQUEST_NOT_PENDING")), workflows.InputAlreadyResolved},
		"409 not waiting":      {answerWith(409, envelope("CASE_NOT_WAITING_FOR_INPUT")), workflows.InputNotWaiting},
		"409 mismatch":         {answerWith(409, envelope("INPUT_REQUEST_MISMATCH")), workflows.InputMismatch},
		"409 of a new kind":    {answerWith(409, envelope("ELSE")), workflows.InputRejected},
		"400":                  {answerWith(400, envelope("INVALID_REQUEST")), workflows.InputRejected},
		"401":                  {answerWith(401, envelope("UNAUTHORIZED")), workflows.InputRejected},
		"403":                  {answerWith(403, envelope("FORBIDDEN")), workflows.InputRejected},
		"404":                  {answerWith(404, envelope("CASE_NOT_FOUND")), workflows.InputRejected},
		"404 without envelope": {answerWith(404, ``), workflows.InputRejected},
	} {
		p := newProvider(t, tc.handler)
		got, err := run[workflows.ProvideInputResult](t, p.Activities, answers, paramsOf(answers))
		require.NoError(t, err, name)
		require.Equal(t, tc.want, got.Result, name)
		taken := tc.want == workflows.InputAccepted || tc.want == workflows.InputAlreadyResolved
		require.Equal(t, taken, got.Message == "", "%s: %s", name, got.Message)
		require.EqualValues(t, 1, p.requests.Load(), name)
	}
}

func TestAnAnswerThatCannotBeSentIsRejected(t *testing.T) {
	t.Parallel()
	p := newProvider(t, answerWith(202, ``))
	for name, params := range map[string]workflows.ProvideInputParams{
		"unknown account": {Account: "other", CaseID: caseID, QuestionID: "q1", Text: "Yes"},
		"blank text":      {Account: "default", CaseID: caseID, QuestionID: "q1", Text: " "},
		"no case":         {Account: "default", QuestionID: "q1", Text: "Yes"},
	} {
		got, err := run[workflows.ProvideInputResult](t, p.Activities, answers, params)
		require.NoError(t, err, name)
		require.Equal(t, workflows.InputRejected, got.Result, name)
		require.NotEmpty(t, got.Message, name)
	}
	require.Zero(t, p.requests.Load())
}

// The provider takes the first answer and loses the response: the retry finds the question answered.
func TestALostResponseToAnAnswerLeadsToAlreadyResolved(t *testing.T) {
	t.Parallel()
	taken := 0
	p := newProvider(t, func(w http.ResponseWriter, r *http.Request) {
		if taken > 0 {
			answerWith(409, envelope("INPUT_REQUEST_NOT_PENDING"))(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		taken++
		breakOff(w, r)
	})
	_, err := run[any](t, p.Activities, answers, paramsOf(answers))
	require.False(t, applicationError(t, err).NonRetryable())
	got, err := run[workflows.ProvideInputResult](t, p.Activities, answers, paramsOf(answers))
	require.NoError(t, err)
	require.Equal(t, workflows.InputAlreadyResolved, got.Result)
	require.Equal(t, 1, taken)
}
