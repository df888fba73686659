package lifecycle_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

// invariant is the part of the state that must not depend on the order of arrival.
type invariant struct {
	Status    workflows.ActivationStatus
	StatusAt  time.Time
	Reason    string
	Key       string
	User      string
	Attention []string
	Approvals map[string]string
	Runs      map[string]workflows.RunStatus
}

func invariantOf(s *world) invariant {
	v := s.View()
	w := invariant{
		Status: v.Status, StatusAt: v.StatusAt, Reason: v.StatusReason, Key: string(v.SealedAPIKey), Attention: v.Attention,
		Approvals: map[string]string{}, Runs: map[string]workflows.RunStatus{},
	}
	if v.User != nil {
		w.User = v.User.ID
	}
	for _, a := range v.Approvals {
		w.Approvals[a.MessageID] = fmt.Sprint(a.Status, " by ", a.ResponseMessageID, ": ", a.Reason, " due ", a.DueAt)
	}
	if v.Status == workflows.ActivationDeactivated {
		return w // what was known of runs by then depends on when the end came
	}
	for _, r := range v.Runs {
		w.Runs[r.RunID] = r.Status
	}
	return w
}

// story returns the events of one activation, many of them with the same time.
func story(r *rand.Rand, crossing bool) []workflows.ActivationEvent {
	minute := func() float64 { return float64(r.IntN(20)) }
	events := []workflows.ActivationEvent{activated(0, "key")}
	if r.IntN(4) == 0 {
		events = append(events, activated(minute(), "another key"))
	}
	for range r.IntN(4) {
		events = append(events, paused(minute(), []string{"user_paused", "plan_downgrade", "webhook_failure"}[r.IntN(3)]))
	}
	for range r.IntN(4) {
		events = append(events, resumed(minute()))
	}
	for i := range approvals {
		for j := range r.IntN(3) {
			if crossing || j == 0 && i%runs != 0 {
				e := response(minute(), fmt.Sprint("answer ", i, j), fmt.Sprint("m", i), r.IntN(2) == 0)
				if r.IntN(5) == 0 {
					e.Approved = nil
				}
				events = append(events, e)
			}
		}
	}
	for i := range runs {
		if (crossing || i == 0) && r.IntN(2) == 0 {
			events = append(events, forceFailed(minute(), fmt.Sprint("r", i)))
		}
	}
	if crossing && r.IntN(3) == 0 {
		events = append(events, deactivated(minute()))
	}
	return dedupe(events)
}

const (
	approvals = 6
	runs      = 3
)

// dedupe keeps one event for each dedupe key, because Artmail promises that two events with one key are the same. It keeps all API keys,
// since Artmail sends a key once.
func dedupe(events []workflows.ActivationEvent) []workflows.ActivationEvent {
	seen := map[string]bool{}
	var left []workflows.ActivationEvent
	for _, e := range events {
		id := e.DedupeKey + string(e.APIKeyFingerprint)
		if !seen[id] {
			left = append(left, e)
		}
		seen[id] = true
	}
	return left
}

// shuffled repeats some events, some of them with another dedupe key, and shuffles them all.
func shuffled(r *rand.Rand, events []workflows.ActivationEvent) []workflows.ActivationEvent {
	mixed := append([]workflows.ActivationEvent(nil), events...)
	for range r.IntN(len(events) + 1) {
		e := events[r.IntN(len(events))]
		if r.IntN(2) == 0 {
			e = redelivered(e)
		}
		mixed = append(mixed, e)
	}
	r.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	return mixed
}

func requests() []workflows.ApprovalRequest {
	var all []workflows.ApprovalRequest
	for i := range approvals {
		r := requestOfRun(fmt.Sprint("m", i), fmt.Sprint("r", i%runs))
		r.Deadline = at(600)
		all = append(all, r)
	}
	return all
}

// arrivals are ways in which the same events arrive. In each, Artmail's times alone decide.
var arrivals = map[string]struct {
	crossing bool
	deliver  func(t testing.TB, s *world, events []workflows.ActivationEvent)
}{
	"all at once": {true, func(t testing.TB, s *world, events []workflows.ActivationEvent) {
		register(t, s, noon, requests()...)
		apply(s, at(30), events...)
		apply(s, at(31), events...)
	}},
	"one by one, and nothing is handed off": {true, func(t testing.TB, s *world, events []workflows.ActivationEvent) {
		register(t, s, noon, requests()...)
		// The end of the activation comes last: an event after it is late, even with an earlier time.
		last := slices.IndexFunc(events, func(e workflows.ActivationEvent) bool { return e.Kind == workflows.KindAgentDeactivated })
		for _, e := range events {
			if e.Kind != workflows.KindAgentDeactivated {
				apply(s, at(30), e)
				*s = *carried(t, s)
			}
		}
		if last >= 0 {
			apply(s, at(30), events[last])
		}
	}},
	"half before their requests are registered, half after": {true, func(t testing.TB, s *world, events []workflows.ActivationEvent) {
		events = slices.DeleteFunc(slices.Clone(events), func(e workflows.ActivationEvent) bool {
			return e.Kind == workflows.KindAgentDeactivated || e.Kind == workflows.KindAgentPaused
		})
		for _, e := range events[:len(events)/2] {
			apply(s, at(30), e)
		}
		register(t, s, noon, requests()...)
		for _, e := range events[len(events)/2:] {
			apply(s, at(30), e)
		}
	}},
	"one by one before their requests are registered": {true, func(t testing.TB, s *world, events []workflows.ActivationEvent) {
		for _, e := range events {
			apply(s, at(30), e)
		}
		if s.State.Status == workflows.ActivationPaused {
			apply(s, at(40), resumed(40))
		}
		if s.State.Status != workflows.ActivationDeactivated {
			register(t, s, noon, requests()...)
		}
	}},
}

func requireOrderDoesNotMatter(t *testing.T, orders int, newSource func() rand.Source) {
	t.Helper()
	for name, arrival := range arrivals {
		r := rand.New(newSource())
		events := story(r, arrival.crossing)
		var want invariant
		for i := range orders {
			s := newState(t)
			order := events
			if i > 0 {
				order = shuffled(r, events)
			}
			arrival.deliver(t, s, order)
			got := invariantOf(s)
			if i == 0 {
				want = got
			}
			require.Equal(t, want, got, "%s: %v", name, order)
		}
	}
}

func TestTheOrderOfArrivalDoesNotMatter(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		requireOrderDoesNotMatter(t, 8, func() rand.Source { return rand.NewPCG(seed, 0) })
	}
}

// Each byte is one choice, of an event or of an order, so that a change by the fuzzer changes one thing.
func FuzzTheOrderOfArrivalDoesNotMatter(f *testing.F) {
	f.Add([]byte{})
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 2))
		choices := make([]byte, 30*(seed+1))
		for i := range choices {
			choices[i] = byte(r.Uint32())
		}
		f.Add(choices)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		requireOrderDoesNotMatter(t, 2, func() rand.Source {
			return &recordedSource{choices: choices, rest: rand.NewPCG(uint64(len(choices)), 3)}
		})
	})
}

// recordedSource is a source of random numbers that first returns recorded bytes.
type recordedSource struct {
	choices []byte
	rest    rand.Source
}

// Uint64 puts the choice into the highest byte, from which IntN takes it. The other bytes are set, because IntN would sometimes draw
// again otherwise.
func (w *recordedSource) Uint64() uint64 {
	if len(w.choices) == 0 {
		return w.rest.Uint64()
	}
	choice := uint64(w.choices[0])<<56 | 1<<56 - 1
	w.choices = w.choices[1:]
	return choice
}

// In any order of arrival, one event at a time and with hand-offs between them, no receiver gets two ends, and a received end stays.
func TestAHandedOffEndStaysInAnyOrderOfEvents(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := newState(t)
		register(t, s, noon, requests()...)
		told := map[string]workflows.ApprovalStatus{}
		for _, e := range shuffled(r, story(r, true)) {
			apply(s, at(30), e)
			if r.IntN(2) == 0 {
				for _, n := range s.handOff(at(30)) {
					if n.Data.Approval == nil {
						continue
					}
					require.NotContains(t, told, n.Data.Approval.MessageID, "seed %d", seed)
					told[n.Data.Approval.MessageID] = n.Data.Approval.Status
				}
			}
			for _, a := range s.View().Approvals {
				if status, ok := told[a.MessageID]; ok {
					require.Equal(t, status, a.Status, "seed %d", seed)
				}
			}
		}
		for _, n := range s.handOff(at(30)) {
			if n.Data.Approval == nil {
				continue
			}
			require.NotContains(t, told, n.Data.Approval.MessageID, "seed %d", seed)
			told[n.Data.Approval.MessageID] = n.Data.Approval.Status
		}
		for _, a := range s.View().Approvals {
			if a.Status != workflows.ApprovalOpen {
				require.Equal(t, told[a.MessageID], a.Status, "seed %d", seed)
			}
		}
	}
}
