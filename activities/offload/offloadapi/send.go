package offloadapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/signalbox-dev/signalbox/activities/retryafter"
	"github.com/signalbox-dev/signalbox/workflows/wire"
)

// request is one call.
type request struct {
	op, method, route string
	body              []byte
}

// response is a 2xx whose body is not parsed yet.
type response struct {
	op     string
	status int
	body   []byte
	// done gives the place of a large body back. It must be called when the body is decoded.
	done func()
}

// send sends a request once. It returns the response if it is a 2xx with a complete body, and otherwise an *Error.
func (c *Client) send(ctx context.Context, by via, call request) (response, error) {
	if after, err := by.turns.wait(ctx); err != nil {
		return response{}, &Error{Op: call.op, Kind: NotSent, RetryAfter: after, Err: err}
	}
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})

	outgoing, err := c.newRequest(ctx, call)
	if err != nil {
		return response{}, &Error{Op: call.op, Kind: NotSent, Err: err}
	}
	got, err := by.http.Do(outgoing)
	if err != nil {
		return response{}, &Error{Op: call.op, Kind: kindWithoutResponse(connected.Load()), Err: transportError(err)}
	}
	defer func() { _ = got.Body.Close() }() // the body has been read, so a failed close does not matter

	raw, done, readErr := c.readBody(ctx, by, got.Body)
	if got.StatusCode/100 == 2 && readErr == nil {
		return response{op: call.op, status: got.StatusCode, body: raw, done: done}, nil
	}
	defer done()
	if got.StatusCode/100 == 2 {
		return response{}, &Error{Op: call.op, Kind: Uncertain, Status: got.StatusCode, Err: readErr}
	}
	// The status alone decides; the body only explains it, so an error in reading it does not matter.
	refusal := &Error{
		Op:         call.op,
		Kind:       kindOfStatus(got.StatusCode),
		Status:     got.StatusCode,
		RetryAfter: retryafter.Parse(got.Header.Get("Retry-After"), c.now()),
	}
	refusal.Code, refusal.Message = explain(raw)
	if got.StatusCode/100 == 3 {
		refusal.Message = "redirects are not followed; the base URL may be wrong"
	}
	return response{}, refusal
}

func (c *Client) newRequest(ctx context.Context, call request) (*http.Request, error) {
	var reader io.Reader = http.NoBody
	if call.body != nil {
		reader = bytes.NewReader(call.body)
	}
	outgoing, err := http.NewRequestWithContext(ctx, call.method, c.baseURL+call.route, reader)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if call.body != nil {
		// Without GetBody, net/http can't send a POST a second time.
		outgoing.GetBody = nil
		outgoing.Header.Set("Content-Type", "application/json")
	}
	outgoing.Header.Set("Accept", "application/json")
	outgoing.Header.Set("User-Agent", "signalbox")
	outgoing.Header.Set("X-Api-Key", c.key())
	return outgoing, nil
}

// transportError removes the method and URL that net/http puts before each cause: Error.Op names the call already.
func transportError(err error) error {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		return urlErr.Err
	}
	return err
}

// readBody reads a body. One that is not small waits for a place, which done gives back. It returns done also with an error.
func (c *Client) readBody(ctx context.Context, by via, body io.Reader) (raw []byte, done func(), err error) {
	raw, err = readBounded(body, min(smallResponseBytes, c.maxResponseBytes))
	if !errors.Is(err, ErrResponseTooLarge) || c.maxResponseBytes <= smallResponseBytes {
		return raw, func() {}, err
	}
	if err := by.large.Acquire(ctx, 1); err != nil {
		return raw, func() {}, fmt.Errorf("read response: %w", err)
	}
	raw, err = readBounded(io.MultiReader(bytes.NewReader(raw), body), c.maxResponseBytes)
	return raw, func() { by.large.Release(1) }, err
}

// readBounded reads all of r. It fails with ErrResponseTooLarge beyond most bytes; with an error it returns the bytes read so far.
func readBounded(r io.Reader, most int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return raw, fmt.Errorf("read response: %w", err)
	}
	if int64(len(raw)) > most {
		return raw, fmt.Errorf("%w: more than %d bytes", ErrResponseTooLarge, most)
	}
	return raw, nil
}

// checked is the data of a response. check fails for data that can't be used.
type checked interface{ check() error }

// decode returns the data in a success envelope and the names of lost fields. A body without a usable envelope fails as Uncertain: the
// provider accepted the request, but the result is unknown.
func decode[T checked](r response) (data T, lost []string, err error) {
	var envelope struct {
		// Only an explicit false contradicts the status.
		OK   *bool `json:"ok"`
		Data *T    `json:"data"`
	}
	lost, err = wire.Read(r.body, &envelope)
	switch {
	case err != nil:
	case envelope.OK != nil && !*envelope.OK:
		err = errors.New(`it says "ok": false`)
	case envelope.Data == nil:
		err = errors.New("it has no data")
	default:
		data = *envelope.Data
		err = data.check()
	}
	if err != nil {
		if len(lost) > 0 {
			err = fmt.Errorf("%w; unreadable: %s", err, strings.Join(lost, ", "))
		}
		return data, nil, &Error{Op: r.op, Kind: Uncertain, Status: r.status, Err: fmt.Errorf("%w: %w", ErrInvalidResponse, err)}
	}
	for i := range lost {
		lost[i] = strings.TrimPrefix(lost[i], "data.")
	}
	return data, lost, nil
}

// marshal is json.Marshal with another error, because that of json.Marshal contains a part of the value.
func marshal(body any) ([]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, errors.New("request is not valid JSON: check knowledge, resultSchema and metadata")
	}
	return raw, nil
}
