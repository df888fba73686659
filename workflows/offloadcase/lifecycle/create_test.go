package lifecycle_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

func TestACaseIsCreatedOnce(t *testing.T) {
	t.Parallel()
	c := began()
	requireStatus(t, workflows.CaseCreating, c)
	fx := lifecycle.Next(c, t0)
	require.Equal(t, "vendor_2048", fx.Create.Request.ClientReferenceID)
	require.Nil(t, fx.Reconcile)

	c = lifecycle.Created(c, workflows.CreateCaseResult{CaseID: caseID}, after(1))
	requireStatus(t, workflows.CaseRunning, c)
	fx = lifecycle.Next(c, after(1))
	require.Nil(t, fx.Create)
	require.Nil(t, fx.Reconcile, "the first read waits, since a webhook may come first")
	require.Equal(t, after(16), fx.Wake)
	require.Empty(t, lifecycle.Attention(c.State))
}

func TestAFailedCreationIsRepeatedOnlyIfItCertainlyMadeNothing(t *testing.T) {
	t.Parallel()
	awaiting := options(func(o *workflows.CaseOptions) { o.AwaitCorrection = true })
	for name, row := range map[string]struct {
		change    func(*workflows.CaseStart)
		errorType string
		status    workflows.CaseStatus
		attention []string
		creates   bool
		later     bool
	}{
		"uncertain":               {errorType: workflows.ErrTypeOffloadUncertain, status: workflows.CaseCreateUncertain, attention: []string{"create_uncertain"}},
		"a timeout":               {errorType: "", status: workflows.CaseCreateUncertain, attention: []string{"create_uncertain"}},
		"unreadable":              {errorType: workflows.ErrTypeOffloadUnreadable, status: workflows.CaseCreateUncertain, attention: []string{"create_uncertain"}},
		"unavailable":             {errorType: workflows.ErrTypeOffloadUnavailable, status: workflows.CaseCreateUncertain, attention: []string{"create_uncertain"}},
		"unknown error type":      {errorType: "Surprise", status: workflows.CaseCreateUncertain, attention: []string{"create_uncertain"}},
		"rejected":                {errorType: workflows.ErrTypeOffloadInvalidRequest, status: workflows.CaseFailed},
		"rejected, to correct":    {change: awaiting, errorType: workflows.ErrTypeOffloadInvalidRequest, status: workflows.CaseCreating, attention: []string{"create_rejected"}},
		"unauthorized":            {errorType: workflows.ErrTypeOffloadUnauthorized, status: workflows.CaseCreating, attention: []string{"unauthorized"}, creates: true},
		"forbidden":               {errorType: workflows.ErrTypeOffloadForbidden, status: workflows.CaseCreating, attention: []string{"forbidden"}, creates: true},
		"usage limit":             {errorType: workflows.ErrTypeOffloadUsageLimit, status: workflows.CaseCreating, attention: []string{"usage_limit"}, creates: true},
		"unknown account":         {errorType: workflows.ErrTypeOffloadUnknownAccount, status: workflows.CaseCreating, attention: []string{"account"}, creates: true},
		"not sent, retries ended": {errorType: workflows.ErrTypeOffloadNotSent, status: workflows.CaseCreating, later: true},
		"throttled, likewise":     {errorType: workflows.ErrTypeOffloadThrottled, status: workflows.CaseCreating, later: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := row.change
			if change == nil {
				change = func(*workflows.CaseStart) {}
			}
			c := lifecycle.CreateFailed(began(change), rules.Failure{Type: row.errorType, Message: "the provider's words"}, after(1))
			requireStatus(t, row.status, c)
			require.Equal(t, row.attention, lifecycle.Attention(c.State))
			require.Equal(t, row.creates, lifecycle.Next(c, after(1)).Create != nil, "tried again at once")
			require.Equal(t, row.creates || row.later, lifecycle.Next(c, after(60)).Create != nil, "tried again at all")
			require.Equal(t, "the provider's words", c.State.LastError)
		})
	}
}

func TestARejectedCreationEndsWithTheProvidersMessage(t *testing.T) {
	t.Parallel()
	c := lifecycle.CreateFailed(began(replying), rules.Failure{Type: workflows.ErrTypeOffloadInvalidRequest, Message: "channel is bad"}, after(1))
	outcome := lifecycle.Outcome(c)
	require.Equal(t, workflows.CaseFailed, outcome.Status)
	require.Contains(t, outcome.Reason, "channel is bad")
	require.Equal(t, workflows.NewsByCreate, outcome.Source)
	require.Empty(t, outcome.ResultStatus, "there is no case at Offload")
	require.Equal(t, workflows.NoticeCaseFailed, handOff(c, 1).Notices[0].Kind)
}

func TestATroubleIsReportedOnceAndThenRetriedByTheServer(t *testing.T) {
	t.Parallel()
	limit := rules.Failure{Type: workflows.ErrTypeOffloadUsageLimit, Message: "cap reached"}
	c := lifecycle.CreateFailed(began(), limit, after(1))
	fx := lifecycle.Next(c, after(1))
	require.NotNil(t, fx.Create)
	require.Equal(t, []string{workflows.AttentionUsageLimit}, fx.KnownTroubles)
	require.NotContains(t, lifecycle.TroubleTypes(fx.KnownTroubles...), workflows.ErrTypeOffloadUsageLimit)
	require.Contains(t, lifecycle.TroubleTypes(), workflows.ErrTypeOffloadUsageLimit)

	again := lifecycle.CreateFailed(c, limit, after(2))
	require.Nil(t, lifecycle.Next(again, after(2)).Create, "if the activity reports it again: back off, or this becomes a hot loop")
	require.NotNil(t, lifecycle.Next(again, after(3)).Create)

	throttled := lifecycle.CreateFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadThrottled}, after(2))
	require.Nil(t, lifecycle.Next(throttled, after(2)).Create, "the same if the server does not retry a throttled call")
	require.Equal(t, []string{"usage_limit"}, lifecycle.Attention(throttled.State), "no call has succeeded since")

	other := lifecycle.CreateFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized}, after(2))
	require.Equal(t, []string{"unauthorized"}, lifecycle.Attention(other.State))

	c = lifecycle.Created(c, workflows.CreateCaseResult{CaseID: caseID}, after(60))
	require.Empty(t, lifecycle.Attention(c.State))
	require.Empty(t, c.State.LastError)
}

func uncertain(change ...func(*workflows.CaseStart)) lifecycle.Case {
	return lifecycle.CreateFailed(began(change...), rules.Failure{Type: workflows.ErrTypeOffloadUncertain}, after(1))
}

func TestAnotherResultReplacesTheTroubleOfTheCreation(t *testing.T) {
	t.Parallel()
	for failure, attention := range map[string]string{
		workflows.ErrTypeOffloadUncertain:      workflows.AttentionCreateUncertain,
		workflows.ErrTypeOffloadInvalidRequest: workflows.AttentionCreateRejected,
	} {
		c := began(options(func(o *workflows.CaseOptions) { o.AwaitCorrection = true }))
		c = lifecycle.CreateFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized}, after(1))
		c = lifecycle.CreateFailed(c, rules.Failure{Type: failure}, after(2))
		require.Equal(t, []string{attention}, lifecycle.Attention(c.State))
	}
}

func TestAnUncertainCreationIsProvenByAWebhookOnItsOwnURL(t *testing.T) {
	t.Parallel()
	c := received(uncertain(), inputNeeded("q1", 10), after(10))
	requireStatus(t, workflows.CaseInputNeeded, c)
	require.Equal(t, caseID, c.State.CaseID)
	require.Equal(t, []string{"input_needed"}, lifecycle.Attention(c.State))
}

// The reads that the rest of the webhook waits for may fail for long.
func TestAWebhookThatProvesACaseCountsAtOnceIfTheRestOfItWaitsForARead(t *testing.T) {
	t.Parallel()
	correctable := options(func(o *workflows.CaseOptions) { o.AwaitCorrection = true })
	confirming := options(func(o *workflows.CaseOptions) { o.ConfirmEnd = true })
	rejected := lifecycle.CreateFailed(began(correctable), rules.Failure{Type: workflows.ErrTypeOffloadInvalidRequest}, after(1))
	pausing := lifecycle.CreateFailed(began(), rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized}, after(1))
	ofAnother := adopted(uncertain(), 2)
	ofAnother = received(ofAnother, unproven(inputNeeded("q1", 3)), after(3))
	ofAnother = readOnce(ofAnother, caseID, read(inputNeeded("q1", 3)), after(4))
	requireStatus(t, workflows.CaseInputNeeded, ofAnother)
	another := untimed(inputNeeded("q9", 10))
	another.Facts.CaseID = "another"
	for name, row := range map[string]struct {
		before    lifecycle.Case
		event     workflows.CaseEvent
		attention []string
	}{
		"without a time, uncertain":               {uncertain(), untimed(inputNeeded("q1", 10)), nil},
		"without a time, rejected":                {rejected, untimed(inputNeeded("q1", 10)), nil},
		"without a time, between two attempts":    {pausing, untimed(inputNeeded("q1", 10)), nil},
		"an end to confirm":                       {uncertain(confirming), completed(10), nil},
		"an end that omits files":                 {uncertain(), omittingFiles(completed(10)), nil},
		"without a time, of another than adopted": {ofAnother, another, []string{workflows.AttentionSecondCase}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := received(row.before, row.event, after(10))
			requireStatus(t, workflows.CaseRunning, c)
			require.Equal(t, after(10), c.State.Since)
			require.Equal(t, workflows.NewsByWebhook, c.State.Source)
			require.Equal(t, row.attention, lifecycle.Attention(c.State))
			require.NotNil(t, lifecycle.Next(c, after(10)).Read)
		})
	}
}

func TestTheFailureOfACreationThatIsNoLongerNeededIsNoError(t *testing.T) {
	t.Parallel()
	proven := received(began(), inputNeeded("q1", 2), after(2))
	cancelled := lifecycle.Cancel(began(), workflows.CancelCase{}, after(2))
	givenUp := rules.Failure{Type: rules.FailureCancelled, Message: "given up before it was carried out"}
	for name, row := range map[string]struct {
		before  lifecycle.Case
		failure rules.Failure
		want    string
	}{
		"given up for a webhook":            {proven, givenUp, ""},
		"given up at the end":               {cancelled, givenUp, ""},
		"unknown, but a webhook came":       {proven, rules.Failure{Message: "no answer in time"}, ""},
		"unknown when the case ended":       {cancelled, rules.Failure{Message: "no answer in time"}, "no answer in time"},
		"refused while it was still needed": {began(), rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized, Message: "no key"}, "no key"},
	} {
		c := lifecycle.CreateFailed(row.before, row.failure, after(3))
		require.Equal(t, row.want, c.State.LastError, name)
		require.Equal(t, row.before.State.Status, c.State.Status, name)
	}
}

func TestAnUncertainCreationIsNotProvenByAnEventOfTheSharedRoute(t *testing.T) {
	t.Parallel()
	c := received(uncertain(), unproven(completed(10)), after(10))
	requireStatus(t, workflows.CaseCreateUncertain, c)
	require.Contains(t, lifecycle.WaitingFor(c), caseID, "a person can read the case ID there")
	fx := lifecycle.Next(c, after(10))
	require.Nil(t, fx.Read)

	c = lifecycle.Adopt(c, workflows.AdoptCase{CaseID: caseID})
	c = readOnce(c, caseID, read(completed(10)), after(11))
	requireStatus(t, workflows.CaseCompleted, c)
	require.Equal(t, workflows.NewsByWebhook, lifecycle.Outcome(c).Source)
	require.JSONEq(t, `{"vendorId":"vendor_2048"}`, string(lifecycle.Outcome(c).Facts.Metadata))
}

func TestAnUncertainCreationIsSettledByAPerson(t *testing.T) {
	t.Parallel()
	c := uncertain()
	require.NoError(t, lifecycle.CheckAdopt(c, workflows.AdoptCase{CaseID: caseID}))
	adopted := adopted(c, 2)
	requireStatus(t, workflows.CaseRunning, adopted)
	require.NotNil(t, lifecycle.Next(adopted, after(2)).Reconcile, "the case may have changed before it was adopted")
	require.NoError(t, lifecycle.CheckAdopt(adopted, workflows.AdoptCase{CaseID: caseID}), "the same case ID is accepted again")
	requireRefusal(t, workflows.ErrTypeOtherCase, lifecycle.CheckAdopt(adopted, workflows.AdoptCase{CaseID: "other"}))

	require.NoError(t, lifecycle.CheckRetryCreate(c, workflows.RetryCreate{}))
	again := lifecycle.RetryCreate(c, workflows.RetryCreate{}, after(2))
	requireStatus(t, workflows.CaseCreating, again)
	require.NotNil(t, lifecycle.Next(again, after(2)).Create)
}

func TestARejectedRequestIsCorrected(t *testing.T) {
	t.Parallel()
	c := began(options(func(o *workflows.CaseOptions) { o.AwaitCorrection = true }))
	c = lifecycle.CreateFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadInvalidRequest}, after(1))
	require.Empty(t, lifecycle.Outcome(lifecycle.Cancel(c, workflows.CancelCase{}, after(2))).Attention, "a cancelled case has nothing to correct")
	bad := request()
	bad.Channel = "FAX"
	requireRefusal(t, workflows.ErrTypeInvalidArgument, lifecycle.CheckRetryCreate(c, workflows.RetryCreate{Request: bad}))

	good := request()
	good.Goal.Objective = "Obtain a W-9"
	require.NoError(t, lifecycle.CheckRetryCreate(c, workflows.RetryCreate{Request: good}))
	c = lifecycle.RetryCreate(c, workflows.RetryCreate{Request: good}, after(2))
	create := lifecycle.Next(c, after(2)).Create
	require.Equal(t, "Obtain a W-9", create.Request.Goal.Objective)
	require.Equal(t, "vendor_2048", create.Request.ClientReferenceID)
	require.Empty(t, lifecycle.Attention(c.State))
}

// The first creation may have made a case, and no later failure shows that it did not.
func TestAnotherCreationDoesNotForgetThatACaseMayExist(t *testing.T) {
	t.Parallel()
	rejects := func(c lifecycle.Case) lifecycle.Case {
		return lifecycle.CreateFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadInvalidRequest, Message: "channel is bad"}, after(3))
	}
	cancels := func(c lifecycle.Case) lifecycle.Case { return lifecycle.Cancel(c, workflows.CancelCase{}, after(4)) }
	givenUp := rules.Failure{Type: rules.FailureCancelled}
	again := func(change ...func(*workflows.CaseStart)) lifecycle.Case {
		return lifecycle.RetryCreate(uncertain(change...), workflows.RetryCreate{}, after(2))
	}
	awaiting := options(func(o *workflows.CaseOptions) { o.AwaitCorrection = true })
	expiring := options(func(o *workflows.CaseOptions) { o.Deadline = after(4) })
	bound := lifecycle.Created(again(), workflows.CreateCaseResult{CaseID: caseID}, after(3))
	for name, row := range map[string]struct {
		c         lifecycle.Case
		status    workflows.CaseStatus
		attention []string
	}{
		"tried again":                    {again(), workflows.CaseCreating, nil},
		"rejected":                       {rejects(again()), workflows.CaseCreateUncertain, []string{"create_uncertain"}},
		"rejected and cancelled":         {cancels(rejects(again())), workflows.CaseCancelled, []string{"still_running"}},
		"rejected, to correct":           {rejects(again(awaiting)), workflows.CaseCreating, []string{"create_rejected"}},
		"the same and cancelled":         {cancels(rejects(again(awaiting))), workflows.CaseCancelled, []string{"still_running"}},
		"cancelled while it waits":       {lifecycle.CreateFailed(cancels(again()), givenUp, after(5)), workflows.CaseCancelled, []string{"still_running"}},
		"expired while it waits":         {lifecycle.CreateFailed(lifecycle.Tick(again(expiring), after(4)), givenUp, after(5)), workflows.CaseExpired, []string{"still_running"}},
		"created":                        {bound, workflows.CaseRunning, nil},
		"created, and Offload has ended": {received(bound, completed(5), after(5)), workflows.CaseCompleted, nil},
	} {
		requireStatus(t, row.status, row.c)
		require.Equal(t, row.attention, lifecycle.Attention(row.c.State), name)
	}
	require.Equal(t, "Offload rejected the request: channel is bad", rejects(again()).State.LastError)
	require.NoError(t, lifecycle.CheckAdopt(rejects(again()), workflows.AdoptCase{CaseID: caseID}))
	require.NoError(t, lifecycle.CheckRetryCreate(rejects(again()), workflows.RetryCreate{}))
}

// A webhook proves the case of one creation only.
func TestOfTwoUncertainCreationsTheOtherMayHaveMadeASecondCase(t *testing.T) {
	t.Parallel()
	unclear := rules.Failure{Type: workflows.ErrTypeOffloadUncertain}
	again := lifecycle.RetryCreate(uncertain(), workflows.RetryCreate{}, after(2))
	proven := received(again, inputNeeded("q1", 3), after(3))
	require.Equal(t, []string{"input_needed"}, lifecycle.Attention(proven.State), "the second call is still running")
	corrected := lifecycle.CreateFailed(began(options(func(o *workflows.CaseOptions) { o.AwaitCorrection = true })),
		rules.Failure{Type: workflows.ErrTypeOffloadInvalidRequest}, after(1))
	corrected = lifecycle.RetryCreate(corrected, workflows.RetryCreate{}, after(2))
	corrected = received(corrected, inputNeeded("q1", 3), after(3))
	second := []string{"input_needed", "second_case"}
	for name, row := range map[string]struct {
		c    lifecycle.Case
		want []string
	}{
		"unclear":                              {lifecycle.CreateFailed(proven, unclear, after(4)), second},
		"no answer in time":                    {lifecycle.CreateFailed(proven, rules.Failure{}, after(4)), second},
		"unclear before the webhook":           {received(lifecycle.CreateFailed(again, unclear, after(3)), inputNeeded("q1", 4), after(4)), second},
		"rejected":                             {lifecycle.CreateFailed(proven, rules.Failure{Type: workflows.ErrTypeOffloadInvalidRequest}, after(4)), second[:1]},
		"cancelled before it was sent":         {lifecycle.CreateFailed(proven, rules.Failure{Type: rules.FailureCancelled}, after(4)), second[:1]},
		"made the same case":                   {lifecycle.Created(proven, workflows.CreateCaseResult{CaseID: caseID}, after(4)), second[:1]},
		"made another case":                    {lifecycle.Created(proven, workflows.CreateCaseResult{CaseID: "another"}, after(4)), second},
		"unclear, but the first made no case":  {lifecycle.CreateFailed(corrected, unclear, after(4)), second[:1]},
		"unclear, and a person adopted a case": {adopted(lifecycle.CreateFailed(again, unclear, after(3)), 4), nil},
	} {
		require.Equal(t, row.want, lifecycle.Attention(row.c.State), name)
	}
	unclearAfterTheEnd := lifecycle.CreateFailed(received(again, completed(3), after(3)), unclear, after(4))
	require.Equal(t, []string{"second_case"}, lifecycle.Outcome(unclearAfterTheEnd).Attention)
}

func TestRetryCreateIsRefusedUnlessTheCreationIsUncertainOrRejected(t *testing.T) {
	t.Parallel()
	requireRefusal(t, workflows.ErrTypeNotUncertain, lifecycle.CheckRetryCreate(began(), workflows.RetryCreate{}))
	requireRefusal(t, workflows.ErrTypeNotUncertain, lifecycle.CheckRetryCreate(running(), workflows.RetryCreate{}))
	requireRefusal(t, workflows.ErrTypeNotUncertain, lifecycle.CheckAdopt(began(), workflows.AdoptCase{CaseID: caseID}))
	requireRefusal(t, workflows.ErrTypeInvalidArgument, lifecycle.CheckAdopt(uncertain(), workflows.AdoptCase{}))
	ended := received(running(), completed(10), after(10))
	requireRefusal(t, workflows.ErrTypeCaseEnded, lifecycle.CheckRetryCreate(ended, workflows.RetryCreate{}))
	requireRefusal(t, workflows.ErrTypeCaseEnded, lifecycle.CheckAdopt(ended, workflows.AdoptCase{CaseID: caseID}))
	requireRefusal(t, workflows.ErrTypeCaseEnded, lifecycle.CheckCancel(ended, workflows.CancelCase{}))
}

func TestASecondCaseIsReportedAndNeverMerged(t *testing.T) {
	t.Parallel()
	other := completed(10)
	other.Facts.CaseID = "another"
	otherRead := read(other)
	for name, c := range map[string]lifecycle.Case{
		"by webhook":      received(running(), other, after(10)),
		"by a read":       reconciled(running(), otherRead, after(10)),
		"by the creation": lifecycle.Created(received(began(), inputNeeded("q1", 1), after(1)), workflows.CreateCaseResult{CaseID: "another"}, after(2)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, caseID, c.State.CaseID)
			require.Equal(t, []string{"another"}, c.State.OtherCaseIDs)
			require.Contains(t, lifecycle.Attention(c.State), workflows.AttentionSecondCase)
			require.False(t, c.State.Status.Ended())
		})
	}
}

func TestSecondCasesAreListedOnceInOrderAndUpToALimit(t *testing.T) {
	t.Parallel()
	c := running()
	tell := func(id string) {
		other := completed(10)
		other.Facts.CaseID, other.DedupeKey = id, ""
		c = received(c, other, after(10))
	}
	for _, id := range []string{"c", "a", "b", "a", "c", "d"} {
		tell(id)
	}
	require.Equal(t, []string{"a", "b", "c", "d"}, lifecycle.View(c).OtherCaseIDs)
	for i := range 7 {
		tell(fmt.Sprint("x", i))
	}
	require.Equal(t, []string{"a", "b", "c", "d", "x0", "x1", "x2", "x3", "x4", "x5"}, lifecycle.View(c).OtherCaseIDs)
}

func TestACreationThatTakesThreeMinutesRaisesAttention(t *testing.T) {
	t.Parallel()
	c := began()
	require.Equal(t, after(3), lifecycle.Next(c, t0).Wake)
	require.Empty(t, lifecycle.Attention(lifecycle.Tick(c, after(3).Add(-1)).State))
	c = lifecycle.Tick(c, after(3))
	require.Equal(t, []string{"not_created"}, lifecycle.Attention(c.State))
	require.Zero(t, lifecycle.Next(c, after(3)).Wake)
	require.Equal(t, []string{"not_created"}, lifecycle.Attention(lifecycle.Tick(c, after(4)).State), "the attention stays")

	unauthorized := rules.Failure{Type: workflows.ErrTypeOffloadUnauthorized}
	known := lifecycle.CreateFailed(began(), unauthorized, after(1))
	require.Zero(t, lifecycle.Next(known, after(1)).Wake, "the attention unauthorized already says why")
	for name, row := range map[string]struct {
		c    lifecycle.Case
		want []string
	}{
		"it fails for a reason a person can fix": {lifecycle.CreateFailed(c, unauthorized, after(4)), []string{"unauthorized"}},
		"it is uncertain":                        {lifecycle.CreateFailed(c, rules.Failure{}, after(4)), []string{"create_uncertain"}},
		"it was created after all":               {lifecycle.Created(c, workflows.CreateCaseResult{CaseID: caseID}, after(4)), nil},
		"its webhook came":                       {received(c, inputNeeded("q1", 4), after(4)), []string{"input_needed"}},
		"retry-create was called":                {lifecycle.RetryCreate(lifecycle.CreateFailed(c, rules.Failure{}, after(4)), workflows.RetryCreate{}, after(5)), nil},
		"it was cancelled":                       {lifecycle.Cancel(c, workflows.CancelCase{}, after(4)), nil},
	} {
		require.Equal(t, row.want, lifecycle.Attention(lifecycle.Tick(row.c, after(7)).State), name)
	}
}

func TestAnUnprovenEventReportsNoSecondCase(t *testing.T) {
	t.Parallel()
	other := unproven(completed(10))
	other.Facts.CaseID = "another"
	for name, c := range map[string]lifecycle.Case{
		"while it runs":        received(running(), other, after(10)),
		"before it is created": lifecycle.Created(received(began(), other, after(1)), workflows.CreateCaseResult{CaseID: caseID}, after(2)),
		"after the end":        received(received(running(), completed(9), after(9)), other, after(10)),
	} {
		require.Empty(t, lifecycle.Attention(c.State), name)
		require.Nil(t, lifecycle.Next(c, after(10)).Read, "no read of this case can confirm it")
	}
}

func TestAWebhookBeforeTheCreationsResponseSettlesTheCreation(t *testing.T) {
	t.Parallel()
	c := received(began(), inputNeeded("q1", 1), after(1))
	requireStatus(t, workflows.CaseInputNeeded, c)
	require.Nil(t, lifecycle.Next(c, after(1)).Create)
	for name, settled := range map[string]lifecycle.Case{
		"answered":  lifecycle.Created(c, workflows.CreateCaseResult{CaseID: caseID}, after(2)),
		"given up":  lifecycle.CreateFailed(c, rules.Failure{Type: rules.FailureCancelled}, after(2)),
		"rejected":  lifecycle.CreateFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadInvalidRequest}, after(2)),
		"uncertain": lifecycle.CreateFailed(c, rules.Failure{Type: workflows.ErrTypeOffloadUncertain}, after(2)),
	} {
		require.Equal(t, lifecycle.CreationSettled, settled.State.Creation, name)
		requireStatus(t, workflows.CaseInputNeeded, settled)
		require.Equal(t, []string{"input_needed"}, lifecycle.Attention(settled.State), name)
		require.Empty(t, settled.State.OtherCaseIDs, name)
	}
}

func TestACaseThatExistsAlreadyIsReadAtOnce(t *testing.T) {
	t.Parallel()
	c := lifecycle.Begin(workflows.CaseStart{CaseID: caseID}.Normalized(), t0, t0)
	requireStatus(t, workflows.CaseRunning, c)
	fx := lifecycle.Next(c, t0)
	require.Nil(t, fx.Create)
	require.Empty(t, lifecycle.View(c).Objective, "the app did not send the request")
	require.Equal(t, "Obtain a signed W-9 from Ada", lifecycle.View(running()).Objective+" from "+lifecycle.View(running()).Counterparty)
	require.Equal(t, workflows.KnownCase{}, fx.Reconcile.Known, "no state is known, so the first read counts as a change")
	c = reconciled(c, read(failed(-10)), after(1))
	requireStatus(t, workflows.CaseFailed, c)
	require.Equal(t, []string{"failureReason", "metadata"}, lifecycle.Outcome(c).Unknown)
}

func TestACaseWhoseDeadlineHasPassedAlreadyIsNotCreated(t *testing.T) {
	t.Parallel()
	c := began(options(func(o *workflows.CaseOptions) { o.Deadline = t0.Add(-time.Second) }))
	requireStatus(t, workflows.CaseExpired, c)
	require.Nil(t, lifecycle.Next(c, t0).Create)
	require.Empty(t, lifecycle.Attention(c.State), "nothing runs at Offload")
}
