package offload

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
)

func runningCase(fields string) string {
	return `{"ok":true,"data":{"caseId":"` + caseID + `","status":"RUNNING","attemptCount":2,"updatedAt":1774107600000` + fields + `}}`
}

func reconcileParams(known workflows.KnownCase) workflows.ReconcileCaseParams {
	return workflows.ReconcileCaseParams{
		Account: "default", CaseID: caseID, Known: known, Floor: workflows.Duration(time.Minute), Ceiling: workflows.Duration(time.Hour),
	}
}

func TestALookWithoutNewsIsBenignAndSaysWhatItSawAndWhenItLooksAgain(t *testing.T) {
	t.Parallel()
	p := newProvider(t, answerWith(200, runningCase(fmt.Sprintf(`,"nextActionAt":%d`, testNow.Add(48*time.Hour).UnixMilli()))))
	_, err := run[any](t, p.Activities, looks, reconcileParams(workflows.KnownCase{Status: "RUNNING"}))
	appErr := applicationError(t, err)
	require.Equal(t, workflows.ErrTypeOffloadNoNews, appErr.Type())
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, appErr.Category())
	require.False(t, appErr.NonRetryable())
	require.Equal(t, floor, appErr.NextRetryDelay())
	require.Equal(t, "no news: Offload says RUNNING, unchanged since 2026-03-21T15:40:00Z, 2 messages sent, next action 2026-03-23T15:42:00Z; "+
		"next look in 1m3s, at 2026-03-21T15:43:03Z", appErr.Message())
}

func TestALookWithoutNewsNamesTheQuestionThatIsOpenStill(t *testing.T) {
	t.Parallel()
	p := newProvider(t, answerWith(200, `{"ok":true,"data":{"status":"INPUT_NEEDED","inputRequest":{"id":"q1","question":"private","status":"RESOLVED"}}}`))
	_, err := run[any](t, p.Activities, looks, reconcileParams(workflows.KnownCase{Status: "INPUT_NEEDED", QuestionID: "q1", QuestionStatus: "RESOLVED"}))
	require.ErrorContains(t, err, "no news: Offload says INPUT_NEEDED, question RESOLVED, 0 messages sent; next look in 1m3s")
	require.NotContains(t, err.Error(), "private")
}

func TestNewsIsReturnedWithEverythingThatWasSaid(t *testing.T) {
	t.Parallel()
	body := strings.Replace(runningCase(`,"resultStatus":"goal_achieved","result":{"a":1},"nextActionAt":253402300799999`), "RUNNING", "COMPLETED", 1)
	p := newProvider(t, answerWith(200, body))
	want := workflows.CaseSnapshot{
		Facts: workflows.CaseFacts{
			CaseID: caseID, Status: "COMPLETED", AttemptCount: 2, UpdatedAt: testNow.Add(-2 * time.Minute), ResultStatus: "goal_achieved", Result: []byte(`{"a":1}`),
		},
		ReadAt: testNow,
	}
	got, err := run[workflows.CaseSnapshot](t, p.Activities, looks, reconcileParams(workflows.KnownCase{Status: "RUNNING"}))
	require.NoError(t, err)
	require.Equal(t, want, got)

	got, err = run[workflows.CaseSnapshot](t, p.Activities, gets, paramsOf(gets))
	require.NoError(t, err)
	require.Equal(t, want, got, "a single look tells the same")
}

func TestAnEndWithAnOddFieldIsNews(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{`"attemptCount":2.0`, `"attemptCount":{}`, `"attachments":{}`, `"nextActionAt":""`, `"clientReferenceId":7`} {
		p := newProvider(t, answerWith(200, `{"ok":true,"data":{"caseId":"`+caseID+`","status":"COMPLETED","result":{"ok":true},`+odd+`}}`))
		got, err := run[workflows.CaseSnapshot](t, p.Activities, looks, reconcileParams(workflows.KnownCase{Status: "RUNNING"}))
		require.NoError(t, err, odd)
		require.Equal(t, "COMPLETED", got.Facts.Status)
		require.JSONEq(t, `{"ok":true}`, string(got.Facts.Result))
	}
}

func TestAResultTooLargeForAHistoryIsLeftOutAndTheRestStays(t *testing.T) {
	t.Parallel()
	for size, omitted := range map[int]bool{maxResult: false, maxResult + 1: true, 8 << 20: true} {
		result := `"` + strings.Repeat("x", size-2) + `"`
		body := strings.Replace(runningCase(`,"resultStatus":"goal_achieved","result":`+result), "RUNNING", "COMPLETED", 1)
		p := newProvider(t, answerWith(200, body))
		for _, activity := range []string{gets, looks} {
			got, err := run[workflows.CaseSnapshot](t, p.Activities, activity, paramsOf(activity))
			require.NoError(t, err)
			require.Equal(t, omitted, got.Facts.ResultOmitted, "%d", size)
			require.Equal(t, omitted, got.Facts.Result == nil, "%d", size)
			require.Equal(t, "goal_achieved", got.Facts.ResultStatus)
		}
	}
}
