package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// troubles are the error types that a person can mend while the files wait, and the attention that each raises.
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

// passing are errors that pass by themselves.
var passing = []string{
	workflows.ErrTypeArchiveBucket, workflows.ErrTypeArchiveDownload, workflows.ErrTypeArchiveWorker, workflows.ErrTypeArchiveDiffers,
}

// EndsCall returns the error types that end a call, though a later attempt may succeed: the rules have to hear of them. trouble is the one that
// they know of. It is left to the server to retry, which adds nothing to the history. What passes by itself ends a call only while a trouble is
// known, since the trouble then is over.
func EndsCall(trouble string) []string {
	var types []string
	for _, t := range troubles {
		if t.errType != trouble {
			types = append(types, t.errType)
		}
	}
	if trouble != "" {
		types = append(types, passing...)
	}
	return types
}

// isFinal says whether no later attempt can end otherwise.
func isFinal(s State, errType string, now time.Time) bool {
	switch errType {
	case workflows.ErrTypeArchiveNoBucket, workflows.ErrTypeArchiveTooLarge, workflows.ErrTypeArchiveTargetRefused,
		workflows.ErrTypeArchiveInvalid, workflows.ErrTypeOffloadInvalidRequest:
		return true
	case workflows.ErrTypeOffloadNotFound, workflows.ErrTypeArchiveNoResult:
		return !now.Before(s.LagUntil)
	}
	return false
}
