package torture

import (
	"context"
	"errors"
	"sync"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// facts are what check compares, gathered when no delivery is pending any more.
type facts struct {
	// acknowledged is the path of each body that was answered with 204.
	acknowledged map[bodyHash]string
	stored       []storedEvent
	cases        []caseFacts
	activations  []activationFacts
	heard        heard

	// readings counts the states that were read; regressed has those that went back; stuck has the players that did not end.
	readings  int
	regressed []string
	stuck     []string
	// watched counts the processes that must not end by themselves; unexpected has those that did.
	watched    int
	unexpected []string
	// fills says that the run fills the ingress's disk, filled how often it did; unmended is what the ingress did wrong then.
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
	// bodyHash is the hash of the opened body.
	bodyHash bodyHash
}

// caseFacts are what Offload and the workflow say about a case.
type caseFacts struct {
	playedCase
	created []string
	state   workflows.CaseState
	// answers is how often Offload accepted an answer to each question.
	answers map[string]int
}

// activationFacts are what Artmail and the workflow say about an activation.
type activationFacts struct {
	playedActivation
	atArtmail workflows.ActivationStatus
	state     workflows.ActivationState
}

// gather reads the workflows and the providers. Temporal and a worker must run.
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
	if err := runAll(asks); err != nil {
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
	made := s.providers.offload.CasesOf(played.reference)
	c := caseFacts{playedCase: played, answers: map[string]int{}}
	for _, record := range made {
		c.created = append(c.created, record.CaseID)
	}
	for _, question := range played.answered {
		c.answers[question] = answersTo(question, made)
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
	if a.atArtmail, err = s.standing(played.id); err != nil {
		return a, err
	}
	err = until(ctx, "read "+one.WorkflowID(), func(ctx context.Context) (bool, error) {
		var err error
		a.state, err = s.watch.readActivation(ctx, one)
		return err == nil, err
	})
	return a, err
}

// runAll runs all functions, 8 at a time, and joins their errors.
func runAll(asks []func() error) error {
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
