package lifecycle

import (
	"slices"

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
	{workflows.ErrTypeOffloadUnreachable, workflows.AttentionUnreachable},
}

// TroubleTypes are the error types of every trouble except the known ones. A call stops for a trouble that the workflow has not noted yet, and
// is retried by the server for the known ones.
func TroubleTypes(known ...string) []string {
	var types []string
	for _, t := range troubles {
		if !slices.Contains(known, t.attention) {
			types = append(types, t.errorType)
		}
	}
	return types
}

// noteTrouble makes a trouble the one that attention names, and remembers the one before it. Two that alternate, as from two workers of which one
// lacks the account, would otherwise each stop the call that knows only of the other, in a loop without a pause.
func noteTrouble(s *State, trouble string) {
	switch {
	case s.Trouble == "":
		s.EarlierTroubles = nil
	case s.Trouble != trouble && !slices.Contains(s.EarlierTroubles, s.Trouble):
		s.EarlierTroubles = rules.Appended(s.EarlierTroubles, s.Trouble, len(troubles))
	}
	s.Trouble = trouble
}

// knownTroubles are those that were noted since a call last succeeded.
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

// createdNothing is true only for failures of POST /cases that certainly made no case. Any other failure is uncertain.
func createdNothing(f rules.Failure) bool {
	switch f.Type {
	case rules.FailureCancelled, workflows.ErrTypeOffloadNotSent, workflows.ErrTypeOffloadThrottled, workflows.ErrTypeOffloadInvalidRequest:
		return true
	case workflows.ErrTypeOffloadUnreadable, workflows.ErrTypeOffloadUnreachable:
		return false
	}
	return troubleOf(f) != ""
}
