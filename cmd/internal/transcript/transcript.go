// Package transcript reads the conversation of a case live from Offload. It stores nothing.
package transcript

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// Source reads transcripts. All fields are required.
type Source struct {
	Cases *signalbox.Client
	// Accounts are the clients by account name.
	Accounts map[string]*offloadapi.Client
	Now      func() time.Time
}

// Read reads the conversation of the case with the reference. It fails with signalbox.ErrNotFound if the case does not exist; with
// api.ErrNotAtOffload, api.ErrNotCreated, api.ErrNoAccount and api.ErrProvider; and with signalbox.ErrUnavailable if another attempt may succeed.
// These errors wrap the cause.
func (s Source) Read(ctx context.Context, reference string) (workflows.CaseTranscript, error) {
	state, err := s.Cases.Case(reference).State(ctx)
	if err != nil {
		return workflows.CaseTranscript{}, fmt.Errorf("transcript: %w", err)
	}
	if state.CaseID == "" {
		why := api.ErrNotCreated
		if state.Status.Ended() {
			why = api.ErrNotAtOffload
		}
		return workflows.CaseTranscript{}, fmt.Errorf("transcript of case %s: %w: it is %s, and no case at Offload is known", reference, why, state.Status)
	}
	account, found := s.Accounts[state.Account]
	if !found {
		return workflows.CaseTranscript{}, fmt.Errorf("transcript of case %s: %w: add %q to accounts of the --config file (SIGNALBOX_CONFIG)", reference, api.ErrNoAccount, state.Account)
	}
	text, err := account.GetTranscript(ctx, state.CaseID)
	if err != nil {
		return workflows.CaseTranscript{}, fmt.Errorf("transcript of case %s: %w", reference, translate(ctx, withoutMessage(err)))
	}
	return workflows.CaseTranscript{Reference: reference, CaseID: state.CaseID, Text: text, ReadAt: s.Now().UTC()}, nil
}

// withoutMessage leaves out the text of Offload's answer: it may quote a person, and the API logs its errors.
func withoutMessage(err error) error {
	var answered *offloadapi.Error
	if !errors.As(err, &answered) {
		return err
	}
	short := *answered
	short.Message = ""
	return &short
}

// translate wraps a failure of Offload with an error of the Go client or the API.
func translate(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil, errors.Is(err, offloadapi.ErrInvalidArgument):
		return err
	case errors.Is(err, offloadapi.ErrNotFound):
		return fmt.Errorf("%w: %w", api.ErrNotAtOffload, err)
	case errors.Is(err, offloadapi.ErrInvalidResponse), errors.Is(err, offloadapi.ErrResponseTooLarge):
		return fmt.Errorf("%w: %w", api.ErrProvider, err)
	case errors.Is(err, offloadapi.ErrNotSent), errors.Is(err, offloadapi.ErrThrottled), errors.Is(err, offloadapi.ErrUncertain):
		return fmt.Errorf("%w: try again later: %w", signalbox.ErrUnavailable, err)
	case errors.Is(err, offloadapi.ErrRefused):
		return fmt.Errorf("%w: %w", api.ErrProvider, err)
	}
	return err
}
