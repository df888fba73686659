package offloadsim

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
)

// Failure is what goes wrong with one API call. Its text is how the control API names it.
type Failure string

const (
	// FailNot lets a call through, for use in a sequence of failures.
	FailNot Failure = ""

	// Before anything was done:

	// FailThrottle is the gateway's 429, with Retry-After and without Offload's envelope.
	FailThrottle Failure = "throttle"
	// FailGateway is the platform's 500 without Offload's envelope.
	FailGateway Failure = "gateway"
	// FailResetBefore closes the connection without an answer.
	FailResetBefore  Failure = "reset-before"
	FailUnauthorized Failure = "unauthorized" // 401
	FailForbidden    Failure = "forbidden"    // 403
	FailNotFound     Failure = "not-found"    // 404 CASE_NOT_FOUND
	FailInternal     Failure = "internal"     // 500 INTERNAL_ERROR
	FailUsageLimit   Failure = "usage-limit"  // 429 USAGE_LIMIT_REACHED, documented for POST /cases only

	// After it was done, so that the client cannot know it:

	// FailResetAfter closes the connection without an answer.
	FailResetAfter Failure = "reset-after"
	// FailHangAfter does not answer until the client gives up.
	FailHangAfter Failure = "hang-after"
	// FailInternalAfter answers 500 INTERNAL_ERROR: stored, but not queued.
	FailInternalAfter Failure = "internal-after"
	// FailGatewayAfter answers 504 without Offload's envelope.
	FailGatewayAfter Failure = "gateway-after"
)

var allFailures = []Failure{
	FailThrottle, FailGateway, FailResetBefore, FailUnauthorized, FailForbidden, FailNotFound, FailInternal, FailUsageLimit,
	FailResetAfter, FailHangAfter, FailInternalAfter, FailGatewayAfter,
}

// failures are the planned ones, first in first out per route, and those by chance.
type failures struct {
	planned map[Route][]Failure
	rates   map[Route]map[Failure]float64
}

// FailNext plans what happens to the next calls of a route, one failure per call.
func (s *Simulator) FailNext(route Route, next ...Failure) error {
	if err := courier.CheckName("route", route, allRoutes); err != nil {
		return err
	}
	for _, failure := range next {
		if failure != FailNot {
			if err := courier.CheckName("failure", failure, allFailures); err != nil {
				return err
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures.planned[route] = append(s.failures.planned[route], next...)
	return nil
}

// SetFailureRates replaces the probabilities of failures by chance for each route. Planned failures come first.
func (s *Simulator) SetFailureRates(rates map[Route]map[Failure]float64) error {
	for route, of := range rates {
		if err := courier.CheckName("route", route, allRoutes); err != nil {
			return err
		}
		if err := courier.Rates[Failure](of).Check("failure", allFailures); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures.rates = maps.Clone(rates)
	return nil
}

// FailText plans failures of API calls as flags and controls name them:
//
//	create:reset-after    the next call of the route; named again, the one after it
//	get:throttle=0.2      each call of the route, with that probability, beside the failures by chance that were set before
//
// The error names what can't be used.
func (s *Simulator) FailText(texts ...string) error {
	plans, err := courier.ParsePlans(texts)
	if err != nil {
		return err
	}
	s.mu.Lock()
	rates := map[Route]map[Failure]float64{}
	for route, of := range s.failures.rates {
		rates[route] = maps.Clone(of)
	}
	s.mu.Unlock()
	next := map[Route][]Failure{}
	for _, p := range plans {
		route, failure := Route(p.First), Failure(p.Second)
		switch {
		case failure == FailNot:
			return fmt.Errorf("%q: want ROUTE:FAILURE, with a failure of %q", p.First, allFailures)
		case p.ByChance && rates[route] == nil:
			rates[route] = map[Failure]float64{failure: p.Probability}
		case p.ByChance:
			rates[route][failure] = p.Probability
		default:
			next[route] = append(next[route], failure)
		}
	}
	if err := s.SetFailureRates(rates); err != nil {
		return err
	}
	var wrong []error
	for route, failures := range next {
		wrong = append(wrong, s.FailNext(route, failures...))
	}
	return errors.Join(wrong...)
}

// ClearFailures forgets all planned failures and probabilities.
func (s *Simulator) ClearFailures() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = failures{planned: map[Route][]Failure{}}
}

func (s *Simulator) nextFailure(route Route) Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	if planned := s.failures.planned[route]; len(planned) > 0 {
		s.failures.planned[route] = planned[1:]
		return planned[0]
	}
	return courier.Rates[Failure](s.failures.rates[route]).Draw(s.Dice, allFailures)
}

// failBefore answers where the failure happens before the work, and says whether it did.
func (s *Simulator) failBefore(w http.ResponseWriter, failure Failure) bool {
	switch failure {
	case FailThrottle:
		s.writeThrottle(w)
	case FailGateway:
		writeGateway(w, http.StatusInternalServerError, "Internal Server Error")
	case FailResetBefore:
		panic(http.ErrAbortHandler)
	case FailUnauthorized:
		errNoKey.write(w)
	case FailForbidden:
		errInactiveKey.write(w)
	case FailNotFound:
		errCaseNotFound.write(w)
	case FailInternal:
		errInternal.write(w)
	case FailUsageLimit:
		errUsageLimit.write(w)
	case FailNot, FailResetAfter, FailHangAfter, FailInternalAfter, FailGatewayAfter:
		return false
	}
	return true
}

// failAfter loses the answer of a call that was carried out, and says whether it did.
func (s *Simulator) failAfter(w http.ResponseWriter, r *http.Request, failure Failure) bool {
	switch failure {
	case FailResetAfter:
		panic(http.ErrAbortHandler)
	case FailHangAfter:
		select {
		case <-r.Context().Done():
		case <-s.Webhooks.Closed():
		}
		panic(http.ErrAbortHandler)
	case FailInternalAfter:
		errInternal.write(w)
	case FailGatewayAfter:
		writeGateway(w, http.StatusGatewayTimeout, "Endpoint request timed out")
	case FailNot, FailThrottle, FailGateway, FailResetBefore, FailUnauthorized, FailForbidden, FailNotFound, FailInternal, FailUsageLimit:
		return false
	}
	return true
}

func (s *Simulator) writeThrottle(w http.ResponseWriter) {
	s.mu.Lock()
	retryAfter := s.undocumented.RetryAfter
	s.mu.Unlock()
	if retryAfter > 0 {
		seconds := (retryAfter + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	writeGateway(w, http.StatusTooManyRequests, "Too Many Requests")
}
