package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

const (
	// clientTimeout is longer than any call that the server answers in time.
	clientTimeout = longTimeout + 2*writeTime
	// maxAnswer is the largest answer that a client reads, in bytes: a page of 100 rows, or a case with all that it may keep.
	maxAnswer = 32 << 20
)

// Connect makes a client of the API at a URL, such as https://signalbox.internal:8081. An empty token is for a listener on loopback that asks for
// none. It follows no redirect, which would take the token elsewhere. ReadAnswer reads what its calls return.
func Connect(address, token string) (*Client, error) {
	return NewClient(address, WithHTTPClient(&http.Client{
		Timeout:       clientTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}), WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		leaveOutZeros(request)
		return nil
	}))
}

// zeros are the zero values of the parameters that are no text. The generated client sends them, though each means the same as none.
var zeros = map[string]string{
	"limit": "0", "needsAttention": "false", "givenUp": "false", "user": "false",
	"since": zeroTime, "until": zeroTime, "startedSince": zeroTime, "startedBefore": zeroTime,
}

const zeroTime = "0001-01-01T00:00:00Z"

// leaveOutZeros removes empty parameters, and those that have the zero value of their type.
func leaveOutZeros(request *http.Request) {
	query := request.URL.Query()
	for name, values := range query {
		if zero, typed := zeros[name]; len(values) == 1 && (values[0] == "" || typed && values[0] == zero) {
			query.Del(name)
		}
	}
	request.URL.RawQuery = query.Encode()
}

// Refusal is a problem that the API answered a client with. errors.Is finds in it the error that the Go client, or the inbox, has for the same.
type Refusal struct{ Problem }

// Error has the detail, and the ID by which the server's log has the request.
func (r *Refusal) Error() string {
	return fmt.Sprintf("%s: %s (request %s)", r.Title, r.Detail, r.RequestId)
}

// Unwrap returns the error that the problem was made of.
func (r *Refusal) Unwrap() error {
	for _, s := range sentinels {
		if string(r.Type) == problemPrefix+s.kind.name {
			return s.err
		}
	}
	return nil
}

// ReadAnswer reads the body of an answer. It fails with signalbox.ErrUnavailable where the API can't be reached, with a Refusal where it refuses, with
// signalbox.ErrInvalid where something else answers at the URL, and with context.Canceled where the caller has ended the call.
func ReadAnswer[T any](response *http.Response, err error) (answer T, _ error) {
	if err != nil {
		return answer, transportError(err)
	}
	defer func() { _ = response.Body.Close() }() // it was read, or is of no use
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer, transportError(fmt.Errorf("read answer: %w", err))
	}
	format, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	refusal := new(Refusal)
	switch {
	case format == "application/problem+json" && json.Unmarshal(body, &refusal.Problem) == nil && strings.HasPrefix(string(refusal.Type), problemPrefix):
		return answer, refusal
	case response.StatusCode/100 == 2 && len(body) == 0, response.StatusCode/100 == 2 && json.Unmarshal(body, &answer) == nil:
		return answer, nil
	case response.StatusCode >= http.StatusInternalServerError:
		return answer, fmt.Errorf("%w: the API: status %d", signalbox.ErrUnavailable, response.StatusCode)
	}
	return answer, fmt.Errorf("%w: the API: status %d is no answer of Signalbox: check the URL", signalbox.ErrInvalid, response.StatusCode)
}

// transportError returns the error of a call without a complete answer.
func transportError(err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("the API: %w", err)
	}
	return fmt.Errorf("%w: the API: %w", signalbox.ErrUnavailable, err)
}
