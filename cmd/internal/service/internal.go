package service

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"go.temporal.io/sdk/client"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/cmd/internal/internalhttp"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/internal/transcript"
	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/api/page"
	"github.com/signalbox-dev/signalbox/ingress/deliveries"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// newOperators returns the server of the internal listener. With an ingress it has the API, the page and the codec server.
func (p *process) newOperators(registry *prometheus.Registry, accounts map[string]*offloadapi.Client) (*internalhttp.Server, error) {
	s := p.settings
	listener := s.Config.Internal.HTTP()
	if p.in != nil {
		tokens := newTokens(s)
		calls, err := newAPI(s, tokens, p.in, accounts)
		if err != nil {
			return nil, err
		}
		listener.API = calls
		pages, err := newPage(s, calls, p.board)
		if err != nil {
			return nil, err
		}
		listener.Page = pages
		if s.Payloads != nil {
			listener.Codec = newCodec(s, tokens, p.in.payloads, pages)
		}
	}
	operators, err := internalhttp.New(listener, p.board, registry, s.Log.Named("internal"))
	if err != nil {
		return nil, fmt.Errorf("%w: --internal-tls-cert (SIGNALBOX_INTERNAL_TLS_CERT): %w", setting.ErrWrong, err)
	}
	return operators, nil
}

// newAPI returns the API of a process with an ingress. It reads transcripts with the accounts' clients.
func newAPI(s Settings, tokens api.Tokens, in *ingressPart, accounts map[string]*offloadapi.Client) (*api.Server, error) {
	apps, err := signalbox.New(in.temporal, signalbox.Options{Keyring: s.Keyring, Deliveries: deliveries.New(in.inbox.current, now)})
	if err != nil {
		return nil, fmt.Errorf("API: %w", err)
	}
	deps := api.Deps{
		Client: apps, Inbox: in.inbox.current, Keys: s.Keyring, AgentSecrets: s.Config.AgentSecrets(), Tokens: tokens,
		Log: s.Log.Named("api"), Tracer: in.tracer, Now: now,
		Transcript: transcript.Source{Cases: apps, Accounts: accounts, Now: now}.Read,
	}
	if s.Parts&config.Worker != 0 {
		deps.Accounts, deps.Callbacks = slices.Sorted(maps.Keys(s.Config.Accounts)), slices.Sorted(maps.Keys(s.Config.Callbacks))
	}
	return api.New(deps)
}

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

// newCodec makes the codec server of a process that has an API.
func newCodec(s Settings, tokens api.Tokens, payloads *payloadcodec.Codec, pages *page.Server) http.Handler {
	return api.NewCodec(api.CodecDeps{
		Codec: payloads, Tokens: tokens, Session: pages.Secret, Origins: s.Config.Internal.CodecOrigins, Log: s.Log.Named("codec"),
	})
}
