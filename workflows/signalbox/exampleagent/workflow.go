package exampleagent

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// Start is the workflow's input: what Signalbox starts it with and, where it has continued as new, what it knows.
type Start struct {
	workflows.HandOverStart
	State State `json:"state,omitzero"`
	// Seen are the newest notices, so that their repetitions are dropped.
	Seen []string `json:"seen,omitempty"`
}

// State is what the query "state" answers, and the workflow itself at its end.
type State struct {
	Status workflows.ActivationStatus `json:"status,omitempty"`
	Page   Page                       `json:"page"`
}

// approvalTime is how long a brand may take to answer.
const approvalTime = 7 * 24 * time.Hour

// attemptTime is for one attempt of an activity. Attempts go on for as long as the activation: what is away may come back.
const attemptTime = time.Minute

// noticeTime is how long the notice about what a refusal tells may take.
const noticeTime = time.Hour

var untilStopped = &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute}

// serving is the workflow of one activation.
type serving struct {
	State
	of      signalbox.ActivationRef
	notices *signalbox.Notices
	taken   int
}

// serveActivation is the workflow "page-agent". Signalbox starts it with the activation's first notice.
func serveActivation(ctx workflow.Context, start Start) (State, error) {
	s := &serving{
		State:   start.State,
		of:      signalbox.ActivationRef{Agent: start.Agent, ActivationID: start.ActivationID},
		notices: signalbox.ReceiveNotices(ctx, workflows.SignalAgentNotice, start.Seen...),
	}
	if err := workflow.SetQueryHandler(ctx, workflows.QueryState, func() (State, error) { return s.State, nil }); err != nil {
		return s.State, err
	}
	for {
		if err := s.takeNotices(ctx); err != nil {
			return s.State, err
		}
		if s.Status == workflows.ActivationDeactivated {
			return s.State, nil
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			// No notice is pending: one that is unread when the run ends would be lost.
			next := Start{HandOverStart: start.HandOverStart, State: s.State, Seen: s.notices.Seen()}
			return s.State, workflow.NewContinueAsNewError(ctx, WorkflowType, next)
		}
		if err := s.work(ctx); err != nil {
			return s.State, err
		}
	}
}

// takeNotices applies all notices that have arrived.
func (s *serving) takeNotices(ctx workflow.Context) error {
	for s.notices.Pending() {
		notice, err := s.notices.Receive(ctx)
		if err != nil {
			return err
		}
		s.taken++
		s.apply(notice)
	}
	return nil
}

func (s *serving) apply(n workflows.Notice) {
	switch n.Kind {
	case workflows.NoticeActivationActivated, workflows.NoticeActivationPaused, workflows.NoticeActivationResumed, workflows.NoticeActivationDeactivated:
		// The status says more than the kind: an event that came late may not have changed it.
		s.Status = n.Data.Activation.Status
	case workflows.NoticeRunStaleWarning:
		s.Page.Stale = s.Page.RunID == n.Data.Run.RunID
	case workflows.NoticeRunForceFailed:
		if s.Page.RunID == n.Data.Run.RunID {
			s.Page = s.Page.forceFailed()
		}
	case workflows.NoticeApprovalApproved, workflows.NoticeApprovalRejected, workflows.NoticeApprovalExpired, workflows.NoticeApprovalCancelled:
		if s.Page.MessageID == n.Data.Approval.MessageID {
			s.Page.Answer = n.Data.Approval.Status
		}
	default:
		// Voided approvals and runs: the notice about their run or activation says what follows.
	}
}

// work does the next step of the page, or waits for a notice where there is none to do.
func (s *serving) work(ctx workflow.Context) error {
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
			p.Deadline = workflow.Now(ctx).Add(approvalTime) // fixed, so that a repeated request is the same
		}
		return s.do(ctx, signalbox.ActivityRequestApprovals, signalbox.RequestApprovals{ActivationRef: s.of, Requests: []workflows.ApprovalRequest{
			{MessageID: p.MessageID, RunID: p.RunID, Subject: "publish a page", Deadline: p.Deadline},
		}}, nil, StepAwaitAnswer)
	case StepAwaitAnswer:
		switch p.Answer {
		case "":
			return s.wait(ctx)
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

// wait waits for a notice, for as long as it takes.
func (s *serving) wait(ctx workflow.Context) error { return workflow.Await(ctx, s.notices.Pending) }

// do carries out one step by an activity, and goes on to the next one. A notice that stops the work lets no further attempt begin; an attempt
// that runs is let end, so that what it has done is known.
func (s *serving) do(ctx workflow.Context, name string, argument, result any, next Step) error {
	taken, tries := s.taken, s.Page.Tries
	calling, stop := workflow.WithCancel(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: attemptTime, RetryPolicy: untilStopped, WaitForCancellation: true,
	}))
	defer stop()
	call := workflow.ExecuteActivity(calling, name, argument)
	for !call.IsReady() && s.Status == workflows.ActivationActive {
		if err := workflow.Await(ctx, func() bool { return call.IsReady() || s.notices.Pending() }); err != nil {
			return err
		}
		if err := s.takeNotices(ctx); err != nil {
			return err
		}
		if s.Status == workflows.ActivationDeactivated || s.Page.Tries != tries {
			return nil // it is of no use any more
		}
	}
	stop()
	failed := call.Get(ctx, result)
	switch {
	case failed == nil:
		s.Page.Step = next
	case ctx.Err() != nil:
		return ctx.Err()
	case temporal.IsCanceledError(failed):
		// Paused: the step is done anew after that.
	case isStopped(signalbox.Failure(failed)):
		// Signalbox knows already what a notice is about to tell. It tells none of a run that a person has closed.
		if s.taken == taken {
			told, err := workflow.AwaitWithTimeout(ctx, noticeTime, s.notices.Pending)
			if err != nil {
				return err
			}
			if !told && errors.Is(signalbox.Failure(failed), signalbox.ErrEnded) {
				s.Page.Step, s.Page.Problem = StepDone, failed.Error()
			}
		}
	default:
		// The workflow stays for as long as the activation.
		s.Page.Step, s.Page.Problem = StepDone, failed.Error()
	}
	return nil
}
