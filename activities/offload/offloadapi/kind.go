package offloadapi

import (
	"net/http"
	"strconv"
)

// Kind says whether a failed call may have been carried out.
type Kind int

// The kinds of failure, which decide whether a request may be repeated.
const (
	// NotSent: there was no connection, so no byte of the request was sent. A repetition is safe.
	NotSent Kind = iota + 1
	// Refused: Offload, or the gateway before it, answered 4xx and did nothing. A repetition is safe, but often useless.
	Refused
	// Uncertain: the request was sent, and it may have been carried out: a timeout, a reset, a 5xx, a redirect, or a 2xx that can't be read.
	// A read can always be repeated.
	Uncertain
)

// String returns the kind in words.
func (k Kind) String() string {
	switch k {
	case NotSent:
		return "not sent"
	case Refused:
		return "refused"
	case Uncertain:
		return "uncertain"
	}
	return "kind " + strconv.Itoa(int(k))
}

// kindWithoutResponse returns the Kind of a call without a response. Once there is a connection, bytes may have been sent. Name resolution, dialing
// and the TLS handshake come before that, so their failures count as not sent.
func kindWithoutResponse(connected bool) Kind {
	if connected {
		return Uncertain
	}
	return NotSent
}

// kindOfStatus returns the Kind of a response that is not 2xx.
func kindOfStatus(status int) Kind {
	switch {
	case status == http.StatusRequestTimeout:
		// 408 is not a refusal: proxies also answer it when the server behind them is too slow.
		return Uncertain
	case status >= 400 && status < 500:
		return Refused
	}
	return Uncertain
}
