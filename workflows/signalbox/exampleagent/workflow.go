package exampleagent

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// Start is the workflow's input: Signalbox sets HandOverStart, and a continue-as-new also sets State and Seen.
type Start struct {
	workflows.HandOverStart
	State State `json:"state,omitzero"`
	// Seen are the IDs of the newest notices, so that the next run drops repetitions.
	Seen []string `json:"seen,omitempty"`
}

// State is the result of the query "state", and the workflow's result.
type State struct {
	Status workflows.ActivationStatus `json:"status,omitempty"`
	// StatusSeq is the seq of the notice that Status comes from.
	StatusSeq int64 `json:"statusSeq,omitempty"`
	Page      Page  `json:"page"`
}

// approvalTime is how long the brand has to answer.
const approvalTime = 7 * 24 * time.Hour

// attemptTime limits one attempt of an activity. The number of attempts has no limit: they go on as long as the activation lives, because
// an outage can end.
const attemptTime = time.Minute

// noticeTime is how long to wait for the notice that explains a refused call or a voided approval.
const noticeTime = time.Hour

var retryForever = &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute}

// activationRun is one run of the workflow of an activation.
type activationRun struct {
	State
	of      signalbox.ActivationRef
	notices *signalbox.Notices
	applied int
}

// serveActivation is the workflow "page-agent". Signalbox starts it with the first notice of the activation.
func serveActivation(ctx workflow.Context, start Start) (State, error) {
	s := &activationRun{
		State:   start.State,
		of:      signalbox.ActivationRef{Agent: start.Agent, ActivationID: start.ActivationID},
		notices: signalbox.ReceiveNotices(ctx, workflows.SignalAgentNotice, start.Seen...),
	}
	if err := workflow.SetQueryHandler(ctx, workflows.QueryState, func() (State, error) { return s.State, nil }); err != nil {
		return s.State, err
	}
	for {
		if err := s.applyNotices(ctx); err != nil {
			return s.State, err
		}
		if s.Status == workflows.ActivationDeactivated {
			return s.State, nil
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			// No notice is pending here: a notice that is unread when the run ends would be lost.
			next := Start{HandOverStart: start.HandOverStart, State: s.State, Seen: s.notices.Seen()}
			return s.State, workflow.NewContinueAsNewError(ctx, WorkflowType, next)
		}
		if err := s.work(ctx); err != nil {
			return s.State, err
		}
	}
}

// applyNotices applies all notices that have arrived.
func (s *activationRun) applyNotices(ctx workflow.Context) error {
	for s.notices.Pending() {
		notice, err := s.notices.Receive(ctx)
		if err != nil {
			return err
		}
		s.applied++
		s.apply(notice)
	}
	return nil
}

func (s *activationRun) apply(n workflows.Notice) {
	switch n.Kind {
	case workflows.NoticeActivationActivated, workflows.NoticeActivationPaused, workflows.NoticeActivationResumed, workflows.NoticeActivationDeactivated:
		// Use the status, not the kind: a late event may not have changed the status. A notice that a person resends may be older than the last one.
		if n.Seq >= s.StatusSeq {
			s.Status, s.StatusSeq = n.Data.Activation.Status, n.Seq
		}
	case workflows.NoticeRunStaleWarning:
		s.Page.Stale = s.Page.RunID == n.Data.Run.RunID
	case workflows.NoticeRunForceFailed:
		if s.Page.RunID == n.Data.Run.RunID {
			s.Page = s.Page.forceFailed()
		}
	case workflows.NoticeApprovalApproved, workflows.NoticeApprovalRejected, workflows.NoticeApprovalExpired, workflows.NoticeApprovalCancelled,
		workflows.NoticeApprovalVoided:
		if s.Page.MessageID == n.Data.Approval.MessageID {
			s.Page.Answer = n.Data.Approval.Status
		}
	default:
		// A voided run needs nothing: the notice about its activation is enough.
	}
}

// work does the next step of the page, or waits for a notice if there is none to do.
func (s *activationRun) work(ctx workflow.Context) error {
	p := &s.Page
	call := PageCall{ActivationRef: s.of, RunID: p.RunID, Text: p.Text}
	switch {
	case s.Status != workflows.ActivationActive || p.Step == StepDone:
		return s.wait(ctx)
	case p.Stale:
		p.Stale = false
		return s.do(ctx, activityKeepRun, call, nil, p.Step)
	}
	switch p.Step {
	case StepStartRun:
		return s.do(ctx, activityStartRun, s.of, &p.RunID, StepOpenRun)
	case StepOpenRun:
		open := signalbox.OpenRunOf{ActivationRef: s.of, Open: workflows.OpenRun{RunID: p.RunID}}
		return s.do(ctx, signalbox.ActivityOpenRun, open, nil, StepWrite)
	case StepWrite:
		return s.do(ctx, activityWritePage, call, &p.Text, StepAsk)
	case StepAsk:
		return s.do(ctx, activityAsk, call, &p.MessageID, StepRequestApproval)
	case StepRequestApproval:
		if p.Deadline.IsZero() {
			p.Deadline = workflow.Now(ctx).Add(approvalTime) // set once, so that a repeated request has the same content
		}
		return s.do(ctx, signalbox.ActivityRequestApprovals, signalbox.RequestApprovals{ActivationRef: s.of, Requests: []workflows.ApprovalRequest{
			{MessageID: p.MessageID, RunID: p.RunID, Subject: "publish a page", Deadline: p.Deadline},
		}}, nil, StepAwaitAnswer)
	case StepAwaitAnswer:
		switch p.Answer {
		case "":
			return s.wait(ctx)
		case workflows.ApprovalVoided:
			// The run was force-failed or the activation has ended, and a notice says so. For a run that a person has closed, no notice comes.
			noticed, err := workflow.AwaitWithTimeout(ctx, noticeTime, s.notices.Pending)
			if err == nil && !noticed {
				s.Page = p.forceFailed()
			}
			return err
		case workflows.ApprovalApproved:
			p.Step = StepPublish
		default:
			p.Step = StepFinishRun
		}
		return nil
	case StepPublish:
		return s.do(ctx, activityPublish, call, nil, StepFinishRun)
	case StepFinishRun:
		return s.do(ctx, activityFinishRun, call, nil, StepCloseRun)
	default: // StepCloseRun
		closeRun := signalbox.CloseRunOf{ActivationRef: s.of, Close: workflows.CloseRun{RunID: p.RunID}}
		return s.do(ctx, signalbox.ActivityCloseRun, closeRun, nil, StepDone)
	}
}

// wait waits for a notice, without a time limit.
func (s *activationRun) wait(ctx workflow.Context) error {
	return workflow.Await(ctx, s.notices.Pending)
}

// do carries out one step with an activity and advances to the next step. When a notice stops the work, no new attempt begins; a running
// attempt may end, so that its effect is known.
func (s *activationRun) do(ctx workflow.Context, name string, argument, result any, next Step) error {
	applied, tries := s.applied, s.Page.Tries
	calling, stop := workflow.WithCancel(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: attemptTime, RetryPolicy: retryForever, WaitForCancellation: true,
	}))
	defer stop()
	call := workflow.ExecuteActivity(calling, name, argument)
	for !call.IsReady() && s.Status == workflows.ActivationActive {
		if err := workflow.Await(ctx, func() bool { return call.IsReady() || s.notices.Pending() }); err != nil {
			return err
		}
		if err := s.applyNotices(ctx); err != nil {
			return err
		}
		if s.Status == workflows.ActivationDeactivated || s.Page.Tries != tries {
			return nil // the result is no longer needed
		}
	}
	stop()
	failed := call.Get(ctx, result)
	switch {
	case failed == nil:
		s.Page.Step, s.Page.Problem = next, ""
	case ctx.Err() != nil:
		return ctx.Err()
	case temporal.IsCanceledError(failed):
		// The activation was paused: the step is repeated after the pause.
	case isStopped(signalbox.Failure(failed)):
		// Signalbox already knows what a notice is about to say. For a run that a person has closed, no notice comes.
		if s.applied == applied {
			noticed, err := workflow.AwaitWithTimeout(ctx, noticeTime, s.notices.Pending)
			if err != nil {
				return err
			}
			if !noticed && errors.Is(signalbox.Failure(failed), signalbox.ErrEnded) {
				s.Page.Step, s.Page.Problem = StepDone, failed.Error()
			}
		}
	case isKeyLost(failed):
		// A late webhook may still bring the key: the step is repeated after the next notice.
		s.Page.Problem = failed.Error()
		if s.applied == applied {
			return s.wait(ctx)
		}
	default:
		// The workflow itself lives as long as the activation.
		s.Page.Step, s.Page.Problem = StepDone, failed.Error()
	}
	return nil
}
