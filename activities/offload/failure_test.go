package offload

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

const (
	creates    = workflows.ActivityOffloadCreateCase
	answers    = workflows.ActivityOffloadProvideInput
	gets       = workflows.ActivityOffloadGetCase
	reconciles = workflows.ActivityOffloadReconcileCase
)

func paramsOf(activity string) any {
	switch activity {
	case creates:
		return workflows.CreateCaseParams{Account: "default", Reference: "order-7", Request: workflows.CaseRequest{Channel: "EMAIL"}}
	case answers:
		return workflows.ProvideInputParams{Account: "default", CaseID: caseID, QuestionID: "q1", Text: "Yes"}
	case gets:
		return workflows.GetCaseParams{Account: "default", CaseID: caseID}
	}
	return workflows.ReconcileCaseParams{
		Account: "default", CaseID: caseID, Floor: workflows.Duration(time.Minute), Ceiling: workflows.Duration(time.Hour),
	}
}

// These delays follow a first attempt and are in the middle of their spread: newActivities sets random to 0.5.
const (
	never   = time.Duration(0) // not retried
	soon    = 1050 * time.Millisecond
	slowly  = 5*time.Minute + 15*time.Second
	floor   = 63 * time.Second
	ceiling = 56*time.Minute + 42*time.Second // for a ceiling of an hour
)

func TestEachFailureHasItsTypeAndItsDelay(t *testing.T) {
	t.Parallel()
	type expectation struct {
		errType string
		delay   time.Duration
	}
	// createAndReads expects the same type of a creation and of reads; only the delay of a reconcile differs.
	createAndReads := func(errType string, delay time.Duration) map[string]expectation {
		read := delay
		switch delay {
		case soon:
			read = floor
		case slowly:
			read = ceiling
		default: // as it is
		}
		return map[string]expectation{creates: {errType, delay}, gets: {errType, delay}, reconciles: {errType, read}}
	}
	unsure := map[string]expectation{
		creates:    {workflows.ErrTypeOffloadUncertain, never},
		answers:    {workflows.ErrTypeOffloadUnavailable, soon},
		gets:       {workflows.ErrTypeOffloadUnavailable, soon},
		reconciles: {workflows.ErrTypeOffloadUnavailable, floor},
	}
	unreadable := map[string]expectation{
		creates:    {workflows.ErrTypeOffloadUncertain, never},
		answers:    {workflows.ErrTypeOffloadUnavailable, soon},
		gets:       {workflows.ErrTypeOffloadUnreadable, slowly},
		reconciles: {workflows.ErrTypeOffloadUnreadable, ceiling},
	}
	refused := map[string]expectation{
		creates:    {workflows.ErrTypeOffloadInvalidRequest, never},
		gets:       {workflows.ErrTypeOffloadUnreadable, slowly},
		reconciles: {workflows.ErrTypeOffloadUnreadable, ceiling},
	}
	with := func(all map[string]expectation, activity, errType string, delay time.Duration) map[string]expectation {
		all[activity] = expectation{errType, delay}
		return all
	}
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		want    map[string]expectation
	}{
		"400":              {answerWith(400, envelope("INVALID_REQUEST")), refused},
		"401":              {answerWith(401, envelope("UNAUTHORIZED")), createAndReads(workflows.ErrTypeOffloadUnauthorized, slowly)},
		"403":              {answerWith(403, envelope("FORBIDDEN")), createAndReads(workflows.ErrTypeOffloadForbidden, slowly)},
		"404":              {answerWith(404, envelope("CASE_NOT_FOUND")), createAndReads(workflows.ErrTypeOffloadNotFound, slowly)},
		"405":              {answerWith(405, ``), refused},
		"410":              {answerWith(410, envelope("CASE_GONE")), refused},
		"413":              {answerWith(413, ``), refused},
		"422":              {answerWith(422, ``), refused},
		"429 cap":          {answerWith(429, envelope("USAGE_LIMIT_REACHED")), createAndReads(workflows.ErrTypeOffloadUsageLimit, slowly)},
		"429":              {answerWith(429, `{"message":"Too Many Requests"}`), with(createAndReads(workflows.ErrTypeOffloadThrottled, soon), answers, workflows.ErrTypeOffloadThrottled, soon)},
		"500":              {answerWith(500, envelope("INTERNAL_ERROR")), unsure},
		"502 as HTML":      {answerWith(502, `<html>`), unsure},
		"408":              {answerWith(408, ``), unsure},
		"redirect":         {answerWith(307, ``, "Location", "/elsewhere"), unsure},
		"200 as HTML":      {answerWith(200, `<html>`), unreadable},
		"200 without data": {answerWith(200, `{"ok":true}`), unreadable},
		"reset":            {breakOff, unsure},
	} {
		for activity, want := range tc.want {
			t.Run(name+" to "+activity, func(t *testing.T) {
				t.Parallel()
				p := newProvider(t, tc.handler)
				_, err := run[any](t, p.Activities, activity, paramsOf(activity))
				appErr := applicationError(t, err)
				require.Equal(t, want.errType, appErr.Type())
				require.Equal(t, want.delay == never, appErr.NonRetryable())
				require.Equal(t, want.delay, appErr.NextRetryDelay())
				require.EqualValues(t, 1, p.requests.Load())
			})
		}
	}
}

func TestEveryActivityRetriesACallThatWasNotSent(t *testing.T) {
	t.Parallel()
	activities := newActivities(t, "http://127.0.0.1:1")
	for activity, delay := range map[string]time.Duration{creates: soon, answers: soon, gets: soon, reconciles: floor} {
		_, err := run[any](t, activities, activity, paramsOf(activity))
		appErr := applicationError(t, err)
		require.Equal(t, workflows.ErrTypeOffloadNotSent, appErr.Type())
		require.False(t, appErr.NonRetryable())
		require.Equal(t, delay, appErr.NextRetryDelay())
		require.ErrorContains(t, err, "next attempt in ")
	}
}

func TestAnUnknownAccountNeedsAPersonAndMakesNoCall(t *testing.T) {
	t.Parallel()
	p := newProvider(t, answerWith(200, ``))
	for activity, params := range map[string]any{
		creates:    workflows.CreateCaseParams{Account: "other"},
		gets:       workflows.GetCaseParams{Account: "other", CaseID: caseID},
		reconciles: workflows.ReconcileCaseParams{Account: "other", CaseID: caseID},
	} {
		_, err := run[any](t, p.Activities, activity, params)
		appErr := applicationError(t, err)
		require.Equal(t, workflows.ErrTypeOffloadUnknownAccount, appErr.Type(), activity)
		require.False(t, appErr.NonRetryable(), "the workflow's retry policy decides whether it is final")
		require.GreaterOrEqual(t, appErr.NextRetryDelay(), 5*time.Minute)
		require.ErrorContains(t, err, `"other"`)
	}
	require.Zero(t, p.requests.Load())
}

func TestRetryAfterDelaysTheNextAttempt(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status int
		header string
		want   time.Duration
	}{
		{429, "7200", 2*time.Hour + 6*time.Minute},
		{503, "7200", 2*time.Hour + 6*time.Minute},
		{429, testNow.Add(2 * time.Hour).Format(http.TimeFormat), 2*time.Hour + 6*time.Minute},
		{401, "7200", 2*time.Hour + 6*time.Minute},
		{429, "31536000", 25*time.Hour + 12*time.Minute},
		{429, "1", floor},
	} {
		p := newProvider(t, answerWith(tc.status, ``, "Retry-After", tc.header))
		_, err := run[any](t, p.Activities, reconciles, paramsOf(reconciles))
		require.Equal(t, tc.want, applicationError(t, err).NextRetryDelay(), "%d %s", tc.status, tc.header)
	}
}
