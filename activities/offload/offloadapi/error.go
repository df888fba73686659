package offloadapi

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Sentinels for errors.Is. An Error matches the one of its Kind (the first three) and the one of its status or code.
var (
	ErrNotSent   = errors.New("request was not sent")
	ErrRefused   = errors.New("request was refused")
	ErrUncertain = errors.New("request may have been carried out")

	// ErrInvalidArgument: the arguments do not make a valid request. Always NotSent; a repetition fails too.
	ErrInvalidArgument = errors.New("invalid argument")
	// ErrUnauthorized: 401, the API key is missing or unknown.
	ErrUnauthorized = errors.New("API key is missing or unknown")
	// ErrForbidden: 403, the API key is inactive, or the case belongs to another owner.
	ErrForbidden = errors.New("API key is inactive or not the owner's")
	// ErrNotFound: 404, the case, the attachment or the route does not exist. The base URL may be wrong.
	ErrNotFound = errors.New("not found")
	// ErrUsageLimit: 429 USAGE_LIMIT_REACHED, the plan's limit in the current UTC month. Only CreateCase returns it.
	ErrUsageLimit = errors.New("plan's monthly usage limit is reached")
	// ErrThrottled: any other 429.
	ErrThrottled = errors.New("throttled")
	// ErrNotWaiting: 409 CASE_NOT_WAITING_FOR_INPUT.
	ErrNotWaiting = errors.New("case is not waiting for input")
	// ErrNotPending: 409 INPUT_REQUEST_NOT_PENDING, the question is answered already.
	ErrNotPending = errors.New("input request is not pending")
	// ErrMismatch: 409 INPUT_REQUEST_MISMATCH, another question is open.
	ErrMismatch = errors.New("input request is not the open one")
	// ErrInvalidResponse: a 2xx whose body does not have the documented form.
	ErrInvalidResponse = errors.New("response can't be read")
	// ErrResponseTooLarge: a body beyond MaxResponseBytes.
	ErrResponseTooLarge = errors.New("response is too large")
)

// Codes of Offload's error envelope that have a sentinel. Error.Code has these and all others.
const (
	codeUsageLimit = "USAGE_LIMIT_REACHED"
	codeNotWaiting = "CASE_NOT_WAITING_FOR_INPUT"
	codeNotPending = "INPUT_REQUEST_NOT_PENDING"
	codeMismatch   = "INPUT_REQUEST_MISMATCH"
)

// Error is the error of every failed call.
type Error struct {
	// Op is the operation: "create case", "get case", "get transcript", "provide input", "get attachment".
	Op string
	// Kind says what is certain about the call; kind.go decides it.
	Kind Kind
	// Status is the HTTP status, 0 without a response.
	Status int
	// Code is the code in the error envelope; empty without an envelope (gateways send none).
	Code string
	// Message is the provider's message. It is shortened, on one line, and without secrets, as the text of Err is.
	Message string
	// RetryAfter is the pause that the response asks for, or 0.
	RetryAfter time.Duration
	// Err is the cause, if it is not the response itself.
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
		parts = append(parts, e.Err.Error())
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
