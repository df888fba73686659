package offloadsim

import (
	"errors"
	"fmt"
	"strings"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
)

// FailText plans failures of API calls as flags name them:
//
//	create:reset-after    the next call of the route; named again, the one after it
//	get:throttle=0.2      each call of the route, with that probability
//
// Failures by chance are set beside those that were set before. The error names what can't be used.
func (s *Simulator) FailText(texts ...string) error {
	next := map[Route][]Failure{}
	rates := s.failureRates()
	var wrong []error
	for _, text := range texts {
		what, rate, byChance, err := courier.ParseChance(text)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		name, failure, found := strings.Cut(what, ":")
		route := Route(name)
		switch {
		case !found:
			wrong = append(wrong, fmt.Errorf("%q: want ROUTE:FAILURE", text))
		case byChance && rates[route] == nil:
			rates[route] = map[Failure]float64{Failure(failure): rate}
		case byChance:
			rates[route][Failure(failure)] = rate
		default:
			next[route] = append(next[route], Failure(failure))
		}
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	if err := s.SetFailureRates(rates); err != nil {
		return err
	}
	for route, failures := range next {
		wrong = append(wrong, s.FailNext(route, failures...))
	}
	return errors.Join(wrong...)
}
