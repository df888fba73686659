package lifecycle

import "github.com/signalbox-dev/signalbox/workflows"

// FailureCancelled is the Type of a call that was given up before it was carried out.
const FailureCancelled = "Cancelled"

// Failure is how a provider call failed: one of the contract's error types, FailureCancelled, or anything else for what nobody
// foresaw, such as a timeout.
type Failure struct {
	Type    string
	Message string
}

// Troubles are the error types that a person can mend while the call waits, and the attention that each raises.
var troubles = []struct{ errorType, attention string }{
	{workflows.ErrTypeOffloadUnauthorized, workflows.AttentionUnauthorized},
	{workflows.ErrTypeOffloadForbidden, workflows.AttentionForbidden},
	{workflows.ErrTypeOffloadNotFound, workflows.AttentionCaseNotFound},
	{workflows.ErrTypeOffloadUsageLimit, workflows.AttentionUsageLimit},
	{workflows.ErrTypeOffloadUnknownAccount, workflows.AttentionAccount},
}

// TroubleTypes are the error types of every trouble except the one that is known already. A call stops for what its caller has to
// hear of, and is retried by the server for what the caller knows.
func TroubleTypes(known string) []string {
	var types []string
	for _, t := range troubles {
		if t.attention != known {
			types = append(types, t.errorType)
		}
	}
	return types
}

func (f Failure) trouble() string {
	for _, t := range troubles {
		if t.errorType == f.Type {
			return t.attention
		}
	}
	return ""
}

// createdNothing is true only for failures of POST /cases that certainly made no case. Whatever else may happen to it is uncertain.
func (f Failure) createdNothing() bool {
	switch f.Type {
	case FailureCancelled, workflows.ErrTypeOffloadNotSent, workflows.ErrTypeOffloadThrottled, workflows.ErrTypeOffloadInvalidRequest:
		return true
	}
	return f.trouble() != ""
}
