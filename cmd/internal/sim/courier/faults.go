package courier

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Fault is what goes wrong with one attempt. Its text is how the control APIs and the flags name it.
type Fault string

const (
	// None carries an attempt as it should be.
	None Fault = ""
	// Drop keeps the attempt from its receiver; the sender sees an error.
	Drop Fault = "drop"
	// Repeat brings the message twice.
	Repeat Fault = "repeat"
	// Delay brings it later, out of its order.
	Delay Fault = "delay"
	// Reorder brings it after the next message.
	Reorder Fault = "reorder"
	// Corrupt cuts the body short, after it was signed.
	Corrupt Fault = "corrupt"
	// LoseAnswer brings it, but the sender never sees the receiver's answer.
	LoseAnswer Fault = "lose-answer"
)

var allFaults = []Fault{Drop, Repeat, Delay, Reorder, Corrupt, LoseAnswer}

// Rule plans a fault for the next attempts that match. Delay, Repeat and Reorder only bear on a message's first attempt.
type Rule struct {
	Fault Fault `json:"fault"`
	// Key and Event narrow the rule down to one case or activation, and to one kind of event; empty matches all.
	Key   string `json:"key,omitempty"`
	Event string `json:"event,omitempty"`
	// Times is how many attempts the rule is good for: once by default, for ever where negative.
	Times int `json:"times,omitempty"`
}

func (r Rule) matches(m Message) bool {
	return (r.Key == "" || r.Key == m.Key) && (r.Event == "" || r.Event == m.Event)
}

// Faults decides what goes wrong: by the first rule that matches, else by chance.
type Faults struct {
	dice *Dice

	mu    sync.Mutex
	rules []Rule
	rates Rates[Fault]
}

// Plan adds rules, to be tried in their order. A rule for None lets a matching attempt pass as it should.
func (f *Faults) Plan(rules ...Rule) error {
	rules = slices.Clone(rules)
	for i, rule := range rules {
		if rule.Fault != None {
			if err := CheckName("fault", rule.Fault, allFaults); err != nil {
				return err
			}
		}
		if rule.Times == 0 {
			rules[i].Times = 1
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, rules...)
	return nil
}

// SetRates replaces the probabilities of each fault by chance.
func (f *Faults) SetRates(rates map[Fault]float64) error {
	if err := Rates[Fault](rates).Check("fault", allFaults); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rates = maps.Clone(rates)
	return nil
}

// PlanText plans faults as flags and controls name them:
//
//	drop                   the next attempt
//	drop:case.completed    the next attempt with that kind of event
//	drop=0.2               each attempt, with that probability, beside the faults by chance that were set before
//
// The error names all that can't be used; nothing is planned then.
func (f *Faults) PlanText(texts ...string) error {
	plans, err := ParsePlans(texts)
	wrong := []error{err}
	var rules []Rule
	f.mu.Lock()
	rates := maps.Clone(f.rates)
	f.mu.Unlock()
	for _, p := range plans {
		fault := Fault(p.First)
		switch err := CheckName("fault", fault, allFaults); {
		case err != nil:
			wrong = append(wrong, err)
		case p.ByChance && p.Second != "":
			wrong = append(wrong, fmt.Errorf("fault %q by chance picks no kind of event: leave out %q or the probability", fault, p.Second))
		case p.ByChance:
			if rates == nil {
				rates = Rates[Fault]{}
			}
			rates[fault] = p.Probability
		default:
			rules = append(rules, Rule{Fault: fault, Event: p.Second})
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return err
	}
	if err := f.SetRates(rates); err != nil {
		return err
	}
	return f.Plan(rules...)
}

// Clear forgets all rules and rates.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules, f.rates = nil, nil
}

func (f *Faults) next(m Message) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, rule := range f.rules {
		if !rule.matches(m) {
			continue
		}
		if rule.Times > 0 {
			f.rules[i].Times--
		}
		if f.rules[i].Times == 0 {
			f.rules = slices.Delete(f.rules, i, i+1)
		}
		return rule.Fault
	}
	return f.rates.Draw(f.dice, allFaults)
}
