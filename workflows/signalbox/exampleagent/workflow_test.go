package exampleagent_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/exampleagent"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest"
)

const (
	agentName, activationID = "pages", "act_1"
	apiKey, token           = "art_agent_secret", "token-of-the-worker"
)

// stage is one activation of the agent: the SDK's environment for its workflow, a fake Signalbox, and a fake Artmail.
type stage struct {
	t    *testing.T
	env  *testsuite.TestWorkflowEnvironment
	apps *signalbox.Client
	fake *signalboxtest.Fake

	// keyStatus is the API's status for requests of the key; zero: the API returns the key.
	keyStatus int
	// started and asked are called for each new run and each new approval request, and lost for each answer that has no key.
	started, asked, lost func()
	// broken makes Artmail fail.
	broken bool

	mu        sync.Mutex
	runs      []string
	messages  []string
	kept      int
	finished  []string
	published []string
	failed    int
	seq       int64
}

func newStage(t *testing.T) *stage {
	s := &stage{t: t, started: func() {}, asked: func() {}, lost: func() {}}
	s.apps, s.fake = signalboxtest.New(t, signalbox.Options{})
	api := httptest.NewServer(s)
	t.Cleanup(api.Close)
	s.fake.Activate(agentName, activationID, "")
	s.environment(api.URL)
	return s
}

func (s *stage) environment(api string) {
	var suite testsuite.WorkflowTestSuite
	s.env = suite.NewTestWorkflowEnvironment()
	s.env.SetTestTimeout(2 * time.Minute)
	// A busy machine, with the race detector on, takes longer for a workflow task than the second that the SDK allows.
	s.env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	agent := &exampleagent.Agent{
		Signalbox: s.apps, Artmail: s, Keys: signalbox.FetchAPIKeyOptions{URL: api, Token: token},
		Publish: func(_ context.Context, _ signalbox.ActivationRef, text string) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.published = append(s.published, text)
			return nil
		},
	}
	agent.Register(s.env)
	// The history contains no API key.
	s.env.SetOnActivityStartedListener(func(_ *activity.Info, _ context.Context, args converter.EncodedValues) {
		var argument any
		require.NoError(s.t, args.Get(&argument))
		require.NotContains(s.t, fmt.Sprint(argument), apiKey)
	})
	s.env.SetOnActivityCompletedListener(func(_ *activity.Info, result converter.EncodedValue, err error) {
		var value any
		if result != nil && result.HasValue() {
			require.NoError(s.t, result.Get(&value))
		}
		require.NotContains(s.t, fmt.Sprint(value, err), apiKey)
	})
}

// ServeHTTP is the API of Signalbox.
func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("Authorization") != "Bearer "+token || r.URL.Path != "/v1/activations/pages/act_1/api-key":
		w.WriteHeader(http.StatusUnauthorized)
	case s.keyStatus != 0:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(s.keyStatus)
		s.lost()
		_, _ = fmt.Fprint(w, `{"type":"urn:signalbox:problem:api-key-lost","detail":"the key never came"}`)
	default:
		_, _ = fmt.Fprintf(w, `{"apiKey":%q}`, apiKey)
	}
}

// The methods of exampleagent.Artmail.
func (s *stage) StartRun(_ context.Context, key string) (string, error) {
	if err := s.called(key); err != nil {
		return "", err
	}
	defer s.started()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs = append(s.runs, fmt.Sprintf("run_%d", len(s.runs)+1))
	return s.runs[len(s.runs)-1], nil
}

func (s *stage) KeepRun(_ context.Context, key, _ string) error {
	s.mu.Lock()
	s.kept++
	s.mu.Unlock()
	return s.called(key)
}

func (s *stage) Ask(_ context.Context, key, _, _ string) (string, error) {
	if err := s.called(key); err != nil {
		return "", err
	}
	defer s.asked()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, fmt.Sprintf("msg_%d", len(s.messages)+1))
	return s.messages[len(s.messages)-1], nil
}

func (s *stage) FinishRun(_ context.Context, key, runID string) error {
	s.mu.Lock()
	s.finished = append(s.finished, runID)
	s.mu.Unlock()
	return s.called(key)
}

func (s *stage) called(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key != apiKey {
		return errors.New("unknown key")
	}
	if s.broken {
		s.failed++
		return errors.New("Artmail is away")
	}
	return nil
}

// after calls a function at a time of the workflow's clock.
func (s *stage) after(delay time.Duration, do func()) { s.env.RegisterDelayedCallback(do, delay) }

// tell sends a notice, twice: delivery is at least once.
func (s *stage) tell(kind workflows.NoticeKind, data workflows.NoticeData) {
	s.seq++
	notice := workflows.Notice{
		ID: fmt.Sprintf("ntc_%d", s.seq), Seq: s.seq, Kind: kind, Agent: agentName, ActivationID: activationID, Data: data,
	}
	s.env.SignalWorkflow(workflows.SignalAgentNotice, notice)
	s.env.SignalWorkflow(workflows.SignalAgentNotice, notice)
}

func (s *stage) status(kind workflows.NoticeKind, status workflows.ActivationStatus) {
	s.tell(kind, workflows.NoticeData{Activation: &workflows.ActivationChange{Status: status}})
}

func (s *stage) activated() {
	s.tell("activation.renamed", workflows.NoticeData{}) // a kind of a later version
	s.status(workflows.NoticeActivationActivated, workflows.ActivationActive)
}
func (s *stage) paused() { s.status(workflows.NoticeActivationPaused, workflows.ActivationPaused) }
func (s *stage) resumed() {
	s.status(workflows.NoticeActivationResumed, workflows.ActivationActive)
}

func (s *stage) deactivated() {
	s.status(workflows.NoticeActivationDeactivated, workflows.ActivationDeactivated)
}

func (s *stage) answered(kind workflows.NoticeKind, status workflows.ApprovalStatus) {
	s.tell(kind, workflows.NoticeData{Approval: &workflows.Approval{
		ApprovalRequest: workflows.ApprovalRequest{MessageID: s.messages[len(s.messages)-1]}, Status: status,
	}})
}

func (s *stage) approved() {
	s.answered(workflows.NoticeApprovalApproved, workflows.ApprovalApproved)
}

func (s *stage) aboutRun(kind workflows.NoticeKind, runID string) {
	s.tell(kind, workflows.NoticeData{Run: &workflows.Run{RunID: runID}})
}

// forceFailed force-fails the newest run: Signalbox knows at once and sends a notice.
func (s *stage) forceFailed() {
	run := s.runs[len(s.runs)-1]
	s.fake.ForceFail(agentName, activationID, run)
	s.aboutRun(workflows.NoticeRunForceFailed, run)
}

// play runs the workflow until the activation is deactivated.
func (s *stage) play(start exampleagent.Start) exampleagent.State {
	s.t.Helper()
	start.Agent, start.ActivationID = agentName, activationID
	s.env.ExecuteWorkflow(exampleagent.WorkflowType, start)
	require.True(s.t, s.env.IsWorkflowCompleted())
	var state exampleagent.State
	require.NoError(s.t, s.env.GetWorkflowResult(&state))
	require.Equal(s.t, workflows.ActivationDeactivated, state.Status)
	return state
}

func (s *stage) signalbox() workflows.ActivationState {
	s.t.Helper()
	state, err := s.apps.Activation(agentName, activationID).State(s.t.Context())
	require.NoError(s.t, err)
	return state
}

func TestTheAgentDoesWhatTheBrandSays(t *testing.T) {
	t.Parallel()
	for status, kind := range map[workflows.ApprovalStatus]workflows.NoticeKind{
		workflows.ApprovalApproved:  workflows.NoticeApprovalApproved,
		workflows.ApprovalRejected:  workflows.NoticeApprovalRejected,
		workflows.ApprovalExpired:   workflows.NoticeApprovalExpired,
		workflows.ApprovalCancelled: workflows.NoticeApprovalCancelled,
	} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.after(0, s.activated)
			s.after(time.Hour, func() {
				open := s.signalbox()
				require.Equal(t, workflows.RunOpen, open.Runs[0].Status)
				require.Equal(t, "run_1", open.Approvals[0].RunID)
				s.answered(kind, status)
			})
			s.after(2*time.Hour, s.deactivated)
			state := s.play(exampleagent.Start{})
			require.Equal(t, exampleagent.StepDone, state.Page.Step)
			require.Equal(t, status, state.Page.Answer)
			require.Empty(t, state.Page.Problem)
			require.Equal(t, []string{"run_1"}, s.finished)
			require.Equal(t, workflows.RunClosed, s.signalbox().Runs[0].Status)
			if status == workflows.ApprovalApproved {
				require.Equal(t, []string{"Welcome to our shop."}, s.published)
			} else {
				require.Empty(t, s.published)
			}
		})
	}
}

func TestAnAnswerThatOvertakesItsRegistrationIsNotLost(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, _ error) {
		if info.ActivityType.Name == signalbox.ActivityRequestApprovals {
			s.approved()
		}
	})
	s.after(0, s.activated)
	s.after(time.Hour, s.deactivated)
	s.play(exampleagent.Start{})
	require.Len(t, s.published, 1)
}

func TestTheAgentStopsOnAPauseAndGoesOnAfterIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.after(0, s.activated)
	s.after(time.Minute, s.paused)
	s.after(time.Hour, s.approved) // given before the pause, and told late
	s.after(2*time.Hour, func() {
		require.Empty(t, s.published)
		s.resumed()
	})
	s.after(3*time.Hour, s.deactivated)
	s.play(exampleagent.Start{})
	require.Len(t, s.published, 1)
}

// A person resends the notice of a pause after the activation was resumed.
func TestAnOlderNoticeDoesNotUndoANewerOne(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.after(0, s.activated)
	s.after(time.Minute, func() {
		s.seq++ // the pause was given up
		s.resumed()
	})
	s.after(2*time.Minute, func() {
		newest := s.seq
		s.seq = 1
		s.paused()
		s.seq = newest
	})
	s.after(time.Hour, s.approved)
	s.after(2*time.Hour, func() { require.Len(t, s.published, 1) })
	s.after(3*time.Hour, s.deactivated)
	s.play(exampleagent.Start{})
}

func TestNoAttemptBeginsDuringAPause(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.broken = true
	s.after(0, s.activated)
	tried := 0
	s.after(time.Minute, s.paused) // the SDK's environment tries ten times only
	s.after(2*time.Minute, func() { tried = s.failed })
	s.after(time.Hour, func() {
		require.Positive(t, tried)
		require.Equal(t, tried, s.failed)
		s.broken = false
		s.resumed()
	})
	s.after(2*time.Hour, func() { require.Len(t, s.messages, 1) })
	s.after(3*time.Hour, s.deactivated)
	s.play(exampleagent.Start{})
	require.Len(t, s.runs, 1)
}

func TestAFailingActivityDoesNotDelayTheEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.broken = true
	s.after(0, s.activated)
	s.after(time.Minute, s.deactivated)
	require.Equal(t, exampleagent.StepStartRun, s.play(exampleagent.Start{}).Page.Step)
}

func TestARefusalThatComesBeforeItsNoticeIsNoFailure(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.started = func() { s.fake.Pause(agentName, activationID, "user_paused") }
	s.after(0, s.activated)
	s.after(time.Minute, s.paused)
	s.after(time.Hour, func() {
		require.Empty(t, s.signalbox().Runs)
		s.fake.Resume(agentName, activationID)
		s.resumed()
	})
	s.after(2*time.Hour, s.deactivated)
	state := s.play(exampleagent.Start{})
	require.Empty(t, state.Page.Problem)
	require.Equal(t, exampleagent.StepAwaitAnswer, state.Page.Step)
	require.Equal(t, []string{"run_1"}, s.runs)
	require.Equal(t, workflows.RunOpen, s.signalbox().Runs[0].Status)
}

func TestAPageStartsAgainInANewRunAfterAForceFailure(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.after(0, s.activated)
	s.after(time.Hour, func() {
		s.aboutRun(workflows.NoticeRunForceFailed, "another")
		s.forceFailed()
	})
	s.after(2*time.Hour, s.approved)
	s.after(3*time.Hour, s.deactivated)
	state := s.play(exampleagent.Start{})
	require.Equal(t, []string{"run_1", "run_2"}, s.runs)
	require.Equal(t, []string{"msg_1", "msg_2"}, s.messages)
	require.Equal(t, []string{"run_2"}, s.finished)
	require.Len(t, s.published, 1)
	require.Equal(t, 1, state.Page.Tries)
}

// If a person has closed the run in Signalbox, no notice says that Artmail has force-failed it.
func TestAPageWhoseApprovalIsVoidedStartsAgainWithoutANoticeOfTheRun(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	voided := func() { s.answered(workflows.NoticeApprovalVoided, workflows.ApprovalVoided) }
	s.after(0, s.activated)
	s.after(time.Hour, voided)
	s.after(90*time.Minute, s.activated) // a notice that says nothing about the run
	s.after(3*time.Hour, func() { require.Equal(t, []string{"run_1", "run_2"}, s.runs) })
	s.after(4*time.Hour, func() {
		voided()
		s.forceFailed() // this explains it
	})
	s.after(6*time.Hour, func() { require.Len(t, s.runs, 3) })
	s.after(7*time.Hour, s.approved)
	s.after(8*time.Hour, s.deactivated)
	state := s.play(exampleagent.Start{})
	require.Equal(t, []string{"run_3"}, s.finished)
	require.Len(t, s.published, 1)
	require.Equal(t, 2, state.Page.Tries)
}

func TestAnApprovalThatTheEndVoidsStartsNoNewRun(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.after(0, s.activated)
	s.after(time.Hour, func() {
		s.answered(workflows.NoticeApprovalVoided, workflows.ApprovalVoided)
		s.deactivated()
	})
	s.play(exampleagent.Start{})
	require.Len(t, s.runs, 1)
}

func TestAPageIsGivenUpAfterThreeForceFailures(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.after(0, s.activated)
	for hour := range 3 {
		s.after(time.Duration(hour+1)*time.Hour, s.forceFailed)
	}
	s.after(9*time.Hour, s.deactivated)
	state := s.play(exampleagent.Start{})
	require.Len(t, s.runs, 3)
	require.Contains(t, state.Page.Problem, "inactivity")
}

func TestAPublishedPageIsNotMadeAgainAfterAForceFailure(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.after(0, s.activated)
	s.after(time.Hour, func() {
		s.fake.ForceFail(agentName, activationID, "run_1") // so the run can't be closed, and the notice comes later
		s.approved()
	})
	s.after(2*time.Hour, func() { s.aboutRun(workflows.NoticeRunForceFailed, "run_1") })
	s.after(3*time.Hour, s.deactivated)
	state := s.play(exampleagent.Start{})
	require.Len(t, s.published, 1)
	require.Len(t, s.runs, 1)
	require.Equal(t, exampleagent.StepDone, state.Page.Step)
}

func TestARunIsKeptAliveWhileTheBrandThinks(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.after(0, s.activated)
	s.after(12*time.Minute, func() {
		require.Equal(t, 1, s.kept)
		s.fake.Advance(12 * time.Minute)
		s.aboutRun(workflows.NoticeRunStaleWarning, "run_1")
	})
	s.after(time.Hour, func() {
		require.Equal(t, 2, s.kept)
		require.WithinDuration(t, s.fake.Now(), s.signalbox().Runs[0].LastActiveAt, time.Minute)
		s.approved()
	})
	s.after(2*time.Hour, s.deactivated)
	s.play(exampleagent.Start{})
	require.Len(t, s.published, 1)
}

func TestAnActivationWhoseKeyIsLostIsKeptUntilItsEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.keyStatus = http.StatusGone
	s.after(0, s.activated)
	s.after(time.Hour, s.deactivated)
	require.Contains(t, s.play(exampleagent.Start{}).Page.Problem, signalbox.ErrAPIKeyLost.Error())
}

func TestALateAPIKeyBeginsThePage(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.keyStatus = http.StatusGone
	s.after(0, s.resumed)
	s.after(time.Hour, func() {
		require.Empty(t, s.runs)
		s.keyStatus = 0
		s.activated()
	})
	s.after(2*time.Hour, s.approved)
	s.after(3*time.Hour, s.deactivated)
	state := s.play(exampleagent.Start{})
	require.Len(t, s.published, 1)
	require.Empty(t, state.Page.Problem)
}

func TestANoticeOfTheAPIKeyThatComesDuringTheCallIsNotLost(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.keyStatus = http.StatusGone
	s.lost = func() {
		s.keyStatus = 0
		s.activated()
	}
	s.after(0, s.resumed)
	s.after(2*time.Hour, s.approved)
	s.after(3*time.Hour, s.deactivated)
	s.play(exampleagent.Start{})
	require.Len(t, s.published, 1)
}

func TestTheWorkflowContinuesItsPageAfterContinueAsNew(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.after(0, s.activated)
	s.after(time.Minute, s.paused)
	s.after(2*time.Minute, s.resumed)
	s.after(time.Hour, func() {
		s.env.SetContinueAsNewSuggested(true)
		s.approved()
	})
	s.env.ExecuteWorkflow(exampleagent.WorkflowType, exampleagent.Start{HandOverStart: workflows.HandOverStart{Agent: agentName, ActivationID: activationID}})
	var continued *workflow.ContinueAsNewError
	require.ErrorAs(t, s.env.GetWorkflowError(), &continued)
	var next exampleagent.Start
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(continued.Input, &next))
	require.Equal(t, workflows.HandOverStart{Agent: agentName, ActivationID: activationID}, next.HandOverStart)

	api := httptest.NewServer(s)
	t.Cleanup(api.Close)
	s.environment(api.URL)
	s.seq = 1 // the pause has one more notice
	s.after(time.Minute, s.paused)
	s.after(2*time.Minute, func() {
		value, err := s.env.QueryWorkflow(workflows.QueryState)
		require.NoError(t, err)
		var state exampleagent.State
		require.NoError(t, value.Get(&state))
		require.Equal(t, workflows.ActivationActive, state.Status)
		s.seq = 9
	})
	s.after(time.Hour, s.deactivated)
	s.play(next)
	require.Len(t, s.published, 1)
	require.Len(t, s.runs, 1)
}
