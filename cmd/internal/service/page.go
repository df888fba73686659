package service

import (
	"cmp"
	"context"
	"net/url"

	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/api/page"
)

// newPage returns the page of a process with an API.
func newPage(s Settings, calls *api.Server, board *health.Board) (*page.Server, error) {
	deps := page.Deps{
		API: calls, Secure: s.Config.Internal.Plain, Log: s.Log.Named("page"), Now: now,
		Keys: s.Keyring, Source: ingress.Sources(s.Config.TrustedProxies),
		Health: func(ctx context.Context) (bool, []page.Check) {
			board.Refresh(ctx)
			ready, states := board.Ready()
			checks := make([]page.Check, len(states))
			for i, state := range states {
				checks[i] = page.Check(state)
			}
			return ready, checks
		},
	}
	if s.Config.Internal.WebUIURL != "" {
		deps.WebUI = s.Config.Internal.WebUIURL + "/namespaces/" + url.PathEscape(cmp.Or(s.Temporal.Namespace, client.DefaultNamespace))
	}
	return page.New(deps)
}
