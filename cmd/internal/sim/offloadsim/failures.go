package offloadsim

import (
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

// FailNext plans what happens to the next calls of a route, one failure per call.
func (s *Simulator) FailNext(route Route, next ...Failure) error {
	var rules []courier.PlannedRule[Failure]
	for _, failure := range next {
		rules = append(rules, courier.PlannedRule[Failure]{Fault: failure, Event: string(route)})
	}
	return s.Calls.Plan(rules...)
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
