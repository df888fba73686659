package service

import (
	"fmt"

	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// newAPI makes the API of a process that has an inbox.
func newAPI(s Settings, temporal client.Client, inbox *lateInbox) (*api.Server, error) {
	apps, err := signalbox.New(temporal, signalbox.Options{Keyring: s.Keyring})
	if err != nil {
		return nil, fmt.Errorf("API: %w", err)
	}
	deps := api.Deps{
		Client: apps, Inbox: inbox.now, Keys: s.Keyring, AgentSecrets: s.Config.AgentSecrets(), Log: s.Log.Named("api"), Now: now,
	}
	if len(s.Config.Internal.TokenFiles) > 0 {
		deps.Tokens = newLiveTokens(s.Config.Internal, s.Log.Named("api"))
	}
	return api.New(deps)
}
