package offloadsim

import (
	"net/http"
	"time"
)

// Undocumented are the points that Offload's documentation leaves open, or where its revisions disagree. With the zero
// value, points that must not matter to a client are random, and the others follow the newer revision.
type Undocumented struct {
	// CreateStatus answers POST /cases. 0: drawn from 200, 201 and 202 for each case.
	CreateStatus int `json:"createStatus,omitempty"`
	// OldSentinel makes "nothing scheduled" 253402300799000, as in the older examples.
	OldSentinel bool `json:"oldSentinel,omitempty"`
	// OmitInputRequest leaves inputRequest out of GET, as the older pages say.
	OmitInputRequest bool `json:"omitInputRequest,omitempty"`
	// OmitEventID and OmitTimestamp leave them out of webhooks, as the examples of the event types do.
	OmitEventID   bool `json:"omitEventId,omitempty"`
	OmitTimestamp bool `json:"omitTimestamp,omitempty"`
	// TimestampSkew is added to a webhook's timestamp, which only the examples show to equal updatedAt.
	TimestampSkew time.Duration `json:"timestampSkew,omitempty"`
	// OmitNullFailureReason leaves failureReason out instead of sending null.
	OmitNullFailureReason bool `json:"omitNullFailureReason,omitempty"`
	// OmitResult leaves the result out of case.completed, which carries it only "usually".
	OmitResult bool `json:"omitResult,omitempty"`
	// RetryAfter is sent with a gateway's 429. 0: no such header.
	RetryAfter time.Duration `json:"retryAfter,omitempty"`
}

const (
	// nothingScheduled is 9999-12-31T23:59:59.999Z in milliseconds.
	nothingScheduled    = 253402300799999
	nothingScheduledOld = 253402300799000
)

func (u Undocumented) sentinel() int64 {
	if u.OldSentinel {
		return nothingScheduledOld
	}
	return nothingScheduled
}

func (s *Simulator) createStatus() int {
	if status := s.undocumented.CreateStatus; status != 0 {
		return status
	}
	any2xx := [...]int{http.StatusOK, http.StatusCreated, http.StatusAccepted}
	return any2xx[s.Dice.IntN(len(any2xx))]
}
