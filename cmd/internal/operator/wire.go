package operator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// The routes between a Client and a Desk in another process. They are for the same version on the same machine: the HTTP API for others
// is elsewhere.
const (
	routeList    = "/list"
	routeShow    = "/show"
	routeReplay  = "/replay"
	routeRelease = "/release"
	routePurge   = "/purge"
	routeCounts  = "/counts"
)

// maxRequest bounds what a caller may send, in bytes: a filter is small.
const maxRequest = 64 << 10

// failure is an error on its way over the socket.
type failure struct {
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
}

// codes are the errors that callers tell apart.
var codes = []struct {
	code   string
	err    error
	status int
}{
	{"invalid", inbox.ErrInvalid, http.StatusBadRequest},
	{"not_found", inbox.ErrNotFound, http.StatusNotFound},
	{"not_replayable", inbox.ErrNotReplayable, http.StatusConflict},
	{"busy", inbox.ErrBusy, http.StatusServiceUnavailable},
	{"closed", inbox.ErrClosed, http.StatusServiceUnavailable},
}

func writeFailure(w http.ResponseWriter, err error) error {
	f, status := failure{Message: err.Error()}, http.StatusInternalServerError
	for _, known := range codes {
		if errors.Is(err, known.err) {
			f.Code, status = known.code, known.status
			break
		}
	}
	return writeJSON(w, status, f)
}

func writeJSON(w http.ResponseWriter, status int, answer any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return nil
}

// remoteError says what the other process said, and is the sentinel that it was there.
type remoteError struct {
	message  string
	sentinel error
}

func (e *remoteError) Error() string { return e.message }
func (e *remoteError) Unwrap() error { return e.sentinel }

func (f failure) err() error {
	for _, known := range codes {
		if f.Code == known.code {
			return &remoteError{f.Message, known.err}
		}
	}
	return &remoteError{message: f.Message}
}
