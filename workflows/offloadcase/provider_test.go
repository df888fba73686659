package offloadcase_test

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/signalbox-dev/signalbox/workflows"
)

// provider plays Offload for the activities.
type provider struct {
	// creates and answers are the results of the next calls; the last one repeats.
	creates []createAnswer
	answers []answerAnswer
	// truth is the state of the case from a time on.
	truth []truth
	// keyInvalidUntil makes every read fail as unauthorized.
	keyInvalidUntil time.Duration
	// unreadableUntil makes every read fail as unreadable.
	unreadableUntil time.Duration
	// unreachable makes every read fail with a final error.
	unreachable bool
	// askedMeanwhile: a person asks to read the case while it is created. The workflow sees that together with the result of the creation.
	askedMeanwhile bool

	// checks is the conclusion of the result check.
	checks func(workflows.CheckResultParams) (workflows.ResultCheck, error)

	mu         sync.Mutex
	env        *testsuite.TestWorkflowEnvironment
	created    []workflows.CreateCaseParams
	answered   []workflows.ProvideInputParams
	reconciled []workflows.ReconcileCaseParams
	checked    []workflows.CheckResultParams
	reads      int
	polls      int
}

type createAnswer struct {
	caseID string
	err    error
}

type answerAnswer struct {
	result workflows.InputResult
	err    error
}

type truth struct {
	from  time.Duration
	facts workflows.CaseFacts
}

func (p *provider) register(env *testsuite.TestWorkflowEnvironment) {
	p.env = env
	for name, f := range map[string]any{
		workflows.ActivityOffloadCreateCase:    p.createCase,
		workflows.ActivityOffloadProvideInput:  p.provideInput,
		workflows.ActivityOffloadReconcileCase: p.reconcileCase,
		workflows.ActivityOffloadGetCase:       p.getCase,
		workflows.ActivityOffloadCheckResult:   p.checkResult,
	} {
		env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}

func (p *provider) createCase(_ context.Context, params workflows.CreateCaseParams) (workflows.CreateCaseResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.created = append(p.created, params)
	if p.askedMeanwhile {
		p.env.SignalWorkflowSkippingWorkflowTask(workflows.SignalReconcileNow, workflows.ReconcileNow{By: "ada"})
	}
	if len(p.creates) == 0 {
		return workflows.CreateCaseResult{CaseID: caseID}, nil
	}
	a := p.creates[min(len(p.created), len(p.creates))-1]
	return workflows.CreateCaseResult{CaseID: a.caseID}, a.err
}

func (p *provider) provideInput(_ context.Context, params workflows.ProvideInputParams) (workflows.ProvideInputResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answered = append(p.answered, params)
	if len(p.answers) == 0 {
		return workflows.ProvideInputResult{Result: workflows.InputAccepted}, nil
	}
	a := p.answers[min(len(p.answered), len(p.answers))-1]
	return workflows.ProvideInputResult{Result: a.result}, a.err
}

func (p *provider) checkResult(_ context.Context, params workflows.CheckResultParams) (workflows.ResultCheck, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checked = append(p.checked, params)
	return p.checks(params)
}

func (p *provider) getCase(context.Context, workflows.GetCaseParams) (workflows.CaseSnapshot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads++
	return p.read(time.Minute)
}

func (p *provider) reconcileCase(ctx context.Context, params workflows.ReconcileCaseParams) (workflows.CaseSnapshot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.polls++
	if activity.GetInfo(ctx).Attempt == 1 {
		p.reconciled = append(p.reconciled, params)
	}
	snapshot, err := p.read(params.Floor.Std())
	if err == nil && !news(params.Known, snapshot.Facts) {
		err = failed(workflows.ErrTypeOffloadNoNews, params.Floor.Std())
	}
	return snapshot, err
}

func (p *provider) read(again time.Duration) (workflows.CaseSnapshot, error) {
	now := p.env.Now()
	if now.Sub(t0) < p.keyInvalidUntil {
		return workflows.CaseSnapshot{}, failed(workflows.ErrTypeOffloadUnauthorized, again)
	}
	if now.Sub(t0) < p.unreadableUntil {
		return workflows.CaseSnapshot{}, failed(workflows.ErrTypeOffloadUnreadable, time.Hour)
	}
	if p.unreachable {
		return workflows.CaseSnapshot{}, temporal.NewNonRetryableApplicationError("no route", workflows.ErrTypeOffloadInvalidRequest, nil)
	}
	facts := workflows.CaseFacts{CaseID: caseID, Status: workflows.OffloadRunning, UpdatedAt: t0}
	for _, truth := range p.truth {
		if now.Sub(t0) >= truth.from {
			facts = truth.facts
		}
	}
	return workflows.CaseSnapshot{Facts: facts, ReadAt: now}, nil
}

func news(known workflows.KnownCase, facts workflows.CaseFacts) bool {
	question, status := "", ""
	if facts.Question != nil {
		question, status = facts.Question.ID, facts.Question.Status
	}
	return known.Status != facts.Status || known.QuestionID != question || known.QuestionStatus != status
}

// failed returns an error that the server retries after a pause, unless the policy names its type.
func failed(errorType string, again time.Duration) error {
	return temporal.NewApplicationErrorWithOptions("the provider says "+errorType, errorType, temporal.ApplicationErrorOptions{
		NextRetryDelay: again, Category: temporal.ApplicationErrorCategoryBenign,
	})
}
