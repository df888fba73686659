package archive

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
	"unicode"

	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/activities/publicnet"
	"github.com/signalbox-dev/signalbox/workflows"
)

// The failures that have a type in the contract.
var (
	errNoBucket      = errors.New("this worker has no bucket, so files are not stored")
	errTooLarge      = errors.New("file is too large")
	errTargetRefused = errors.New("download address is not allowed")
	errInvalid       = errors.New("file has no key")
	errNoResult      = errors.New("the provider shows no result")
	errNoResultYet   = errors.New("the provider shows no result yet")
	errDiffers       = errors.New("file differs from what the provider said")
	errDownload      = errors.New("download failed")
	errBucket        = errors.New("bucket failed")
	errWorker        = errors.New("worker can't write the downloaded file")

	errStalled = errors.New("nothing came for too long")
)

// providerError is an error of the Provider. It already has a type of the contract.
type providerError struct{ err error }

func (e *providerError) Error() string { return e.err.Error() }

func (e *providerError) Unwrap() error { return e.err }

// fromProvider wraps an error of the Provider. "Not found" is retried while the provider's reads may lag behind its webhooks, and final after that.
func fromProvider(err error, lagging bool) error {
	var known *temporal.ApplicationError
	if errors.As(err, &known) && known.Type() == workflows.ErrTypeOffloadNotFound {
		options := temporal.ApplicationErrorOptions{NonRetryable: true}
		if lagging {
			options = temporal.ApplicationErrorOptions{NextRetryDelay: lagPause}
		}
		err = temporal.NewApplicationErrorWithOptions(known.Message(), known.Type(), options)
	}
	return &providerError{err}
}

// lagPause is the pause between two reads of a file that the provider does not know yet.
const lagPause = 30 * time.Second

// failures translates errors into the contract's types; the first match counts. final means that a later attempt fails too, unless a person
// changes the configuration. pause is the time until the next attempt; 0 leaves it to the retry policy.
var failures = []struct {
	err     error
	errType string
	final   bool
	pause   time.Duration
}{
	{errNoBucket, workflows.ErrTypeArchiveNoBucket, false, 0},
	{errTooLarge, workflows.ErrTypeArchiveTooLarge, true, 0},
	{errTargetRefused, workflows.ErrTypeArchiveTargetRefused, true, 0},
	{publicnet.ErrNotPublic, workflows.ErrTypeArchiveTargetRefused, true, 0},
	{errInvalid, workflows.ErrTypeArchiveInvalid, true, 0},
	{errNoResult, workflows.ErrTypeArchiveNoResult, true, 0},
	{errNoResultYet, workflows.ErrTypeArchiveNoResult, false, lagPause},
	{errDiffers, workflows.ErrTypeArchiveDiffers, false, 0},
	{errBucket, workflows.ErrTypeArchiveBucket, false, 0},
	{errWorker, workflows.ErrTypeArchiveWorker, false, 0},
	{errDownload, workflows.ErrTypeArchiveDownload, false, 0},
}

// failure returns the activity's error. The text of err becomes the message; the error has no cause, which would store the same text again.
func failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err() // err only follows from the cancellation
	}
	var provided *providerError
	if errors.As(err, &provided) {
		return provided.err
	}
	for _, f := range failures {
		if errors.Is(err, f.err) {
			return temporal.NewApplicationErrorWithOptions(oneLine(err.Error()), f.errType,
				temporal.ApplicationErrorOptions{NonRetryable: f.final, NextRetryDelay: f.pause})
		}
	}
	return fmt.Errorf("archive: %w", err)
}

// withoutURL returns a network error without the URL and the address, which errors of net/http contain in many places.
func withoutURL(ctx context.Context, err error) error {
	var (
		dns         *net.DNSError
		op          *net.OpError
		certificate *tls.CertificateVerificationError
	)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &dns):
		return errors.New("the file server's name can't be resolved")
	case errors.As(err, &certificate):
		return errors.New("the file server's certificate is not trusted")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return io.ErrUnexpectedEOF
	case errors.As(err, &op) && errors.Is(op.Err, publicnet.ErrNotPublic):
		return fmt.Errorf("%s: %w, which only a worker with --download-allow-private allows", op.Op, op.Err)
	case errors.As(err, &op):
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	return errors.New("the connection broke, or the response is not HTTP")
}

// oneLine returns a message on one line of valid UTF-8, cut after 400 bytes with an ellipsis, because a history stores it whole.
func oneLine(text string) string {
	const most = 400
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
