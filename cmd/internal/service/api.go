package service

import (
	"fmt"

	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/cmd/internal/transcript"
	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/deliveries"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// newAPI returns the API of a process with an inbox. It reads transcripts with the accounts' clients.
func newAPI(
	s Settings, temporal client.Client, opening *openingInbox, accounts map[string]*offloadapi.Client, tracer trace.Tracer,
) (*api.Server, error) {
	apps, err := signalbox.New(temporal, signalbox.Options{Keyring: s.Keyring, Deliveries: deliveries.New(opening, now)})
	if err != nil {
		return nil, fmt.Errorf("API: %w", err)
	}
	deps := api.Deps{
		Client: apps, Inbox: opening.current, Keys: s.Keyring, AgentSecrets: s.Config.AgentSecrets(), Log: s.Log.Named("api"), Tracer: tracer, Now: now,
		Transcript: transcript.Source{Cases: apps, Accounts: accounts, Now: now}.Read,
	}
	if len(s.Config.Internal.TokenFiles) > 0 {
		deps.Tokens = newLiveTokens(s.Config.Internal, s.Log.Named("api"))
	}
	return api.New(deps)
}
