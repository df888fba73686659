package main

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"go.temporal.io/api/serviceerror"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

var (
	// errUsage says that the command line or a setting can't be used.
	errUsage = errors.New("wrong usage")
	// errNotCompleted says that a case has ended with another status than COMPLETED.
	errNotCompleted = errors.New("the case was not completed")
)

// exitStatuses lists what exitStatus returns. README.md has the same list.
const exitStatuses = `0 done · 1 failed · 2 wrong usage, settings or token, or Temporal refuses the key · 3 not found ·
4 conflict with an earlier request or the present state, such as an ended case, no open question, or a key still in use ·
5 the case ended without being completed · 6 temporarily unavailable, not ready, or the time of --timeout passed ·
7 the workflow was terminated · 8 it timed out · 9 it failed`

// exitStatus returns the exit status of an error: see exitStatuses.
func exitStatus(err error) int {
	refused, isRefusal := errors.AsType[*api.Refusal](err)
	switch {
	case err == nil:
		return 0
	case isRefusal && slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType}, refused.Status):
		return 2 // another token or another document is needed
	// An error of the whole workflow comes before an error of the request to it.
	case errors.Is(err, signalbox.ErrTerminated):
		return 7
	case errors.Is(err, signalbox.ErrTimedOut):
		return 8
	case errors.Is(err, signalbox.ErrFailed):
		return 9
	case errors.Is(err, errUsage), errors.Is(err, setting.ErrWrong), errors.Is(err, api.ErrNoAccount), errors.Is(err, signalbox.ErrInvalid), errors.Is(err, inbox.ErrInvalid),
		errors.Is(err, signalbox.ErrAccessDenied), accessDenied(err):
		return 2
	case errors.Is(err, signalbox.ErrNotFound), errors.Is(err, signalbox.ErrNoFiles), errors.Is(err, inbox.ErrNotFound),
		errors.Is(err, worker.ErrNoVersion):
		return 3
	case errors.Is(err, signalbox.ErrTooMany),
		errors.Is(err, signalbox.ErrConflict), errors.Is(err, signalbox.ErrStillOpen), errors.Is(err, signalbox.ErrEnded), errors.Is(err, signalbox.ErrNoOpenQuestion),
		errors.Is(err, signalbox.ErrOtherQuestion), errors.Is(err, signalbox.ErrAlreadyAnswered), errors.Is(err, signalbox.ErrPaused), errors.Is(err, signalbox.ErrNotUncertain),
		errors.Is(err, inbox.ErrNotReplayable), errors.Is(err, inboxadmin.ErrNotDismissible), errors.Is(err, errNotResealed), errors.Is(err, errBodiesSealed),
		errors.Is(err, errPayloadsEncrypted), errors.Is(err, worker.ErrRefused):
		return 4
	case errors.Is(err, errNotCompleted):
		return 5
	case errors.Is(err, signalbox.ErrUnavailable), errors.Is(err, inbox.ErrBusy), errors.Is(err, inbox.ErrClosed), errors.Is(err, worker.ErrNotPolled), errors.Is(err, errNotReady),
		errors.Is(err, errWaitTimeout), errors.Is(err, context.DeadlineExceeded), errors.As(err, new(*serviceerror.DeadlineExceeded)),
		errors.As(err, new(*serviceerror.Unavailable)), errors.As(err, new(*serviceerror.ResourceExhausted)):
		return 6
	}
	return 1
}
