package torture

import (
	"context"
	"errors"
	"sync"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// facts are everything that is held against each other, gathered when all is quiet.
type facts struct {
	// acknowledged is the path of each body that was answered with 204.
	acknowledged map[bodyHash]string
	stored       []storedEvent
	cases        []caseFacts
	activations  []activationFacts
	heard        heard

	readings  int
	regressed []string
	stuck     []string
	// watched is how many processes were not to end by themselves.
	watched    int
	unexpected []string
	// fills says that the ingress's disk could be full, filled how often it was, unmended what the ingress then did wrong.
	fills    bool
	filled   int
	unmended []string
}

// storedEvent is a delivery as the inbox has it.
type storedEvent struct {
	id, lane, kind string
	state          inbox.State
	reason         string
	conflict       bool
	// bodyHash is of the opened body.
	bodyHash bodyHash
}

// caseFacts are what Offload and the workflow say of a case.
type caseFacts struct {
	playedCase
	created []string
	state   workflows.CaseState
	// answers is how often Offload accepted an answer to each question.
	answers map[string]int
}

// activationFacts are what Artmail and the workflow say of an activation.
type activationFacts struct {
	playedActivation
	there workflows.ActivationStatus
	state workflows.ActivationState
}

// gather asks the workflows and the providers. Temporal and a worker have to run.
func (s *stage) gather(ctx context.Context) (facts, error) {
	f := facts{
		acknowledged: s.providers.wire.acknowledged(),
		cases:        make([]caseFacts, len(s.cases)),
		activations:  make([]activationFacts, len(s.activations)),
		stuck:        s.stuck,
	}
	var asks []func() error
	for i, played := range s.cases {
		asks = append(asks, func() (err error) {
			f.cases[i], err = s.askCase(ctx, played)
			return err
		})
	}
	for i, played := range s.activations {
		asks = append(asks, func() (err error) {
			f.activations[i], err = s.askActivation(ctx, played)
			return err
		})
	}
	if err := together(asks); err != nil {
		return facts{}, err
	}
	var err error
	if f.heard, err = allHeard(ctx, s.temporal); err != nil {
		return facts{}, err
	}
	f.readings, f.regressed = s.watch.findings()
	return f, nil
}

func (s *stage) askCase(ctx context.Context, played playedCase) (caseFacts, error) {
	one := s.apps.Case(played.reference)
	c := caseFacts{playedCase: played, created: s.providers.tap.casesOf(played.reference), answers: map[string]int{}}
	for _, question := range played.answered {
		c.answers[question] = s.providers.tap.answersOf(question)
	}
	err := until(ctx, "read "+one.WorkflowID(), func(ctx context.Context) (bool, error) {
		var err error
		c.state, err = s.watch.readCase(ctx, one)
		return err == nil, err
	})
	return c, err
}

func (s *stage) askActivation(ctx context.Context, played playedActivation) (activationFacts, error) {
	one := s.apps.Activation(agent, played.id)
	a := activationFacts{playedActivation: played}
	var err error
	if a.there, err = s.standing(played.id); err != nil {
		return a, err
	}
	err = until(ctx, "read "+one.WorkflowID(), func(ctx context.Context) (bool, error) {
		var err error
		a.state, err = s.watch.readActivation(ctx, one)
		return err == nil, err
	})
	return a, err
}

// together runs some at a time, all of them, and joins their errors.
func together(asks []func() error) error {
	const most = 8
	next := make(chan func() error)
	failures := make([][]error, most)
	var team sync.WaitGroup
	for i := range most {
		team.Go(func() {
			for ask := range next {
				failures[i] = append(failures[i], ask())
			}
		})
	}
	for _, ask := range asks {
		next <- ask
	}
	close(next)
	team.Wait()
	var all []error
	for _, list := range failures {
		all = append(all, list...)
	}
	return errors.Join(all...)
}
