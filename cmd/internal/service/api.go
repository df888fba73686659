package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/cmd/internal/transcript"
	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/deliveries"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// newAPI returns the API of a process with an inbox. It reads transcripts with the accounts' clients.
func newAPI(
	s Settings, temporal client.Client, late *openingInbox, accounts map[string]*offloadapi.Client, tracer trace.Tracer,
) (*api.Server, error) {
	apps, err := signalbox.New(temporal, signalbox.Options{Keyring: s.Keyring, Deliveries: deliveries.New(openingDeliveries{late}, now)})
	if err != nil {
		return nil, fmt.Errorf("API: %w", err)
	}
	deps := api.Deps{
		Client: apps, Inbox: late.now, Keys: s.Keyring, AgentSecrets: s.Config.AgentSecrets(), Log: s.Log.Named("api"), Tracer: tracer, Now: now,
		Transcript: transcripts(transcript.Source{Cases: apps, Accounts: accounts, Now: now}),
	}
	if len(s.Config.Internal.TokenFiles) > 0 {
		deps.Tokens = newLiveTokens(s.Config.Internal, s.Log.Named("api"))
	}
	return api.New(deps)
}

// transcripts translates a missing account into the API's error, and hides Offload's words, since the API logs its errors.
func transcripts(from transcript.Source) func(context.Context, string) (workflows.CaseTranscript, error) {
	return func(ctx context.Context, reference string) (workflows.CaseTranscript, error) {
		found, err := from.Read(ctx, reference)
		if errors.Is(err, transcript.ErrNoAccount) {
			err = fmt.Errorf("%w: %w", api.ErrNoAccount, err)
		}
		var answered *offloadapi.Error
		if errors.As(err, &answered) {
			err = wordless{err, answered}
		}
		return found, err
	}
}

// wordless is an error whose text leaves out what the provider answered, which may quote a person.
type wordless struct {
	cause    error
	answered *offloadapi.Error
}

func (w wordless) Error() string {
	return (&offloadapi.Error{Op: w.answered.Op, Kind: w.answered.Kind, Status: w.answered.Status, Code: w.answered.Code}).Error()
}

func (w wordless) Unwrap() error { return w.cause }

// openingDeliveries implements deliveries.Store with an inbox that may not be open yet.
type openingDeliveries struct{ inbox *openingInbox }

func (l openingDeliveries) List(ctx context.Context, filter inbox.Filter) (inbox.Page, error) {
	store, err := l.inbox.now()
	if err != nil {
		return inbox.Page{}, err
	}
	return store.List(ctx, filter)
}

func (l openingDeliveries) Replay(ctx context.Context, id string, at time.Time) error {
	store, err := l.inbox.now()
	if err != nil {
		return err
	}
	return store.Replay(ctx, id, at)
}

func (l openingDeliveries) Audit(ctx context.Context, entry inbox.AuditEntry) error {
	store, err := l.inbox.now()
	if err != nil {
		return err
	}
	return store.Audit(ctx, entry)
}
