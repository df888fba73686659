package casetest_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func creation(name string) string { return "creation-" + name }

// failedCreation is what goes wrong with POST /cases, and where that leaves the case.
type failedCreation struct {
	// fails is what the next calls meet; always is what every call meets.
	fails  []offloadsim.Failure
	always offloadsim.Failure
	// retryAfter is the Retry-After of a throttled call.
	retryAfter time.Duration
	// unusable makes Offload reject the request; awaits is the business app's choice for that.
	unusable, awaits bool

	status    workflows.CaseStatus
	attention []string
	// atOffload is how many cases exist there.
	atOffload int
	says      string
}

var failedCreations = map[string]failedCreation{
	"throttled":                  {fails: []offloadsim.Failure{offloadsim.FailThrottle}, status: workflows.CaseRunning, atOffload: 1},
	"throttled-with-retry-after": {fails: []offloadsim.Failure{offloadsim.FailThrottle}, retryAfter: 3 * time.Second, status: workflows.CaseRunning, atOffload: 1},
	"throttled-twice":            {fails: []offloadsim.Failure{offloadsim.FailThrottle, offloadsim.FailThrottle}, status: workflows.CaseRunning, atOffload: 1},

	"gateway-error":          uncertain(offloadsim.FailGateway, 0),
	"reset-before":           uncertain(offloadsim.FailResetBefore, 0),
	"reset-after":            uncertain(offloadsim.FailResetAfter, 1),
	"no-answer":              uncertain(offloadsim.FailHangAfter, 1), // until the client gives up, after half a minute
	"internal-error":         uncertain(offloadsim.FailInternal, 0),
	"internal-error-after":   uncertain(offloadsim.FailInternalAfter, 1),
	"gateway-timeout-after":  uncertain(offloadsim.FailGatewayAfter, 1),
	"usage-limit":            held(offloadsim.FailUsageLimit, workflows.AttentionUsageLimit, "USAGE_LIMIT_REACHED"),
	"unauthorized":           held(offloadsim.FailUnauthorized, workflows.AttentionUnauthorized, "401"),
	"forbidden":              held(offloadsim.FailForbidden, workflows.AttentionForbidden, "403"),
	"unauthorized-only-once": {fails: []offloadsim.Failure{offloadsim.FailUnauthorized}, status: workflows.CaseRunning, atOffload: 1},

	"rejected":                     {unusable: true, status: workflows.CaseFailed, says: "no script unusable"},
	"rejected-awaiting-correction": {unusable: true, awaits: true, status: workflows.CaseCreating, attention: []string{workflows.AttentionCreateRejected}, says: "no script unusable"},
}

func uncertain(failure offloadsim.Failure, atOffload int) failedCreation {
	return failedCreation{
		fails: []offloadsim.Failure{failure}, status: workflows.CaseCreateUncertain,
		attention: []string{workflows.AttentionCreateUncertain}, atOffload: atOffload,
	}
}

func held(always offloadsim.Failure, attention, says string) failedCreation {
	return failedCreation{always: always, status: workflows.CaseCreating, attention: []string{attention}, says: says}
}

func TestEachFailureOfACreationLeavesAtMostOneCase(t *testing.T) {
	t.Parallel()
	for name, c := range failedCreations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			offload := shared.providers[creation(name)]
			offload.SetUndocumented(offloadsim.Undocumented{RetryAfter: c.retryAfter})
			require.NoError(t, offload.FailNext(offloadsim.RouteCreate, c.fails...))
			if c.always != offloadsim.FailNot {
				require.NoError(t, offload.Calls.SetEventRates(string(offloadsim.RouteCreate), map[offloadsim.Failure]float64{c.always: 1}))
			}
			start := workflows.CaseStart{
				Reference: creation(name), Account: creation(name), Request: request(offloadsim.ScriptManual),
				Options: workflows.CaseOptions{AwaitCorrection: c.awaits},
			}
			if c.unusable {
				start.Request.Metadata = json.RawMessage(`{"script":"unusable"}`)
			}
			began := time.Now()
			one := stories.StartCase(t, shared.Apps, start)
			state := testenv.Eventually(t, unlost(offload, one), func(s workflows.CaseState) bool {
				// A case that is still being created shows its attention a moment later.
				return s.Status == c.status && len(s.Attention) == len(c.attention)
			})
			require.GreaterOrEqual(t, time.Since(began), c.retryAfter, "before the provider's time")
			require.ElementsMatch(t, c.attention, state.Attention)
			if c.says != "" && state.Outcome == nil {
				require.Contains(t, state.LastError, c.says)
			}
			if c.says != "" && state.Outcome != nil {
				require.Contains(t, state.Outcome.Reason, c.says)
			}
			if c.status == workflows.CaseCreateUncertain || c.unusable {
				requireIdle(t, one.WorkflowID())
			}
			require.Len(t, offload.Cases(), c.atOffload)
		})
	}
}

// requireIdle: nothing is under way that could create a case later.
func requireIdle(t *testing.T, workflowID string) {
	t.Helper()
	require.Empty(t, stories.Describe(t, shared.Temporal, workflowID).GetPendingActivities())
}

func settlement(name string) string { return "settlement-" + name }

// settledCreations are the ways out of a creation that didn't go well.
var settledCreations = map[string]func(t *testing.T, offload *provider, start workflows.CaseStart){
	"its-own-webhook-proves-the-case": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		one, caseID := startUncertain(t, offload, offloadsim.FailResetAfter, start)
		require.NoError(t, offload.SendFirstMessage(caseID))
		_, err := offload.AskInput(caseID, "Is a PDF fine?")
		require.NoError(t, err)
		state := inStatus(t, one, workflows.CaseInputNeeded)
		require.Equal(t, caseID, state.CaseID)
		require.Equal(t, []string{workflows.AttentionInputNeeded}, state.Attention)
		require.NoError(t, offload.Complete(caseID, nil))
		endsAs(t, one, workflows.CaseCompleted, caseID)
		require.Len(t, offload.Cases(), 1)
	},
	"it-is-adopted": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		one, caseID := startUncertain(t, offload, offloadsim.FailInternalAfter, start)
		require.NoError(t, stories.Adopt(t.Context(), one, workflows.AdoptCase{CaseID: caseID, By: "ada"}))
		require.Empty(t, inStatus(t, one, workflows.CaseRunning).Attention)
		_, err := stories.Retry(t.Context(), func(ctx context.Context) (workflows.CaseReceipt, error) {
			return one.RetryCreate(ctx, workflows.RetryCreate{})
		})
		require.ErrorIs(t, err, signalbox.ErrNotUncertain)
		require.ErrorIs(t, stories.Adopt(t.Context(), one, workflows.AdoptCase{CaseID: "another"}), signalbox.ErrConflict)
		require.NoError(t, offload.Fail(caseID, offloadsim.ResultComplained, ""))
		endsAs(t, one, workflows.CaseFailed, caseID)
		require.Len(t, offload.Cases(), 1)
	},
	"it-is-created-again": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		one, none := startUncertain(t, offload, offloadsim.FailResetBefore, start)
		require.Empty(t, none)
		require.NoError(t, stories.RetryCreate(t.Context(), one, workflows.RetryCreate{By: "ada"}))
		caseID := testenv.Eventually(t, stories.Attended(offload, one), isRunning).CaseID
		require.NoError(t, offload.Fail(caseID, offloadsim.ResultBounced, ""))
		endsAs(t, one, workflows.CaseFailed, caseID)
		require.Len(t, offload.Cases(), 1)
	},
	"it-is-created-again-though-it-existed": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		one, first := startUncertain(t, offload, offloadsim.FailGatewayAfter, start)
		require.NoError(t, stories.RetryCreate(t.Context(), one, workflows.RetryCreate{By: "ada"}))
		second := testenv.Eventually(t, func(ctx context.Context) (workflows.CaseState, error) {
			state, err := one.State(ctx)
			if err == nil && state.Status == workflows.CaseCreateUncertain && len(offload.Cases()) == 1 { // a busy machine lost the call
				_, err = one.RetryCreate(ctx, workflows.RetryCreate{By: "ada"})
			}
			return state, err
		}, isRunning).CaseID
		require.NotEqual(t, first, second)
		require.NoError(t, offload.Fail(first, offloadsim.ResultBounced, ""))
		state := testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return len(s.OtherCaseIDs) > 0 })
		require.Equal(t, []string{first}, state.OtherCaseIDs)
		require.Equal(t, []string{workflows.AttentionSecondCase}, state.Attention)
		require.Equal(t, workflows.CaseRunning, state.Status, "the other case's end is not this one's")
		require.NoError(t, offload.SendFirstMessage(second))
		require.NoError(t, offload.Complete(second, nil))
		require.Equal(t, []string{workflows.AttentionSecondCase}, endsAs(t, one, workflows.CaseCompleted, second).Attention)
		require.Len(t, offload.Cases(), 2)
	},
	"it-is-corrected": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		start.Options.AwaitCorrection = true
		start.Request.Metadata = json.RawMessage(`{"script":"unusable"}`)
		one := stories.StartCase(t, shared.Apps, start)
		testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return len(s.Attention) > 0 })
		require.NoError(t, stories.RetryCreate(t.Context(), one, workflows.RetryCreate{Request: request(offloadsim.ScriptReject)}))
		require.Equal(t, offloadsim.ResultFailedRejected, outcome(t, one).ResultStatus)
		require.Len(t, offload.Cases(), 1)
	},
	"it-existed-all-along": func(t *testing.T, offload *provider, start workflows.CaseStart) {
		uncertainOne, caseID := startUncertain(t, offload, offloadsim.FailResetAfter, start)
		require.NoError(t, stories.CancelCase(t.Context(), uncertainOne, workflows.CancelCase{Reason: "taken over elsewhere"}))
		require.Contains(t, outcome(t, uncertainOne).Attention, workflows.AttentionStillRunning)
		require.NoError(t, offload.SendFirstMessage(caseID))
		require.NoError(t, offload.Complete(caseID, nil))
		adopted := stories.StartCase(t, shared.Apps, workflows.CaseStart{CaseID: caseID, Account: start.Account})
		require.Equal(t, workflows.NewsByPoll, endsAs(t, adopted, workflows.CaseCompleted, caseID).Source)
		require.Len(t, offload.Cases(), 1)
	},
}

func TestAnUncertainOrRejectedCreationCanBeResolved(t *testing.T) {
	t.Parallel()
	for name, story := range settledCreations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, shared.providers[settlement(name)], workflows.CaseStart{
				Reference: settlement(name), Account: settlement(name), Request: request(offloadsim.ScriptManual),
			})
		})
	}
}

// startUncertain returns the case, and its ID at Offload where it exists there.
func startUncertain(t *testing.T, offload *provider, failure offloadsim.Failure, start workflows.CaseStart) (one *signalbox.Case, caseID string) {
	t.Helper()
	require.NoError(t, offload.FailNext(offloadsim.RouteCreate, failure))
	one = stories.StartCase(t, shared.Apps, start)
	testenv.Eventually(t, unlost(offload, one), func(s workflows.CaseState) bool { return s.Status == workflows.CaseCreateUncertain })
	for _, created := range offload.Cases() {
		caseID = created.CaseID
	}
	return one, caseID
}

func endsAs(t *testing.T, one *signalbox.Case, status workflows.CaseStatus, caseID string) workflows.CaseOutcome {
	t.Helper()
	got := outcome(t, one)
	require.Equal(t, status, got.Status)
	require.Equal(t, caseID, got.CaseID)
	return got
}
