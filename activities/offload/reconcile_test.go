package offload

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

func runningCase(fields string) string {
	return `{"ok":true,"data":{"caseId":"` + caseID + `","status":"RUNNING","attemptCount":2,"updatedAt":1774107600000` + fields + `}}`
}

func reconcileParams(known workflows.KnownCase) workflows.ReconcileCaseParams {
	return workflows.ReconcileCaseParams{
		Account: "default", CaseID: caseID, Known: known, Floor: workflows.Duration(time.Minute), Ceiling: workflows.Duration(time.Hour),
	}
}

func TestAReadWithoutNewsFailsBenignlyAndNamesTheNextRead(t *testing.T) {
	t.Parallel()
	p := newProvider(t, answerWith(200, runningCase(fmt.Sprintf(`,"nextActionAt":%d`, testNow.Add(48*time.Hour).UnixMilli()))))
	_, err := run[any](t, p.Activities, reconciles, reconcileParams(workflows.KnownCase{Status: "RUNNING"}))
	appErr := applicationError(t, err)
	require.Equal(t, workflows.ErrTypeOffloadNoNews, appErr.Type())
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, appErr.Category())
	require.False(t, appErr.NonRetryable())
	require.Equal(t, floor, appErr.NextRetryDelay())
	require.Equal(t, "no news: Offload says RUNNING, unchanged since 2026-03-21T15:40:00Z, 2 messages sent, next action 2026-03-23T15:42:00Z; "+
		"next read in 1m3s, at 2026-03-21T15:43:03Z", appErr.Message())
}

func TestAReadWithoutNewsNamesTheOpenQuestion(t *testing.T) {
	t.Parallel()
	p := newProvider(t, answerWith(200, `{"ok":true,"data":{"status":"INPUT_NEEDED","inputRequest":{"id":"q1","question":"private","status":"RESOLVED"}}}`))
	_, err := run[any](t, p.Activities, reconciles, reconcileParams(workflows.KnownCase{Status: "INPUT_NEEDED", QuestionID: "q1", QuestionStatus: "RESOLVED"}))
	require.ErrorContains(t, err, "no news: Offload says INPUT_NEEDED, question RESOLVED, 0 messages sent; next read in 1m3s")
	require.NotContains(t, err.Error(), "private")
}

func TestNewsIsReturnedWithAllFields(t *testing.T) {
	t.Parallel()
	body := strings.Replace(runningCase(`,"resultStatus":"goal_achieved","result":{"a":1},"nextActionAt":253402300799999`), "RUNNING", "COMPLETED", 1)
	p := newProvider(t, answerWith(200, body))
	want := workflows.CaseSnapshot{
		Facts: workflows.CaseFacts{
			CaseID: caseID, Status: "COMPLETED", AttemptCount: 2, UpdatedAt: testNow.Add(-2 * time.Minute), ResultStatus: "goal_achieved", Result: []byte(`{"a":1}`),
		},
		ReadAt: testNow,
	}
	got, err := run[workflows.CaseSnapshot](t, p.Activities, reconciles, reconcileParams(workflows.KnownCase{Status: "RUNNING"}))
	require.NoError(t, err)
	require.Equal(t, want, got)

	got, err = run[workflows.CaseSnapshot](t, p.Activities, gets, paramsOf(gets))
	require.NoError(t, err)
	require.Equal(t, want, got, "a single read returns the same")
}

func TestAnEndWithAnUnreadableFieldIsNews(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{`"attemptCount":2.0`, `"attemptCount":{}`, `"attachments":{}`, `"nextActionAt":""`, `"clientReferenceId":7`} {
		p := newProvider(t, answerWith(200, `{"ok":true,"data":{"caseId":"`+caseID+`","status":"COMPLETED","result":{"ok":true},`+odd+`}}`))
		got, err := run[workflows.CaseSnapshot](t, p.Activities, reconciles, reconcileParams(workflows.KnownCase{Status: "RUNNING"}))
		require.NoError(t, err, odd)
		require.Equal(t, "COMPLETED", got.Facts.Status)
		require.JSONEq(t, `{"ok":true}`, string(got.Facts.Result))
	}
}

func TestAResultTooLargeForAHistoryIsOmittedAlone(t *testing.T) {
	t.Parallel()
	const most = workflows.MaxJSONBytes
	for result, omitted := range map[string]bool{
		strings.Repeat("x", most-2): false, strings.Repeat("x", most-1): true, strings.Repeat("x", 8<<20): true,
		strings.Repeat("<", most/6-1): false, strings.Repeat("<", most/6+1): true,
	} {
		body := strings.Replace(runningCase(`,"resultStatus":"goal_achieved","result":"`+result+`"`), "RUNNING", "COMPLETED", 1)
		p := newProvider(t, answerWith(200, body))
		for _, activity := range []string{gets, reconciles} {
			got, err := run[workflows.CaseSnapshot](t, p.Activities, activity, paramsOf(activity))
			require.NoError(t, err)
			require.Equal(t, omitted, got.Facts.Omits(workflows.FieldResult), "%.1s %d", result, len(result))
			require.Equal(t, omitted, got.Facts.Result == nil)
			require.Equal(t, "goal_achieved", got.Facts.ResultStatus)
		}
	}
}

func TestAnAnswerWithThousandsOfAttachmentsIsBounded(t *testing.T) {
	t.Parallel()
	var files []string
	for i := range 12000 {
		files = append(files, fmt.Sprintf(`{"attachmentId":"a%d","name":"%s","size":904860,"type":"application/pdf"}`, i, strings.Repeat("n", 120)))
	}
	body := strings.Replace(runningCase(`,"result":{"ok":true},"attachments":[`+strings.Join(files, ",")+`]`), "RUNNING", "COMPLETED", 1)
	require.Greater(t, len(body), 2<<20)
	p := newProvider(t, answerWith(200, body))
	got, err := run[workflows.CaseSnapshot](t, p.Activities, reconciles, paramsOf(reconciles))
	require.NoError(t, err)
	require.Equal(t, []string{workflows.FieldAttachments}, got.Facts.Omitted)
	require.NotEmpty(t, got.Facts.Attachments)
	require.Equal(t, "a0", got.Facts.Attachments[0].ID)
	encoded, err := json.Marshal(got)
	require.NoError(t, err)
	require.Less(t, len(encoded), 256<<10)
}

func TestAStatusThatIsNotDocumentedIsNewsOnce(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"CANCELLED", "EXPIRED", "completed"} {
		p := newProvider(t, answerWith(200, strings.Replace(runningCase(""), "RUNNING", status, 1)))
		got, err := run[workflows.CaseSnapshot](t, p.Activities, reconciles, reconcileParams(workflows.KnownCase{Status: "RUNNING"}))
		require.NoError(t, err)
		require.Equal(t, status, got.Facts.Status)
		_, err = run[any](t, p.Activities, reconciles, reconcileParams(workflows.KnownCase{Status: status, UpdatedAt: got.Facts.UpdatedAt}))
		require.Equal(t, workflows.ErrTypeOffloadNoNews, applicationError(t, err).Type())
	}
}

// The rules of the case know each refusal of a read, with its attention.
func TestARefusedReadRaisesAttention(t *testing.T) {
	t.Parallel()
	own := map[int]string{401: workflows.AttentionUnauthorized, 403: workflows.AttentionForbidden, 404: workflows.AttentionCaseNotFound}
	for status := 400; status < 500; status++ {
		if status == http.StatusRequestTimeout || status == http.StatusTooManyRequests {
			continue // no refusal: it ends without a person
		}
		p := newProvider(t, answerWith(status, envelope("INVALID_REQUEST")))
		for _, activity := range []string{gets, reconciles} {
			_, err := run[any](t, p.Activities, activity, paramsOf(activity))
			appErr := applicationError(t, err)
			require.False(t, appErr.NonRetryable(), status)
			require.Contains(t, appErr.Message(), strconv.Itoa(status))
			require.Contains(t, lifecycle.TroubleTypes(), appErr.Type(), status)
			attention := cmp.Or(own[status], workflows.AttentionUnreadable)
			require.NotContains(t, lifecycle.TroubleTypes(attention), appErr.Type(), "%d has another attention", status)
		}
	}
}

// attempts plays the attempts of one reconcile activity, with what each leaves for the next.
type attempts struct {
	*provider
	now  time.Time
	left []outage
}

// next makes one attempt, which must fail, and moves the clock to the attempt after it.
func (a *attempts) next(t *testing.T) *temporal.ApplicationError {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	a.Register(env)
	if len(a.left) > 0 {
		env.SetHeartbeatDetails(a.left[len(a.left)-1])
	}
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var one outage
		require.NoError(t, details.Get(&one))
		a.left = append(a.left, one)
	})
	_, err := env.ExecuteActivity(reconciles, reconcileParams(workflows.KnownCase{Status: "RUNNING"}))
	failed := applicationError(t, err)
	require.False(t, failed.NonRetryable())
	a.now = a.now.Add(failed.NextRetryDelay())
	return failed
}

func (a *attempts) clock() time.Time { return a.now }

func TestReadsThatFailForMinutesAreUnreachable(t *testing.T) {
	t.Parallel()
	away, refused := true, false
	p := newProvider(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case refused:
			answerWith(401, envelope("UNAUTHORIZED"))(w, r)
			return
		case away:
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		answerWith(200, runningCase(""))(w, r)
	})
	row := &attempts{provider: p, now: testNow}
	p.now = row.clock
	attempt := func() *temporal.ApplicationError { return row.next(t) }
	began := row.now
	for failed := attempt(); failed.Type() != workflows.ErrTypeOffloadUnreachable; failed = attempt() {
		require.Equal(t, workflows.ErrTypeOffloadUnavailable, failed.Type())
		require.Less(t, row.now.Sub(began), 6*time.Minute, "within minutes")
	}
	require.Greater(t, row.now.Sub(began), unreachableAfter)
	require.Equal(t, testNow, row.left[0].Since)
	require.Equal(t, workflows.ErrTypeOffloadUnreachable, attempt().Type(), "until the outage ends")

	refused = true
	require.Equal(t, workflows.ErrTypeOffloadUnauthorized, attempt().Type())
	require.Equal(t, outage{}, row.left[len(row.left)-1], "a refusal ends the outage")
	refused = false
	require.Equal(t, workflows.ErrTypeOffloadUnavailable, attempt().Type())

	away = false
	require.Equal(t, workflows.ErrTypeOffloadNoNews, attempt().Type())
	require.Equal(t, outage{}, row.left[len(row.left)-1], "a read ends the outage")
	notes := len(row.left)
	attempt()
	require.Len(t, row.left, notes, "a read without a change costs no call to the server")
	away = true
	require.Equal(t, workflows.ErrTypeOffloadUnavailable, attempt().Type(), "the next outage has a new start")
}

// The read after a pause of hours would be the first that could say so.
func TestAPauseOfMinutesThatOffloadAsksForIsUnreachableAtOnce(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[string]string{
		"60":                  workflows.ErrTypeOffloadUnavailable,
		"180":                 workflows.ErrTypeOffloadUnreachable,
		"86400":               workflows.ErrTypeOffloadUnreachable,
		"9223372036854775807": workflows.ErrTypeOffloadUnreachable,
	} {
		row := &attempts{provider: newProvider(t, answerWith(503, "", "Retry-After", seconds)), now: testNow}
		row.provider.now = row.clock
		failed := row.next(t)
		require.Equal(t, want, failed.Type(), seconds)
		require.Equal(t, []outage{{Since: testNow, Reads: 1}}, row.left, "it goes on")
		asked, err := strconv.Atoi(seconds)
		require.NoError(t, err)
		require.GreaterOrEqual(t, failed.NextRetryDelay(), time.Duration(min(asked, 86400))*time.Second, "the pause is kept")
	}
}

func TestReadsThatOurOwnRateHoldsBackAreNoOutage(t *testing.T) {
	t.Parallel()
	away := false
	row := &attempts{now: testNow}
	row.provider = newProvider(t, func(w http.ResponseWriter, r *http.Request) {
		if away {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		answerWith(200, runningCase(""))(w, r)
	}, func(cfg *offloadapi.Config) { cfg.ReadsPerSecond, cfg.Now = 0.01, row.clock })
	row.provider.now = row.clock
	heldBack := func() {
		// Another case takes each turn.
		_, _ = run[any](t, row.Activities, gets, paramsOf(gets))
		failed := row.next(t)
		require.Equal(t, workflows.ErrTypeOffloadNotSent, failed.Type())
		require.ErrorContains(t, failed, "over the configured rate")
		require.GreaterOrEqual(t, failed.NextRetryDelay(), floor)
		require.LessOrEqual(t, failed.NextRetryDelay(), 2*time.Minute)
	}
	for range 20 {
		heldBack()
	}
	require.Greater(t, row.now.Sub(testNow), 5*unreachableAfter)
	require.Empty(t, row.left, "nothing is counted")

	away = true
	row.now = row.now.Add(time.Hour)
	began := row.now
	require.Equal(t, workflows.ErrTypeOffloadUnavailable, row.next(t).Type())
	for range 5 {
		heldBack()
	}
	require.Equal(t, []outage{{Since: began, Reads: 1}}, row.left, "nor does it end an outage")
	row.now = row.now.Add(time.Hour)
	require.Equal(t, workflows.ErrTypeOffloadUnreachable, row.next(t).Type())
}
