package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// maxRedirects is generous: file servers usually redirect once.
const maxRedirects = 5

// fetched describes a downloaded file.
type fetched struct {
	size        int64
	sha256      string
	contentType string
}

// fetch downloads a URL into a file. If the response is not a file, it does not write. The request asks for no encoding; if the server sends an
// encoding nevertheless, fetch stores the encoded bytes, since they may be the file itself.
func (a *Activities) fetch(ctx *attempt, link string, into *scratch) (fetched, error) {
	bounded, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	response, err := a.get(bounded, link)
	if err != nil {
		return fetched{}, err
	}
	defer func() { _ = response.Body.Close() }() // the body has been read, so a failed close does not matter

	if response.StatusCode != http.StatusOK {
		return fetched{}, &statusError{response.StatusCode}
	}
	if response.ContentLength > a.maxBytes {
		return fetched{}, fmt.Errorf("%w: %d bytes announced, at most %d", errTooLarge, response.ContentLength, a.maxBytes)
	}
	stalled := time.AfterFunc(a.stall, func() { cancel(errStalled) })
	defer stalled.Stop()
	body := &watchedBody{body: response.Body, heard: func(n int) {
		stalled.Reset(a.stall)
		ctx.fetchedBytes.Add(int64(n))
	}}
	hash := sha256.New()
	ctx.fetchedBytes.Store(0)
	size, err := io.Copy(io.MultiWriter(into, hash), io.LimitReader(body, a.maxBytes+1))
	switch {
	case errors.Is(err, errWorker):
		return fetched{}, err
	case err != nil:
		return fetched{}, fmt.Errorf("%w: after %d bytes: %w", errDownload, size, withoutURL(bounded, err))
	case size > a.maxBytes:
		return fetched{}, fmt.Errorf("%w: more than %d bytes", errTooLarge, a.maxBytes)
	}
	return fetched{size: size, sha256: hex.EncodeToString(hash.Sum(nil)), contentType: response.Header.Get("Content-Type")}, nil
}

// get sends the request and follows redirects itself: the errors of http.Client contain the URL, which is a secret, and its redirects send the
// URL on as the referrer. Each redirect has to pass the same checks as the first URL.
func (a *Activities) get(ctx context.Context, link string) (*http.Response, error) {
	target, err := url.Parse(link)
	if err != nil {
		return nil, fmt.Errorf("%w: the download URL is not a URL", errDownload)
	}
	for hop := 0; ; hop++ {
		response, err := a.visit(ctx, target)
		if err != nil || !isRedirect(response.StatusCode) {
			return response, err
		}
		_ = response.Body.Close() // the body of a redirect is not used
		if hop == maxRedirects {
			return nil, fmt.Errorf("%w: more than %d redirects", errDownload, maxRedirects)
		}
		if target, err = response.Location(); err != nil {
			return nil, fmt.Errorf("%w: a redirect has no usable Location", errDownload)
		}
	}
}

func (a *Activities) visit(ctx context.Context, target *url.URL) (*http.Response, error) {
	switch {
	case target.Scheme == "https", target.Scheme == "http" && a.allowPlainHTTP:
	case target.Scheme == "http":
		return nil, fmt.Errorf("%w: unencrypted HTTP, which only a worker with --download-allow-http allows", errTargetRefused)
	default:
		return nil, fmt.Errorf("%w: neither https nor http", errTargetRefused)
	}
	request := (&http.Request{
		Method: http.MethodGet,
		URL:    target,
		Host:   target.Host,
		Header: http.Header{"User-Agent": {"signalbox"}, "Accept": {"*/*"}, "Accept-Encoding": {"identity"}},
	}).WithContext(ctx)
	response, err := a.transport.RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDownload, withoutURL(ctx, err))
	}
	return response, nil
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// statusError is a response with another status than 200.
type statusError struct{ status int }

func (e *statusError) Error() string {
	return fmt.Sprintf("the file server answered %d %s", e.status, http.StatusText(e.status))
}

func (e *statusError) Is(target error) bool { return target == errDownload }

// isExpired reports whether a new URL may help: file servers answer an expired one with any of these statuses.
func isExpired(err error) bool {
	var answered *statusError
	if !errors.As(err, &answered) {
		return false
	}
	switch answered.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return true
	}
	return false
}

// watchedBody calls heard after each read.
type watchedBody struct {
	body  io.Reader
	heard func(n int)
}

func (w *watchedBody) Read(p []byte) (int, error) {
	n, err := w.body.Read(p)
	if n > 0 {
		w.heard(n)
	}
	return n, err
}
