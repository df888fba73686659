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

// PlannedRule plans a fault for the next matching messages or calls.
type PlannedRule[F ~string] struct {
	// Fault is the planned fault; empty means none.
	Fault F
	// Key limits the rule to one case or activation, Event to one kind of event or one route of an API; empty matches all.
	Key, Event string
	// Times is how often the rule matches: 0 means once, a negative number for ever.
	Times int
}

// Plan decides the faults of webhooks or of API calls: by the first matching rule, or else by chance. It is safe for concurrent use.
type Plan[F ~string] struct {
	kind   string // names an F in errors: "fault"
	known  []F
	events []string // nil: any
	all    bool     // a fault may be planned for all events, without one
	dice   *Dice

	mu    sync.Mutex
	rules []PlannedRule[F]
	rates map[string]map[F]float64 // by event; empty: all others
}

// NewPlan returns a Plan without faults. kind is the word for a fault in errors. Without events, every event is accepted.
func NewPlan[F ~string](dice *Dice, kind string, known []F, events ...string) *Plan[F] {
	return &Plan[F]{kind: kind, known: known, events: events, dice: dice, rates: map[string]map[F]float64{}}
}

// NewFaults returns a Plan without faults for webhooks. Without events, every event is accepted.
func NewFaults(dice *Dice, events ...string) *Plan[Fault] {
	p := NewPlan(dice, "fault", allFaults, events...)
	p.all = true
	return p
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

// SetRates replaces the probabilities of faults, from 0 to 1, for all events. Their sum must not exceed 1.
func (p *Plan[F]) SetRates(rates map[F]float64) error { return p.SetEventRates("", rates) }

// SetEventRates replaces the probabilities for one kind of event, or route.
func (p *Plan[F]) SetEventRates(event string, rates map[F]float64) error {
	var sum float64
	for fault, rate := range rates {
		if err := p.check(fault, event); err != nil {
			return err
		}
		if !(rate >= 0) {
			return fmt.Errorf("rate %v of %s %q is not between 0 and 1", rate, p.kind, fault)
		}
		sum += rate
	}
	if sum > 1 {
		return fmt.Errorf("rates of %ss sum up to %v, want at most 1", p.kind, sum)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rates[event] = maps.Clone(rates)
	return nil
}

// PlanText adds rules and probabilities in the form of flags and controls:
//
//	drop                       the next time
//	drop:case.completed        the next time with that kind of event, or route
//	drop=0.2                   each time, with that probability; earlier probabilities of other faults stay
//	drop:case.completed=0.2    the same for one kind of event, or route
//
// The error names all mistakes.
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

// addRate sets one probability and keeps the others.
func (p *Plan[F]) addRate(event string, fault F, number string) error {
	probability, err := strconv.ParseFloat(number, 64)
	if err != nil || !(probability >= 0 && probability <= 1) {
		return fmt.Errorf("%s %q: %q is not a probability from 0 to 1", p.kind, fault, number)
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

// Next returns the fault of this message or call; empty for none.
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
	for _, fault := range p.known { // in a fixed order, so that the same seed gives the same run
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
	if p.events != nil && !slices.Contains(p.events, event) && (event != "" || !p.all) {
		return fmt.Errorf("%s %q of %q: want one of %q, as in %s:%s", p.kind, fault, event, p.events, fault, p.events[0])
	}
	return nil
}
