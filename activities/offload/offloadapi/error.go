package offloadapi

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Kind is what a failed call says about whether Offload has done anything.
type Kind int

// The kinds of failure, which decide whether a request may be repeated.
const (
	// NotSent: no connection stood, so no byte of the request left this machine. Repeating it is safe.
	NotSent Kind = iota + 1
	// Refused: Offload, or the gateway before it, answered 4xx and did nothing. Repeating it is safe, and often useless.
	Refused
	// Uncertain: the request was on its way, and no answer says that it was not carried out: a timeout, a reset, a 5xx, a redirect,
	// or a 2xx that can't be read. For a read it only means: ask again.
	Uncertain
)

// String is the kind in words.
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

// Sentinels for errors.Is. The first three are the kinds; an Error also matches the one that its status or code stands for.
var (
	ErrNotSent   = errors.New("request was not sent")
	ErrRefused   = errors.New("request was refused")
	ErrUncertain = errors.New("request may have been carried out")

	// ErrInvalidArgument: the call could not be made into a request. Always NotSent; repeating it changes nothing.
	ErrInvalidArgument = errors.New("invalid argument")
	// ErrUnauthorized: 401, the API key is missing or unknown.
	ErrUnauthorized = errors.New("API key is missing or unknown")
	// ErrForbidden: 403, the API key is inactive or the case another owner's.
	ErrForbidden = errors.New("API key is inactive or not the owner's")
	// ErrNotFound: 404, no such case or attachment, or no such route: the base URL may be wrong.
	ErrNotFound = errors.New("not found")
	// ErrUsageLimit: 429 USAGE_LIMIT_REACHED, the plan's cap of the current UTC month. Only when creating a case.
	ErrUsageLimit = errors.New("plan's monthly usage limit is reached")
	// ErrThrottled: any other 429.
	ErrThrottled = errors.New("throttled")
	// ErrNotWaiting: 409 CASE_NOT_WAITING_FOR_INPUT.
	ErrNotWaiting = errors.New("case is not waiting for input")
	// ErrNotPending: 409 INPUT_REQUEST_NOT_PENDING, the question is answered already.
	ErrNotPending = errors.New("input request is not pending")
	// ErrMismatch: 409 INPUT_REQUEST_MISMATCH, another question is open.
	ErrMismatch = errors.New("input request is not the open one")
	// ErrInvalidResponse: a 2xx whose body is not what is published.
	ErrInvalidResponse = errors.New("response can't be read")
	// ErrResponseTooLarge: a body beyond Config.MaxResponseBytes.
	ErrResponseTooLarge = errors.New("response is too large")
)

// Codes of Offload's error envelope that mean something to this package. Others pass through in Error.Code.
const (
	codeUsageLimit = "USAGE_LIMIT_REACHED"
	codeNotWaiting = "CASE_NOT_WAITING_FOR_INPUT"
	codeNotPending = "INPUT_REQUEST_NOT_PENDING"
	codeMismatch   = "INPUT_REQUEST_MISMATCH"
)

// Error is what every failed call returns.
type Error struct {
	// Op is the call: "create case", "get case", "get transcript", "provide input", "get attachment".
	Op   string
	Kind Kind
	// Status is the HTTP status, 0 where no answer came.
	Status int
	// Code is the envelope's, empty where the answer had no envelope (as of gateways).
	Code string
	// Message is the provider's own, shortened, on one line, and without the API key.
	Message string
	// RetryAfter is how long the answer asks to wait, 0 where it doesn't.
	RetryAfter time.Duration
	// Err is the cause where there is one beside the answer.
	Err error
}

// Error reads as: offload: create case: refused: 400 INVALID_REQUEST: goal.objective is required.
func (e *Error) Error() string {
	parts := []string{"offload: " + e.Op, e.Kind.String()}
	if e.Status != 0 {
		status := strings.TrimSpace(strconv.Itoa(e.Status) + " " + e.Code)
		if e.Code == "" {
			status = strings.TrimSpace(strconv.Itoa(e.Status) + " " + http.StatusText(e.Status))
		}
		parts = append(parts, status)
	}
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	if e.Err != nil {
		// A malformed answer is quoted in it.
		parts = append(parts, oneLine(strings.ReplaceAll(e.Err.Error(), "\n", ": "), maxMessage))
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches the sentinels of the kind, the status and the code.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrNotSent:
		return e.Kind == NotSent
	case ErrRefused:
		return e.Kind == Refused
	case ErrUncertain:
		return e.Kind == Uncertain
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrNotFound:
		return e.Status == http.StatusNotFound
	case ErrUsageLimit:
		return e.Status == http.StatusTooManyRequests && e.Code == codeUsageLimit
	case ErrThrottled:
		return e.Status == http.StatusTooManyRequests && e.Code != codeUsageLimit
	case ErrNotWaiting:
		return e.Status == http.StatusConflict && e.Code == codeNotWaiting
	case ErrNotPending:
		return e.Status == http.StatusConflict && e.Code == codeNotPending
	case ErrMismatch:
		return e.Status == http.StatusConflict && e.Code == codeMismatch
	}
	return false
}

// kindOfStatus says what an answer that is not 2xx proves.
func kindOfStatus(status int) Kind {
	switch {
	case status == http.StatusRequestTimeout:
		// The one 4xx that proves nothing: proxies also answer it when the server behind them was too slow.
		return Uncertain
	case status >= 400 && status < 500:
		return Refused
	}
	return Uncertain
}
