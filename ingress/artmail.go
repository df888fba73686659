package ingress

import (
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/signalbox-dev/signalbox/ingress/artmailhook"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// artmailWebhook answers an agent's webhook URL.
func (s *Server) artmailWebhook(c echo.Context) error {
	b, err := s.read(c, artmailhook.Provider, sourceOf(c))
	if err != nil {
		return err
	}
	defer b.release()
	agent := param(c, "agent")
	secrets, known := s.artmail.of(agent)
	signature := c.Request().Header.Get(artmailhook.SignatureHeader)
	if err := artmailhook.Verify(b.bytes, signature, secrets); err != nil {
		if known {
			s.quarantine.offer(agent, signature, b.bytes)
		}
		return s.refuse(artmailhook.Provider, http.StatusUnauthorized, outcomeRefused, artmailhook.ErrSignature)
	}
	return s.accept(c, artmailDelivery(agent, b.bytes), b.bytes, artmailhook.BodyContext)
}

// artmailDelivery says where a verified body belongs.
func artmailDelivery(agent string, plain []byte) inbox.Delivery {
	envelope, err := artmailhook.Peek(plain)
	d := inbox.Delivery{
		Provider: artmailhook.Provider, Scope: agent, Lane: artmailhook.Lane(agent, envelope.ActivationID), Kind: envelope.Kind,
		DedupeKey: envelope.DedupeKey, OccurredAt: envelope.OccurredAt, State: inbox.StatePending,
	}
	switch {
	case err != nil:
		d.State, d.Reason = inbox.StateDead, err.Error()
	case envelope.Ignored:
		d.State, d.Reason = inbox.StateIgnored, "no workflow is told of this kind or activation"
	}
	return d
}

// artmailSecrets are the secrets of all agents, and a decoy for the agents that do not exist, so that both cost the same work.
type artmailSecrets struct {
	agents map[string]artmailhook.Secrets
	decoy  artmailhook.Secrets
}

func newArtmailSecrets(config map[string][]string) (*artmailSecrets, error) {
	decoy, err := artmailhook.NewSecrets(uuid.NewString())
	if err != nil {
		return nil, fmt.Errorf("make decoy secret: %w", err)
	}
	a := &artmailSecrets{agents: map[string]artmailhook.Secrets{}, decoy: decoy}
	for agent, list := range config {
		secrets, err := artmailhook.NewSecrets(list...)
		if err != nil {
			return nil, fmt.Errorf("agent %s: %w", agent, err)
		}
		a.agents[agent] = secrets
	}
	return a, nil
}

func (a *artmailSecrets) of(agent string) (secrets artmailhook.Secrets, known bool) {
	secrets, known = a.agents[agent]
	if !known {
		return a.decoy, false
	}
	return secrets, true
}
