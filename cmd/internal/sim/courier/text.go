package courier

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// PlanText plans faults as flags name them:
//
//	drop                   the next attempt
//	drop:case.completed    the next attempt with that kind of event
//	drop=0.2               each attempt, with that probability
//
// Faults by chance are set beside those that were set before. The error names what can't be used.
func (f *Faults) PlanText(texts ...string) error {
	var rules []Rule
	rates := map[Fault]float64{}
	var wrong []error
	for _, text := range texts {
		what, rate, byChance, err := ParseChance(text)
		fault, event, _ := strings.Cut(what, ":")
		switch {
		case err != nil:
			wrong = append(wrong, err)
		case !Fault(fault).known():
			wrong = append(wrong, fmt.Errorf("%q: unknown fault %q, want one of %q", text, fault, allFaults))
		case byChance && event != "":
			wrong = append(wrong, fmt.Errorf("%q: chance picks no kind of event; leave out %q or the probability", text, event))
		case byChance:
			rates[Fault(fault)] += rate
		default:
			rules = append(rules, Rule{Fault: Fault(fault), Event: event})
		}
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	if err := f.addRates(rates); err != nil {
		return err
	}
	return f.Plan(rules...)
}

// ParseChance reads "what=probability"; without a probability it is what is certain, once.
func ParseChance(text string) (what string, probability float64, byChance bool, err error) {
	what, number, byChance := strings.Cut(text, "=")
	if !byChance {
		return what, 0, false, nil
	}
	probability, err = strconv.ParseFloat(number, 64)
	if err != nil || !(probability >= 0 && probability <= 1) {
		return "", 0, false, fmt.Errorf("%q: %q is no probability from 0 to 1", text, number)
	}
	return what, probability, true, nil
}
