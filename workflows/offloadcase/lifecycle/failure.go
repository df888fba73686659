package lifecycle

import (
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// troubles are the error types that a person can mend while the call waits, and the attention that each raises.
var troubles = []struct{ errorType, attention string }{
	{workflows.ErrTypeOffloadUnauthorized, workflows.AttentionUnauthorized},
	{workflows.ErrTypeOffloadForbidden, workflows.AttentionForbidden},
	{workflows.ErrTypeOffloadNotFound, workflows.AttentionCaseNotFound},
	{workflows.ErrTypeOffloadUsageLimit, workflows.AttentionUsageLimit},
	{workflows.ErrTypeOffloadUnknownAccount, workflows.AttentionAccount},
	{workflows.ErrTypeOffloadUnreadable, workflows.AttentionUnreadable},
}

// TroubleTypes are the error types of every trouble except the known one. A call stops for a trouble that the workflow has not noted yet, and
// is retried by the server for the known one.
func TroubleTypes(known string) []string {
	var types []string
	for _, t := range troubles {
		if t.attention != known {
			types = append(types, t.errorType)
		}
	}
	return types
}

func troubleOf(f rules.Failure) string {
	for _, t := range troubles {
		if t.errorType == f.Type {
			return t.attention
		}
	}
	return ""
}

// createdNothing is true only for failures of POST /cases that certainly made no case. Any other failure is uncertain.
func createdNothing(f rules.Failure) bool {
	switch f.Type {
	case rules.FailureCancelled, workflows.ErrTypeOffloadNotSent, workflows.ErrTypeOffloadThrottled, workflows.ErrTypeOffloadInvalidRequest:
		return true
	case workflows.ErrTypeOffloadUnreadable:
		return false
	}
	return troubleOf(f) != ""
}
