package inboxadmin

import (
	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// provider is how to find and open the deliveries of one provider.
type provider struct {
	peek func(body []byte) (hook.Envelope, error)
	// sharedLane returns the lane of events that came by a route that cases share; nil: there is no such route.
	sharedLane func(id string) string
	// strays are the states of deliveries whose lane does not name their workflow; empty: any state.
	strays []inbox.State
	// quarantines is true if unverified bodies are kept, packed with their signatures.
	quarantines bool
}

// providers has each provider by its name in deliveries.
var providers = map[string]provider{
	offload.Name: {peek: offload.Provider.Peek, sharedLane: offload.SharedLane},
	artmail.Name: {
		peek: artmail.Provider.Peek, quarantines: true,
		strays: []inbox.State{inbox.StateDead, inbox.StateIgnored, inbox.StateQuarantined},
	},
}
