package lifecycle

import (
	"slices"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// troubles are the error types that a person can repair while the call waits, with the attention that each raises.
var troubles = []struct{ errorType, attention string }{
	{workflows.ErrTypeOffloadUnauthorized, workflows.AttentionUnauthorized},
	{workflows.ErrTypeOffloadForbidden, workflows.AttentionForbidden},
	{workflows.ErrTypeOffloadNotFound, workflows.AttentionCaseNotFound},
	{workflows.ErrTypeOffloadUsageLimit, workflows.AttentionUsageLimit},
	{workflows.ErrTypeOffloadUnknownAccount, workflows.AttentionAccount},
	{workflows.ErrTypeOffloadUnreadable, workflows.AttentionUnreadable},
	{workflows.ErrTypeOffloadUnreachable, workflows.AttentionUnreachable},
}

// TroubleTypes returns the error types of all troubles except the known ones. A call ends on a trouble that the workflow does not know
// yet; the server retries the known ones.
func TroubleTypes(known ...string) []string {
	var types []string
	for _, t := range troubles {
		if !slices.Contains(known, t.attention) {
			types = append(types, t.errorType)
		}
	}
	return types
}

// noteTrouble makes a trouble the current one, and remembers the one before it. Two troubles can alternate, for example if one of two
// workers lacks the account. Without the memory, each would end the call that knows only the other, in a loop without pauses.
func noteTrouble(s *State, trouble string) {
	switch {
	case s.Trouble == "":
		s.EarlierTroubles = nil
	case s.Trouble != trouble && !slices.Contains(s.EarlierTroubles, s.Trouble):
		s.EarlierTroubles = rules.Appended(s.EarlierTroubles, s.Trouble, len(troubles))
	}
	s.Trouble = trouble
}

// knownTroubles returns the troubles since the last successful call.
func knownTroubles(s State) []string {
	if s.Trouble == "" {
		return nil
	}
	return append(slices.Clone(s.EarlierTroubles), s.Trouble)
}

func troubleOf(f rules.Failure) string {
	for _, t := range troubles {
		if t.errorType == f.Type {
			return t.attention
		}
	}
	return ""
}

// createdNothing reports whether a failed POST /cases certainly created no case. Any other failure is uncertain.
func createdNothing(f rules.Failure) bool {
	switch f.Type {
	case rules.FailureCancelled, workflows.ErrTypeOffloadNotSent, workflows.ErrTypeOffloadThrottled, workflows.ErrTypeOffloadInvalidRequest:
		return true
	case workflows.ErrTypeOffloadUnreadable, workflows.ErrTypeOffloadUnreachable:
		return false
	}
	return troubleOf(f) != ""
}
