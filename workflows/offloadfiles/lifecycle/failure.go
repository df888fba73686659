package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// troubles are the error types that a person can repair while the files wait, with the attention that each raises.
var troubles = []struct{ errType, attention string }{
	{workflows.ErrTypeOffloadUnauthorized, workflows.AttentionUnauthorized},
	{workflows.ErrTypeOffloadForbidden, workflows.AttentionForbidden},
	{workflows.ErrTypeOffloadUsageLimit, workflows.AttentionUsageLimit},
	{workflows.ErrTypeOffloadUnknownAccount, workflows.AttentionAccount},
}

func troubleAttention(errType string) string {
	for _, t := range troubles {
		if t.errType == errType {
			return t.attention
		}
	}
	return ""
}

// transient are errors that can end without a person.
var transient = []string{
	workflows.ErrTypeArchiveBucket, workflows.ErrTypeArchiveNoBucket, workflows.ErrTypeArchiveDownload, workflows.ErrTypeArchiveWorker, workflows.ErrTypeArchiveDiffers,
}

// EndsCall returns the error types that end a call although a later attempt may succeed, because the rules must know of them. The server
// retries the known trouble, which adds nothing to the history. While a trouble is known, transient errors end a call too, because they
// show that the trouble is over.
func EndsCall(trouble string) []string {
	var types []string
	for _, t := range troubles {
		if t.errType != trouble {
			types = append(types, t.errType)
		}
	}
	if trouble != "" {
		types = append(types, transient...)
	}
	return types
}

// isFinal reports whether no later attempt can succeed.
func isFinal(s State, errType string, now time.Time) bool {
	switch errType {
	case workflows.ErrTypeArchiveTooLarge, workflows.ErrTypeArchiveTargetRefused, workflows.ErrTypeArchiveInvalid,
		workflows.ErrTypeOffloadInvalidRequest:
		return true
	case workflows.ErrTypeOffloadNotFound, workflows.ErrTypeArchiveNoResult:
		return !now.Before(s.LagUntil)
	}
	return false
}
