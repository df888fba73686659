package signalbox

import (
	"errors"
	"strings"

	"go.temporal.io/api/serviceerror"

	"github.com/signalbox-dev/signalbox/workflows"
)

// missing wraps Temporal's error for a workflow that does not exist in words about the case, activation or notices. It returns other errors as
// they are.
func missing(workflowID string, err error) error {
	if !errors.As(err, new(*serviceerror.NotFound)) {
		return err
	}
	for prefix, words := range map[string]string{
		workflows.OffloadCaseWorkflowID(""):       "there is no case with this reference: check it, or list the cases",
		workflows.ArtmailActivationWorkflow + "/": "the agent has no activation with this ID: check both, or list the activations",
		workflows.NotifyWorkflowID(""):            "the source has no notices: it does not exist, none arose yet, or no callback and no replyTo was named",
	} {
		if strings.HasPrefix(workflowID, prefix) {
			return &missingError{words, err}
		}
	}
	return err
}

// missingError is Temporal's error in other words.
type missingError struct {
	words string
	err   error
}

func (m *missingError) Error() string { return m.words }
func (m *missingError) Unwrap() error { return m.err }

// Missing says what does not exist and what to do, for an ErrNotFound of a call of a case, an activation or notices; otherwise it is empty.
func Missing(err error) string {
	if m, ok := errors.AsType[*missingError](err); ok {
		return m.words
	}
	return ""
}
