package ingress

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
)

// postArtmail answers an agent's webhook URL. Until the signature is verified, limits, work and answer are the same for agents that exist
// and for agents that do not exist.
func (s *Server) postArtmail(c echo.Context) error {
	signatures := hook.Signatures(c.Request().Header.Values(artmail.SignatureHeader))
	// A body without a well-formed signature can't be verified, so its cap is small.
	most := s.config.MaxBody
	if !slices.ContainsFunc(signatures, artmail.WellFormed) {
		most = s.config.Quarantine.MaxBody
	}
	b, err := s.bodies.readUnverified(c.Response(), c.Request(), most)
	if err != nil {
		return s.refuseBody(c, artmail.Name, err)
	}
	defer b.release()
	agent := param(c, "agent")
	secrets, known := s.artmail.of(agent)
	if err := artmail.Provider.Verify(b.bytes, signatures, secrets); err != nil {
		s.quarantine.offer(unverifiedWebhook{
			agent: agent, known: known, source: s.sourceOf(c.Request()), signatures: signatures, encoding: contentEncoding(c.Request()), body: b.bytes, at: s.now(),
		})
		return s.refuseUnverified(c, artmail.Name, outcomeBadSignature, err)
	}
	s.markVerified(c)
	if err := s.bodies.markVerified(b); err != nil {
		return s.refuseBody(c, artmail.Name, err)
	}
	return s.accept(c, artmailWebhook(agent), b, s.config.ArtmailBudget)
}

func artmailWebhook(agent string) webhook {
	return newWebhook(artmail.Provider, agent, func(e hook.Envelope) string { return artmail.Lane(agent, e.EntityID) })
}

// artmailSecrets are the secrets of all agents, and decoys for agents that do not exist. Decoys also fill up the lists of agents with few
// secrets: all lists have the same length, so that each verification costs the same work.
type artmailSecrets struct {
	agents map[string]hook.Secrets
	decoy  hook.Secrets
}

func newArtmailSecrets(config map[string][]string) (*artmailSecrets, error) {
	most := 1
	for agent, list := range config {
		if _, err := hook.NewSecrets(list...); err != nil {
			return nil, fmt.Errorf("agent %s: %w", agent, err)
		}
		most = max(most, len(list))
	}
	filled := func(list []string) (hook.Secrets, error) {
		list = slices.Clone(list)
		for len(list) < most {
			list = append(list, uuid.NewString())
		}
		return hook.NewSecrets(list...)
	}
	a := &artmailSecrets{agents: map[string]hook.Secrets{}}
	var err error
	if a.decoy, err = filled(nil); err != nil {
		return nil, fmt.Errorf("make decoy secrets: %w", err)
	}
	for agent, list := range config {
		if a.agents[agent], err = filled(list); err != nil {
			return nil, fmt.Errorf("agent %s: %w", agent, err)
		}
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
