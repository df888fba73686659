package torture

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// caseScript is what a case goes through: its questions, which of them people answer, and how it ends.
type caseScript struct {
	reference string
	answered  []bool
	fails     bool
	pauses    []time.Duration
	// renewed says before which questions the workflow is asked to continue as new.
	renewed []bool
}

// activationStep is something that happens in an activation, each with an event of Artmail.
type activationStep int

const (
	// stepStanding pauses an active activation and resumes a paused one.
	stepStanding activationStep = iota
	// stepApproval asks for an approval and has it answered; stepEarly answers before the request is registered.
	stepApproval
	stepEarly
	// stepForceFail opens a run and has it force-failed.
	stepForceFail
)

type activationScript struct {
	steps       []activationStep
	approvals   []bool
	pauses      []time.Duration
	renewed     []bool
	deactivated bool
}

// script is everything that the providers will do, the same for the same seed.
type script struct {
	cases       []caseScript
	activations []activationScript
}

const (
	eventsPerActivation = 40 // at most
	mostQuestions       = 6
	// People take their time over a case, an agent does not.
	longestCasePause, longestAgentPause = time.Second, 40 * time.Millisecond
	// renewOneIn is before how many steps, on average, an operator asks for continue-as-new once.
	renewOneIn = 12
)

// write makes a script of at least the number of events. A fifth of them belongs to cases, or all of them.
func write(seed uint64, events int, onlyCases bool) script {
	ofCases := events / 5
	if onlyCases {
		ofCases = events
	}
	dice := rand.New(rand.NewPCG(seed, 0))
	pauses := func(n int, longest time.Duration) []time.Duration {
		list := make([]time.Duration, n)
		for i := range list {
			list[i] = time.Duration(dice.Int64N(int64(longest)))
		}
		return list
	}
	var s script
	for left := ofCases; left > 0; {
		c := caseScript{reference: fmt.Sprintf("torture-%05d", len(s.cases)), fails: dice.IntN(3) == 0}
		for range dice.IntN(mostQuestions + 1) {
			c.answered = append(c.answered, dice.IntN(10) < 7)
			c.renewed = append(c.renewed, dice.IntN(renewOneIn) == 0)
		}
		c.pauses = pauses(len(c.answered)+1, longestCasePause)
		left -= len(c.pauses)
		s.cases = append(s.cases, c)
	}
	for left := events - ofCases; left > 0; {
		a := activationScript{deactivated: dice.IntN(2) == 0}
		for range min(left, eventsPerActivation) {
			a.steps = append(a.steps, []activationStep{stepStanding, stepStanding, stepStanding, stepApproval, stepApproval, stepEarly, stepForceFail}[dice.IntN(7)])
			a.approvals = append(a.approvals, dice.IntN(2) == 0)
			a.renewed = append(a.renewed, dice.IntN(renewOneIn) == 0)
		}
		a.pauses = pauses(len(a.steps), longestAgentPause)
		left -= len(a.steps) + 1
		s.activations = append(s.activations, a)
	}
	return s
}
