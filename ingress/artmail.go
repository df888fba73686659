package ingress

import (
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
)

// postArtmail answers an agent's webhook URL.
func (s *Server) postArtmail(c echo.Context) error {
	b, err := s.read(c, artmail.Name, sourceOf(c))
	if err != nil {
		return err
	}
	defer b.release()
	agent := param(c, "agent")
	secrets, known := s.artmail.of(agent)
	signatures := hook.Signatures(c.Request().Header.Values(artmail.SignatureHeader))
	if err := artmail.Provider.Verify(b.bytes, signatures, secrets); err != nil {
		if known {
			s.quarantine.offer(agent, signatures, contentEncoding(c.Request()), b.bytes)
		}
		return s.refuse(artmail.Name, http.StatusUnauthorized, outcomeRefused, err)
	}
	return s.accept(c, artmailWebhook(agent), b, s.config.ArtmailBudget)
}

func artmailWebhook(agent string) webhook {
	return newWebhook(artmail.Provider, agent, func(e hook.Envelope) string { return artmail.Lane(agent, e.EntityID) })
}

// artmailSecrets are the secrets of all agents, and a decoy for the agents that do not exist, so that both cost the same work.
type artmailSecrets struct {
	agents map[string]hook.Secrets
	decoy  hook.Secrets
}

func newArtmailSecrets(config map[string][]string) (*artmailSecrets, error) {
	decoy, err := hook.NewSecrets(uuid.NewString())
	if err != nil {
		return nil, fmt.Errorf("make decoy secret: %w", err)
	}
	a := &artmailSecrets{agents: map[string]hook.Secrets{}, decoy: decoy}
	for agent, list := range config {
		secrets, err := hook.NewSecrets(list...)
		if err != nil {
			return nil, fmt.Errorf("agent %s: %w", agent, err)
		}
		a.agents[agent] = secrets
	}
	return a, nil
}

func (a *artmailSecrets) of(agent string) (secrets hook.Secrets, known bool) {
	secrets, known = a.agents[agent]
	if !known {
		return a.decoy, false
	}
	return secrets, true
}
