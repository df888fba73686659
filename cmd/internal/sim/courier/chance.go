package courier

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Rates are the probabilities, from 0 to 1, of what goes wrong by chance, by its name: faults of a webhook, failures of an API call.
type Rates[F ~string] map[F]float64

// Check refuses a name that is not among the known ones, a negative probability, and a sum above 1. The kind names the names: "fault".
func (r Rates[F]) Check(kind string, known []F) error {
	var sum float64
	for name, rate := range r {
		if err := CheckName(kind, name, known); err != nil {
			return err
		}
		if rate < 0 {
			return fmt.Errorf("rate %v of %s %q is negative", rate, kind, name)
		}
		sum += rate
	}
	if sum > 1 {
		return fmt.Errorf("rates of %ss sum up to %v, want 1 at the most", kind, sum)
	}
	return nil
}

// Draw returns one of the known names by chance; empty: none. It goes through them in their order, so that a seed decides alike in each run.
func (r Rates[F]) Draw(dice *Dice, known []F) F {
	if len(r) == 0 {
		return ""
	}
	drawn := dice.Float64()
	for _, name := range known {
		if drawn -= r[name]; drawn < 0 {
			return name
		}
	}
	return ""
}

// CheckName refuses a name that is not among the known ones.
func CheckName[F ~string](kind string, name F, known []F) error {
	if !slices.Contains(known, name) {
		return fmt.Errorf("unknown %s %q, want one of %q", kind, name, known)
	}
	return nil
}

// Plan is what a flag or a control plans: WHAT, for the next time, or WHAT=PROBABILITY. WHAT is NAME, or two names with a colon.
type Plan struct {
	First, Second string
	// ByChance is false for the next time.
	ByChance    bool
	Probability float64
}

// ParsePlans reads plans. The error names every text that is none.
func ParsePlans(texts []string) ([]Plan, error) {
	var plans []Plan
	var wrong []error
	for _, text := range texts {
		what, number, byChance := strings.Cut(text, "=")
		p := Plan{ByChance: byChance}
		p.First, p.Second, _ = strings.Cut(what, ":")
		if byChance {
			var err error
			if p.Probability, err = strconv.ParseFloat(number, 64); err != nil || !(p.Probability >= 0 && p.Probability <= 1) {
				wrong = append(wrong, fmt.Errorf("%q: %q is no probability from 0 to 1", text, number))
				continue
			}
		}
		plans = append(plans, p)
	}
	return plans, errors.Join(wrong...)
}
