package offloadapi

import (
	"context"
	"fmt"
	"slices"
)

// transcript holds the field that GET /cases/{id}?includeTranscript=true adds to a case (Offload, "Get case").
type transcript struct {
	CaseID             string `json:"caseId"`
	ConversationThread string `json:"conversationThread"`
}

func (transcript) check() error { return nil }

// GetTranscript returns the conversation of a case as plain text; empty while Offload tracks no thread. Offload fetches it from its mail
// provider during the call, and answers 500 if that fails (Offload, "Error handling"). MaxResponseBytes bounds it.
func (c *Client) GetTranscript(ctx context.Context, caseID string) (string, error) {
	const op = "get transcript"
	route, err := caseRoute(caseID)
	if err != nil {
		return "", &Error{Op: op, Kind: NotSent, Err: err}
	}
	found, lost, err := get[transcript](ctx, c, op, route+"?includeTranscript=true")
	unreadable := func(why string) error {
		return &Error{Op: op, Kind: Uncertain, Err: fmt.Errorf("%w: %s", ErrInvalidResponse, why)}
	}
	switch {
	case err != nil:
		return "", err
	case found.CaseID != "" && found.CaseID != caseID:
		return "", unreadable("it is about another case")
	case slices.Contains(lost, "conversationThread"):
		return "", unreadable("conversationThread is not text")
	}
	return found.ConversationThread, nil
}
