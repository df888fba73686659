package courier

import (
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

func (f Fault) known() bool { return slices.Contains(allFaults, f) }

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
	rates map[Fault]float64
}

// Plan adds rules, to be tried in their order. A rule for None lets a matching attempt pass as it should.
func (f *Faults) Plan(rules ...Rule) error {
	rules = slices.Clone(rules)
	for i, rule := range rules {
		if rule.Fault != None && !rule.Fault.known() {
			return fmt.Errorf("unknown fault %q", rule.Fault)
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

// SetRates replaces the probabilities, from 0 to 1, of each fault by chance. Their sum must not exceed 1.
func (f *Faults) SetRates(rates map[Fault]float64) error {
	var sum float64
	for fault, rate := range rates {
		if !fault.known() {
			return fmt.Errorf("unknown fault %q", fault)
		}
		if rate < 0 {
			return fmt.Errorf("rate %v of fault %q is negative", rate, fault)
		}
		sum += rate
	}
	if sum > 1 {
		return fmt.Errorf("rates of faults sum up to %v", sum)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rates = maps.Clone(rates)
	return nil
}

// addRates sets these probabilities and leaves the others as they are.
func (f *Faults) addRates(rates map[Fault]float64) error {
	f.mu.Lock()
	all := maps.Clone(f.rates)
	f.mu.Unlock()
	if all == nil {
		all = map[Fault]float64{}
	}
	maps.Copy(all, rates)
	return f.SetRates(all)
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
	if len(f.rates) == 0 {
		return None
	}
	drawn := f.dice.Float64()
	for _, fault := range allFaults { // In a fixed order, so that a seed decides alike in each run.
		if drawn -= f.rates[fault]; drawn < 0 {
			return fault
		}
	}
	return None
}
