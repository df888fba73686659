package courier

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// PlannedRule plans what goes wrong the next times that it matches.
type PlannedRule[F ~string] struct {
	// Fault is what goes wrong; empty: what matches passes as it should.
	Fault F
	// Key narrows the rule down to one case or activation, Event to one kind of event, or to one route of an API; empty matches all.
	Key, Event string
	// Times is how often the rule matches: once by default, for ever where negative.
	Times int
}

// Plan decides what goes wrong, with webhooks or with calls of an API: by the first rule that matches, else by chance. It is safe for
// concurrent use.
type Plan[F ~string] struct {
	kind   string // names an F in errors: "fault"
	known  []F
	events []string // nil: any
	dice   *Dice

	mu    sync.Mutex
	rules []PlannedRule[F]
	rates map[string]map[F]float64 // by event; empty: all others
}

// NewPlan makes a plan by which nothing goes wrong. The kind says in errors what the known names are; without events any is taken.
func NewPlan[F ~string](dice *Dice, kind string, known []F, events ...string) *Plan[F] {
	return &Plan[F]{kind: kind, known: known, events: events, dice: dice, rates: map[string]map[F]float64{}}
}

// Plan adds rules, to be tried in their order.
func (p *Plan[F]) Plan(rules ...PlannedRule[F]) error {
	rules = slices.Clone(rules)
	for i, rule := range rules {
		if rule.Fault != "" {
			if err := p.check(rule.Fault, rule.Event); err != nil {
				return err
			}
		}
		rules[i].Times = cmp.Or(rule.Times, 1)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, rules...)
	return nil
}

// SetRates replaces the probabilities, from 0 to 1, of what goes wrong by chance with any event. Their sum must not exceed 1.
func (p *Plan[F]) SetRates(rates map[F]float64) error { return p.SetEventRates("", rates) }

// SetEventRates replaces the probabilities for one kind of event, or route.
func (p *Plan[F]) SetEventRates(event string, rates map[F]float64) error {
	var sum float64
	for fault, rate := range rates {
		if err := p.check(fault, event); err != nil {
			return err
		}
		if !(rate >= 0) {
			return fmt.Errorf("rate %v of %s %q is no probability", rate, p.kind, fault)
		}
		sum += rate
	}
	if sum > 1 {
		return fmt.Errorf("rates of %ss sum up to %v, want 1 at the most", p.kind, sum)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rates[event] = maps.Clone(rates)
	return nil
}

// PlanText plans as flags and controls do it:
//
//	drop                       the next time
//	drop:case.completed        the next time with that kind of event, or route
//	drop=0.2                   each time, with that probability, beside what was set before
//	drop:case.completed=0.2    the same for one kind of event, or route
//
// The error names all that can't be used.
func (p *Plan[F]) PlanText(texts ...string) error {
	var wrong []error
	for _, text := range texts {
		what, number, byChance := strings.Cut(text, "=")
		name, event, _ := strings.Cut(what, ":")
		err := p.check(F(name), event)
		switch {
		case err == nil && byChance:
			err = p.addRate(event, F(name), number)
		case err == nil:
			err = p.Plan(PlannedRule[F]{Fault: F(name), Event: event})
		}
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// addRate sets one probability beside those that were set before.
func (p *Plan[F]) addRate(event string, fault F, number string) error {
	probability, err := strconv.ParseFloat(number, 64)
	if err != nil || !(probability >= 0 && probability <= 1) {
		return fmt.Errorf("%s %q: %q is no probability from 0 to 1", p.kind, fault, number)
	}
	rates := map[F]float64{fault: probability}
	p.mu.Lock()
	for other, rate := range p.rates[event] {
		if other != fault {
			rates[other] = rate
		}
	}
	p.mu.Unlock()
	return p.SetEventRates(event, rates)
}

// Clear forgets all rules and probabilities.
func (p *Plan[F]) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules, p.rates = nil, map[string]map[F]float64{}
}

// Next decides what goes wrong this time; empty: nothing.
func (p *Plan[F]) Next(key, event string) F {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, rule := range p.rules {
		if rule.Key != "" && rule.Key != key || rule.Event != "" && rule.Event != event {
			continue
		}
		if rule.Times > 0 {
			p.rules[i].Times--
		}
		if p.rules[i].Times == 0 {
			p.rules = slices.Delete(p.rules, i, i+1)
		}
		return rule.Fault
	}
	rates, ofEvent := p.rates[event]
	if !ofEvent {
		rates = p.rates[""]
	}
	if len(rates) == 0 {
		return ""
	}
	drawn := p.dice.Float64()
	for _, fault := range p.known { // in a fixed order, so that a seed decides alike in each run
		if drawn -= rates[fault]; drawn < 0 {
			return fault
		}
	}
	return ""
}

func (p *Plan[F]) check(fault F, event string) error {
	if !slices.Contains(p.known, fault) {
		return fmt.Errorf("unknown %s %q, want one of %q", p.kind, fault, p.known)
	}
	if p.events != nil && !slices.Contains(p.events, event) {
		return fmt.Errorf("%s %q of %q: want one of %q, as in %s:%s", p.kind, fault, event, p.events, fault, p.events[0])
	}
	return nil
}
